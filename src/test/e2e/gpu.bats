#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2154 # expressions are for the shell in the container; bats sets stderr
#
# GPUs without one: device nodes whose driver is not there, and a driver of no machine in a tree of its own.

bats_require_minimum_version 1.5.0
load helper
load driver

setup_file() {
    command -v gcc >/dev/null || skip "there is no C compiler here"
    export DRIVER=$SUITE/driver
    make_driver
}

# A command as the user on a machine with four GPUs, of which the modes of the nodes forbid those in CLOSED.
on_gpu_node() { # CLOSED [NAME=value...] ARGUMENT...
    local closed=$1
    shift
    export -f as_user berth
    export place
    # shellcheck disable=SC2016 # $0, $1 are the inner shell's
    unshare -m --propagation private bash -c '
        set -e
        mount -t tmpfs -o mode=755 dev /mnt
        cp -a /dev/null /dev/zero /dev/full /dev/random /dev/urandom /dev/tty /dev/fuse /mnt
        ln -s /proc/self/fd /mnt/fd
        mkdir /mnt/shm /mnt/pts /mnt/mqueue
        for i in 0 1 2 3; do mknod -m 666 /mnt/nvidia$i c 1 3; done
        for i in nvidiactl nvidia-uvm; do mknod -m 666 /mnt/$i c 1 3; done
        for i in $0; do chmod 600 /mnt/nvidia$i; done
        chmod 666 /mnt/fuse
        mount --move /mnt /dev
        mount -t devpts -o newinstance,ptmxmode=0666 devpts /dev/pts
        ln -s pts/ptmx /dev/ptmx
        berth "$@"' "$closed" "$@"
}

nv() { on_gpu_node "" "$@"; }

@test "without a driver --nv warns and the command runs" {
    [[ ! -e /proc/driver/nvidia/version ]] || skip "this machine has an NVIDIA driver"
    run --separate-stderr berth exec --nv "$IMAGE" echo ran
    [[ $status == 0 && $output == ran ]]
    [[ $stderr == "WARNING: Could not find any nv files on this host!" ]]
    run --separate-stderr berth exec --nv --no-nv "$IMAGE" echo ran
    [[ $status == 0 && $output == ran && $stderr == "" ]]
}

@test "the driver's libraries, programs and files are in the container" {
    run --separate-stderr nv --config "$DRIVER/berth.yaml" exec --nv "$IMAGE" sh -c '
        ls /.singularity.d/libs; nvidia-smi; cat /usr/share/glvnd/egl_vendor.d/10_nvidia.json; echo "$LD_LIBRARY_PATH"
        readlink /.singularity.d/libs/libcuda.so.1; ls /dev | grep -c "^nvidia"'
    echo "$output $stderr"
    [[ $status == 0 && $stderr == "" ]]
    [[ $output == *libcuda.so.1$'\n'libcuda.so.999.88.77* && $output == *libnvidia-ml.so.999.88.77* ]]
    # The image says nothing of its libraries, so those of no maker stay out.
    [[ $output != *libGL.so* ]]
    [[ $output == *"fake nvidia-smi"$'\n''{}'$'\n'*"/.singularity.d/libs"$'\n'libcuda.so.999.88.77$'\n'6 ]]
}

@test "PREPEND_LD_LIBRARY_PATH puts the driver before the image's own libraries" {
    run --separate-stderr nv APPTAINERENV_PREPEND_LD_LIBRARY_PATH=/.singularity.d/libs APPTAINERENV_LD_LIBRARY_PATH=/own \
        --config "$DRIVER/berth.yaml" exec --nv "$IMAGE" sh -c 'echo "$LD_LIBRARY_PATH"'
    [[ $output == /.singularity.d/libs:/own:/.singularity.d/libs ]]
}

@test "an image without our environment scripts gets the library path too" {
    mkdir -p box/bin box/dev box/proc box/sys box/tmp box/etc
    cp /bin/busybox box/bin/sh
    chown -R "$BERTH_USER" box
    run --separate-stderr nv --config "$DRIVER/berth.yaml" exec --nv box /bin/sh -c 'echo "$LD_LIBRARY_PATH"'
    [[ $status == 0 && $output == /.singularity.d/libs ]]
}

@test "a library that the image's glibc would refuse is named, one of no maker comes where the image has none" {
    mkdir -p box/bin box/dev box/proc box/sys box/tmp box/etc box/lib
    cp /bin/busybox box/bin/sh
    gcc -shared -fPIC -Wl,-soname,libc.so.6 -nostdlib -fno-builtin \
        -Wl,--version-script=<(printf 'GLIBC_2.31 { global: memcpy; };') -o box/lib/libc.so.6 "$DRIVER/libc.c"
    printf '/lib\n' >box/etc/ld.so.conf
    /sbin/ldconfig -r box
    chown -R "$BERTH_USER" box
    run --separate-stderr nv --config "$DRIVER/berth.yaml" exec --nv box /bin/sh -c 'echo /.singularity.d/libs/*'
    echo "$output $stderr"
    [[ $status == 0 && $output == *libGL.so.1* && $output != *eglcore* ]]
    [[ $stderr == *"the image's glibc is too old: libnvidia-eglcore.so.999.88.77 (needs GLIBC_2.99)"* ]]
}

@test "with --contain the GPUs are in the minimal /dev" {
    run --separate-stderr nv --config "$DRIVER/berth.yaml" exec --nv --contain "$IMAGE" sh -c 'echo /dev/nvidia*; : </dev/nvidia0; ls /dev/fuse'
    echo "$output $stderr"
    [[ $output == "/dev/nvidia-uvm /dev/nvidia0 /dev/nvidia1 /dev/nvidia2 /dev/nvidia3 /dev/nvidiactl" ]]
    [[ $stderr != *"/dev/nvidia0"* && $stderr == *"/dev/fuse"* ]]
}

@test "GPUs that this process may not use are left out, and masks stay" {
    run --separate-stderr on_gpu_node "0 1" SLURM_JOB_ID=7 SLURM_STEP_GPUS=0,1 CUDA_VISIBLE_DEVICES=0,1 \
        --config "$DRIVER/berth.yaml" exec --contain "$IMAGE" sh -c 'echo /dev/nvidia[0-9]* $CUDA_VISIBLE_DEVICES'
    echo "$output $stderr"
    [[ $status == 0 && $output == "/dev/nvidia2 /dev/nvidia3 0,1" && $stderr == "" ]]
}

@test "a step's GPUs follow the bus, and masks are counted anew where others are hidden" {
    # Numbers 2 and 3 of Slurm are the third and fourth address: minors 1 and 0.
    run --separate-stderr nv SLURM_JOB_ID=7 SLURM_STEP_GPUS=2,3 CUDA_VISIBLE_DEVICES=2,3 \
        --config "$DRIVER/berth.yaml" exec --contain "$IMAGE" sh -c 'echo /dev/nvidia[0-9]* $CUDA_VISIBLE_DEVICES $BERTH_HOST_CUDA_VISIBLE_DEVICES'
    echo "$output $stderr"
    [[ $status == 0 && $output == "/dev/nvidia0 /dev/nvidia1 0,1 2,3" && $stderr == "" ]]
    # The host's own /dev hides nothing, so the numbers are right as they are.
    run --separate-stderr nv SLURM_JOB_ID=7 SLURM_STEP_GPUS=2,3 CUDA_VISIBLE_DEVICES=2,3 \
        --config "$DRIVER/berth.yaml" exec "$IMAGE" sh -c 'echo /dev/nvidia[0-9]* $CUDA_VISIBLE_DEVICES; ls /.singularity.d/libs | grep -c cuda'
    echo "$output $stderr"
    [[ $output == "/dev/nvidia0 /dev/nvidia1 /dev/nvidia2 /dev/nvidia3 2,3"$'\n'2 ]]
}

@test "gpu: no leaves steps alone, and --nv works all the same" {
    { cat "$DRIVER/berth.yaml"; echo 'gpu: no'; } >no.yaml
    run --separate-stderr nv SLURM_JOB_ID=7 SLURM_STEP_GPUS=2 --config "$PWD/no.yaml" exec "$IMAGE" ls /.singularity.d/libs
    [[ $output != *libcuda* ]]
    run --separate-stderr nv SLURM_JOB_ID=7 SLURM_STEP_GPUS=2 --config "$PWD/no.yaml" exec --nv "$IMAGE" ls /.singularity.d/libs
    [[ $output == *libcuda* ]]
    echo 'always use nv = yes' >always.conf
    run --separate-stderr nv --config "$PWD/always.conf" exec "$IMAGE" true
    [[ $status == 0 ]]
}
