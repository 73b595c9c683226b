#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# install-packages.sh WHAT...   installs the packages of deploy/packages.txt for WHAT (build, run, test, vm)
# that are missing: with apt-get, as root or through sudo. Does nothing when all are there.
set -eu
exec </dev/null

list="$(dirname "$0")/packages.txt"
missing=()
for what in "$@"; do
    while read -r kind package; do
        [ "$kind" = "$what" ] || continue
        state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
        [ "$state" = installed ] || missing+=("$package")
    done <"$list"
done
[ ${#missing[@]} -gt 0 ] || exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || { echo "missing packages, and neither root nor sudo to install them: ${missing[*]}" >&2; exit 1; }
    as_root=(sudo -n)
fi
echo "installing: ${missing[*]}"
apt() { "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o Dpkg::Use-Pty=0 "$@" >&2; }
# The package lists may be old or absent: refresh them only when the first try fails.
apt install --no-install-recommends "${missing[@]}" || { apt update && apt install --no-install-recommends "${missing[@]}"; }
