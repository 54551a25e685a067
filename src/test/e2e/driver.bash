# shellcheck shell=bash
#
# A driver of no machine, for tests of GPUs without one.

# A driver of version 999.88.77: shared objects by the C compiler, listed by the real ldconfig.
make_driver() { # in $DRIVER, with a berth.yaml that names it
    local lib=$DRIVER/usr/lib/x86_64-linux-gnu name
    mkdir -p "$lib" "$DRIVER"/{etc,usr/bin,usr/share/glvnd/egl_vendor.d,proc/driver/nvidia/gpus}
    echo 'int berth_test(void) { return 42; }' >"$DRIVER/stub.c"
    for name in libcuda libnvidia-ml libGLX_nvidia; do
        gcc -shared -fPIC -nostdlib -Wl,-soname,$name.so.1 -o "$lib/$name.so.999.88.77" "$DRIVER/stub.c"
    done
    gcc -shared -fPIC -nostdlib -Wl,-soname,libGL.so.1 -o "$lib/libGL.so.1.7.0" "$DRIVER/stub.c"
    # Asks for a version that no glibc has yet.
    printf 'GLIBC_2.99 { global: memcpy; };\n' >"$DRIVER/map"
    echo 'void *memcpy(void *a, const void *b, unsigned long n) { return a; }' >"$DRIVER/libc.c"
    gcc -shared -fPIC -nostdlib -fno-builtin -Wl,-soname,libc.so.6 -Wl,--version-script="$DRIVER/map" -o "$DRIVER/libc.so.6" "$DRIVER/libc.c"
    echo 'void *memcpy(void *, const void *, unsigned long); void *f(void *a) { return memcpy(a, a, 1); }' >"$DRIVER/new.c"
    gcc -shared -fPIC -nostdlib -fno-builtin -Wl,-soname,libnvidia-eglcore.so.1 -o "$lib/libnvidia-eglcore.so.999.88.77" "$DRIVER/new.c" "$DRIVER/libc.so.6"
    printf '/usr/lib/x86_64-linux-gnu\n' >"$DRIVER/etc/ld.so.conf"
    /sbin/ldconfig -r "$DRIVER"
    printf '#!/bin/sh\necho "fake nvidia-smi"\n' >"$DRIVER/usr/bin/nvidia-smi"
    chmod 755 "$DRIVER/usr/bin/nvidia-smi"
    echo '{}' >"$DRIVER/usr/share/glvnd/egl_vendor.d/10_nvidia.json"
    echo 'NVRM version: NVIDIA UNIX x86_64 Kernel Module  999.88.77  Thu Oct 19 18:56:32 UTC 2023' >"$DRIVER/proc/driver/nvidia/version"
    # Bus addresses run against minor numbers, as on some boards.
    for name in 0 1 2 3; do
        mkdir "$DRIVER/proc/driver/nvidia/gpus/0000:0$((8 - name)):00.0"
        printf 'Model: \t\t Fake\nGPU UUID: \t GPU-%s000\nBus Location: \t 0000:0%s:00.0\nDevice Minor: \t %s\n' \
            "$name" "$((8 - name))" "$name" >"$DRIVER/proc/driver/nvidia/gpus/0000:0$((8 - name)):00.0/information"
    done
    printf 'driver-root: %s\n' "$DRIVER" >"$DRIVER/berth.yaml"
    chmod -R a+rX "$DRIVER"
}
