# Completion of reel(1) for bash. `reel completion bash` prints it.

# Reads the line up to the cursor, as the shell would: `words`, without their quotes; `quote`, which
# is open in the last one; and `cut`: readline replaces what is behind the first `cut` characters of
# the last one, where the open quote stands, or else the last unquoted one of COMP_WORDBREAKS.
_reel_words() {
    local line=${COMP_LINE:0:COMP_POINT} word='' has_word='' broken=0 quoted=0 i char
    words=() quote=''
    for ((i = 0; i < ${#line}; i++)); do
        char=${line:i:1}
        if [[ $char == "$quote" ]]; then
            quote=''
        elif [[ $quote == \' ]]; then
            word+=$char
        elif [[ $char == \\ ]]; then
            ((i += 1))
            char=${line:i:1} has_word=1
            [[ $quote && $char != [\"\\\$\`] ]] && word+=\\
            word+=$char
        elif [[ $quote ]]; then
            word+=$char
        elif [[ $char == [\'\"] ]]; then
            quote=$char quoted=${#word} has_word=1
        elif [[ $char == [[:space:]] ]]; then
            [[ $has_word ]] && words+=("$word")
            word='' has_word='' broken=0
        else
            [[ $char == @ && $COMP_WORDBREAKS == *@* ]] && broken=${#word} # a host: with its @
            word+=$char has_word=1
            [[ $char != @ && $COMP_WORDBREAKS == *"$char"* ]] && broken=${#word}
        fi
    done
    words+=("$word")
    cut=$broken
    [[ $quote ]] && cut=$quoted
}

# Asks for what the last one of `words` may become: `lines` of a value, a tab, and what it is.
_reel_ask() {
    mapfile -t lines < <("${words[0]}" __complete "${words[@]:1}" 2>/dev/null)
}

# Sets `quoted` to a text as it is written within the open quote, or without one.
_reel_quote() {
    local backslash=\\ char
    quoted=$1
    case $quote in
    \') quoted=${quoted//\'/"'\''"} ;;
    \")
        for char in "$backslash" \" \$ \`; do quoted=${quoted//"$char"/"$backslash$char"}; done
        quoted=${quoted//!/'"\!"'} # not expanded only outside of the quotes
        ;;
    *) printf -v quoted %q "$1" ;;
    esac
}

_reel() {
    local words quote cut lines line value quoted
    _reel_words
    _reel_ask
    # Readline closes the quote behind the only value, also if it goes on: see how it may.
    while [[ $quote && ${#lines[@]} == 1 && ${lines[0]%%$'\t'*} == *[=/] ]]; do
        line=${lines[0]}
        [[ ${line%%$'\t'*} == "${words[-1]}" ]] && break
        words[-1]=${line%%$'\t'*}
        _reel_ask
        [[ ${lines[0]-} ]] || lines=("$line")
    done
    if [[ ${lines[0]-} == :files ]]; then
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -f -- "${words[-1]:cut}")
        return
    fi
    for line in "${lines[@]}"; do
        value=${line%%$'\t'*}
        _reel_quote "${value:cut}"
        COMPREPLY+=("$quoted")
        [[ $value == *[=/] ]] && compopt -o nospace 2>/dev/null
    done
}
complete -F _reel reel
