# What the launcher's tests have in common. BERTH_UNDER_TEST and BUILD come from the Makefile.

# A plan as bytes: words of an operation are arguments up to "--"; counts are added.
#   plan FILE  op word… -- op word… -- …
plan() {
    local file=$1 word
    local -a step=()
    shift
    printf 'berth-plan\0001\0' >"$file"
    for word in "$@" --; do
        if [ "$word" = -- ]; then
            [ ${#step[@]} -gt 0 ] || continue
            printf '%s\0%d\0' "${step[0]}" $((${#step[@]} - 1)) >>"$file"
            [ ${#step[@]} -eq 1 ] || printf '%s\0' "${step[@]:1}" >>"$file"
            step=()
        else
            step+=("$word")
        fi
    done
    printf 'end\0' >>"$file"
}
