#!/bin/bash
# Pull and convert, from a registry on loopback, against what the classic way costs on the same blobs: umoci unpack and mksquashfs with gzip.
# usage: pull.sh [IMAGE…] (python and big; the bars are 1/8 of the CPU time with zstd, 1/4 with gzip, 400 MB, a quarter of the written bytes)
set -euo pipefail
# shellcheck source=src/bench/lib.bash
. "$(dirname "$0")/lib.bash"

classic() { # IMAGE
    rm -rf "$bench_work/bundle" "$bench_work/classic.sqfs"
    umoci --log=error unpack --image "$bench_work/layout:latest" "$bench_work/bundle"
    mksquashfs "$bench_work/bundle/rootfs" "$bench_work/classic.sqfs" -noappend -no-progress -quiet -comp gzip
}

pull() { # IMAGE [OPTION…]
    local image=$1
    shift
    rm -rf "$bench_work/cache" "$bench_work/work/x.sif"
    install -d -o "$BERTH_USER" "$bench_work/cache"
    berth pull "$@" "$bench_work/work/x.sif" "docker://$REGISTRY/$image"
}

[[ $# != 0 ]] || set -- python big
"$CORPUS" build "$@" >/dev/null
registry "$@"
export REGISTRY
for image; do
    echo
    echo "$image: $(nproc) CPUs"
    skopeo copy -q --insecure-policy --src-tls-verify=false "docker://$REGISTRY/$image" "oci:$bench_work/layout:latest"
    measure_functions=$(declare -f classic pull)
    measure 1 "umoci + mksquashfs gzip" eval "$measure_functions; classic $image"
    # The classic way keeps no blobs and no second image, so what is compared is a pull that does neither; the last row also fills the cache.
    measure 1 "berth pull --disable-cache (zstd)" eval "$measure_functions; REGISTRY=$REGISTRY; pull $image --disable-cache"
    measure 1 "berth pull --disable-cache --compression gzip" eval "$measure_functions; REGISTRY=$REGISTRY; pull $image --disable-cache --compression gzip"
    measure 1 "berth pull (zstd; blobs, cached image and a copy)" eval "$measure_functions; REGISTRY=$REGISTRY; pull $image"
    table "umoci + mksquashfs gzip"
    rm -rf "$bench_work/layout" "$bench_work/bundle"
done
