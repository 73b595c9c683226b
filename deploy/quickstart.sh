#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Latchkey from nothing to a released key, and to two explained refusals, on one machine:
# a SoftHSM2 token as the HSM, software TPMs (swtpm) as the machines, everything else as it is used in earnest.
#
#   deploy/quickstart.sh [--dir FOLDER] [--keep] [--bin FOLDER]
#
#   --dir FOLDER   where everything is kept, default ~/latchkey-demo; a former run's folder is emptied first
#   --keep         leaves it running and says how to use it; the next run stops it
#   --bin FOLDER   programs that are built already; nothing is installed or built then
#
# Runs unattended on Debian 12, as root or with sudo for the packages that are missing. Exit status 0 only if all
# went as it must.
set -eu -o pipefail
exec </dev/null
source_dir=$(cd "$(dirname "$0")/.." && pwd)

dir=${HOME:-/root}/latchkey-demo
# shellcheck source=deploy/demo/broker.sh
. "$source_dir/deploy/demo/broker.sh"
stop_all() {
    stop "$dir/latchkeyd.pid" latchkeyd
    for tpm in "$dir"/tpm1 "$dir"/tpm2; do stop "$tpm/swtpm.pid" swtpm; done
}
take_arguments "$@"

# start_tpm NAME: a TPM with an EK certificate of the demo's own CA; its firmware has measured into PCRs 0 to 7.
start_tpm() {
    "$source_dir/tests/emulators/swtpm/swtpm-up" "$dir/$1" "$dir/tpm-ca" >>"$log" 2>&1
    TPM2TOOLS_TCTI=$(cat "$dir/$1/tcti")
    export TPM2TOOLS_TCTI
    local i
    for i in 0 1 2 3 4 5 6 7; do
        tpm2_pcrextend "$i:sha256=$(printf 'demo firmware, part %s' "$i" | sha256sum | cut -d' ' -f1)" >>"$log" 2>&1
    done
}

# ek_sha256 NAME: what {tpm.ek-sha256} stands for: SHA-256 of the EK's SubjectPublicKeyInfo.
ek_sha256() {
    TPM2TOOLS_TCTI=$(cat "$dir/$1/tcti") tpm2_nvread 0x1c00002 2>>"$log" |
        openssl x509 -inform DER -noout -pubkey | openssl pkey -pubin -outform DER | sha256sum | cut -d' ' -f1
}

write_reference() {
    {
        printf 'schema: latchkey-reference/1\nid: demo-firmware-1\ngroup: demo-firmware\nstate: active\n'
        printf 'from: taken from the demo TPM by quickstart.sh\nmatch:\n'
        tpm2_pcrread sha256:0,1,2,3,4,5,6,7 | sed -n 's/^ *\([0-7]\) *: 0x\([0-9A-F]*\)$/  tpm.pcr.sha256.\1: "\L\2"/p'
    } >"$dir/reference.yaml"
    [ "$(grep -c tpm.pcr "$dir/reference.yaml")" = 8 ] || surprise "the TPM did not show eight PCRs"
}

write_policy() {
    cat >"$dir/policy.yaml" <<'POLICY'
schema: latchkey-policy/1
policy: demo-disk-keys
releases: ["demo/disk/{tpm.ek-sha256}"]      # each machine its own key
accept:
  - name: tpm
    chain: [tpm]
    tpm:
      ek: {any-genuine: {because: "every TPM under the demo's CA may ask; the name binds each key to one"}}
    reference: demo-firmware                 # PCRs 0 to 7 must match one record of this group
POLICY
}

# fetch NAME SECRET OUT: as a machine with that TPM does; its status is the answer's class.
fetch() {
    "$bin/latchkey-fetch" --broker "$address" --broker-id "$broker_id" --secret "$2=$3" \
        --collector "$bin/latchkey-evidence-tpm --ek=rsa --tcti=$(cat "$dir/$1/tcti")"
}

# expect_refusal NAME SECRET: shows it as the guest sees it; sets $decision.
expect_refusal() {
    local status=0
    fetch "$1" "$2" "$dir/must-not-exist" >"$dir/refusal" 2>&1 || status=$?
    sed 's/^/   /' "$dir/refusal"
    [ $status = 1 ] || surprise "exit status $status instead of 1 (refused)"
    [ ! -e "$dir/must-not-exist" ] || surprise "a refused machine got a key"
    grep -q "signature was checked" "$dir/refusal" || surprise "the refusal was not signed by the broker"
    decision=$(sed -n 's/.*latchkey explain \([^ ]*\)$/\1/p' "$dir/refusal" | head -n 1)
    [ -n "$decision" ] || surprise "no decision id"
}

prepare build run

step "Token, TLS certificate, administrator's SSH key"
make_broker
say "SoftHSM2 token \"latchkey\", PIN in a 0600 file; TLS certificate; SSH key $(ssh-keygen -lf "$dir/admin.pub" | cut -d' ' -f2)"

step "latchkey init: keys in the token, store, first administrator (offline)"
show "$bin/latchkey" init --config "$dir/latchkeyd.conf" --admin "admin=$dir/admin.pub" --write-profile "$dir/profile"
export LATCHKEY_PROFILE=$dir/profile
address=$(sed -n 's/^broker = //p' "$dir/profile")
broker_id=$(sed -n 's/^broker-id = //p' "$dir/profile")

step "latchkeyd on $address"
start_broker
sed 's/^/   /' "$dir/status"

step "A machine: a TPM with an EK certificate of a local CA, firmware measured into PCRs 0-7"
start_tpm tpm1
ek1=$(ek_sha256 tpm1)
say "EK $ek1"

step "The TPM maker's CA becomes an anchor, for TPMs only"
show "$bin/latchkey" anchor add demo-tpm-ca --family tpm --certificate "$dir/tpm1/root.pem" --intermediates "$dir/tpm1/issuer.pem"

step "What good firmware measures: a reference record; who gets what: a policy"
write_reference
write_policy
show "$bin/latchkey" reference add "$dir/reference.yaml"
sed 's/^/   | /' "$dir/policy.yaml"
show "$bin/latchkey" policy apply "$dir/policy.yaml"

step "A 32-byte disk key for this machine, sealed to the token"
openssl rand 32 >"$dir/disk.key"
show "$bin/latchkey" secret put "demo/disk/$ek1" --file "$dir/disk.key"

step "The machine asks: EK chain, activation, quote"
fetch tpm1 'demo/disk/{tpm.ek-sha256}' "$dir/fetched.key" 2>&1 | tee "$dir/release" | sed 's/^/   /'
cmp -s "$dir/disk.key" "$dir/fetched.key" || surprise "the key that came back is another"
grep -q "signature was checked" "$dir/release" || surprise "the answer's signature was not checked"
say "the key came back: 32 bytes, equal to what was put; only this machine could open it"

step "Other firmware: PCR 4 changes, and the machine asks again"
TPM2TOOLS_TCTI=$(cat "$dir/tpm1/tcti") tpm2_pcrextend "4:sha256=$(printf 'a bootkit' | sha256sum | cut -d' ' -f1)" >>"$log" 2>&1
expect_refusal tpm1 'demo/disk/{tpm.ek-sha256}'
step "The administrator is told why"
show "$bin/latchkey" explain "$decision" | tee "$dir/explained"
grep -q "tpm.pcr.sha256.4" "$dir/explained" || surprise "the explanation does not name PCR 4"

step "Another genuine machine, with good firmware, asks for the first one's key"
start_tpm tpm2
say "EK $(ek_sha256 tpm2)"
expect_refusal tpm2 "demo/disk/$ek1"
show "$bin/latchkey" explain "$decision"

step "All of it is on record"
show "$bin/latchkey" audit list

if $keep; then
    step "Left running"
    say "export LATCHKEY_PROFILE=$dir/profile PATH=$bin:\$PATH"
    say "latchkey status; latchkey audit list; latchkey policy show demo-disk-keys"
    say "latchkey-fetch --broker $address --broker-id $broker_id --secret NAME=FILE \\"
    say "    --collector \"latchkey-evidence-tpm --ek=rsa --tcti=\$(cat $dir/tpm2/tcti)\""
    say "stop it: kill \$(cat $dir/latchkeyd.pid) \$(cat $dir/tpm1/swtpm.pid) \$(cat $dir/tpm2/swtpm.pid), or run quickstart.sh again"
else
    step "Stopping everything"
    stop_all
    say "stopped; the folder stays: $dir"
fi
printf '\nquickstart: done in %s s\n' "$((SECONDS - started))"
