#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# client_test.sh BIN: the quickstart as it is, then latchkey and latchkey-fetch against the broker that it leaves running.
set -u -o pipefail
exec </dev/null
bin=$(cd "$1" && pwd)
source_dir=$(cd "$(dirname "$0")/../../.." && pwd)
for tool in swtpm tpm2_pcrextend softhsm2-util ssh-keygen openssl; do
    command -v $tool >/dev/null || { echo "SKIPPED: no $tool"; exit 77; }
done
[ -x "$bin/latchkey-evidence-tpm" ] || { echo "SKIPPED: latchkey-evidence-tpm is not built"; exit 77; }

dir=$(mktemp -d)
failures=0
stop_all() {
    local file
    for file in "$dir"/latchkeyd.pid "$dir"/tpm?/swtpm.pid; do
        [ ! -s "$file" ] || kill "$(cat "$file")" 2>/dev/null
    done
    sleep 1
    rm -rf "$dir"
}
trap stop_all EXIT

ok() { printf 'ok      %s\n' "$1"; }
failed() {
    printf 'FAILED  %s\n' "$1"
    sed 's/^/        /' "$dir/err" 2>/dev/null | head -n 20
    failures=$((failures + 1))
}
# expect STATUS TEXT COMMAND...: exit status, and TEXT somewhere in what it wrote
expect() {
    local status=$1 text=$2 name
    shift 2
    name="${*##*/}"
    "$@" >"$dir/out" 2>"$dir/err"
    local got=$?
    if [ $got != "$status" ]; then
        failed "status $got, not $status: ${name:0:90}"
    elif ! cat "$dir/out" "$dir/err" | tr -d '\0' | grep -a -q -e "$text"; then
        failed "no \"$text\": ${name:0:90}"
    else
        ok "$status $text: ${name:0:80}"
    fi
}

"$source_dir/deploy/quickstart.sh" --bin "$bin" --dir "$dir" --keep >"$dir.log" 2>&1 || {
    cat "$dir.log"
    rm -f "$dir.log"
    exit 1
}
rm -f "$dir.log"
ok "quickstart"

export LATCHKEY_PROFILE=$dir/profile PATH=$bin:$PATH
address=$(sed -n 's/^broker = //p' "$dir/profile")
id=$(sed -n 's/^broker-id = //p' "$dir/profile")
other_id=$(printf '%064d' 0)
tpm="latchkey-evidence-tpm --ek=rsa --tcti=$(cat "$dir/tpm2/tcti")"
ek=$(TPM2TOOLS_TCTI=$(cat "$dir/tpm2/tcti") tpm2_nvread 0x1c00002 2>/dev/null |
    openssl x509 -inform DER -noout -pubkey | openssl pkey -pubin -outform DER | sha256sum | cut -d' ' -f1)
fetch() { latchkey-fetch --broker "$address" --broker-id "$id" --collector "$tpm" --timeout 20 "$@"; }

printf '\000secret\nwith odd bytes' >"$dir/odd"
expect 0 "revision 1" latchkey secret put "demo/disk/$ek" --file "$dir/odd"

# What comes out, and where.
expect 0 "released" fetch --secret "demo/disk/$ek=$dir/got"
cmp -s "$dir/odd" "$dir/got" && ok "the bytes are exactly those" || failed "other bytes came back"
[ "$(stat -c %a "$dir/got")" = 600 ] && ok "mode 0600" || failed "mode of the file"
expect 0 "released" fetch --secret "demo/disk/{tpm.ek-sha256}"
cmp -s "$dir/odd" "$dir/out" && ok "standard output has nothing else" || failed "standard output"
fetch --secret "demo/disk/$ek" --out-fd 9 9>"$dir/got9" 2>"$dir/err"
cmp -s "$dir/odd" "$dir/got9" && ok "a descriptor" || failed "a descriptor"
sed -e 's/demo-disk-keys/demo-hsm-keys/; s|demo/disk|demo/hsm|' "$dir/policy.yaml" >"$dir/hsm.yaml"
printf 'kek: in-token\n' >>"$dir/hsm.yaml"
expect 0 "revision 1" latchkey policy apply "$dir/hsm.yaml"
expect 0 "revision 1" latchkey secret put "demo/hsm/$ek" --file "$dir/odd" --kek in-token
for suite in disk:x25519 disk:p256 hsm:rsa2048 hsm:rsa3072 hsm:rsa4096; do
    rm -f "$dir/got"
    expect 0 "released" fetch --suite "${suite#*:}" --secret "demo/${suite%:*}/$ek=$dir/got"
    cmp -s "$dir/odd" "$dir/got" && ok "suite $suite" || failed "suite $suite"
done
expect 1 "refused" fetch --suite x25519 --secret "demo/hsm/$ek=$dir/got"
expect 0 '"event":"released"' fetch --json --secret "demo/disk/$ek=$dir/got"
expect 8 "OUTPUT" fetch --secret "demo/disk/$ek=$dir/no/such/folder"

# A new version; several secrets; one of two that is not there.
head -c 65536 /dev/urandom >"$dir/large"
expect 0 "revision 2" latchkey secret put "demo/disk/$ek" --file "$dir/large"
expect 0 "version 2" fetch --secret "demo/disk/$ek=$dir/got"
cmp -s "$dir/large" "$dir/got" && ok "64 KiB" || failed "64 KiB"
head -c 65537 /dev/urandom >"$dir/large"
expect 4 "TOO_LARGE" latchkey secret put "demo/disk/$ek" --file "$dir/large"
expect 0 "revision 3" latchkey secret put "demo/disk/$ek" --random 16
expect 1 "latchkey explain" fetch --secret "demo/disk/$ek=$dir/got" --secret "demo/none=$dir/none"
[ "$(stat -c %s "$dir/got")" = 16 ] && ok "what was released is written all the same" || failed "partial release"
[ ! -e "$dir/none" ] && ok "what was refused is not" || failed "refused but written"

# Whom a guest believes, and when it tries again.
expect 6 "ANSWER_BROKER" latchkey-fetch --broker "$address" --broker-id "$other_id" --collector "$tpm" --timeout 5 --secret x
expect 5 "BROKER_UNREACHABLE" latchkey-fetch --broker 127.0.0.1:1 --broker-id "$id" --collector "$tpm" --timeout 3 --secret x
expect 0 "released" latchkey-fetch --broker 127.0.0.1:1 --broker "$address" --broker-id "$id" --collector "$tpm" \
    --secret "demo/disk/$ek=$dir/got"
expect 0 "released" fetch --ca "$dir/tls.pem" --secret "demo/disk/$ek=$dir/got"
expect 6 "BROKER_TLS" fetch --ca "$dir/tpm1/root.pem" --secret "demo/disk/$ek=$dir/got"
expect 7 "COLLECTOR_START" fetch --collector /nonexistent --secret "demo/disk/$ek=$dir/got"
expect 7 "COLLECTOR" latchkey-fetch --broker "$address" --broker-id "$id" --collector latchkey-evidence-snp --timeout 5 --secret "demo/disk/$ek"
expect 1 "next try" fetch --on-refused wait --timeout 8 --secret demo/none
expect 1 "refused" fetch --on-refused exit --secret demo/none

# An SEV-SNP guest: the collector reads an emulated configfs-tsm whose root of trust is an anchor here.
sp=$dir/sp emulator=$bin/amd-sp-emulator measurement=$(printf '%096d' 7) chip=$(printf '%0128d' 9)
"$emulator" --dir "$sp" make-root --product milan >/dev/null 2>"$dir/err" || failed "an emulated secure processor"
"$source_dir/tests/system/client/tsm_kernel.sh" "$dir/tsm" "$sp" "$emulator" --measurement "$measurement" --chip-id "$chip" &
kernel=$!
cat >"$dir/snp.yaml" <<POLICY
schema: latchkey-policy/1
policy: demo-snp
releases: ["demo/snp/{sev-snp.chip-id}"]
accept:
  - name: snp
    chain: [sev-snp]
    sev-snp:
      measurement: {in: ["$measurement"]}
      platform-alias-check: {skip: {because: "the emulator has none"}}
      tcb-floor: {milan: {bootloader: 0, tee: 0, snp: 0, microcode: 0}}
POLICY
snp() {
    latchkey-fetch --broker "$address" --broker-id "$id" --collector "latchkey-evidence-snp --tsm-root $dir/tsm" --timeout 20 "$@"
}
expect 0 "revision 1" latchkey policy apply "$dir/snp.yaml"
expect 0 "revision 1" latchkey secret put "demo/snp/$chip" --file "$dir/odd"
rm -f "$dir/got"
expect 2 "latchkey explain" snp --secret "demo/snp/{sev-snp.chip-id}=$dir/got"
expect 0 "revision 1" latchkey anchor add demo-amd --family sev-snp --certificate "$sp/ark.der"
expect 0 "released" snp --secret "demo/snp/{sev-snp.chip-id}=$dir/got"
cmp -s "$dir/odd" "$dir/got" && ok "an SNP guest's key" || failed "an SNP guest's key"
kill $kernel
wait $kernel 2>/dev/null
"$source_dir/tests/system/client/tsm_kernel.sh" "$dir/tsm" "$sp" "$emulator" --chip-id "$chip" --measurement "$(printf '%096d' 8)" &
kernel=$!
expect 1 "refused" snp --secret "demo/snp/{sev-snp.chip-id}=$dir/got"
decision=$(sed -n 's/.*latchkey explain \(.*\)/\1/p' "$dir/err")
expect 0 "sev-snp.measurement" latchkey explain "$decision"
kill $kernel
wait $kernel 2>/dev/null

# Administrators.
ssh-keygen -q -t ecdsa -N '' -f "$dir/second"
ssh-keygen -q -t ed25519 -N '' -f "$dir/stranger"
expect 0 "revision 1" latchkey admin add second --ssh-key "$dir/second.pub"
expect 0 "second" latchkey admin list --key "$dir/second"
expect 2 "CHANGE_SIGNER" latchkey admin list --key "$dir/stranger"
expect 2 "ANSWER_BROKER" latchkey status --broker-id "$other_id"
expect 0 "revision" latchkey admin delete second
expect 2 "CHANGE_SIGNER" latchkey secret list --key "$dir/second"
expect 1 "CHANGE_LAST_ADMIN" latchkey admin delete admin
expect 1 "NOT_FOUND" latchkey secret delete demo/none
expect 0 "revision" latchkey secret delete "demo/disk/$ek"
expect 1 "refused" fetch --secret "demo/disk/$ek=$dir/got"
expect 1 "NOT_FOUND" latchkey explain 0000-0000-0000
expect 0 '"findings"' latchkey audit show 3 --json
expect 64 "a name is needed" latchkey secret put
expect 4 "profile" latchkey status --profile /nonexistent

grep -a -q -F 'with odd bytes' "$dir/latchkeyd.log" && failed "a secret in the log" || ok "no secret in the log"
printf '%s failures\n' $failures
[ $failures = 0 ]
