#!/usr/bin/env bats
# What batch systems, scripts and people leave behind for a launch: directories that are gone, signals, limits, an interrupt at a prompt.

bats_require_minimum_version 1.5.0
load helper

# Runs a Python line or two before the command, as a parent would.
under() { # PYTHON WORD...
    local parent=$1
    shift
    run --separate-stderr as_user python3 -c "import os, resource, signal, sys
$parent
os.execv(sys.argv[1], sys.argv[1:])" "$@"
}

@test "every combination of what can be left behind starts the payload, or says why not in one line" {
    install -d -o "$BERTH_USER" place
    run as_user python3 "$(cp "$BATS_TEST_DIRNAME/circumstances.py" . && echo "$PWD/circumstances.py")" "$BERTH" "$IMAGE" "$PWD/place"
    echo "$output"
    [[ $status == 0 && $output == "256 combinations, 0 failures" ]]
}

@test "a working directory that was removed: a warning, and the payload runs in the home directory" {
    under 'os.mkdir("gone"); os.chdir("gone"); os.rmdir("../gone")' "$BERTH" exec "$IMAGE" sh -c 'pwd; echo "$HOME"'
    echo "$output $stderr"
    [[ $status == 0 && ${lines[0]} == "${lines[1]}" ]]
    [[ $stderr == "WARNING: The working directory was removed or cannot be reached. Using '${lines[1]}' instead" ]]
    under 'os.mkdir("gone"); os.chdir("gone"); os.rmdir("../gone")' "$BERTH" --version
    [[ $status == 0 && $stderr == "" ]]
}

@test "a relative path in a directory that was removed is refused by its name" {
    under 'os.mkdir("gone"); os.chdir("gone"); os.rmdir("../gone")' "$BERTH" exec image.sif true
    refused 255 "image.sif: the working directory was removed" "name the whole path"
}

@test "SIGCHLD that the parent ignores: the launch works, and the payload gets it ignored as well" {
    under 'signal.signal(signal.SIGCHLD, signal.SIG_IGN)' "$BERTH" exec "$IMAGE" grep SigIgn /proc/self/status
    echo "$output $stderr"
    [[ $status == 0 && $stderr == "" ]]
    ((0x${output##*[[:blank:]]} & 0x10000))
    under 'pass' "$BERTH" exec "$IMAGE" grep SigIgn /proc/self/status
    ! ((0x${output##*[[:blank:]]} & 0x10000))
}

@test "1.5 GB of address space are enough, and less is one line; no file of the JVM is left" {
    install -d -o "$BERTH_USER" here && cd here
    under 'resource.setrlimit(resource.RLIMIT_AS, (1500 << 20, 1500 << 20))' "$BERTH" exec "$IMAGE" echo started
    [[ $status == 0 && $output == started && $stderr == "" ]]
    under 'resource.setrlimit(resource.RLIMIT_AS, (600 << 20, 600 << 20))' "$BERTH" exec "$IMAGE" echo started
    refused 255 "600 MB of address space" "ulimit -v"
    [[ $(grep -c . <<<"$stderr") == 1 ]]
    under 'resource.setrlimit(resource.RLIMIT_AS, (1500 << 20, 1500 << 20))' "$BERTH" pull x.sif "docker://$REGISTRY/hello"
    echo "$stderr"
    [[ $status == 0 ]]
    [[ $(ls) == x.sif ]]
}

@test "a JVM that cannot start is one line of ours, with the limits that may be the cause" {
    under 'resource.setrlimit(resource.RLIMIT_DATA, (20 << 20, 20 << 20))' "$BERTH" exec "$IMAGE" echo started
    echo "$output $stderr"
    [[ $status == 255 && $stderr == *"FATAL:   Java could not start"*"20 MB of data (ulimit -d)"* ]]
}

@test "40 descriptors are enough" {
    under 'resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))' "$BERTH" exec "$IMAGE" sh -c 'echo started; ulimit -n'
    echo "$output $stderr"
    [[ $status == 0 && $output == $'started\n40' ]]
}

@test "a limit on the size of files is told of, not died of" {
    under 'resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))' "$BERTH" exec "$IMAGE" echo started
    refused 255 "file too large" "ulimit -f"
    under 'resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))' "$BERTH" exec "$IMAGE" sh -c 'ulimit -f; yes | head -c 3000000 >/tmp/much'
    echo "$status $output $stderr"
    # The payload gets the limit, and the signal that comes with it.
    [[ $status != 0 && ${lines[0]} != unlimited ]]
    rm -f /tmp/much
}

@test "a pipe in place of an image is refused, not waited for" {
    mkfifo fifo && chown "$BERTH_USER" fifo
    local words
    for words in "exec ./fifo true" "run fifo" "inspect fifo" "sif list fifo" "verify fifo"; do
        # shellcheck disable=SC2086 # words
        run --separate-stderr timeout 20 runuser -u "$BERTH_USER" -- env HOME="$place/home" "$BERTH" $words
        echo "$words: $status $stderr"
        [[ $status != 124 && $status != 0 ]]
        refused "$status" fifo
    done
}

@test "an empty name of an image is refused, and does not run the working directory" {
    local words
    for words in exec run shell; do
        run --separate-stderr berth "$words" "" true
        refused 255 "the name of the image is empty" "variable"
    done
}

@test "an interrupt at a password prompt leaves a terminal with echo and no words of Java" {
    local command
    for command in "registry login -u somebody docker://$REGISTRY" "key newpair"; do
        run as_user python3 "$(cp "$BATS_TEST_DIRNAME/prompt.py" . && echo "$PWD/prompt.py")" "$BERTH" "$command"
        echo "$command: $output"
        [[ $status == 0 && ${lines[-1]} == "echo on, ended by SIGINT" ]]
        [[ $output != *xception* && $output != *$'\tat '* ]]
    done
}
