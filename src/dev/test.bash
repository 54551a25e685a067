# shellcheck shell=bash
# ./dev test: each part, its second try, and the summary. Read by dev, whose variables and functions it uses.

passed=0 failed=0 skipped=0 complete=''
count() { # WHAT PASSED FAILED SKIPPED
    passed=$((passed + $2)) failed=$((failed + $3)) skipped=$((skipped + $4))
    printf '%-12s %5d passed %5d failed %5d skipped\n' "$1" "$2" "$3" "$4" >>"$summary"
    if [[ $3 != 0 ]]; then say "$1: $3 failed"; fi
}

run_tests() {
    local full='' fuzz='' fuzz_case='' name
    local -a unit=() bats=() rows=() parts=()
    for name; do
        case $name in
            --full) full=1 ;;
            --fuzz) fuzz=600 ;;
            --fuzz=*) fuzz=${name#*=} ;;
            --fuzz-case=*) fuzz_case=${name#*=} ;;
            -*) die "test: no option $name" ;;
            unit | c | e2e | images | pulls | conformance | slurm) parts+=("$name") ;;
            *.bats) bats+=("$name") ;;
            S[0-9]*) rows+=("$name") ;;
            *) unit+=("$name") ;;
        esac
    done
    if [[ ${#parts[@]} == 0 && ${#unit[@]} == 0 && ${#bats[@]} == 0 && ${#rows[@]} == 0 ]]; then
        parts=(unit c e2e images pulls conformance slurm)
    fi
    [[ ${#unit[@]} == 0 ]] || parts+=(unit)
    [[ ${#bats[@]} == 0 ]] || parts+=(e2e)
    [[ ${#rows[@]} == 0 ]] || parts+=(conformance)
    wants() { [[ " ${parts[*]} " == *" $1 "* ]]; }

    installed_parts() { wants e2e || wants images || wants pulls || wants conformance || wants slurm; }
    if [[ $EUID != 0 ]] && installed_parts; then
        say "these tests give every case a user, a home and a /tmp of its own: running as root by sudo"
        as_root "$top/dev" test "$@"
        return
    fi
    export CORPUS_DIR=${CORPUS_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/container-test-images}
    mkdir -p target
    summary=$top/target/test-summary
    : >"$summary"
    trap end_tests EXIT
    need_jdk
    need mvn make gcc musl-gcc python3 shellcheck
    test_shell
    if wants unit; then test_unit "$fuzz" "$fuzz_case" "${unit[@]}"; fi
    if wants c; then test_c; fi
    if installed_parts; then
        # First, because an installation has the plugin only where Slurm's headers are.
        if wants slurm || [[ ${bats[*]} == *slurm/* ]]; then "$cluster" deps && need bindfs; fi
        prepare_installed
        export BERTH=$installed/bin/berth BERTH_USER=$test_user BERTH_FULL=$full BERTH_FUZZ=$fuzz CORPUS=$corpus
        if wants e2e; then test_e2e "${bats[@]}"; fi
        if wants images; then run_tap images python3 src/test/e2e/images.py; fi
        if wants pulls; then run_tap pulls python3 src/test/e2e/pulls.py; fi
        if wants conformance; then test_conformance "${rows[@]}"; fi
        if wants slurm; then run_tap slurm bats_tap src/test/slurm; fi
    fi
    complete=1
}

# Also where a part could not even start: the closing line always comes, and then it is a failure.
end_tests() {
    local status=$?
    trap - EXIT
    if [[ -z $complete ]]; then count "unfinished" 0 1 0; fi
    [[ -z ${SUDO_UID:-} ]] || chown -R "$SUDO_UID:${SUDO_GID:-$SUDO_UID}" target
    echo
    cat "$summary"
    echo "$passed passed, $failed failed, $skipped skipped"
    [[ $failed == 0 && $passed != 0 ]] || exit 1
    exit "$status"
}

test_shell() {
    local bad=0
    local -a scripts=()
    mapfile -t scripts < <(find src/bench src/test/corpus src/test/e2e src/test/c src/test/slurm -name '*.sh' -o -name '*.bash')
    shellcheck -x dev .ci/run "$corpus" "$cluster" src/test/testbed/slurm-headers "${scripts[@]}" || bad=1
    count shellcheck $((1 - bad)) $bad 0
}

raw_port=5630
test_unit() { # SECONDS CASE CLASS...
    local fuzz=$1 fuzz_case=$2 status=0 tries=1 raw
    shift 2
    # Another seed would find another fault, or none.
    if [[ -n $fuzz$fuzz_case ]]; then tries=0; fi
    local -a options=(-Dberth.fuzz="${fuzz:-0}" -Dberth.fuzz.case="$fuzz_case" -Dsurefire.rerunFailingTestsCount="$tries")
    [[ $# == 0 ]] || options+=(-Dtest="$(IFS=, && echo "$*")" -Dsurefire.failIfNoSpecifiedTests=true)
    # What the tests run, and the images that they convert.
    need mksquashfs unsquashfs squashfuse_ll fusermount3 setfattr unshare ps
    open_fuse
    as_root "$corpus" deps
    "$corpus" build core odd evil >/dev/null
    raw=$("$corpus" serve --raw --port "$raw_port")
    export CORPUS_RAW=${raw#http://}
    rm -rf target/surefire-reports
    maven "${options[@]}" verify || status=$?
    "$corpus" stop --port "$raw_port"
    # shellcheck disable=SC2046
    count unit $(python3 - <<'END'
import glob, xml.etree.ElementTree as tree
t = f = s = 0
for report in glob.glob("target/surefire-reports/TEST-*.xml"):
    r = tree.parse(report).getroot()
    t, s = t + int(r.get("tests")), s + int(r.get("skipped"))
    f += int(r.get("failures")) + int(r.get("errors"))
print(t - f - s, f, s)
END
    )
    # A compile error, a format violation or a gate fails the build without a failed test.
    if [[ $status != 0 && $failed == 0 ]]; then count "build" 0 1 0; fi
}

# Shows TAP from standard input and counts it.
tap() { # WHAT STATUS-FILE
    local line ok=0 not=0 skip=0 planned=0
    : >target/tap-failed
    : >target/tap-passed
    while IFS= read -r line; do
        printf '%s\n' "$line"
        case $line in
            1..*) planned=$((planned + ${line#1..})) ;;
            "ok "*"# skip"*) skip=$((skip + 1)) ;;
            "ok "*)
                ok=$((ok + 1))
                line=${line#ok }
                echo "${line#* }" >>target/tap-passed
                ;;
            "not ok "*)
                not=$((not + 1))
                line=${line#not ok }
                echo "${line#* }" >>target/tap-failed
                ;;
        esac
    done
    if [[ $((ok + not + skip)) -lt $planned ]]; then
        not=$((not + 1))
        echo "cases that did not run: $((planned - ok - not - skip + 1))" >>target/tap-failed
    fi
    echo "$ok $not $skip" >"$2"
}

run_tap() { # WHAT COMMAND...
    local what=$1 status=0 ok not skip
    shift
    run_tap_once "$@"
    if [[ $not != 0 && $not -le $second_tries ]]; then second_try "$@"; fi
    if [[ $status != 0 && $not == 0 ]]; then not=1; fi
    count "$what" "$ok" "$not" "$skip"
}

run_tap_once() { # COMMAND...: sets status, ok, not and skip of run_tap
    { "$@" && echo 0 >target/tap-rc || echo $? >target/tap-rc; } 2>&1 | tap "$what" target/tap-count
    status=$(<target/tap-rc)
    read -r ok not skip <target/tap-count
}

# A few cases that failed run once more, alone: on a busy machine a real cluster can be too slow for a case. What passes then counts as
# passed and is named in the summary; what fails twice has failed.
second_tries=4
second_try() { # COMMAND...
    local first_ok=$ok first_not=$not first_skip=$skip name
    local -a names=()
    mapfile -t names <target/tap-failed
    say "$what: once more, alone: ${names[*]}"
    # bats matches a regular expression, the Python suites whole names.
    BERTH_FILTER="^($(printf '%s\n' "${names[@]}" | sed 's/[][\.*^$+?(){}|]/\\&/g' | paste -sd'|'))\$" \
        BERTH_ONLY=$(printf '%s\n' "${names[@]}") run_tap_once "$@"
    for name in "${names[@]}"; do
        if grep -qxF -- "$name" target/tap-passed && ! grep -qxF -- "$name" target/tap-failed; then
            printf '%-12s only at the second try: %s\n' "$what" "$name" >>"$summary"
        fi
    done
    # A case that did not even run the second time has failed.
    if [[ $ok -lt $((first_not - not)) ]]; then not=$((first_not - ok)); fi
    ok=$((first_ok + first_not - not)) skip=$first_skip
    if [[ $not == 0 ]]; then status=0; fi
}

bats_tap() { bats --tap ${BERTH_FILTER:+-f "$BERTH_FILTER"} "$@"; } # FILE...

test_c() {
    need bats squashfuse_ll mksquashfs fusermount3 newuidmap findmnt setpriv static-busybox python3 perl ps
    open_fuse
    BERTH_USER=$(ordinary_user)
    export BERTH_USER
    run_tap c make -s -C src/main/c test
}

# An installed tree, an ordinary user, the images of the corpus.
prepare_installed() {
    need bats squashfuse_ll mksquashfs fusermount3 newuidmap static-busybox jq openssl getfattr setfattr ps runuser zstd gcc curl
    open_fuse
    installed=$state/prefix
    install -d -m 755 "$state"
    install_tree "$installed"
    test_user=$(ordinary_user)
    "$corpus" deps
    "$corpus" build core odd evil >/dev/null
    "$corpus" build debian >/dev/null
}

test_e2e() { # FILE...
    [[ $# != 0 ]] || set -- src/test/e2e/*.bats
    # 300 MB of programs, most of them daemons: only for who asks. Without them daemons.bats skips.
    if [[ -n $BERTH_FULL ]] && command -v apt-get >/dev/null; then need dockerd podman; fi
    run_tap e2e bats_tap "$@"
}

test_conformance() { # ROW...
    local ok not skip first_ok first_not first_skip
    local -a rows=()
    python3 src/test/e2e/conformance/prebuild.py --out "$state/images" --app "$BERTH"
    conformance_once "$@"
    if [[ $not != 0 && $not -le $second_tries ]]; then
        first_ok=$ok first_not=$not first_skip=$skip
        mapfile -t rows < <(sed -n 's/^FAIL \+\([^ ]*\) .*/\1/p' target/conformance.log)
        if [[ ${#rows[@]} != 0 ]]; then
            say "conformance: once more, alone: ${rows[*]}"
            conformance_once "${rows[@]}"
            printf '%-12s only at the second try: %s\n' conformance "$((first_not - not)) of ${rows[*]}" >>"$summary"
        fi
        ok=$((first_ok + first_not - not)) skip=$first_skip
    fi
    count conformance "$ok" "$not" "$skip"
}

conformance_once() { # ROW...: sets ok, not and skip of test_conformance
    local line rows
    rows=$(IFS=, && echo "$*")
    src/test/e2e/conformance/run.py --app "$BERTH" --user "$BERTH_USER" --prebuilt "$state/images" --work "$state/conformance" \
        --waiting src/test/e2e/conformance/waiting.txt --quiet ${rows:+--only "$rows"} | tee target/conformance.log || true
    line=$(tail -n 1 target/conformance.log)
    ok=0 not=1 skip=0
    if [[ $line =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed,\ ([0-9]+)\ skipped$ ]]; then
        ok=${BASH_REMATCH[1]} not=${BASH_REMATCH[2]} skip=${BASH_REMATCH[3]}
    fi
}
