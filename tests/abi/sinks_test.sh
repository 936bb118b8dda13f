#!/bin/sh
# sinks_test.sh ARCHIVE LIBRARY: the archive uses nothing of the library's but what its base and
# json give. So the sinks get all else of Reel through the host table, and cloudevents, which they
# use, too, leads no way around. $NM names the tool.
set -eu

archive=$1 library=$2

# The symbols that the library's objects define, `object symbol` a line.
defined() {
    ${NM:-nm} --extern-only --defined-only -A "$library" |
        awk '{ sub(/^[^:]*:/, ""); split($1, part, ":"); print part[1], $NF }'
}

taken=$(${NM:-nm} --undefined-only "$archive" | awk 'NF == 2 { print $2 }' | LC_ALL=C sort -u)
forbidden=$(defined | awk '$1 !~ /^(base|event|json)_/ { print $2 }' | LC_ALL=C sort -u |
    awk -v taken="$taken" '
        BEGIN { n = split(taken, t, "\n"); for (i = 1; i <= n; i++) is_taken[t[i]] = 1 }
        is_taken[$1] && $1 !~ /^(__|_Z)/')

if ! defined | grep -q '^base_text.* text_append_str$' || ! echo "$taken" | grep -qx text_append_str; then
    echo "nothing was found in $archive or $library" >&2
    exit 1
fi
if [ -n "$forbidden" ]; then
    echo "$archive uses of the core:" $forbidden >&2
    exit 1
fi
echo "$(echo "$taken" | wc -l) symbols are taken from elsewhere, none from the core"
