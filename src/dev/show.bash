# shellcheck shell=bash
# ./dev demo and ./dev bench. Read by dev, whose variables and functions it uses.

demo() {
    need_jdk
    need mvn make gcc musl-gcc static-shell squashfuse_ll fusermount3 python3
    open_fuse
    local prefix=$state/demo user registry no_slurm=''
    # First, because an installation has the plugin only where Slurm's headers are.
    if ! command -v apt-get >/dev/null; then
        no_slurm="the testbed's Slurm is installed with apt-get, which is not here"
    elif ! as_root "$cluster" deps; then
        no_slurm="Slurm could not be installed here"
    fi
    as_root install -d -m 755 "$state" "$prefix"
    as_root chown -R "$(id -u)" "$prefix"
    install_tree "$prefix"
    user=$(ordinary_user)
    as_root "$corpus" deps
    say "making a Debian-based image (a minute or two the first time)"
    as_root "$corpus" build lolcow
    trap end_demo EXIT
    registry=$(as_root "$corpus" serve --port "$demo_port" lolcow)
    registry=${registry#http://}
    demo_work=$(as_user "$user" mktemp -d /tmp/berth-demo.XXXXXX)
    cd "$demo_work"
    echo
    echo "As the user $user, without privileges, from the registry at $registry:"
    demo_step berth pull "docker://$registry/lolcow"
    demo_step berth run "docker://$registry/lolcow"
    # shellcheck disable=SC2016 # the container's shell expands it
    demo_step berth exec lolcow_latest.sif sh -c '. /etc/os-release; echo "$PRETTY_NAME, as $(id -un), in $(pwd)"'
    demo_step ./lolcow_latest.sif
    demo_slurm
    cat <<END

What happened: the image's layers came from a real registry on this machine and went in one pass into one file,
lolcow_latest.sif. 'run' used the copy in the cache, 'exec' the file itself; both mounted it as an ordinary user and became
the program inside, which saw the caller's home and working directory. The image file is a program as well.
Try it: PATH=$prefix/bin:\$PATH; then berth help. To keep it: ./dev install PREFIX
END
}

# Two nodes of a real Slurm in namespaces; a word where that cannot be.
demo_slurm() {
    local address share
    echo
    if [[ -n $no_slurm || ! -e $prefix/lib/slurm/spank_berth.so ]]; then
        echo "No srun in this demo: ${no_slurm:-the plugin was not built}."
        return
    fi
    if ! as_root "$cluster" up --dir "$demo_cluster" -n 2 --spank "required $prefix/lib/slurm/spank_berth.so"; then
        echo "No srun in this demo: a Slurm cluster cannot be started here (it needs namespaces and network interfaces of its own)."
        return
    fi
    eval "$(as_root "$cluster" env --dir "$demo_cluster")"
    export SLURM_CONF
    address=$CLUSTER_CTL_ADDR:$((demo_port + 1))
    as_root "$corpus" serve --addr "$CLUSTER_CTL_ADDR" --port $((demo_port + 1)) lolcow >/dev/null
    # What both nodes see: their /tmp is their own.
    share=$CLUSTER_SHARED/demo
    as_root install -d -o "$user" "$share"
    cd "$share"
    as_root rm -rf "$demo_work"
    demo_work=$share
    echo
    echo "And on two nodes of a Slurm cluster, which run on this machine:"
    # shellcheck disable=SC2016 # the container's shell expands it
    demo_step srun -N2 -n4 --container-image="docker://$address/lolcow" sh -c \
        '. /etc/os-release; echo "task $SLURM_PROCID on $SLURMD_NODENAME: $PRETTY_NAME"'
    echo
    echo "One node pulled the image for both, each mounted it once, and Slurm's own tasks went into it (docs/slurm.md)."
}

demo_port=5555 demo_work='' demo_cluster=/tmp/berth-demo-slurm

demo_step() { # COMMAND...: shown as typed, run as the user
    local word
    printf '\n$'
    for word; do
        if [[ $word == *[^[:alnum:]/:._-]* ]]; then printf ' %s' "${word@Q}"; else printf ' %s' "$word"; fi
    done
    echo
    as_user "$user" env PATH="$prefix/bin:$PATH" APPTAINER_NOHTTPS=1 APPTAINER_CACHEDIR="$demo_work/cache" "$@"
}

end_demo() {
    as_root "$corpus" stop --port "$demo_port"
    cd "$top"
    if [[ -d $demo_cluster ]]; then
        as_root "$corpus" stop --port $((demo_port + 1))
        as_root "$cluster" down --dir "$demo_cluster"
    fi
    [[ -z $demo_work ]] || as_root rm -rf "$demo_work"
}

bench() {
    local name
    local -a names=()
    for name in "${@:-}"; do
        if [[ -n $name ]]; then names+=("src/bench/${name%.sh}.sh"); fi
    done
    [[ ${#names[@]} != 0 ]] || names=(src/bench/*.sh)
    need umoci skopeo bwrap ch-run
    prepare_installed
    for name in "${names[@]}"; do
        [[ -e $name ]] || die "bench: no benchmark $name"
        say "$name"
        BERTH="$installed/bin/berth" BERTH_USER="$test_user" CORPUS="$corpus" bash "$name"
    done
}
