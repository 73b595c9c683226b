#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# tsm_kernel.sh ROOT SP EMULATOR [FIELD...]: plays configfs-tsm of an SEV-SNP guest in the folder ROOT, with reports of
# amd-sp-emulator from the root in SP. FIELDs are options of its "report". Runs until it is ended.
set -u
root=$1 sp=$2 emulator=$3
shift 3
mkdir -p "$root/report"
while true; do
    for entry in "$root"/report/*/; do
        entry=${entry%/}
        [ -d "$entry" ] || continue
        [ -e "$entry/provider" ] || printf '0\n' >"$entry/privlevel_floor"
        [ -e "$entry/provider" ] || printf 'sev_guest\n' >"$entry/provider"
        if [ ! -e "$entry/outblob" ] && [ "$(stat -c %s "$entry/inblob" 2>/dev/null)" = 64 ]; then
            "$emulator" --dir "$sp" report --out "$entry.made" --inblob "$entry/inblob" "$@" || exit 1
            [ -e "$entry/privlevel" ] && writes=2 || writes=1
            printf '%s\n' "$writes" >"$entry/generation"
            mv "$entry.made/auxblob" "$entry/auxblob"
            mv "$entry.made/outblob" "$entry/outblob"
            rm -rf "$entry.made"
        fi
    done
    sleep 0.02
done
