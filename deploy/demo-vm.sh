#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A machine that boots, proves itself and opens its disk; and what happens when something about it is not as it should be.
# The machine is virtual, everything on it is real: firmware with Secure Boot, shim, GRUB and kernel as Debian signs them, a
# TPM with its maker's certificate, IMA. The broker is on this machine's loopback, with a SoftHSM2 token as the HSM.
#
#   deploy/demo-vm.sh [--dir FOLDER] [--keep] [--bin FOLDER]
#
#   --dir FOLDER   where everything is kept, default ~/latchkey-demo-vm; a former run's folder is emptied first
#   --keep         leaves the broker running; the next run stops it
#   --bin FOLDER   programs that are built already; nothing is installed or built then
#
# Runs unattended on Debian 12 (x86-64), as root or with sudo for the packages that are missing; QEMU emulates the
# processor, so neither KVM nor root is needed for it. About 3 minutes. Exit status 0 only if all went as it must.
set -eu -o pipefail
exec </dev/null
source_dir=$(cd "$(dirname "$0")/.." && pwd)

dir=${HOME:-/root}/latchkey-demo-vm
# shellcheck source=deploy/demo/broker.sh
. "$source_dir/deploy/demo/broker.sh"
# shellcheck source=deploy/demo/machine.sh
. "$source_dir/deploy/demo/machine.sh"
stop_all() {
    local machine
    for machine in "$dir"/*/qemu.pid; do stop "$machine" qemu-system-x86; done
    for machine in "$dir"/*/swtpm.pid; do stop "$machine" swtpm; done
    stop "$dir/latchkeyd.pid" latchkeyd
}
take_arguments "$@"
watch=yes

ek_sha256() {
    openssl x509 -inform DER -in "$dir/$1/ek.der" -noout -pubkey | openssl pkey -pubin -outform DER | sha256sum | cut -d' ' -f1
}

write_policy() {
    cat >"$dir/policy.yaml" <<POLICY
schema: latchkey-policy/1
policy: demo-vm
releases: ["demo/disk/{tpm.ek-sha256}"]      # each machine its own key
accept:
  - name: measured-boot
    chain: [tpm, eventlog, ima]
    tpm:
      ek: {in: ["$1"]}
    eventlog: {secure-boot: required}
    ima: {files: {in-set: [demo-files]}}     # each file that was run, loaded or mapped is one of the image's
    reference: [demo-firmware, demo-image]   # of each group one record must match
POLICY
}

# The image's golden values need no machine: they are told from its files.
image_record() {
    "$bin/latchkey" reference make --id demo-image-1 --group demo-image --command-line "/vmlinuz $command_line" \
        --application "$dir/image/shim.efi" --application "$dir/image/grub.efi" \
        --application "$dir/image/vmlinuz" --application "$dir/image/vmlinuz" \
        --file "$dir/esp/EFI/debian/grub.cfg" --file "$dir/image/vmlinuz" --file "$dir/image/initrd.gz"
}

# The files of the initrd, and what each must be. The modules and libraries among them count like programs.
image_files() { (cd "$dir/image/root" && find . -type f -exec sha256sum {} + | sed 's,  \./,  /,'); }

# firmware_record ID PCR0
firmware_record() {
    printf '{"sha256": {"0": "%s"}}' "$2" >"$dir/$1.json"
    "$bin/latchkey" reference make --id "$1" --group demo-firmware --pcrs "$dir/$1.json"
}

# last_decision NAME: of the machine's console.
last_decision() { tr -d '\r' <"$dir/$1/console" | sed -n 's/.*latchkey explain \([0-9A-Z-]*\)$/\1/p' | tail -n 1; }

# explain NAME TEXT...: what the administrator is told of the machine's last refusal, which must have these texts.
explain() {
    local decision text
    decision=$(last_decision "$1")
    shift
    [ -n "$decision" ] || surprise "no decision id on the console"
    show "$bin/latchkey" explain "$decision" | tee "$dir/explained"
    for text in "$@"; do grep -q -e "$text" "$dir/explained" || surprise "the explanation does not name $text"; done
}

await() { wait_console "$@" || surprise "the machine $1 did not come to \"$2\""; }

prepare build run vm
have_emulator

step "The machine's image: kernel, shim and GRUB of Debian's packages, an initrd with latchkey-fetch in it"
"$source_dir/deploy/demo/image.sh" "$dir/image" "$bin" >>"$log" 2>&1
say "kernel $(basename "$(readlink "$dir/image/modules")"), initrd of $(($(stat -c %s "$dir/image/initrd.gz") / 1024)) KiB"

step "A broker"
make_broker
"$bin/latchkey" init --config "$dir/latchkeyd.conf" --admin "admin=$dir/admin.pub" --write-profile "$dir/profile" >>"$log" 2>&1
export LATCHKEY_PROFILE=$dir/profile
address=$(sed -n 's/^broker = //p' "$dir/profile")
broker_id=$(sed -n 's/^broker-id = //p' "$dir/profile")
start_broker
say "latchkeyd on $address, which the machine reaches as 10.0.2.2; broker id $broker_id"

step "A TPM, with an EK certificate of its maker's CA; the CA becomes an anchor"
"$source_dir/tests/emulators/swtpm/swtpm-up" --qemu "$dir/tpm1" "$dir/tpm-ca"
ek=$(ek_sha256 tpm1)
say "EK $ek"
show "$bin/latchkey" anchor add demo-tpm-ca --family tpm --certificate "$dir/tpm1/root.pem" --intermediates "$dir/tpm1/issuer.pem"

step "What a good boot measures, told from the files before anything has booted"
command_line="console=ttyS0 quiet latchkey.broker=10.0.2.2:${address##*:} latchkey.broker-id=$broker_id"
make_esp esp "$command_line"
image_record >"$dir/image.yaml"
sed 's/^/   | /' "$dir/image.yaml"
show "$bin/latchkey" reference add "$dir/image.yaml"
image_files >"$dir/image.sums"
"$bin/latchkey" reference set make demo-files --sums "$dir/image.sums" --from "demo-image-1" --out "$dir/image.set" >>"$log" 2>&1
show "$bin/latchkey" reference set put "$dir/image.set"
say "Of the firmware only an older release is approved yet:"
firmware_record demo-ovmf-old "$(printf 'an older release' | sha256sum | cut -d' ' -f1)" >"$dir/firmware-old.yaml"
show "$bin/latchkey" reference add "$dir/firmware-old.yaml"

step "Who gets what"
write_policy "$ek"
sed 's/^/   | /' "$dir/policy.yaml"
show "$bin/latchkey" policy apply "$dir/policy.yaml"

step "A LUKS2 disk; its key goes to the broker and is kept nowhere else"
mkdir "$dir/files"
echo "hello from the encrypted disk" >"$dir/files/greeting"
printf '#!/bin/sh\necho "tool: nobody has approved me"\n' >"$dir/files/tool"
chmod 0755 "$dir/files/tool"
openssl rand -hex 32 | tr -d '\n' >"$dir/disk.key"
make_disk "$dir/disk.key" "$dir/files"
show "$bin/latchkey" secret put "demo/disk/$ek" --file "$dir/disk.key"
rm "$dir/disk.key"

step "Power on"
start_machine good esp tpm1
await good "latchkey explain"
step "Its firmware is one that nobody has approved: the machine waits, the administrator is told"
explain good demo-ovmf-old/tpm.pcr.sha256.0
step "It is the firmware's new release: the administrator approves it, and the machine heals by itself"
firmware_record demo-ovmf-new "$(sed -n 's/^ *actual *//p' "$dir/explained")" >"$dir/firmware.yaml"
show "$bin/latchkey" reference add "$dir/firmware.yaml"
await good "guest: the disk is open: hello from the encrypted disk"
await good "latchkey explain"
step "It ran a program that is not of its image, and asked again"
explain good IMA_FILES sha256:"$(sha256sum <"$dir/files/tool" | cut -d' ' -f1)" /disk/tool
await good "guest: done"

step "Power on with another command line"
make_esp esp-shell "systemd.debug-shell=1 $command_line"
start_machine shell esp-shell tpm1
await shell "latchkey explain"
explain shell demo-image-1/eventlog.command-line systemd.debug-shell=1
stop_machine shell

step "All of it is on record"
show "$bin/latchkey" audit list

if ! $keep; then
    step "Stopping everything"
    stop_all
    say "stopped; the folder stays: $dir"
fi
printf '\n%s: done in %s s\n' "$program" "$((SECONDS - started))"
