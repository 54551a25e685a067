#!/usr/bin/env bats
# The planner as a child: which Java, with what, told what, and what becomes of its end. The Java here is a script
# that writes down what it got and answers with a plan.
# shellcheck disable=SC2016,SC2030,SC2031,SC2034,SC2054,SC2154,SC2314 # bats; texts for other shells; lists with commas
load helpers

setup_more() {
    local berth_dir=$place/libexec/berth
    mkdir -p "$berth_dir"/{lib,runtime/bin} "$place"/{jvm25,jvm21}/bin "$place/got"
    echo "lib/b.jar:lib/a.jar" >"$berth_dir/classpath"
    cp "$BATS_TEST_DIRNAME/../../main/c/jvm.options" "$berth_dir/jvm.options"
    touch "$berth_dir"/lib/{a,b}.jar
    cat >"$berth_dir/runtime/bin/java" <<END
#!/bin/bash
got=$place/got
END
    cat >>"$berth_dir/runtime/bin/java" <<'END'
printf '%s\n' "$0" "$@" >$got/argv
cat <&3 >$got/facts
tr '\0' '\n' </proc/$$/environ | sort >$got/environment
ls /proc/$$/fd >$got/fds
grep Sig /proc/$$/status >$got/signals
if [ -e $got/input ]; then cat >$got/read; fi
[ ! -e $got/script ] || . $got/script
[ ! -e $got/plan ] || cat $got/plan >/proc/self/fd/4
exit "$(cat $got/status 2>/dev/null || echo 0)"
END
    chmod +x "$berth_dir/runtime/bin/java"
    cp "$berth_dir/runtime/bin/java" "$place/jvm25/bin/java"
    cp "$berth_dir/runtime/bin/java" "$place/jvm21/bin/java"
    echo 'JAVA_VERSION="25.0.3"' >"$place/jvm25/release"
    echo 'JAVA_VERSION="21.0.9"' >"$place/jvm21/release"
    [ "$(id -u)" != 0 ] || chown -R "$(ordinary_user):" "$place"
}

ask() { # WORD…: the launcher as its users start it
    rm -f "$place"/got/{argv,facts}
    run as_user "$berth" "$@"
}

# The words of one fact.
fact() {
    awk -v RS='\0' -v key="$1" 'NR < 3 { next } !left { name = $0; left = -1; next } left == -1 { left = $0; next }
        { if (name == key) print; left-- }' "$place/got/facts"
}

answer() { # op word…: the plan that the planner writes
    plan "$place/got/plan" "$@"
}

teardown() {
    rm -f "$place"/got/*
}

@test "the planner is started with the class path in its order and the short profile" {
    ask exec image command
    is_text "$status" 0
    local lib=$place/libexec/berth
    is_text "$(head -n 1 "$place/got/argv")" "$lib/runtime/bin/java"
    has_text "$(cat "$place/got/argv")" $'\n-cp\n'"$lib/lib/b.jar:$lib/lib/a.jar"$'\norg.berth.command.Main'
    has_text "$(cat "$place/got/argv")" $'\n-XX:TieredStopAtLevel=1\n'
    has_text "$(cat "$place/got/argv")" $'\n-Dberth.profile=short\n'
    has_text "$(cat "$place/got/argv")" $'\n'"-Djna.boot.library.path=$lib/native"$'\n'
    lacks_text "$(cat "$place/got/argv")" 224m
    lacks_text "$(cat "$place/got/argv")" AOTCache
    lacks_text "$(cat "$place/got/argv")" '#'
}

@test "transfers and images that must be fetched get the long profile" {
    local words
    for words in "pull x" "--debug build a b" "push a b" "-c file pull x" "cache pin x" "exec docker://x y" "exec docker:x y" \
        "run docker-archive:x.tar" "shell docker-daemon:x" "exec --nv oci:dir y" "test oci-archive:x.tar" "run oras://h/x" "exec library://x y" \
        "run http://h/x.sif" "run https://h/x.sif"; do
        # shellcheck disable=SC2086 # words
        ask $words
        has_text "$(cat "$place/got/argv")" $'\n-Xmx224m\n'
        lacks_text "$(cat "$place/got/argv")" Tiered
    done
}

@test "the AOT cache is used unless a jar is newer" {
    local lib=$place/libexec/berth words
    touch "$lib/short.aot" "$lib/long.aot"
    ask exec
    has_text "$(cat "$place/got/argv")" "-XX:AOTCache=$lib/short.aot"
    for words in pull "cache list" "inspect x.sif" help "exec oci:dir y"; do
        # shellcheck disable=SC2086 # words
        ask $words
        has_text "$(cat "$place/got/argv")" "-XX:AOTCache=$lib/long.aot"
    done
    for words in --version "-c file exec x.sif y" "run x.sif" "shell x.sif"; do
        # shellcheck disable=SC2086 # words
        ask $words
        has_text "$(cat "$place/got/argv")" "-XX:AOTCache=$lib/short.aot"
    done
    touch -d "+1 minute" "$lib/lib/a.jar"
    ask exec
    lacks_text "$(cat "$place/got/argv")" AOTCache
    touch "$lib/lib/a.jar"
    rm "$lib/short.aot" "$lib/long.aot"
}

@test "Java is found in the installation, by variable, or below /usr/lib/jvm" {
    mv "$place/libexec/berth/runtime" "$place/away"
    export BERTH_JAVA_HOME=$place/jvm21 JAVA_HOME=$place/jvm25
    ask exec
    is_text "$(head -n 1 "$place/got/argv")" "$place/jvm21/bin/java"
    unset BERTH_JAVA_HOME
    ask exec
    is_text "$(head -n 1 "$place/got/argv")" "$place/jvm25/bin/java"
    BERTH_JAVA_HOME=/no/java ask exec
    is_text "$status" 255
    is_text "$output" "FATAL:   BERTH_JAVA_HOME is /no/java, where bin/java is not"
    if [ "$(id -u)" = 0 ]; then
        export JAVA_HOME=$place/jvm21
        mkdir -p "$place/jvms"
        run unshare -m sh -c "mkdir -p /usr/lib/jvm && mount --bind $place/jvms /usr/lib/jvm && exec setpriv --reuid $uid \
            --regid $gid --init-groups $berth exec"
        is_text "$status" 255
        has_text "$output" "FATAL:   Java 25 or newer is needed and was not found: set BERTH_JAVA_HOME or JAVA_HOME"
        cp -r "$place/jvm25" "$place/jvms/b"
        cp -r "$place/jvm25" "$place/jvms/a"
        cp -r "$place/jvm21" "$place/jvms/0"
        run unshare -m sh -c "mount --bind $place/jvms /usr/lib/jvm && exec setpriv --reuid $uid --regid $gid \
            --init-groups $berth exec"
        is_text "$status" 0
        is_text "$(head -n 1 "$place/got/argv")" /usr/lib/jvm/a/bin/java
    fi
    mv "$place/away" "$place/libexec/berth/runtime"
}

@test "links to the launcher find the same installation" {
    mkdir -p "$place/elsewhere"
    ln -sf ../bin/berth "$place/elsewhere/apptainer"
    berth=$place/elsewhere/apptainer
    ask version
    is_text "$(fact prefix)" "$place"
    is_text "$(fact argv | head -n 1)" "$place/elsewhere/apptainer"
}

@test "an incomplete installation is one line" {
    mv "$place/libexec/berth/classpath" "$place/away"
    ask exec
    is_text "$status" 255
    is_text "$output" "FATAL:   this installation is not complete: $place/libexec/berth/classpath: no such file or directory"
    mv "$place/away" "$place/libexec/berth/classpath"
    BERTH_PREFIX=/no/where ask exec
    is_text "$status" 255
    has_text "$output" "this installation is not complete: /no/where/libexec/berth/classpath"
}

@test "the planner is told the caller's facts" {
    cd "$place/got" || return
    umask 027
    run as_user env -i A=$'two\nlines' B=$'\xff' PWD="$place/got" "$berth" exec "an image" '' </dev/null
    is_text "$(head -c 14 "$place/got/facts" | tr '\0' ' ')" "berth-facts 1 "
    is_text "$(tail -c 4 "$place/got/facts" | tr '\0' ' ')" "end "
    is_text "$(fact argv)" "$berth"$'\nexec\nan image'
    is_text "$(fact argv | wc -l)" 4
    is_text "$(fact env | head -n 3)" $'A=two\nlines\nB=\xff'
    is_text "$(fact ids | head -n 4 | tr '\n' ' ')" "$uid $uid $gid $gid "
    is_text "$(fact passwd)" "$(getent passwd "$user" | awk -F: '{ print $1; print $5; print $6; print $7 }')"
    has_text "$(fact groups)" "$gid:$(id -gn "$user")"
    is_text "$(fact cwd)" "$place/got"$'\n'"$(stat -c '%d' "$place/got")"$'\n'"$(stat -c '%i' "$place/got")"
    is_text "$(fact umask)" 027
    is_text "$(fact tty)" $'0\n0\n0'
    is_text "$(fact exe)" "$place/bin/berth"
    is_text "$(fact prefix)" "$place"
    is_text "$(fact uname | head -n 3)" "$(uname -s)"$'\n'"$(uname -n)"$'\n'"$(uname -r)"
    is_text "$(fact uname | tail -n 1)" "$(uname -m)"
    has_text "ok EACCES ENOENT EPERM" "$(fact fuse)"
}

@test "the working directory has its logical name, and none when it is gone" {
    mkdir -p "$place/real/d"
    ln -sfn real/d "$place/link"
    run as_user sh -c "cd $place/link && exec $berth"
    is_text "$(fact cwd | head -n 1)" "$place/link"
    run as_user env -C "$place/link" PWD=/nonsense "$berth"
    is_text "$(fact cwd | head -n 1)" "$place/real/d"
    run as_user env -C "$place/link" PWD="$place/link/." "$berth"
    is_text "$(fact cwd | head -n 1)" "$place/real/d"
    [ "$(id -u)" != 0 ] || chown -R "$user:" "$place/real"
    run as_user sh -c "cd $place/real/d && rmdir $place/real/d && exec $berth"
    is_text "$(fact cwd | head -n 1)" ""
}

@test "an id without an account has no passwd entry, and nameless groups are left out" {
    need_root
    chmod 777 "$place/got"
    run setpriv --reuid 54321 --regid 54321 --groups "54322,0" "$berth" exec
    is_text "$status" 0
    is_text "$(fact passwd)" ""
    is_text "$(fact groups)" 0:root
    is_text "$(fact ids | tr '\n' ' ')" "54321 54321 54321 54321 0 54322 "
    chmod 755 "$place/got"
}

@test "what changes a JVM is kept from the planner but not from the payload" {
    answer env-keep JAVA_TOOL_OPTIONS LD_LIBRARY_PATH LC_ALL HOME -- exec 0 /usr/bin/env
    run as_user env JAVA_TOOL_OPTIONS=-Xx JDK_JAVA_OPTIONS=-Xx _JAVA_OPTIONS=-Xx CLASSPATH=/x LD_LIBRARY_PATH=/x LC_ALL=C \
        BERTH_PLAN_FD=77 HOME=/h "$berth" exec
    local environment
    environment=$(cat "$place/got/environment")
    lacks_text "$environment" -Xx
    lacks_text "$environment" /x
    has_text "$environment" $'BERTH_FACTS_FD=3\n'
    has_text "$environment" $'BERTH_PLAN_FD=4\n'
    has_text "$environment" $'LC_ALL=C.UTF-8'
    lacks_text "$environment" BERTH_PLAN_FD=77
    has_text "$environment" HOME=/h
    is_text "$(sort <<<"$output" | tr '\n' ' ')" "HOME=/h JAVA_TOOL_OPTIONS=-Xx LC_ALL=C LD_LIBRARY_PATH=/x "
}

@test "LD_AUDIT, GLIBC_TUNABLES and their families do not reach the planner, and do reach the payload" {
    answer env-keep LD_AUDIT GLIBC_TUNABLES MALLOC_TRACE GCONV_PATH HOME -- exec 0 /usr/bin/env
    as_user env LD_AUDIT=/evil.so LD_BIND_NOW=1 LD_NEWER=/evil.so GLIBC_TUNABLES=glibc.malloc.check=3 MALLOC_TRACE=/evil MALLOC_ARENA_MAX=1 \
        _JAVA_SR_SIGNUM=12 GCONV_PATH=/evil LOCPATH=/evil HOME=/h LDAP=kept MALLOC=kept "$berth" exec >"$place/got/said" 2>/dev/null
    is_text "$(grep -E '^(LD_|GLIBC_|MALLOC_|_JAVA_|GCONV|LOCPATH)' "$place/got/environment")" ""
    has_text "$(cat "$place/got/environment")" LDAP=kept
    has_text "$(cat "$place/got/environment")" MALLOC=kept
    is_text "$(sort "$place/got/said" | tr '\n' ' ')" \
        "GCONV_PATH=/evil GLIBC_TUNABLES=glibc.malloc.check=3 HOME=/h LD_AUDIT=/evil.so MALLOC_TRACE=/evil "
}

@test "the planner gets standard input, the two descriptors, and no others" {
    touch "$place/got/input"
    as_user "$berth" exec 7</dev/null 9</dev/null <<<"a secret" >/dev/null
    is_text "$(cat "$place/got/read")" "a secret"
    # 255 is the script's own.
    is_text "$(grep -v 255 "$place/got/fds" | tr '\n' ' ')" "0 1 2 3 4 "
}

@test "the planner has default signals, but a nohup holds" {
    as_user bash -c "trap '' HUP USR1 PIPE; exec env --block-signal=USR2 $berth exec"
    # SIGINT and SIGQUIT may be ignored by whoever runs the tests.
    local ignored blocked
    ignored=$(awk '/SigIgn/ { print $2 }' "$place/got/signals")
    blocked=$(awk '/SigBlk/ { print $2 }' "$place/got/signals")
    is_text "$((0x$ignored & 1))" 1
    # The C library keeps signals 32 to 34 to itself, whatever a caller made of them.
    is_text "$((0x$ignored & ~7 & ~(7 << 31)))" 0
    is_text "$((0x$blocked & 0x800))" 0
}

@test "a plan is performed by the process that the caller started" {
    answer env-drop -- exec 2 /bin/sh
    run as_user bash -c "echo \$\$; exec $berth exec -c 'echo \$\$; echo \$0' payload"
    is_text "${lines[0]}" "${lines[1]}"
    is_text "${lines[2]}" payload
}

@test "without a plan the launcher ends as the planner did" {
    ask version
    is_text "$status" 0
    is_text "$output" ""
    echo 42 >"$place/got/status"
    answer env-drop -- exec 0 /bin/echo performed
    ask exec
    is_text "$status" 42
    is_text "$output" ""
}

@test "a planner that a signal ended is one line" {
    echo 'kill -KILL $$' >"$place/got/script"
    ask exec
    is_text "$status" 255
    has_text "$output" "FATAL:   Java was killed before the work was done, as it happens where memory is short (this process may use "
    is_text "${#lines[@]}" 1
    echo 'kill -USR2 $$' >"$place/got/script"
    ask exec
    is_text "$output" "FATAL:   the planner was ended by signal 12 (User defined signal 2)"
}

@test "a JVM that cannot start is told of, and a usage error of the planner is the launcher's 1" {
    echo 1 >"$place/got/status"
    ask exec
    is_text "$status" 255
    is_text "$output" "FATAL:   Java could not start ($place/libexec/berth): the node may be out of memory, or the installation is damaged"
    run as_user bash -c "ulimit -u 2000; exec $berth exec"
    has_text "$output" "this shell allows its programs 2000 processes and threads (ulimit -u)"
    echo 125 >"$place/got/status"
    ask exec
    is_text "$status" 1
    is_text "$output" ""
}

@test "less address space than a JVM needs is one line, and no JVM is started" {
    [ "$BERTH_BINARY" = berth ] || skip "the sanitizers reserve more themselves"
    run as_user bash -c "ulimit -v 600000; exec $berth exec"
    is_text "$status" 255
    has_text "$output" "FATAL:   this shell allows its programs 585 MB of address space and 640 MB are needed: raise it with 'ulimit -v 655360'"
    [ ! -e "$place/got/argv" ]
    run as_user bash -c "ulimit -v 1000000; exec $berth pull x"
    has_text "$output" "1024 MB are needed"
}

@test "the planner runs in /, whatever becomes of the caller's directory" {
    echo "readlink /proc/\$\$/cwd >$place/got/cwd" >"$place/got/script"
    ask exec
    is_text "$(cat "$place/got/cwd")" /
    run as_user sh -c "mkdir $place/got/gone && cd $place/got/gone && rmdir ../gone && exec $berth exec"
    is_text "$status" 0
    is_text "$(cat "$place/got/cwd")" /
}

@test "the planner is awaited although the caller ignores SIGCHLD, and the payload has it ignored" {
    answer env-drop -- exec 0 /bin/grep SigIgn /proc/self/status
    run as_user perl -e '$SIG{CHLD} = "IGNORE"; exec @ARGV' "$berth" exec
    is_text "$status" 0
    is_text "$((0x${output##*[[:blank:]]} & 1 << 16))" 65536
    is_text "$(($(awk '/SigIgn/ { print "0x" $2 }' "$place/got/signals") & 1 << 16))" 0
}

@test "a signal reaches the planner, and the launcher ends by it when the planner has ended" {
    mkfifo "$place/got/started"
    chmod 666 "$place/got/started"
    echo "trap 'echo tidied >$place/got/tidied; exit 143' TERM; echo \$\$ >$place/got/started; sleep 1000 & wait \$!" >"$place/got/script"
    as_user "$berth" exec 3>&- &
    local planner status=0
    read -r planner <"$place/got/started"
    kill -TERM "$(awk '{ print $4 }' "/proc/$planner/stat")"
    wait $! || status=$?
    is_text "$status" 143
    is_text "$(cat "$place/got/tidied")" tidied
    pkill -P "$planner" || true
    pkill -f "^sleep 1000" || true
}

@test "a planner ends with a launcher that is ended" {
    mkfifo "$place/got/started"
    chmod 666 "$place/got/started"
    echo "echo \$\$ >$place/got/started; exec sleep 1000" >"$place/got/script"
    as_user "$berth" exec 3>&- &
    local planner
    read -r planner <"$place/got/started"
    kill -KILL "$(awk '{ print $4 }' "/proc/$planner/stat")"
    soon sh -c "! kill -0 $planner 2>/dev/null"
    wait $! || true
}

@test "a planner's malformed plan is one line" {
    echo "this is no plan" >"$place/got/plan"
    ask exec
    is_text "$status" 255
    is_text "$output" "FATAL:   malformed plan: it is cut off"
}
