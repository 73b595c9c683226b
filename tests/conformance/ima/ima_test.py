#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""ima_test.py LATCHKEY VECTORS: public IMA lists through `latchkey ima`."""
import os
import subprocess
import sys

latchkey, vectors = sys.argv[1:3]
if not os.path.isdir(vectors):
    print(f"SKIPPED: no vectors at {vectors}")
    sys.exit(77)
failed = 0


def row(what, wanted, text, *args):
    global failed
    p = subprocess.run([latchkey, "ima", *args], capture_output=True, text=True, check=False)
    ok = p.returncode == wanted and text in p.stdout + p.stderr
    print(f"{'ok' if ok else 'FAILED'}: {what}: exit {p.returncode}" + ("" if ok else "\n" + p.stdout[-600:] + p.stderr))
    failed += not ok


s, v = f"{vectors}/tpm/swtpm-selfmade", f"{vectors}/tpm/ima"


def quoted(name, bank_offset, size, place):
    """A PCR of a quote's raw values."""
    with open(f"{s}/{name}.pcrvalues", "rb") as f:
        data = f.read()
    return data[bank_offset + place * size:][:size].hex()


# The quote covers PCR 0 to 9, 10 and 14 of sha256: the eleventh value is PCR 10.
pcr10 = quoted("quote-rsa-sha256", 0, 32, 10)
for form in ("ascii", "binary"):
    row(f"our {form} list: 40 entries are covered, 2 are not", 0, "40 entries, 1 violations, 2 entries follow", "replay",
        f"{s}/ima-{form}.log", "--pcr10", pcr10)
    row(f"our {form} list and another value", 1, "no prefix gives the value", "replay", f"{s}/ima-{form}.log", "--pcr10", "11" * 32)
    row(f"our {form} list, shown", 0, "VIOLATION", "show", f"{s}/ima-{form}.log")
acs = f"{v}/acs-imasig-binary.log"
row("acs: SHA-1", 1, "entry 1080 has another template hash", "replay", acs, "--pcr10", "f8e65e48a831bd650a348836486b8870d46fdf09")
row("acs: SHA-256", 1, "entry 1080 has another template hash", "replay", acs, "--pcr10",
    "8e769b493d06e4670c39b519fec30d7c369dd84c9b3f9c45b91bbb93cb1f18ae")
for name, n in (("keylime-entries-ascii.log", 6), ("keylime-measurements-ascii.log", 3), ("keylime-keyrings-ima-buf-ascii.log", 1)):
    row(f"{name}: every template hash is that of its data", 0, f"{n} entries, 0 violations\n", "replay", f"{v}/{name}")
row("a certificate is no list", 4, "IMA_", "show", f"{v}/acs-imasig-signer-cert.der")

# The whole chain: quote, event log and list; Secure Boot is off on that machine.
nonce = b"broker-nonce-0123456789abcdef-32".hex()
tpm = (f"tpm:attest={s}/quote-rsa-sha256.attest,signature={s}/quote-rsa-sha256.sig,public={s}/ak-rsa.tpm2b,"
       f"pcrs={s}/quote-rsa-sha256.pcrvalues,ak-cert={s}/ak-rsa-cert.pem")


def appraise(what, wanted, text, logs):
    global failed
    p = subprocess.run([latchkey, "appraise", "--json", "--at", "2026-12-01T00:00:00Z", "--binding", nonce, "--trust",
                        f"tpm:{s}/privacy-ca.pem", tpm + logs], capture_output=True, text=True, check=False)
    ok = p.returncode == wanted and text in p.stdout
    print(f"{'ok' if ok else 'FAILED'}: {what}: exit {p.returncode}" + ("" if ok else "\n" + p.stdout[:1500] + p.stderr))
    failed += not ok


appraise("a violation is refused by default", 1, '"IMA_POLICY"', f",ima={s}/ima-binary.log")
appraise("event log and list in one bundle", 1, '"EVENTLOG_SECURE_BOOT"', f",eventlog={s}/eventlog.bin,ima={s}/ima-ascii.log")
appraise("another machine's list", 2, '"IMA_REPLAY"', f",ima={acs}")
sys.exit(failed != 0)
