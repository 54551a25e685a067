#!/usr/bin/env bats
# shellcheck shell=bash disable=SC2154
# --progress: what programs can read, and what people see.

bats_require_minimum_version 1.5.0
load helper

# What stderr says as events: `events FILTER` is jq over the list of them. Every line must be an object with time and event.
events() {
    jq -se 'all(type == "object" and (.time | type) == "string" and (.event | type) == "string")' <<<"$stderr" >/dev/null ||
        { echo "not events: $stderr" >&2; return 1; }
    [[ $(jq -sc length <<<"$stderr") == "$(wc -l <<<"$stderr")" ]] || { echo "not one a line: $stderr" >&2; return 1; }
    jq -sr "$1" <<<"$stderr"
}

# Each blob starts, grows and ends with its size, and all together are what was announced.
complete_blobs() {
    events 'def blobs: map(select(.event == "blob")) | group_by(.blob);
        [ (map(select(.event == "image")) | length == 1),
          (blobs | all(.[0].state == "started" and .[0].bytes == 0 and .[-1].state == "complete" and .[-1].bytes == .[-1].size)),
          (blobs | all([.[].bytes] == ([.[].bytes] | sort))),
          (blobs | all(map(select(.state != "running")) | length == 2)),
          ((blobs | map(.[-1].bytes) | add) == (map(select(.event == "image").bytes)[0])) ] | all'
}

@test "a pull in JSON: every line parses, the blobs add up, the last line names the file" {
    local image layers
    for image in hello layers127; do
        layers=$(jq '.layers | length' <<<"$(skopeo inspect --raw --tls-verify=false "docker://$REGISTRY/$image")") || skip "skopeo is not installed"
        run --separate-stderr berth pull --progress=json "$image.sif" "docker://$REGISTRY/$image"
        [[ $status == 0 && -z $output ]]
        [[ $(complete_blobs) == true ]] || { echo "$stderr"; return 1; }
        [[ $(events '.[0].event + " " + .[0].command') == "start pull" ]]
        [[ $(events 'map(select(.event == "image"))[0].layers') == "$layers" ]]
        [[ $(events '.[-1].event + " " + .[-1].file') == "done $PWD/$image.sif" ]]
        [[ $(events 'map(select(.event == "done" or .event == "error")) | length') == 1 ]]
        [[ -s $image.sif ]]
    done
    run --separate-stderr berth pull --force --progress=json hello.sif "docker://$REGISTRY/hello"
    [[ $status == 0 && $(events 'map(select(.event == "blob" or .event == "image")) | length') == 0 ]]
    [[ $(events 'map(select(.event == "message").text) | index("Using cached SIF image") != null') == true ]]
}

@test "a pull without the cache and one of a SIF tell the same events" {
    run --separate-stderr berth pull --disable-cache --progress=json a.sif "docker://$REGISTRY/hello"
    [[ $status == 0 && $(complete_blobs) == true ]] || { echo "$stderr"; return 1; }
    run --separate-stderr berth push --progress=json "$IMAGE" "oras://$REGISTRY/progress:1"
    [[ $status == 0 && $(events 'map(select(.event == "blob"))[-1].bytes') == "$(stat -c %s "$IMAGE")" ]] || { echo "$stderr"; return 1; }
    [[ $(events '.[-1].event') == "done" ]]
    run --separate-stderr berth build --progress=json b.sif "oras://$REGISTRY/progress:1"
    [[ $status == 0 && $(events 'map(select(.event == "blob"))[-1].bytes') == "$(stat -c %s "$IMAGE")" ]] || { echo "$stderr"; return 1; }
    [[ $(events '.[-1].file') == "$PWD/b.sif" ]]
}

@test "--quiet leaves messages out and events in, --debug adds where a failure comes from" {
    run --separate-stderr berth --quiet pull --progress=json a.sif "docker://$REGISTRY/hello"
    [[ $status == 0 && $(complete_blobs) == true ]]
    [[ $(events 'map(select(.event == "message")) | length') == 0 ]]
    run --separate-stderr berth pull --progress=json b.sif "docker://$REGISTRY/nosuch"
    [[ $status == 255 && $(events '.[-1].event') == "error" ]] || { echo "$stderr"; return 1; }
    [[ $(events '.[-1].text') == *"$REGISTRY/nosuch"* && $(events '.[-1] | has("stack")') == false ]]
    [[ $(events 'map(select(.event == "done" or .event == "error")) | length') == 1 && ! -e b.sif ]]
    run --separate-stderr berth --debug pull --progress=json b.sif "docker://$REGISTRY/nosuch"
    [[ $status == 255 && $(events '.[-1].stack') == *"at org.berth."* ]]
}

@test "the events of a container command end before its payload speaks" {
    run --separate-stderr berth exec --progress=json "docker://$REGISTRY/hello" sh -c 'echo out; echo payload >&2'
    [[ $status == 0 && $output == out && ${stderr##*$'\n'} == payload ]] || { echo "$stderr"; return 1; }
    stderr=${stderr%$'\n'payload}
    [[ $(complete_blobs) == true && $(events '.[-1].event') == "done" ]]
}

@test "plain tells of each blob in a line, none and a pipe of none, and --quiet of nothing" {
    run --separate-stderr berth pull --progress=plain a.sif "docker://$REGISTRY/hello"
    [[ $status == 0 && $(grep -c '^INFO:    blob [0-9a-f]\{12\}: .* complete$' <<<"$stderr") -ge 3 ]] || { echo "$stderr"; return 1; }
    for how in "--quiet pull --force --progress=plain" "--quiet pull --force --progress=tty"; do
        # shellcheck disable=SC2086 # words
        run --separate-stderr berth $how --disable-cache a.sif "docker://$REGISTRY/hello"
        [[ $status == 0 && -z $stderr ]] || { echo "$stderr"; return 1; }
    done
    for how in --progress=none --progress=auto; do
        run --separate-stderr berth pull --force --disable-cache "$how" a.sif "docker://$REGISTRY/hello"
        [[ $status == 0 && $stderr != *"    blob "* && $stderr != *$'\e['* && $stderr == *INFO:* ]] || { echo "$stderr"; return 1; }
    done
}

@test "bars are drawn on a terminal, where they are asked for, and not where they are not" {
    run --separate-stderr berth pull --progress=tty a.sif "docker://$REGISTRY/hello"
    [[ $status == 0 && $stderr == *"100%"*done* ]] || { echo "$stderr"; return 1; }
    run as_user TERM=xterm script -qec "stty cols 80; $BERTH pull --disable-cache b.sif docker://$REGISTRY/hello" /dev/null
    [[ $output == *"100%"*done* ]] || { echo "$output"; return 1; }
    # No line is wider than the terminal.
    [[ -z $(sed 's/\x1b\[[0-9]*[A-Za-z]//g; s/\r//g' <<<"$output" | grep -E '^.{80,}') ]] || { echo "$output"; return 1; }
    run as_user TERM=dumb script -qec "$BERTH pull --disable-cache --force b.sif docker://$REGISTRY/hello" /dev/null
    [[ $output == *"blob "*" complete"* && $output != *"100%"* && $output != *$'\e['[0-9]A* ]] || { echo "$output"; return 1; }
    run as_user TERM=xterm script -qec "$BERTH pull --disable-cache --progress=none c.sif docker://$REGISTRY/hello" /dev/null
    [[ $output != *"100%"* && -s c.sif ]] || { echo "$output"; return 1; }
}

@test "a style that nobody knows is refused, from the environment too" {
    run --separate-stderr berth pull --progress=fancy a.sif "docker://$REGISTRY/hello"
    refused 255 "--progress fancy is unknown" "json"
    run --separate-stderr berth APPTAINER_PROGRESS=fancy pull a.sif "docker://$REGISTRY/hello"
    refused 255 "--progress fancy is unknown"
    run --separate-stderr berth BERTH_PROGRESS=json pull a.sif "docker://$REGISTRY/hello"
    [[ $status == 0 && $(events '.[-1].event') == "done" ]]
}
