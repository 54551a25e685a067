#!/usr/bin/env bats
# shellcheck shell=bash disable=SC2154
# Images of a real Docker daemon and of Podman's service, each with a store and a socket of its own.

bats_require_minimum_version 1.5.0
load helper

setup_file() {
    # Short: the name of a socket has 107 bytes at most.
    DAEMONS=$(mktemp -d /tmp/berth-daemons.XXXXXX)
    export DAEMONS
    chmod 755 "$DAEMONS"
    if command -v dockerd >/dev/null; then
        start dockerd dockerd --bridge=none --iptables=false --storage-driver=vfs --data-root="$DAEMONS/data" --exec-root="$DAEMONS/exec" \
            --pidfile="$DAEMONS/dockerd.own" --host="unix://$DAEMONS/dockerd.sock"
    fi
    if command -v podman >/dev/null; then
        # Whatever policy the machine has: the image comes from here.
        mkdir -p "$DAEMONS/home/.config/containers"
        echo '{"default":[{"type":"insecureAcceptAnything"}]}' >"$DAEMONS/home/.config/containers/policy.json"
        start podman env HOME="$DAEMONS/home" podman --root="$DAEMONS/podman" --runroot="$DAEMONS/podman.run" --storage-driver=vfs \
            system service --time=0 "unix://$DAEMONS/podman.sock"
    fi
}

start() { # NAME COMMAND...
    local name=$1
    shift
    "$@" >"$DAEMONS/$name.log" 2>&1 3>&- 4>&- </dev/null &
    echo $! >"$DAEMONS/$name.pid"
    for _ in {1..300}; do
        if api "$name" _ping >/dev/null 2>&1; then
            chmod 666 "$DAEMONS/$name.sock"
            return
        fi
        kill -0 "$(<"$DAEMONS/$name.pid")" 2>/dev/null || return 0
        sleep 0.1
    done
}

teardown_file() {
    local pid
    for pid in "$DAEMONS"/*.pid; do
        [[ -e $pid ]] || continue
        kill "$(<"$pid")" 2>/dev/null || continue
        for _ in {1..100}; do
            kill -0 "$(<"$pid")" 2>/dev/null || break
            sleep 0.1
        done
    done
    # What they mount on their own directories.
    findmnt -rno TARGET | grep "^$DAEMONS/" | sort -r | xargs -r umount -l || true
    rm -rf "$DAEMONS"
}

api() { # NAME PATH [CURL'S ARGUMENT...]
    local name=$1 path=$2
    shift 2
    curl -sS --fail --max-time 60 --unix-socket "$DAEMONS/$name.sock" "$@" "http://daemon/v1.40/$path"
}

needs() { # NAME
    command -v "$1" >/dev/null || skip "$1 is not installed (./dev test --full installs it)"
    api "$1" _ping >/dev/null 2>&1 || skip "$1 does not start here: $(grep -v '^$' "$DAEMONS/$1.log" | tail -n 1)"
}

loaded() { # NAME IMAGE: an image of the corpus, in the daemon's store
    api "$1" images/load -X POST -H 'Content-Type: application/x-tar' --data-binary "@$("$CORPUS" path "$2")/docker.tar" >load.log
}

is_hello() { [[ ${output} == "hello, world"* ]] || { echo "not hello: $output $stderr"; return 1; }; }

images_are_run() { # NAME
    local host id
    needs "$1"
    host=unix://$DAEMONS/$1.sock
    loaded "$1" hello
    id=$(api "$1" images/json | jq -r '.[] | select(.RepoTags // [] | index("localhost/hello:latest")) | .Id')
    [[ $id ]]
    run --separate-stderr berth DOCKER_HOST="$host" run docker-daemon:localhost/hello:latest
    is_hello
    [[ $stderr == *"Creating SIF file"* ]]
    for name in "docker-daemon:localhost/hello:latest" "docker-daemon://localhost/hello:latest" "docker-daemon:$id"; do
        run --separate-stderr berth run --docker-host "$host" "$name"
        is_hello
        [[ $stderr == *"Using cached SIF image"* && $stderr != *Creating* ]] || { echo "$name: $stderr"; return 1; }
    done
    run --separate-stderr berth DOCKER_HOST="$host" pull hello.sif docker-daemon:localhost/hello:latest
    [[ $status == 0 ]]
    run --separate-stderr berth run ./hello.sif
    is_hello
    run --separate-stderr berth DOCKER_HOST="$host" run docker-daemon:localhost/nosuch:latest
    refused 255 nosuch
    # A tag is what it is now, not what it was.
    loaded "$1" whiteouts
    api "$1" "images/localhost/whiteouts:latest/tag?repo=localhost/hello&tag=latest" -X POST
    run --separate-stderr berth DOCKER_HOST="$host" exec docker-daemon:localhost/hello:latest true
    [[ $status == 0 && $stderr == *"Creating SIF file"* ]]
}

@test "docker-daemon: images of a real dockerd" { images_are_run dockerd; }
@test "docker-daemon: images of Podman's service" { images_are_run podman; }

@test "docker-daemon: a socket that is closed to the user, and one where nobody listens" {
    needs dockerd
    chmod 600 "$DAEMONS/dockerd.sock"
    run --separate-stderr berth DOCKER_HOST="unix://$DAEMONS/dockerd.sock" run docker-daemon:localhost/hello:latest
    chmod 666 "$DAEMONS/dockerd.sock"
    refused 255 "$DAEMONS/dockerd.sock" "ermission"
    run --separate-stderr berth DOCKER_HOST="unix://$DAEMONS/none.sock" run docker-daemon:localhost/hello:latest
    refused 255 "$DAEMONS/none.sock"
}
