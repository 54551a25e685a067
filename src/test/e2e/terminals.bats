#!/usr/bin/env bats
# Every isolation option on a terminal and without one.

bats_require_minimum_version 1.5.0
load helper

setup_file() {
    cp "$BATS_TEST_DIRNAME/terminal.py" "$SUITE/terminal.py"
    chmod a+r "$SUITE/terminal.py"
}

on_terminal() { # COMMAND...; standard input is typed
    runuser -u "$BERTH_USER" -- env -i PATH="$(dirname "$BERTH"):/usr/bin:/bin" HOME="$place/home" USER="$BERTH_USER" LANG=C.UTF-8 TERM=xterm \
        NOCOLOR=1 python3 "$SUITE/terminal.py" "$@" 3>&- 4>&-
}

isolations=("" -c -C --compat --contain --containall -e --cleanenv --pid --ipc --uts --net "--net --network none" --userns -u
    --no-home "--no-mount dev" "-C --no-pid" "-c --writable-tmpfs" "--compat --no-init" "-c --workdir work" "-C --ipc --pid -e")

@test "exec with every isolation option, on a terminal and without one" {
    install -d -o "$BERTH_USER" work
    local options bad=0
    for options in "${isolations[@]}"; do
        # shellcheck disable=SC2086 # options
        run on_terminal "$BERTH" exec $options "$IMAGE" sh -c 'test -t 0 && echo terminal; echo started; exit 3' </dev/null
        [[ $output == *terminal*started*"status 3" ]] || { echo "on a terminal: $options: $output"; bad=1; }
        # shellcheck disable=SC2086
        run --separate-stderr berth exec $options "$IMAGE" sh -c 'test -t 0 || echo none; echo started; exit 3'
        [[ $status == 3 && $output == *none*started ]] || { echo "without one: $options: $status $output $stderr"; bad=1; }
    done
    [[ $bad == 0 ]]
}

@test "shell with every isolation option, on a terminal and without one" {
    install -d -o "$BERTH_USER" work
    local options bad=0
    for options in "${isolations[@]}"; do
        # shellcheck disable=SC2086 # options
        run on_terminal "$BERTH" shell $options "$IMAGE" <<<$'echo in$((1 + 1)) here\nexit 4'
        [[ $output == *"in2 here"*"status 4" ]] || { echo "on a terminal: $options: $output"; bad=1; }
        # shellcheck disable=SC2086
        run runuser -u "$BERTH_USER" -- env HOME="$place/home" "$BERTH" shell $options "$IMAGE" <<<$'echo in$((1 + 1)) here\nexit 4' 3>&- 4>&-
        [[ $status == 4 && $output == *"in2 here"* ]] || { echo "without one: $options: $status $output"; bad=1; }
    done
    [[ $bad == 0 ]]
}

@test "with --contain the console is the terminal, and /dev/tty works" {
    run on_terminal "$BERTH" exec -c "$IMAGE" sh -c 'ls -l /dev/console; echo said >/dev/tty; tty' </dev/null
    echo "$output"
    [[ $output == *"/dev/console"*said*"status 0" ]]
}
