#compdef reel
# Completion of reel(1) for zsh. `reel completion zsh` prints it.

_reel() {
    local -a lines ends goes_on shown_ends shown_goes_on
    local line value current
    # Of $words, the last one may have an open quote; here is what is in the quote, or without one.
    current=${(Q):-$QIPREFIX$PREFIX$compstate[quote]}
    lines=("${(@f)$(command reel __complete "${(@Q)words[2,CURRENT-1]}" "$current" 2>/dev/null)}")
    if [[ ${lines[1]} == :files ]]; then
        _files
        return
    fi
    for line in $lines; do
        value=${line%%$'\t'*}
        if [[ $value == *[=/] ]]; then
            goes_on+=("$value") shown_goes_on+=("${line/$'\t'/  -- }")
        elif [[ -n $value ]]; then
            ends+=("$value") shown_ends+=("${line/$'\t'/  -- }")
        fi
    done
    (( $#goes_on )) && compadd -S '' -l -d shown_goes_on -a goes_on
    (( $#ends )) && compadd -l -d shown_ends -a ends
    return 0
}

if [[ $funcstack[1] == _reel ]]; then
    _reel "$@"
else
    compdef _reel reel
fi
