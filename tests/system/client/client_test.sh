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

# A secret that is made on first use, for the machine whose it is.
sed -e 's/demo-disk-keys/demo-made/; s|demo/disk|demo/made|' "$dir/policy.yaml" >"$dir/made.yaml"
printf 'create-on-first-use: {bytes: 48}\n' >>"$dir/made.yaml"
sed 's|demo/made/{tpm.ek-sha256}|demo/made/all|' "$dir/made.yaml" >"$dir/unbound.yaml"
expect 4 "POLICY_CREATE" latchkey policy check "$dir/unbound.yaml"
expect 0 "revision 1" latchkey policy apply "$dir/made.yaml"
expect 0 "create-on-first-use: {bytes: 48, per-day: 1000}" latchkey policy show demo-made
rm -f "$dir/got"
expect 1 "refused" fetch --secret "demo/made/{tpm.ek-sha256}=$dir/got"
decision=$(sed -n 's/.*latchkey explain \(.*\)/\1/p' "$dir/err")
expect 0 "CREATE_NOT_ASKED" latchkey explain "$decision"
expect 0 "made and released" fetch --create --secret "demo/made/{tpm.ek-sha256}=$dir/got"
[ "$(stat -c %s "$dir/got")" = 48 ] && ok "48 bytes were made" || failed "what was made"
expect 0 '"created":false' fetch --json --create --secret "demo/made/{tpm.ek-sha256}=$dir/again"
cmp -s "$dir/got" "$dir/again" && ok "the same again" || failed "another one was made"
expect 0 "sealed, policy demo-made, made on first use by policy demo-made 1, decision" latchkey secret list demo/made/
expect 0 " create " latchkey audit list --limit 1000
latchkey audit list --limit 1 >"$dir/out" 2>"$dir/err"
[ "$(awk 'NR == 2 {print $3}' "$dir/out")" = release ] && ok "the newest record first" || failed "not the newest record"
expect 0 "^ *0 " latchkey audit list --first 0 --limit 1
expect 0 "warning: no policy covers demo/nobody" latchkey secret put demo/nobody --random 16
expect 0 "sealed, policy none" latchkey secret list demo/nobody
expect 0 "  tpm$" latchkey anchor list
expect 0 "revision" latchkey secret delete "demo/made/$ek"
expect 1 "refused" fetch --create --secret "demo/made/{tpm.ek-sha256}=$dir/again"
decision=$(sed -n 's/.*latchkey explain \(.*\)/\1/p' "$dir/err")
expect 0 "CREATE_DELETED" latchkey explain "$decision"

# A new version; several secrets; one of two that is not there.
head -c 65536 /dev/urandom >"$dir/large"
expect 0 "revision 2" latchkey secret put "demo/disk/$ek" --file "$dir/large"
expect 0 "version 2" fetch --secret "demo/disk/$ek=$dir/got"
cmp -s "$dir/large" "$dir/got" && ok "64 KiB" || failed "64 KiB"
head -c 65537 /dev/urandom >"$dir/large"
expect 4 "TOO_LARGE" latchkey secret put "demo/disk/$ek" --file "$dir/large"
expect 0 "revision 3" latchkey secret put "demo/disk/$ek" --random 16
expect 64 "USAGE" latchkey secret put "demo/disk/$ek" --random 0
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

# Policies: what is shown is what was applied; of two edits from one revision the second is a conflict; a deleted one covers nothing.
expect 0 "revision 4" latchkey secret put "demo/disk/$ek" --file "$dir/odd"
expect 0 "demo-disk-keys" latchkey policy list
expect 0 "demo-disk-keys" latchkey policy list demo-d
latchkey policy list demo-h 2>"$dir/err" | grep -q demo-disk && failed "a prefix that does not hold" || ok "policy list by prefix"
latchkey policy show demo-disk-keys >"$dir/shown.yaml" 2>"$dir/err"
latchkey policy show --file "$dir/policy.yaml" >"$dir/compiled.yaml" 2>"$dir/err"
cmp -s "$dir/shown.yaml" "$dir/compiled.yaml" && ok "shown as applied" || failed "shown otherwise than applied"
expect 0 "revision 2" latchkey policy apply "$dir/shown.yaml"
for edit in first second; do
    sed "s|^releases: .*|releases: [\"demo/disk/{tpm.ek-sha256}\", \"demo/$edit/{tpm.ek-sha256}\"]|" "$dir/policy.yaml" >"$dir/$edit.yaml"
done
# The first edit is made while the second one is being signed: latchkey signs the question for the revision, then the change.
mkdir "$dir/path"
cat >"$dir/path/ssh-keygen" <<WRAPPER
#!/bin/sh
printf x >>"$dir/path/count"
[ "\$(cat "$dir/path/count")" != xx ] || PATH=$PATH latchkey policy apply "$dir/first.yaml" >"$dir/race" 2>&1 </dev/null
PATH=$PATH exec ssh-keygen "\$@"
WRAPPER
chmod 0700 "$dir/path/ssh-keygen"
expect 1 "CHANGE_CONFLICT" env PATH="$dir/path:$PATH" latchkey policy apply "$dir/second.yaml"
grep -q "revision 3" "$dir/race" && ok "the first edit stands" || failed "the first edit: $(cat "$dir/race")"
expect 0 "demo/first" latchkey policy show demo-disk-keys
expect 0 "demo-disk-keys" latchkey policy delete demo-disk-keys
expect 1 "NOT_FOUND" latchkey policy show demo-disk-keys
expect 1 "NOT_FOUND" latchkey policy delete demo-disk-keys
expect 1 "refused" fetch --secret "demo/disk/$ek=$dir/got"
expect 0 "revision 4" latchkey policy apply "$dir/policy.yaml"
expect 0 "released" fetch --secret "demo/disk/$ek=$dir/got"

# Reference records: staged matches nothing, active does, retired is refused by name; a client that waits heals by itself.
expect 0 "demo-firmware-1" latchkey reference list
expect 0 "state: active" latchkey reference show demo-firmware-1
for state in staged retired; do
    sed "s/^state: .*/state: $state/" "$dir/reference.yaml" >"$dir/$state.yaml"
    expect 0 "reference demo-firmware-1: revision" latchkey reference add "$dir/$state.yaml"
    expect 0 "state: $state" latchkey reference show demo-firmware-1
    fetch --secret "demo/disk/$ek=$dir/got" >"$dir/out" 2>"$dir/err"
    got=$?
    [ $got = 1 ] || [ $got = 3 ] && ok "$state: no release" || failed "$state: status $got"
    decision=$(sed -n 's/.*latchkey explain \(.*\)/\1/p' "$dir/err")
    expect 0 "REFERENCE_${state^^}" latchkey explain "$decision"
done
rm -f "$dir/got"
fetch --on-refused wait --timeout 60 --secret "demo/disk/$ek=$dir/got" >"$dir/waiting" 2>&1 &
waiting=$!
sleep 1
[ ! -e "$dir/got" ] && ok "the client waits" || failed "released under a retired record"
expect 0 "revision" latchkey reference add "$dir/reference.yaml"
wait $waiting && cmp -s "$dir/odd" "$dir/got" && ok "it healed by itself" || { cp "$dir/waiting" "$dir/err"; failed "it did not heal"; }
expect 0 "demo-firmware-1" latchkey reference delete demo-firmware-1
expect 1 "NOT_FOUND" latchkey reference show demo-firmware-1
fetch --secret "demo/disk/$ek=$dir/got" >/dev/null 2>"$dir/err" && failed "released without a record" || ok "no record, no release"
expect 0 "revision" latchkey reference add "$dir/reference.yaml"

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
