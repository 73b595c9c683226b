# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Virtual machines that boot with measurement: QEMU's software emulation (no KVM, no root), OVMF with Microsoft's Secure
# Boot keys, shim and GRUB and kernel as Debian signs them, swtpm as the TPM. Sourced; the caller has source_dir, dir and log
# as in broker.sh.

ovmf=/usr/share/OVMF
# A machine that has not come to its end by then has gone wrong: one boot takes 35 s of one processor.
machine_seconds=${LK_VM_SECONDS:-300}

# have_emulator: whether QEMU runs here at all, which is said plainly if not.
have_emulator() {
    local missing
    for missing in qemu-system-x86_64 qemu-img swtpm cryptsetup cpio; do
        PATH=$PATH:/sbin:/usr/sbin command -v "$missing" >/dev/null || surprise "$missing is not installed (deploy/packages.txt)"
    done
    [ -e $ovmf/OVMF_CODE_4M.fd ] || surprise "OVMF is not installed (deploy/packages.txt)"
    [ "$(uname -m)" = x86_64 ] || surprise "the virtual machine is an x86-64 one with programs of this machine, which is $(uname -m)"
    qemu-system-x86_64 -accel help 2>>"$log" | grep -q tcg || surprise "QEMU has no software emulation (tcg) here"
}

# make_esp NAME COMMAND_LINE [INITRD]: an EFI system partition as a folder: image/ with this command line. linuxefi: without
# Secure Boot too the kernel begins at its EFI entry, which hands the event log on.
make_esp() {
    local esp=$dir/$1
    mkdir -p "$esp/EFI/BOOT" "$esp/EFI/debian"
    cp "$dir/image/shim.efi" "$esp/EFI/BOOT/BOOTX64.EFI"
    cp "$dir/image/grub.efi" "$esp/EFI/BOOT/grubx64.efi"
    cp "$dir/image/vmlinuz" "$esp/vmlinuz"
    cp "${3:-$dir/image/initrd.gz}" "$esp/initrd.gz"
    printf 'set timeout=0\nlinuxefi /vmlinuz %s\ninitrdefi /initrd.gz\nboot\n' "$2" >"$esp/EFI/debian/grub.cfg"
}

# make_disk KEY_FILE FOLDER: disk.img, a LUKS2 volume with FOLDER's files. Neither root nor device mapper is needed:
# cryptsetup makes the header, QEMU writes through it, which it can for LUKS1 only, and cryptsetup turns that into LUKS2.
make_disk() (
    PATH=$PATH:/sbin:/usr/sbin
    mke2fs -q -t ext4 -O ^has_journal -d "$2" "$dir/plain.img" 8M
    truncate -s 10M "$dir/disk.img"
    # A random key needs no stretching.
    cryptsetup luksFormat -q --type luks1 --pbkdf-force-iterations 1000 --key-file "$1" "$dir/disk.img"
    qemu-img convert -n -f raw --object "secret,id=key,file=$1" \
        --target-image-opts "$dir/plain.img" "driver=luks,key-secret=key,file.driver=file,file.filename=$dir/disk.img"
    cryptsetup convert -q --type luks2 "$dir/disk.img"
    rm "$dir/plain.img"
) >>"$log" 2>&1

# start_machine NAME ESP TPM [VARIABLES]: boots it; TPM is a folder of swtpm-up under $dir. Its console is $dir/NAME/console.
start_machine() {
    local machine=$dir/$1 tpm=$dir/$3
    rm -rf "$machine"
    mkdir "$machine"
    cp "${4:-$ovmf/OVMF_VARS_4M.ms.fd}" "$machine/variables"
    "$source_dir/tests/emulators/swtpm/swtpm-up" --qemu "$tpm" "$dir/tpm-ca"
    : >"$machine/console"
    qemu-system-x86_64 -machine q35 -accel tcg -cpu max -m 256 -nodefaults -display none -no-reboot -pidfile "$machine/qemu.pid" \
        -drive "if=pflash,format=raw,readonly=on,file=$ovmf/OVMF_CODE_4M.fd" -drive "if=pflash,format=raw,file=$machine/variables" \
        -chardev "socket,id=tpm,path=$tpm/qemu.sock" -tpmdev emulator,id=tpm,chardev=tpm -device tpm-crb,tpmdev=tpm \
        -drive "if=none,id=esp,format=raw,readonly=on,file=fat:$dir/$2" -device virtio-blk-pci,drive=esp,bootindex=0 \
        -drive "if=none,id=disk,format=raw,readonly=on,file=$dir/disk.img" -device virtio-blk-pci,drive=disk \
        -netdev user,id=net -device virtio-net-pci,netdev=net,romfile= \
        -serial "file:$machine/console" -serial "file:$machine/bundles" >"$machine/qemu.log" 2>&1 &
    local i
    for i in $(seq 50); do
        [ ! -s "$machine/qemu.pid" ] || return 0
        sleep 0.1
    done
    cat "$machine/qemu.log" >>"$log"
    surprise "QEMU does not start"
}

stop_machine() { stop "$dir/$1/qemu.pid" qemu-system-x86; }

# console_lines NAME FIRST LAST
console_lines() { LC_ALL=C sed -n "$2,$3p" "$dir/$1/console" | tr -d '\r'; }

# wait_console NAME TEXT: until TEXT stands on a line of the console after the line that the last call ended with. The lines
# of the guest's programs are shown as they come, if $watch is not empty. Fails when the machine ends first, or takes too long.
declare -A console_read
wait_console() {
    local until=$((SECONDS + machine_seconds)) alive=true from to found
    while :; do
        kill -0 "$(cat "$dir/$1/qemu.pid" 2>/dev/null)" 2>/dev/null || alive=false
        from=$((${console_read[$1]:-0} + 1))
        to=$(wc -l <"$dir/$1/console")
        if [ "$to" -ge "$from" ]; then
            found=$(console_lines "$1" "$from" "$to" | grep -a -n -m 1 -e "$2" | cut -d: -f1 || true)
            [ -z "$found" ] || to=$((from + found - 1))
            [ -z "${watch:-}" ] || console_lines "$1" "$from" "$to" | grep -a -E '^(guest|tool|latchkey-fetch): ' | sed 's/^/   | /' || true
            console_read[$1]=$to
            [ -z "$found" ] || return 0
        fi
        if ! $alive || [ $SECONDS -ge $until ]; then break; fi
        sleep 0.3
    done
    show_console "$1" >>"$log"
    return 1
}

# show_console NAME: its end, for when something went wrong.
show_console() {
    echo "-- the end of $1's console:"
    tail -n 40 "$dir/$1/console" | tr -d '\r' | sed 's/\x1b\[[0-9;=]*[A-Za-z]//g'
}
