#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# vm_test.sh BIN: deploy/demo-vm.sh as it is, and beside it further machines that boot against its broker, each with one thing
# that is not as it should be; then judge.py reads what the broker wrote down of each, and replays what the good one sent.
set -eu -o pipefail
exec </dev/null
here=$(cd "$(dirname "$0")" && pwd)
source_dir=$(cd "$here/../../.." && pwd)
top=$(mktemp -d)
# shellcheck source=deploy/demo/broker.sh
. "$source_dir/deploy/demo/broker.sh"
# shellcheck source=deploy/demo/machine.sh
. "$source_dir/deploy/demo/machine.sh"
bin=$(cd "$1" && pwd)
dir=$top/demo
log=$top/log
demo_pid=
at_end() {
    local status=$? file
    trap - EXIT
    if [ $status -ne 0 ]; then
        echo "-- what the demonstration printed:"
        cat "$top/demo.out"
        echo "-- the test's log:"
        tail -n 60 "$log"
    fi 2>/dev/null
    [ -z "$demo_pid" ] || kill "$demo_pid" 2>/dev/null || true
    wait
    for file in "$dir"/*/qemu.pid; do stop "$file" qemu-system-x86; done
    for file in "$dir"/*/swtpm.pid; do stop "$file" swtpm; done
    stop "$dir/latchkeyd.pid" latchkeyd
    rm -rf "$top"
    exit $status
}
trap at_end EXIT

# demo_comes_to TEXT: waits until the demonstration has printed it; fails when it ends first.
demo_comes_to() {
    until grep -q -e "$1" "$top/demo.out"; do
        kill -0 "$demo_pid" 2>/dev/null || surprise "the demonstration ended before \"$1\""
        sleep 0.3
    done
}

# refused_boot NAME ESP TPM [VARIABLES]: boots it, and switches it off when it has been told no.
refused_boot() {
    start_machine "$@"
    wait_console "$1" "latchkey explain" || surprise "the machine $1 was not refused"
    stop_machine "$1"
}

make_other_initrd() {
    cp -a "$dir/image/root" "$top/root"
    echo "a file that was not there" >"$top/root/etc/motd"
    "$source_dir/deploy/demo/pack-initrd" "$top/root" "$top/other.gz"
    make_esp esp-initrd "$(sed -n 's/^linuxefi .vmlinuz //p' "$dir/esp/EFI/debian/grub.cfg")" "$top/other.gz"
}

started=$SECONDS
: >"$log"
"$source_dir/deploy/demo-vm.sh" --bin "$bin" --dir "$dir" --keep >"$top/demo.out" 2>&1 &
demo_pid=$!
# The same TPM is in one machine at a time; a copy of its state as its maker left it is the same TPM again.
demo_comes_to "What a good boot measures"
cp -a "$dir/tpm1" "$dir/tpm1-copy"
rm "$dir/tpm1-copy/swtpm.pid" "$dir/tpm1-copy/qemu.sock"
demo_comes_to "reference demo-ovmf-new: revision"
make_other_initrd
refused_boot other-tpm esp tpm2 &
other_tpm=$!
refused_boot other-initrd esp-initrd tpm1-copy
refused_boot no-secure-boot esp tpm1-copy $ovmf/OVMF_VARS_4M.fd
wait $other_tpm
demo_comes_to "demo-vm: done in"
wait "$demo_pid"
demo_pid=
echo "ok      the demonstration and its machines ($((SECONDS - started)) s)"
/usr/bin/python3 -B "$here/judge.py" "$bin" "$dir"
