#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# images_test.sh BIN: what deploy/ puts into an initramfs, with initramfs-tools' own functions and systemd-analyze.
set -eu -o pipefail
bin=$(cd "$1" && pwd)
deploy=$(cd "$(dirname "$0")/../../../deploy" && pwd)
PATH=$PATH:/usr/sbin:/sbin
for tool in systemd-analyze shellcheck cryptsetup; do
    command -v $tool >/dev/null || { echo "SKIPPED: no $tool"; exit 77; }
done
[ -r /usr/share/initramfs-tools/hook-functions ] || { echo "SKIPPED: no initramfs-tools-core"; exit 77; }
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
fail() { echo "FAILED $*"; exit 1; }

shellcheck -s sh -e SC1090,SC1091,SC2034 "$deploy"/initramfs-tools/hooks/latchkey "$deploy"/initramfs-tools/scripts/local-top/latchkey
shellcheck -e SC1090,SC1091 "$deploy"/dracut/95latchkey/module-setup.sh
echo "ok shellcheck"

mkdir "$dir/units" "$dir/bin"
cp "$bin"/latchkey-fetch "$bin"/latchkey-evidence-* "$dir/bin"
for unit in latchkey-fetch.service latchkey-fetch@.service latchkey-fetch@.socket; do
    sed "s|/usr/bin/latchkey-fetch|$dir/bin/latchkey-fetch|" "$deploy/systemd/$unit" >"$dir/units/$unit"
done
systemd-analyze verify --man=no --recursive-errors=no "$dir"/units/latchkey-fetch.service "$dir"/units/latchkey-fetch@x.service \
    "$dir"/units/latchkey-fetch@root.socket || fail "units"
echo "ok units"

# The hook with the real hook-functions; no kernel is looked at.
cat >"$dir/fetch.conf" <<CONF
broker = kms.example:7443
CONF
export PATH="$dir/bin:$PATH" LATCHKEY_CONF="$dir/fetch.conf"
root=$dir/root
mkdir -p "$root/usr/lib" "$root/usr/lib64"
ln -s usr/lib "$root/lib" && ln -s usr/lib64 "$root/lib64" # as mkinitramfs makes them
export DESTDIR="$root" MODULESDIR=/nonexistent version=0 verbose=n
"$deploy/initramfs-tools/hooks/latchkey" || fail "the hook"
(cd "$root" && find . \( -type f -o -type l \)) >"$dir/list"
for file in usr/bin/latchkey-fetch usr/libexec/latchkey/latchkey-evidence-tpm usr/libexec/latchkey/latchkey-evidence-logs \
    etc/latchkey/fetch.conf sbin/cryptsetup 'libtss2-tcti-device\.so' 'libtss2-esys\.so'; do
    grep -q "$file" "$dir/list" || { cat "$dir/list"; fail "not in the initramfs: $file"; }
done
[ "$(stat -c %a "$root/etc/latchkey/fetch.conf")" = 600 ] || fail "mode of fetch.conf"
[ "$(id -u)" != 0 ] || chroot "$root" /usr/bin/latchkey-fetch --version >/dev/null || fail "latchkey-fetch does not start there"
echo "ok initramfs-tools"

# dracut's module, with dracut's functions played: what it wants installed.
(
    installed=() moddir=$deploy/dracut/95latchkey systemdsystemunitdir=/usr/lib/systemd/system SYSTEMCTL=true initdir=$dir
    export moddir systemdsystemunitdir SYSTEMCTL initdir
    require_binaries() { for program; do command -v "$program" >/dev/null || return 1; done; }
    inst_multiple() { installed+=("$@"); }
    inst() { [ -e "$1" ] && installed+=("$2"); }
    inst_simple() { installed+=("$1"); }
    inst_libdir_file() { installed+=("$1"); }
    . "$deploy/dracut/95latchkey/module-setup.sh"
    status=0
    check || status=$?
    [ $status = 255 ] || fail "check gave $status"
    install
    for file in latchkey-fetch cryptsetup /usr/libexec/latchkey/latchkey-evidence-logs /etc/latchkey/fetch.conf \
        /usr/lib/systemd/system/latchkey-fetch.service; do
        [[ " ${installed[*]} " == *" $file "* ]] || fail "dracut: not installed: $file"
    done
)
echo "ok dracut"
