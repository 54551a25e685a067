#!/usr/bin/env bats
# The plugin compiles without a warning against the headers of each Slurm release that Debian has.
# shellcheck disable=SC2154 # variables of the helper

bats_require_minimum_version 1.5.0
load helper

compiles_for() { # SUITE RELEASE
    local include number status=0
    include=$("$TREE/src/test/testbed/slurm-headers" "$1") || status=$?
    [[ $status != 3 ]] || skip "libslurm-dev of $1 cannot be fetched here"
    [[ $status == 0 ]]
    # Debian's suites move on: what is there is said, and any release must do.
    number=$(awk '$2 == "SLURM_VERSION_NUMBER" { print $3 }' "$include/slurm/slurm_version.h")
    echo "# $1: SLURM_VERSION_NUMBER $number, at first $2" >&3
    make -s -C "$TREE/slurm-plugin" BUILD="$place/build" SLURM_INCLUDE="$include" 2>&1 | tee "$place/said"
    [[ ! -s $place/said ]]
    # A plugin shows Slurm its entry points, and nothing else that could meet a name of slurmstepd's.
    nm -D --defined-only "$place/build/spank_berth.so" | awk '{ print $3 }' | grep -v '^slurm_spank_' | sort >"$place/symbols"
    [[ $(paste -sd' ' "$place/symbols") == "plugin_name plugin_type plugin_version" ]]
    [[ $(nm -D --defined-only "$place/build/spank_berth.so" | grep -c ' T slurm_spank_') -ge 5 ]]
}

@test "compiles for Slurm 22.05 (bookworm)" { compiles_for bookworm 22.05; }
@test "compiles for Slurm 24.11 (trixie)" { compiles_for trixie 24.11; }
@test "compiles for Slurm 26.05 (forky)" { compiles_for forky 26.05; }
