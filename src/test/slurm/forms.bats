#!/usr/bin/env bats
# The ways in which steps are started.
# shellcheck disable=SC2016,SC2154 # texts for other shells; variables of the helper

bats_require_minimum_version 1.5.0
load helper

@test "sbatch: the steps are in the container, the batch script is not" {
    cat >job.sh <<END
#!/bin/sh
echo "script \$APPTAINER_NAME"
srun sh -c 'echo step \$APPTAINER_NAME'
END
    run as_user sbatch -W -N2 -n2 -o out --container-image="$IMAGES/hello.sif" job.sh
    cat out
    [[ $status == 0 ]]
    [[ $(cat out) == "script "*$'\n'"step hello.sif"*"step hello.sif" ]]
    grep -qx 'script ' out
}

@test "sbatch: a failing container fails the job and drains nothing" {
    printf '#!/bin/sh\nsrun --container-image=./nosuch.sif true\n' >job.sh
    run as_user sbatch -W -N1 -o out job.sh
    cat out
    [[ $status == 1 ]]
    [[ $(lines_with 'no such file or directory' "$(cat out)") == 1 ]]
    no_node_is_drained
}

@test "sbatch --container-batch=script: the batch script is in the container too" {
    printf '#!/bin/sh\necho "script in $APPTAINER_NAME of $SLURM_JOB_NAME as $(id -u)"\n' >job.sh
    for option in --container-readonly --container-options=--contain; do
        run as_user sbatch -W -N1 -J job -o out --container-batch=script "$option" --container-image="$IMAGES/hello.sif" job.sh
        cat out
        [[ $status == 0 && $(cat out) == "script in hello.sif of job as $(id -u "$BERTH_USER")" ]]
    done
    run as_user BERTH_CONTAINER_BATCH=script BERTH_CONTAINER_IMAGE="$IMAGES/hello.sif" sbatch -W -N1 -J job -o out job.sh
    cat out
    [[ $status == 0 && $(cat out) == "script in hello.sif of job"* ]]
    run as_user sbatch -W -N1 -J job -o out --container-batch=script --container-image=./nosuch.sif job.sh
    cat out
    [[ $status == 1 && $(lines_with 'berth: n1: .*no such file or directory' "$(cat out)") == 1 ]]
    run as_user sbatch -W -N1 -o out --container-batch=both --container-image="$IMAGES/hello.sif" job.sh
    echo "$output"
    [[ $status != 0 && $output == *"both is neither steps nor script"* ]]
    no_node_is_drained
}

@test "salloc: srun inside runs in its image" {
    run as_user salloc -Q -N1 --container-image="$IMAGES/hello.sif" srun sh -c 'echo in $APPTAINER_NAME'
    echo "$output"
    [[ $output == *"in hello.sif"* ]]
}

@test "--multi-prog, --bcast, --overlap, --export=NONE, job arrays" {
    printf '#!/bin/sh\necho "$1 $APPTAINER_NAME"\n' >say
    chmod 755 say
    printf '0 ./say zero\n1-2 ./say other\n' >programs
    run as_user srun -n3 --container-image="$IMAGES/hello.sif" --multi-prog programs
    echo "$output"
    [[ $(lines_with 'zero hello.sif' "$output") == 1 && $(lines_with 'other hello.sif' "$output") == 2 ]]
    run as_user srun -n2 --bcast=/tmp/berth-peer --container-image="$IMAGES/hello.sif" "$IMAGES/peer"
    echo "$output"
    [[ $output == *"from the neighbour's memory"* ]]
    run as_user srun -n1 --export=NONE --container-image="$IMAGES/hello.sif" sh -c 'echo in $APPTAINER_NAME'
    [[ $output == "in hello.sif" ]]
    run as_user BERTH_CONTAINER_IMAGE="$IMAGES/hello.sif" srun -n1 --export=NONE sh -c 'echo in $APPTAINER_NAME'
    [[ $output == "in hello.sif" ]]
    printf '#!/bin/sh\nsrun --overlap --container-image=%s sh -c "echo in \\$SLURM_ARRAY_TASK_ID"\n' "$IMAGES/hello.sif" >job.sh
    run as_user sbatch -W --array=1-3 -N1 -o 'out.%a' job.sh
    [[ $(cat out.1 out.2 out.3) == $'in 1\nin 2\nin 3' ]]
}

@test "steps without an image are on the host" {
    run as_user srun -n1 sh -c 'echo host $APPTAINER_NAME $(readlink /proc/self/ns/user)'
    [[ $output == "host $(readlink /proc/self/ns/user)" ]]
}

@test "--pty: the task has the terminal" {
    command -v script >/dev/null || skip "there is no script(1) here"
    # A terminal of our own for srun; as_user takes standard input away, so the command is given whole.
    script -qec "runuser -u $BERTH_USER -- env SLURM_CONF=$SLURM_CONF HOME=$place/home srun -n1 --pty --container-image=$IMAGES/hello.sif sh -c 'test -t 0 && test -t 1 && echo terminal \$APPTAINER_NAME'" /dev/null </dev/null >out 2>&1 3>&- 4>&-
    cat out
    grep -q 'terminal hello.sif' out
}

@test "a heterogeneous step: all components have one image" {
    run as_user salloc -Q -N2 -n2 srun -n1 --container-image="$IMAGES/hello.sif" sh -c 'echo first $APPTAINER_NAME' : -n1 sh -c 'echo second $APPTAINER_NAME'
    echo "$output"
    [[ $status == 0 && $output == *"first hello.sif"* && $output == *"second hello.sif"* ]]
}

@test "a heterogeneous step: another image for a component is refused in one line" {
    run as_user salloc -Q -N2 -n2 srun -n1 --container-image="$IMAGES/hello.sif" true : -n1 --container-image="$IMAGES/mpich.sif" touch ran
    echo "$output"
    [[ $status != 0 && ! -e ran && $(lines_with "container-image is given twice: $IMAGES/hello.sif and $IMAGES/mpich.sif" "$output") == 1 ]]
}

@test "srun from a login node, which is no node of the cluster" {
    run as_user srun -N2 -n2 --container-image="$IMAGES/hello.sif" sh -c 'echo $SLURMD_NODENAME $APPTAINER_NAME $SLURM_SUBMIT_HOST'
    echo "$output"
    [[ $status == 0 && $output == *"n1 hello.sif $(hostname)"* && $output == *"n2 hello.sif $(hostname)"* ]]
}

@test "lists of sbatch's lines and of its command line add up, and srun's replace them" {
    mkdir -p a b c
    touch a/a b/b c/c
    chown -R "$BERTH_USER" .
    local here=$PWD
    cat >job.sh <<END
#!/bin/sh
#SBATCH --container-mounts=$here/a:/mnt
#SBATCH --container-mounts=$here/b:/srv
srun sh -c 'echo job \$(ls /mnt /srv)'
srun --container-mounts=$here/c:/mnt sh -c 'echo step \$(ls /mnt /srv)'
srun --container-mounts=$here/c:/mnt --container-mounts=$here/a:/srv sh -c 'echo both \$(ls /mnt /srv)'
END
    run as_user sbatch -W -N1 -n1 -o out --container-image="$IMAGES/hello.sif" job.sh
    cat out
    [[ $status == 0 ]]
    grep -qx 'job /mnt: a /srv: b' out
    grep -qx 'step /mnt: c /srv:' out
    grep -qx 'both /mnt: c /srv: a' out
    run as_user sbatch -W -N1 -n1 -o out --container-image="$IMAGES/hello.sif" --container-mounts="$here/c:/mnt" job.sh
    cat out
    [[ $(grep '^job' out) == *"c"* && $(grep '^job' out) != *" b"* ]]
    run as_user salloc -Q -N1 -n1 --container-image="$IMAGES/hello.sif" --container-mounts="$here/a:/mnt" --container-mounts="$here/b:/srv" srun sh -c 'echo in $(ls /mnt /srv)'
    echo "$output"
    [[ $output == *"in /mnt: a /srv: b"* ]]
    run as_user srun -Q -n1 --container-image="$IMAGES/hello.sif" --container-image=./other.sif true
    echo "$output"
    [[ $status != 0 && $output == *"--container-image is given twice: $IMAGES/hello.sif and ./other.sif"* ]]
}

@test "the relative path of an archive or a layout is one of the working directory, in each way to start a step" {
    local from name
    from=$("$CORPUS" path hello)
    cp -r "$from/docker.tar" "$from/oci" .
    tar cf layout.tar -C oci .
    install -d -o "$BERTH_USER" elsewhere
    chown -R "$BERTH_USER" .
    for name in docker-archive:docker.tar oci:oci oci:oci:latest oci-archive:layout.tar oci-archive:layout.tar:latest docker-archive:./docker.tar; do
        run as_user srun -N2 -n2 --container-image="$name" sh -c 'echo in $APPTAINER_NAME'
        echo "$name: $output"
        [[ $status == 0 && $(lines_with "^in $name\$" "$output") == 2 ]]
    done
    # The job's directory is the submit directory, or the one of --chdir.
    printf '#!/bin/sh\nsrun sh -c "echo in"\n' >job.sh
    run as_user sbatch -W -N1 -n1 -o out --container-image=docker-archive:docker.tar job.sh
    cat out
    [[ $status == 0 && $(<out) == *in ]]
    run as_user sh -c 'cd elsewhere && exec sbatch -W -N1 -n1 -D .. -o out --container-image=oci:oci ../job.sh'
    cat out
    [[ $status == 0 && $(<out) == *in ]]
    run as_user srun -n1 --container-image=docker-archive:nosuch.tar true
    echo "$output"
    [[ $status != 0 && $(lines_with "could not read $PWD/nosuch.tar: no such file" "$output") == 1 ]]
    # With --chdir the step's, as for a SIF. What is oci:NAME alone srun decides where it runs itself; a ./ says it.
    cp "$IMAGES/hello.sif" here.sif
    for name in docker-archive:docker.tar oci-archive:layout.tar oci:./oci ./here.sif here.sif; do
        run as_user sh -c 'cd elsewhere && exec srun -Q -n1 --chdir=.. --container-image="$1" sh -c "echo in"' - "$name"
        echo "chdir $name: $output"
        [[ $status == 0 && $(lines_with '^in$' "$output") == 1 ]]
    done
}
