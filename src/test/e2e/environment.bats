#!/usr/bin/env bats
# Which variables the payload gets, and what their values become (docs/environment.md, whose tables these are).

bats_require_minimum_version 1.5.0
load helper

# What a variable is in the container, with these words before the image and these assignments before berth.
value() { # NAME [NAME=value...] [OPTION...]
    local name=$1
    shift
    local -a more=()
    while [[ ${1:-} == [A-Za-z_]*=* ]]; do
        more+=("$1")
        shift
    done
    as_user "${more[@]}" "$BERTH" exec "$@" "$IMAGE" sh -c 'eval "printf %s \"\$$1\""' - "$name"
}

is() { # GOT WANTED
    [[ $1 == "$2" ]] || { printf 'got:    %s\nwanted: %s\n' "$1" "$2"; return 1; }
}

@test "names that no shell has go along: dots, exported functions of bash" {
    run as_user 'A=x' env 'my.dot=1' 'BASH_FUNC_f%%=() {  echo f; }' "$BERTH" exec "$IMAGE" env
    [[ $output == *$'my.dot=1'* && $output == *'BASH_FUNC_f%%=() {  echo f; }'* ]]
}

@test "values are evaluated in the container, search paths as well" {
    local usual=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
    is "$(value PATH 'APPTAINERENV_PATH=/x:$PATH')" "/x:$usual"
    is "$(value PATH --env 'PATH=$PATH:/foo')" "$usual:/foo"
    is "$(value PATH 'APPTAINERENV_PREPEND_PATH=/p')" "/p:$usual"
    is "$(value PATH 'APPTAINERENV_APPEND_PATH=$HOME/bin')" "$usual:$(getent passwd "$BERTH_USER" | cut -d: -f6)/bin"
    is "$(value A --env 'A=$PATH')" "$usual"
    is "$(value A --env 'A=$UID.$EUID.${GID}')" "$(id -u "$BERTH_USER").$(id -u "$BERTH_USER").$(id -g "$BERTH_USER")"
    is "$(value UID --env 'A=$UID')" ""
    is "$(value PATH --no-eval --env 'PATH=/bin:$PATH')" '/bin:$PATH'
}

@test "values in the form of CSV" {
    is "$(value A --env '"A=b,c"')" b,c
    is "$(value A --env '"A=b,c",D=e')" b,c
    is "$(value D --env '"A=b,c",D=e')" e
    is "$(value A --env '"A=say ""hi"", you",D=e')" 'say "hi", you'
    is "$(value A --env 'A=b,c')" b,c
    is "$(value A --env 'A=1,D=2')" 1
}

@test "a bind in the form of CSV with quotes" {
    install -d -o "$BERTH_USER" 'a,b' 'c"d'
    touch 'a,b/one' 'c"d/two'
    run as_user "$BERTH" exec --mount "type=bind,\"src=$PWD/a,b\",dst=/mnt" "$IMAGE" ls /mnt
    [[ $output == one ]]
    run as_user "$BERTH" exec --mount "type=bind,\"src=$PWD/c\"\"d\",dst=/mnt" "$IMAGE" ls /mnt
    [[ $output == two ]]
}

@test "a file of variables: quotes, expansions, arguments, lines from Windows" {
    printf 'A=1\r\nB="two words"\r\n' >windows
    is "$(value A --env-file windows)" 1
    is "$(value B --env-file windows)" "two words"
    printf 'P=$HOME/x\nX="$1 $APPTAINER_IMAGE"\nY=$(echo hi)\n[ -n "$NO" ] && Z=1\nfalse\nW=w\n' >file
    is "$(value P --env-file file)" "$place/home/x"
    is "$(value X --env-file file)" "sh $IMAGE"
    is "$(value Y --env-file file)" hi
    is "$(value W --env-file file)" w
}

@test "a file of variables starts no program: the launch ends, with the line" {
    local text
    for text in 'touch touched' '/usr/bin/touch touched' 'A=$(touch touched)' 'exec touch touched'; do
        printf 'A=1\n%s\n' "$text" >file
        run --separate-stderr berth exec --env-file file "$IMAGE" echo started
        refused 255 "environment file $PWD/file, line 2: "
        [[ $output == "" && ! -e touched ]]
    done
    printf 'MSG=hello world\n' >file
    run --separate-stderr berth exec --env-file file "$IMAGE" echo started
    refused 255 "line 1: world" "NAME='two words'"
    printf 'A=1\nif [\n' >file
    run --separate-stderr berth exec --env-file file "$IMAGE" echo started
    refused 255 "syntax error"
}

@test "an image whose PATH lacks the usual directories gets them" {
    mkdir -p root/{bin,.singularity.d/env,opt/app/bin,etc,proc,sys,dev,tmp}
    cp /bin/busybox root/bin/busybox
    ln -s busybox root/bin/sh
    ln -s busybox root/bin/ls
    printf '#!/bin/sh\nexport PATH=/opt/app/bin\n' >root/.singularity.d/env/10-docker2singularity.sh
    chmod -R a+rX root
    run --separate-stderr berth exec root sh -c 'echo $PATH; ls -d /bin'
    echo "$output $stderr"
    [[ ${lines[0]} == /opt/app/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin && ${lines[1]} == /bin ]]
}

@test "the prompt is Apptainer's, and singularity's by that name" {
    run --separate-stderr as_user "$BERTH" exec "$IMAGE" sh -c 'echo "$PS1|$PROMPT_COMMAND"'
    is "$output" 'Apptainer> |PS1="Apptainer> "; unset PROMPT_COMMAND'
    run --separate-stderr as_user "$(dirname "$BERTH")/singularity" exec "$IMAGE" sh -c 'echo "$PROMPT_COMMAND"'
    is "$output" 'PS1="Singularity> "; unset PROMPT_COMMAND'
}
