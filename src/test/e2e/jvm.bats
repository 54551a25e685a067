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
