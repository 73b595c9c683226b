#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# image.sh OUT BIN: what a measured machine boots, made of Debian's packages and of our programs in BIN.
#
# OUT gets
#   shim.efi grub.efi vmlinuz   signed by Microsoft (shim) and Debian, as they are in the packages
#   root/                       the initrd's files
#   initrd.gz                   the same packed
#   modules                     folder of the kernel's modules
# The packages are fetched with apt-get and unpacked, not installed: nothing changes on this machine. They are kept in
# build/demo-vm of the source folder, so that the next run needs no network.
set -eu -o pipefail
[ $# -eq 2 ] || { echo "usage: image.sh OUT BIN" >&2; exit 64; }
out=$1
bin=$2
here=$(cd "$(dirname "$0")" && pwd)
cache=$(cd "$here/../.." && pwd)/build/demo-vm
# In the order in which they must be loaded.
modules='virtio_ring virtio virtio_pci_legacy_dev virtio_pci_modern_dev virtio_pci failover net_failover virtio_net virtio_blk
    dm-mod dm-crypt ecb xts af_alg algif_skcipher algif_hash'

as_root() { if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo -n "$@"; fi; }
kernel_package() { apt-cache depends linux-image-cloud-amd64 2>/dev/null | sed -n 's/^ *Depends: \(linux-image-[0-9].*\)/\1/p' | head -n 1; }

# The package lists may be old or absent: refresh them only when the first try fails.
download() {
    local kernel
    kernel=$(kernel_package) && [ -n "$kernel" ] && apt-get -q -o APT::Sandbox::User=root download "$kernel" shim-signed grub-efi-amd64-signed
}
packages() (
    [ ! -e "$cache/complete" ] || return 0
    rm -rf "$cache"
    mkdir -p "$cache/debs" "$cache/root"
    cd "$cache/debs"
    download || { as_root apt-get -q update && download; } || { echo "image.sh: apt-get cannot fetch kernel, shim and GRUB" >&2; return 1; }
    for package in ./*.deb; do dpkg-deb -x "$package" "$cache/root"; done
    touch "$cache/complete"
)

# install_program FILE...: at the same place in the initrd, with the libraries that it is linked with.
install_program() {
    local file library
    for file in "$@"; do
        install -D -m 0755 "$file" "$out/root$file"
        for library in $(ldd "$file" | grep -o '/[^ ]* (0x' | cut -d' ' -f1); do
            [ -e "$out/root$library" ] || install -D -m 0755 "$library" "$out/root$library"
        done
    done
}

our_programs() {
    local name
    for name in latchkey-fetch latchkey-evidence-tpm latchkey-evidence-logs; do
        install_program "$bin/$name"
        mv "$out/root$bin/$name" "$out/root/bin/$name"
        strip "$out/root/bin/$name"
    done
    # The TPM library loads its transport by name.
    install_program "$(ldconfig -p | sed -n 's/.*x86-64.*=> \(.*libtss2-tcti-device\.so\.0\)$/\1/p' | head -n 1)"
}

kernel_modules() {
    local name
    mkdir -p "$out/root/lib/modules"
    for name in $modules; do
        find "$out/modules/" -name "$name.ko" -exec cp {} "$out/root/lib/modules/" \;
        echo "$name"
    done >"$out/root/lib/modules/order"
}

tools() {
    local name
    cp /bin/busybox "$out/root/bin/"
    for name in sh mount printf insmod ip cat base64 uname poweroff; do ln -s busybox "$out/root/bin/$name"; done
    install_program /sbin/cryptsetup
    ln -s ../sbin/cryptsetup "$out/root/bin/cryptsetup"
}

settings() {
    mkdir -p "$out/root/etc/latchkey"
    cat >"$out/root/etc/latchkey/fetch.conf" <<'CONF'
# Who the broker is stands on the kernel's command line.
secret = demo/disk/{tpm.ek-sha256}
# Refused: perhaps an administrator is about to approve what changed.
on-refused = wait
timeout = 240
CONF
}

packages
mkdir -p "$out"
rm -rf "$out/root"
cp "$cache/root/usr/lib/shim/shimx64.efi.signed" "$out/shim.efi"
cp "$cache/root/usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed" "$out/grub.efi"
cp "$cache"/root/boot/vmlinuz-* "$out/vmlinuz"
ln -sfn "$(echo "$cache"/root/lib/modules/*)" "$out/modules"
umask 022
for folder in bin dev proc sys run disk; do mkdir -p "$out/root/$folder"; done
tools
our_programs
kernel_modules
settings
install -m 0755 "$here/guest-init" "$out/root/init"
"$here/pack-initrd" "$out/root" "$out/initrd.gz"
