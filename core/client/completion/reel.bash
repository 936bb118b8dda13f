# Completion of reel(1) for bash. `reel completion bash` prints it.

_reel() {
    # COMP_WORDBREAKS cuts words at = and :, so words are put together again: those that stand
    # without a space between them.
    local rest=$COMP_LINE words=() piece i
    for ((i = 0; i <= COMP_CWORD; i++)); do
        piece=${COMP_WORDS[i]}
        if ((i == 0)) || [[ $rest == [[:space:]]* ]]; then
            rest=${rest#"${rest%%[![:space:]]*}"}
            words+=("$piece")
        elif [[ ! $piece && ! $rest ]] && ((i > 0)) && [[ ${COMP_WORDS[i - 1]} != [=:] ]]; then
            words+=('')
        else
            words[${#words[@]} - 1]+=$piece
        fi
        rest=${rest#"$piece"}
    done
    local current=${words[${#words[@]} - 1]} last=${COMP_WORDS[COMP_CWORD]} cut=0
    # What readline replaces is only the last piece.
    [[ $last == [=:] ]] && last=
    cut=$((${#current} - ${#last}))

    local line value shown=()
    while IFS= read -r line; do
        value=${line%%$'\t'*}
        if [[ $line == :files ]]; then
            compopt -o filenames 2>/dev/null
            mapfile -t COMPREPLY < <(compgen -f -- "$last")
            return
        fi
        [[ $value == "$current"* ]] || continue
        shown+=("$(printf '%q' "${value:cut}")")
        [[ $value == *[=/] ]] && compopt -o nospace 2>/dev/null
    done < <("${COMP_WORDS[0]}" __complete "${words[@]:1}" 2>/dev/null)
    COMPREPLY=("${shown[@]}")
}
complete -F _reel reel
