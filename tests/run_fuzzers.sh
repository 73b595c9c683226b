#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# run_fuzzers.sh LIST LOGS SECONDS JOBS: runs each fuzz target of LIST (lines "program corpus", as the fuzz preset writes
# them) for some seconds, JOBS at a time; inputs that end one are kept in LOGS. Status 1 when one did.
set -u
list=$1 logs=$2 seconds=$3 jobs=$4

run_one() {
    local target=$1 corpus=$2 name scratch status=0
    name=$(basename "$target")
    scratch=$(mktemp -d)
    "$target" -max_total_time="$seconds" -timeout=25 -rss_limit_mb=2048 -artifact_prefix="$logs/$name-" "$scratch" "$corpus" \
        >"$logs/fuzz-$name.log" 2>&1 || status=1
    [ $status = 0 ] || tail -n 40 "$logs/fuzz-$name.log"
    echo "$name: $(tail -n 1 "$logs/fuzz-$name.log")"
    rm -rf "$scratch"
    return $status
}
export -f run_one
export seconds logs
xargs -P "$jobs" -L 1 bash -c 'run_one "$0" "$1"' <"$list" || exit 1
