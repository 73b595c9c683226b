#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# dracut module: latchkey-fetch, its collectors, fetch.conf and the unit that starts it before the disks are opened.
# /usr/lib/dracut/modules.d/95latchkey; add_dracutmodules+=" latchkey " in /etc/dracut.conf.d (docs/guest.md).
# shellcheck disable=SC2154 # dracut's variables

check() {
    require_binaries latchkey-fetch cryptsetup || return 1
    return 255 # only when it is asked for
}

depends() {
    echo systemd network crypt
}

installkernel() {
    hostonly='' instmods tpm_tis tpm_crb sev-guest tdx-guest dm_crypt
}

install() {
    local fetch folder collector
    fetch=$(command -v latchkey-fetch)
    folder=${fetch%/*}
    inst_multiple latchkey-fetch cryptsetup
    for collector in "$folder"/latchkey-evidence-* "${folder%/bin}"/libexec/latchkey/latchkey-evidence-*; do
        [[ ! -x $collector ]] || inst "$collector" "/usr/libexec/latchkey/${collector##*/}"
    done
    inst_libdir_file "libtss2-tcti-device.so*"
    inst_simple /etc/latchkey/fetch.conf
    inst_simple "$systemdsystemunitdir/latchkey-fetch.service"
    $SYSTEMCTL -q --root "$initdir" add-wants cryptsetup.target latchkey-fetch.service
}
