#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# appraise_test.sh BIN: the contract of `latchkey appraise` (docs/man/latchkey-appraise.1) and the policy commands
# that need no broker, on evidence of the software secure processor.
set -u
bin=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 1
failed=0

# expect EXIT CODE COMMAND...: the exit code, and the reason code in its output ("" for any).
expect() {
    local exit_code=$1 code=$2
    shift 2
    "$@" >out 2>err
    local got=$?
    if [ "$got" != "$exit_code" ] || { [ -n "$code" ] && ! grep -q -- "$code" out err; }; then
        echo "FAILED: $* : exit $got, wanted $exit_code $code"
        cat out err
        failed=1
    else
        echo "ok: exit $got ${code:+$code }${*:2:60}" | cut -c1-160
    fi
}

emulator=$bin/amd-sp-emulator latchkey=$bin/latchkey
binding=$(printf 'b1%.0s' $(seq 64)) half=$(printf 'b1%.0s' $(seq 32))
measurement=$(printf 'a5%.0s' $(seq 48)) other=$(printf '5a%.0s' $(seq 48))
"$emulator" --dir sp make-root --product milan || exit 1
report() { # report NAME FIELD...
    local name=$1
    shift
    mkdir -p "$name" && "$emulator" --dir sp report --out "$name" --report-data "$binding" --measurement "$measurement" "$@" || exit 1
}
report good
report debug --policy 0xb0000
report vmpl1 --vmpl 1
item() { echo "sev-snp:report=$1/outblob,vek=$1/vek.der,chain=sp/cert_chain.pem"; }
appraise() { "$latchkey" appraise "$@"; }
trust=(--trust sev-snp:sp/ark.der)

# Classes and exit codes.
expect 0 affirmed appraise "${trust[@]}" --binding "$binding" "$(item good)"
expect 0 affirmed appraise "${trust[@]}" --any-binding "sev-snp:report=good/outblob,certs=good/auxblob"
expect 1 SNP_POLICY_DEBUG appraise "${trust[@]}" --binding "$binding" "$(item debug)"
expect 1 SNP_VMPL appraise "${trust[@]}" --binding "$binding" "$(item vmpl1)"
expect 2 SNP_ARK_UNTRUSTED appraise --binding "$binding" "$(item good)"
expect 2 BINDING_MISMATCH appraise "${trust[@]}" --binding "${binding%b1}b2" "$(item good)"
expect 2 BINDING_MISMATCH appraise "${trust[@]}" --binding "$half" "$(item good)"
expect 3 SNP_VEK_MISSING appraise "${trust[@]}" --binding "$binding" "sev-snp:report=good/outblob,chain=sp/cert_chain.pem"
expect 3 CERT_ appraise "${trust[@]}" --at 1999-01-01T00:00:00Z --binding "$binding" "$(item good)"
head -c 1183 good/outblob >short
expect 4 "" appraise "${trust[@]}" --binding "$binding" "sev-snp:report=short,vek=good/vek.der,chain=sp/cert_chain.pem"
cp good/outblob flipped && printf '\377' | dd of=flipped bs=1 seek=144 conv=notrunc status=none
expect 2 SNP_SIGNATURE appraise "${trust[@]}" --any-binding "sev-snp:report=flipped,vek=good/vek.der,chain=sp/cert_chain.pem"

# A trust document, collateral from a folder, records and policies.
printf 'schema: latchkey-trust/1\nanchors:\n  - {family: sev-snp, name: lab, certificate: sp/ark.der}\n' >trust.yaml
expect 0 affirmed appraise --trust trust.yaml --binding "$binding" "$(item good)"
mkdir collateral && cp sp/crl.der collateral/sev-snp_crl_milan.der && echo note >collateral/README
expect 0 "is no collateral" appraise "${trust[@]}" --collateral collateral --binding "$binding" "$(item good)"
policy() { # policy NAME MEASUREMENT
    cat >"$1.yaml" <<POLICY
schema: latchkey-policy/1
policy: $1
accept:
  - name: milan
    chain: [sev-snp]
    sev-snp:
      product: [milan, genoa]
      $2
      tcb-floor: {milan: {bootloader: 0, tee: 0, snp: 0, microcode: 0}}
      guest-policy: {debug: deny, migrate-ma: deny}
      platform-info: {alias-check: {skip: {because: "a test's machine has no memory"}}}
      vmpl: 0
$3
POLICY
}
policy pinned "measurement: $measurement" ""
policy other "measurement: $other" ""
policy records "" "    reference: images"
expect 0 "pinned/milan: affirmed" appraise "${trust[@]}" --policy pinned.yaml --binding "$binding" "$(item good)"
expect 1 "other/milan/sev-snp.measurement" appraise "${trust[@]}" --policy other.yaml --binding "$binding" "$(item good)"
expect 3 REFERENCE_MISSING appraise "${trust[@]}" --policy records.yaml --binding "$binding" "$(item good)"
expect 0 "" appraise "${trust[@]}" --json --binding "$binding" "$(item good)"
cp out appraisal.json
expect 0 sev-snp.measurement "$latchkey" reference make --id image-1 --group images --from appraisal.json
cp out record.yaml
expect 0 "image-1: ok" "$latchkey" reference check record.yaml
expect 0 affirmed appraise "${trust[@]}" --policy records.yaml --reference record.yaml --binding "$binding" "$(item good)"
sed "s/$measurement/$other/" record.yaml >other-record.yaml
expect 1 "image-1/sev-snp.measurement" appraise "${trust[@]}" --policy records.yaml --reference other-record.yaml --binding "$binding" "$(item good)"

# The JSON of the contract.
expect 1 "" appraise "${trust[@]}" --json --policy other.yaml --binding "$binding" "$(item good)"
python3 - out <<'PYTHON' || failed=1
import json, sys
a = json.load(open(sys.argv[1]))
assert a["verdict"] == "refused", a["verdict"]
r = a["reasons"][0]
assert {"code", "class", "item", "detail", "expected", "actual"} <= set(r), r
assert (r["code"], r["class"], r["item"]) == ("SNP_MEASUREMENT", "refused", "sev-snp"), r
assert r["expected"] == "5a" * 48 and r["actual"] == "a5" * 48
assert a["claims"]["sev-snp"]["vmpl"] == 0 and a["chain"][0]["rooted"] is True
print("ok: the JSON has the contract's shape")
PYTHON

printf 'schema: [' >broken.yaml

# Wrong usage is 64, before anything is judged.
expect 64 "one of --binding and --any-binding" appraise "$(item good)"
expect 64 "--binding or --any-binding, not both" appraise --any-binding --binding "$binding" "$(item good)"
expect 64 "32 or 64 bytes" appraise --binding b1b1 "$(item good)"
expect 64 "an item is needed" appraise --any-binding
expect 64 "no family" appraise --any-binding vax:quote=short
expect 64 'no part "rapport"' appraise --any-binding sev-snp:rapport=short
expect 64 "given twice" appraise --any-binding sev-snp:report=short,report=short
expect 64 "cannot be read" appraise --any-binding sev-snp:report=nothing-here
expect 64 "is not part=file" appraise --any-binding sev-snp:report
expect 64 "is not family:part=file" appraise --any-binding report.bin
expect 64 "a time such as" appraise --any-binding --at yesterday "$(item good)"
expect 64 POLICY_SYNTAX appraise --any-binding --policy broken.yaml "$(item good)"
expect 64 "missing.yaml: error: FILE" appraise --any-binding --policy missing.yaml "$(item good)"
expect 64 "no folder" appraise --any-binding --collateral nowhere "$(item good)"
expect 64 "" "$latchkey" no-such-command

# policy check: place, code, exit.
sed 's/measurement:/measurment:/' pinned.yaml >typo.yaml
expect 4 "typo.yaml:8:7: error: POLICY_CLAIM" "$latchkey" policy check typo.yaml
expect 4 POLICY_OPEN_CLAIM "$latchkey" policy check <(sed '/measurement/d' pinned.yaml)
expect 0 "policy pinned: ok" "$latchkey" policy check pinned.yaml other.yaml
expect 0 "measurement: \"$measurement\"" "$latchkey" policy show --file pinned.yaml
exit $failed
