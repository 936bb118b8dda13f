# node.sh: clients for Node, for tests written in shell, which source it.
# shellcheck shell=bash

# node_install DIRECTORY PACKAGE...: so that DIRECTORY/node_modules has them. Ends the test as skipped
# where there is no node, or they cannot be had.
node_install() {
    local directory=$1 program
    shift
    for program in node npm; do
        command -v "$program" >/dev/null || { echo "there is no $program"; exit 77; }
    done
    # fetch() came with 18.
    (($(node -p 'parseInt(process.versions.node)') >= 18)) || { echo "node is too old"; exit 77; }
    mkdir -p "$directory" &&
        timeout 120 npm install --silent --no-audit --no-fund --ignore-scripts \
            --prefix "$directory" "$@" >"$directory/npm.log" 2>&1 && return
    echo "$* cannot be had:"
    tail -n 5 "$directory/npm.log"
    exit 77
}
