#!/usr/bin/env bats
# What must not disturb the Java side, and must not be disturbed by it.

bats_require_minimum_version 1.5.0
load helper

@test "JAVA_TOOL_OPTIONS reaches the payload and not our JVM" {
    run --separate-stderr berth JAVA_TOOL_OPTIONS=-XX:NoSuchOption JDK_JAVA_OPTIONS=-bad exec "$IMAGE" sh -c 'echo $JAVA_TOOL_OPTIONS $JDK_JAVA_OPTIONS'
    [[ $status == 0 && $output == "-XX:NoSuchOption -bad" ]]
    [[ $stderr != *"Picked up"* ]]
}

@test "a pull works when /tmp is noexec" {
    run --separate-stderr unshare -m sh -c 'mount -t tmpfs -o noexec,mode=1777 none /tmp && "$@"' sh \
        runuser -u "$BERTH_USER" -- env HOME="$place/home" APPTAINER_NOHTTPS=1 APPTAINER_CACHEDIR="$place/cache" "$BERTH" pull x.sif "docker://$REGISTRY/zstd"
    [[ $status == 0 && -s x.sif ]]
}

@test "a read-only home is no obstacle" {
    chmod 555 "$place/home"
    chown root "$place/home"
    run --separate-stderr berth exec "$IMAGE" echo ran
    [[ $status == 0 && $output == ran ]]
}

@test "a missing home is no obstacle" {
    run --separate-stderr berth HOME=/nonexistent/home exec "$IMAGE" echo ran
    [[ $status == 0 && $output == ran ]]
}

@test "no ~/.cache and no ~/.java appear" {
    berth exec "$IMAGE" true
    berth cache list
    [[ -z $(find "$place/home" -mindepth 1 -not -path '*/.apptainer*') ]]
}

@test "calling the C library says nothing, unpacks nothing, and is not done by a launch" {
    run --separate-stderr berth cache where
    [[ $status == 0 && $stderr == "" && -z $(find "$place" -iname '*jna*') ]] || { echo "$stderr"; return 1; }
    run --separate-stderr berth -q build --sandbox "$place/home/box" "$IMAGE"
    [[ $status == 0 && $stderr == "" && -z $(find "$place" -iname '*jna*') ]] || { echo "$stderr"; return 1; }
    # In a tree without its library whoever needs it fails.
    cp -a "$(dirname "$(dirname "$(readlink -f "$BERTH")")")" "$place/tree"
    rm "$place/tree/libexec/berth/native/libjnidispatch.so"
    run --separate-stderr as_user "$place/tree/bin/berth" exec "$IMAGE" echo in
    [[ $status == 0 && $output == in ]] || { echo "$stderr"; return 1; }
    run --separate-stderr as_user "$place/tree/bin/berth" cache where
    [[ $status != 0 ]]
}

@test "LANG=C passes names in UTF-8 unchanged" {
    run --separate-stderr berth LANG=C LC_ALL=C exec "$IMAGE" echo 'naïve ☃'
    [[ $status == 0 && $output == 'naïve ☃' ]]
}

@test "a path with blanks and newlines is a path" {
    local odd=$place/work/$'a b\nc'
    install -d -o "$BERTH_USER" "$odd"
    cp "$IMAGE" "$odd/an image.sif"
    cd "$odd"
    run --separate-stderr berth exec "an image.sif" sh -c 'pwd; echo ran'
    [[ $status == 0 && $output == "$odd"$'\nran' ]]
}

@test "no Java process, no descriptor of ours and no file in /tmp is left with the payload" {
    local without
    without=$(as_user sh -c 'ls /proc/self/fd')
    run --separate-stderr berth exec "$IMAGE" sh -c 'ls /proc/self/fd'
    echo "$output"
    [[ $status == 0 && $output == "$without" ]]
    # In a session of its own, so that nobody else's JVM is taken for ours.
    run as_user setsid -w "$BERTH" exec "$IMAGE" sh -c 's=$(cut -d" " -f6 /proc/$$/stat)
        for p in /proc/[0-9]*; do [ "$(cut -d" " -f6 $p/stat 2>/dev/null)" = $s ] && cat $p/comm; done'
    echo "$output"
    [[ $output == *sh* && $output != *java* ]]
    [[ -z $(find /tmp -maxdepth 1 -user "$BERTH_USER" -newer "$place" \( -name '*hsperf*' -o -name '*jna*' -o -name '*zstd*' \)) ]]
}

@test "a pull uses no class of Bouncy Castle" {
    # The same installation with a JVM that lists its classes.
    local lib=$place/prefix/libexec/berth
    install -d "$place"/prefix/bin "$lib"
    cp "$BERTH" "$place/prefix/bin/berth"
    ln -s "$(dirname "$BERTH")"/../libexec/berth/* "$lib/"
    rm "$lib/jvm.options"
    cp "$(dirname "$BERTH")/../libexec/berth/jvm.options" "$lib/jvm.options"
    echo "-Xlog:class+load=info:file=$place/work/classes" >>"$lib/jvm.options"
    chown "$BERTH_USER" "$place/work"
    run --separate-stderr as_user "$place/prefix/bin/berth" pull x.sif "docker://$REGISTRY/hello"
    [[ $status == 0 && -s x.sif ]] || { echo "$stderr"; return 1; }
    grep -q ' org.berth.resolve.Puller ' classes
    ! grep ' org.bouncycastle\.' classes
}

# Sets group to a new memory group with that limit, below the one that this process is in; by version 1, or 2 where it can be.
memory_group() { # BYTES
    local own
    if own=$(sed -n 's/^[0-9]*:\([^:]*,\)*memory\(,[^:]*\)*://p' /proc/self/cgroup) && [[ -n $own && -d /sys/fs/cgroup/memory$own ]]; then
        group=/sys/fs/cgroup/memory${own%/}/berth-e2e.$$ limit=memory.limit_in_bytes events=memory.oom_control peak=memory.max_usage_in_bytes
    elif own=$(sed -n 's/^0:://p' /proc/self/cgroup) && grep -qsw memory "/sys/fs/cgroup$own/cgroup.subtree_control"; then
        group=/sys/fs/cgroup${own%/}/berth-e2e.$$ limit=memory.max events=memory.events peak=memory.peak
    else
        skip "no memory controller that could be used"
    fi
    mkdir "$group" 2>/dev/null || skip "control groups cannot be made here"
    echo "$1" 2>/dev/null >"$group/$limit" || { rmdir "$group"; skip "no memory limit can be set"; }
}

remove_group() { # its last process may take a moment to be gone
    local i
    for i in {1..300}; do
        rmdir "$group" 2>/dev/null && return
        sleep 0.1
    done
    rmdir "$group"
}

@test "a pull in a group of 512, 256 and 192 MB keeps within it" {
    local size group limit events peak killed=''
    for size in 512 256 192; do
        memory_group $((size << 20))
        # shellcheck disable=SC2016 # the inner shell's
        run --separate-stderr bash -c 'echo $$ >"$0/cgroup.procs" && exec "$@"' "$group" \
            runuser -u "$BERTH_USER" -- env -i PATH=/usr/bin:/bin HOME="$place/home" APPTAINER_NOHTTPS=1 APPTAINER_CACHEDIR="$place/cache" \
            "$BERTH" --verbose pull --disable-cache "$size.sif" "docker://$REGISTRY/layers127"
        echo "$size MB: status $status, peak $(cat "$group/$peak" 2>/dev/null || echo unknown), $(tr '\n' ' ' <"$group/$events"), $stderr" >&2
        ! grep -q 'oom_kill [1-9]' "$group/$events" || killed=1
        remove_group
        [[ -z $killed ]]
        [[ $status == 0 && -s $size.sif ]]
        case $size in
            512) [[ $stderr == *"a heap of 21"* || $stderr == *"a heap of 22"* ]] ;;
            256) [[ $stderr == *"a heap of 8"* ]] ;;
            192) [[ $stderr == *"a heap of 4"* || $stderr == *"a heap of 3"* ]] ;;
        esac
    done
}

@test "processors that an affinity leaves are those that a conversion counts" {
    run --separate-stderr as_user taskset -c "$(taskset -cp $$ | sed 's/.*: //; s/[-,].*//')" "$BERTH" --verbose pull --disable-cache x.sif "docker://$REGISTRY/hello"
    [[ $status == 0 && $stderr == *"VERBOSE: 1 processors and a heap of"* ]] || { echo "$stderr"; return 1; }
}

@test "half a processor by quota counts as one" {
    local group own
    [[ $(nproc) -gt 1 ]] || skip "there is one processor here"
    if own=$(sed -n 's/^[0-9]*:\([^:]*,\)*cpu\(,[^:]*\)*://p' /proc/self/cgroup) && [[ -n $own && -e /sys/fs/cgroup/cpu$own/cpu.cfs_quota_us ]]; then
        group=/sys/fs/cgroup/cpu${own%/}/berth-e2e.$$
        mkdir "$group" 2>/dev/null || skip "control groups cannot be made here"
        echo 50000 >"$group/cpu.cfs_quota_us" || { rmdir "$group"; skip "no quota can be set"; }
    elif own=$(sed -n 's/^0:://p' /proc/self/cgroup) && grep -qsw cpu "/sys/fs/cgroup$own/cgroup.subtree_control"; then
        group=/sys/fs/cgroup${own%/}/berth-e2e.$$
        mkdir "$group" 2>/dev/null || skip "control groups cannot be made here"
        echo "50000 100000" >"$group/cpu.max" || { rmdir "$group"; skip "no quota can be set"; }
    else
        skip "no processor controller that could be used"
    fi
    # shellcheck disable=SC2016 # the inner shell's
    run --separate-stderr bash -c 'echo $$ >"$0/cgroup.procs" && exec "$@"' "$group" \
        runuser -u "$BERTH_USER" -- env -i PATH=/usr/bin:/bin HOME="$place/home" APPTAINER_NOHTTPS=1 APPTAINER_CACHEDIR="$place/cache" \
        "$BERTH" --verbose pull --disable-cache x.sif "docker://$REGISTRY/hello"
    remove_group
    [[ $status == 0 && $stderr == *"VERBOSE: 1 processors and a heap of"* ]] || { echo "$stderr"; return 1; }
}
