#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# appraise_test.sh LATCHKEY VECTORS: public evidence through `latchkey appraise`: class, exit code, first reason.
# The families' own conformance tests go through every vector; here each class of the contract is met once and more.
set -u
latchkey=$1 v=$2
[ -d "$v" ] || { echo "SKIPPED: no vectors at $v"; exit 77; }
failed=0

# row EXIT CODE ARGUMENTS...
row() {
    local exit_code=$1 code=$2 got first
    shift 2
    out=$("$latchkey" appraise --json "$@" 2>&1)
    got=$?
    first=$(python3 -c 'import json,sys; r=json.load(sys.stdin); print(r["verdict"], r["reasons"][0]["code"] if r["reasons"] else "OK")' <<<"$out" 2>/dev/null)
    case $exit_code in
    0) want="affirmed OK" ;;
    1) want="refused $code" ;;
    2) want="not-authentic $code" ;;
    3) want="cannot-judge $code" ;;
    4) want="malformed $code" ;;
    esac
    if [ "$got" != "$exit_code" ] || [ "$first" != "$want" ]; then
        echo "FAILED: exit $got, \"$first\", wanted $exit_code \"$want\": $*"
        failed=1
    else
        echo "ok: exit $got $first"
    fi
}

snp() { echo "sev-snp:report=$v/snp/$1,vek=$v/snp/$2,chain=$v/snp/roots/$3-cert_chain.pem"; }
at=(--at 2026-07-01T00:00:00Z --any-binding)
row 0 "" "${at[@]}" "$(snp milan-v2-plain.report.bin milan-v2-plain.vcek.der milan-vcek)"
row 0 "" "${at[@]}" "$(snp milan-v3-aci.report.bin milan-v3-aci.vcek.pem milan-vcek)"
row 0 "" "${at[@]}" "$(snp genoa-v5-modelA0.report.bin genoa-v5-modelA0.vcek.der genoa-vcek)"
row 0 "" "${at[@]}" "$(snp turin-v5.report.bin turin-v5.vcek.pem turin-vcek)"
row 0 "" "${at[@]}" "sev-snp:report=$v/snp/genoa-v3-tsm.outblob.bin,certs=$v/snp/genoa-v3-tsm.auxblob.bin"
row 1 SNP_POLICY_DEBUG "${at[@]}" "$(snp milan-v2-debug.report.bin milan-v2-debug.vcek.der milan-vcek)"
row 1 SNP_VMPL --at 2025-06-01T00:00:00Z --any-binding "$(snp milan-v3-vlek.report.bin milan-v3-vlek.vlek.der milan-vlek)"
row 2 SNP_CHIP_ID_MISMATCH "${at[@]}" "$(snp turin-v5.report.bin turin-zero-tcb.vcek.der turin-vcek)"
row 2 BINDING_MISMATCH --at 2026-07-01T00:00:00Z --binding "$(printf '00%.0s' $(seq 64))" "$(snp milan-v2-plain.report.bin milan-v2-plain.vcek.der milan-vcek)"
row 3 CERT_EXPIRED --at 2026-03-01T00:00:00Z --any-binding "$(snp milan-v3-vlek.report.bin milan-v3-vlek.vlek.der milan-vlek)"
row 3 SNP_VEK_MISSING "${at[@]}" "sev-snp:report=$v/snp/milan-v2-plain.report.bin"
row 4 SNP_SIZE "${at[@]}" "sev-snp:report=$v/snp/milan-v2-plain.vcek.der"

s=$v/tpm/swtpm-selfmade
nonce=$(printf 'broker-nonce-0123456789abcdef-32' | od -An -tx1 | tr -d ' \n')
tpm() { echo "tpm:attest=$s/$1.attest,signature=$s/$1.sig,public=$s/$2.tpm2b,pcrs=$s/$1.pcrvalues$3"; }
ek=",ek-cert=$s/ek-rsa2048.der,ek-public=$s/ek-rsa2048.tpm2b,chain=$s/swtpm-local-ca.pem"
by_ek=(--at 2026-12-01T00:00:00Z --binding "$nonce" --trust "tpm:$s/swtpm-root-ca.pem")
by_ak=(--at 2026-12-01T00:00:00Z --binding "$nonce" --trust "tpm:$s/privacy-ca.pem")
row 0 "" "${by_ek[@]}" --assume-activated "$(tpm quote-rsa-sha256 ak-rsa "$ek")"
row 0 "" "${by_ek[@]}" --assume-activated "$(tpm quote-p384-sha384 ak-p384 "$ek")"
row 0 "" "${by_ak[@]}" "$(tpm quote-rsa-sha256 ak-rsa ",ak-cert=$s/ak-rsa-cert.pem")"
row 2 UNANCHORED "${by_ek[@]}" "$(tpm quote-rsa-sha256 ak-rsa "$ek")"
row 2 UNANCHORED "${by_ek[@]}" "$(tpm quote-rsa-sha256 ak-rsa ",ak-cert=$s/ak-rsa-cert.pem")"
row 2 TPM_SIGNATURE "${by_ek[@]}" --assume-activated "$(tpm quote-rsa-sha256 ak-reset "$ek")"
row 2 BINDING_MISMATCH "${by_ek[@]:0:2}" --binding "${nonce%32}33" "${by_ek[@]:4}" --assume-activated "$(tpm quote-rsa-sha256 ak-rsa "$ek")"
row 1 TPM_SHA1_BANK "${by_ek[@]}" --assume-activated "$(tpm quote-rsa-threebanks ak-rsa "$ek")"
# The vector's JSON wraps the banks; the command line takes {bank: {index: hex}}.
g=$v/tpm/gce-cos-85
pcrs=$(mktemp)
trap 'rm -f "$pcrs"' EXIT
python3 -c 'import json,sys; json.dump(json.load(open(sys.argv[1]))["pcrs"], sys.stdout)' "$g/pcrs.json" >"$pcrs"
row 0 "" --at 2023-11-14T00:00:00Z --any-binding --trust "tpm:$v/tpm/gcp-ca/tpm_ek_root_1.cer" \
    "tpm:attest=$g/quote-pcrs-sha256.attest,signature=$g/quote-pcrs-sha256.sig,public=$g/ak-public.tpmt,pcrs=$pcrs,ak-cert=$g/ak-cert.der,chain=$v/tpm/gcp-ca/tpm_ek_intermediate_2.crt"

# Two machines are not one: an SNP report and a TPM that nothing links are two roots.
row 2 CHAIN_TWO_ROOTS --at 2026-12-01T00:00:00Z --any-binding --trust "tpm:$s/privacy-ca.pem" \
    "$(snp milan-v3-aci.report.bin milan-v3-aci.vcek.pem milan-vcek)" "$(tpm quote-rsa-sha256 ak-rsa ",ak-cert=$s/ak-rsa-cert.pem")"
exit $failed
