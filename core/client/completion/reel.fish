# Completion of reel(1) for fish. `reel completion fish` prints it.

function __reel_complete
    set -l words (commandline -opc)
    set -l token (commandline -ct) # with its quotes, one of which may be open
    set -l current (string unescape -- "$token"; or echo -- "$token")
    set -e words[1]
    set -l lines (command reel __complete $words "$current" 2>/dev/null)
    if test "$lines[1]" = :files
        __fish_complete_path "$current"
        return
    end
    printf '%s\n' $lines
end

complete -c reel -f -a '(__reel_complete)'
