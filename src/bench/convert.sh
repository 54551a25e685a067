#!/bin/bash
# The converter alone, without registry, cache and SIF, in a fresh JVM with the planner's heap, against umoci unpack and mksquashfs with gzip.
# usage: convert.sh [IMAGE…] (python and big; the bars are 1/8 of the CPU time with zstd, 1/4 with gzip, 400 MB)
set -euo pipefail
# shellcheck source=src/bench/lib.bash
. "$(dirname "$0")/lib.bash"

root=$(cd "$(dirname "$0")/../.." && pwd)
java=${JAVA_HOME:?a JDK}/bin
classpath=$bench_work/classes:$root/target/classes:$(find "$root/target/quarkus-app/lib" -name '*.jar' | paste -sd:)
"$java/javac" -nowarn -proc:none -d "$bench_work/classes" -cp "$classpath" \
    "$root/src/test/java/org/berth/convert/OciLayout.java" "$root/src/bench/convert/ConvertLayout.java"

[[ $# != 0 ]] || set -- python big
"$CORPUS" build "$@" >/dev/null
convert=("$java/java" -XX:+UseSerialGC -Xmx224m --enable-native-access=ALL-UNNAMED -cp "$classpath" ConvertLayout)
for image; do
    layout=$("$CORPUS" path "$image")/oci
    out=$bench_work/image.sqfs
    echo
    echo "$image: $(nproc) CPUs"
    measure 1 "umoci + mksquashfs gzip" bash -c "umoci --log=error unpack --image '$layout:latest' '$bench_work/bundle' &&
        mksquashfs '$bench_work/bundle/rootfs' '$bench_work/classic.sqfs' -noappend -no-progress -quiet -comp gzip"
    rm -rf "$bench_work/bundle" "$bench_work/classic.sqfs"
    measure 1 "converter, zstd" "${convert[@]}" "$layout" "$out" zstd 1 "$(nproc)" check
    measure 1 "converter, zstd, diffIDs not checked" "${convert[@]}" "$layout" "$out" zstd 1 "$(nproc)" ignore
    measure 1 "converter, gzip" "${convert[@]}" "$layout" "$out" gzip 6 "$(nproc)" check
    table "umoci + mksquashfs gzip"
done
