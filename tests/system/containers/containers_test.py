#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""containers_test.py BIN: initdata and an attestation agent's log through `latchkey appraise`, under policies, on evidence of the
software secure processor and the software quoting enclave."""
import hashlib
import json
import pathlib
import struct
import subprocess
import sys
import tempfile

BIN = pathlib.Path(sys.argv[1]).resolve()
BINDING = "b1" * 64
MEASUREMENT = "a5" * 48
failed = False


def run(program, *args, cwd):
    subprocess.run([BIN / program, *args], cwd=cwd, check=True, stdout=subprocess.DEVNULL)


def appraise(where, what, exit_code, code, *args):
    """One appraisal; the exit and the first reason's code are as told."""
    global failed
    done = subprocess.run([BIN / "latchkey", "appraise", "--json", "--binding", BINDING, *args], cwd=where, capture_output=True, text=True)
    try:
        out = json.loads(done.stdout)
    except json.JSONDecodeError:
        out = {"reasons": [{"code": done.stderr}]}
    first = out["reasons"][0] if out["reasons"] else {"code": "OK"}
    good = done.returncode == exit_code and first["code"] == code
    failed |= not good
    print("ok  " if good else "FAIL", what, done.returncode, first)
    return out


def initdata(where):
    document = b"version = \"0.1.0\"\nalgorithm = \"sha384\"\n[data]\n\"aa.toml\" = '''\n[token]\n'''\n\"policy.rego\" = \"package agent\"\n"
    digest = hashlib.sha384(document).digest()
    (where / "doc.toml").write_bytes(document)
    (where / "other.toml").write_bytes(document.replace(b"package agent", b"package other"))
    run("amd-sp-emulator", "--dir", "sp", "make-root", "--product", "milan", cwd=where)
    fields = ["--report-data", BINDING, "--measurement", MEASUREMENT]
    for name, host_data in (("snp", digest[:32]), ("bare", bytes(32))):
        run("amd-sp-emulator", "--dir", "sp", "report", "--out", name, *fields, "--host-data", host_data.hex(), cwd=where)

    def policy(name, rule):
        (where / name).write_text(f"""schema: latchkey-policy/1
policy: coco
accept:
  - name: milan
    chain: [sev-snp, initdata]
    sev-snp:
      product: [milan]
      measurement: {MEASUREMENT}
      tcb-floor: {{milan: {{bootloader: 0, tee: 0, snp: 0, microcode: 0}}}}
      platform-info: {{alias-check: {{skip: {{because: "a test's machine has no memory"}}}}}}
    initdata:
      {rule}
""")

    rego = hashlib.sha256(b"package agent").hexdigest()
    toml = hashlib.sha256(b"[token]\n").hexdigest()
    policy("good.yaml", f'files: ["sha256:{rego} policy.rego", "sha256:{toml} aa.toml"]')
    policy("bad.yaml", f'files: ["sha256:{toml} policy.rego", "sha256:{toml} aa.toml"]')
    policy("whole.yaml", f'files: {{skip: {{because: "the digest is pinned"}}}}\n      digest: {digest.hex()}')
    item = lambda name: f"sev-snp:report={name}/outblob,vek={name}/vek.der,chain=sp/cert_chain.pem"
    trust = ["--trust", "sev-snp:sp/ark.der", "--policy"]
    appraise(where, "initdata as released", 0, "OK", *trust, "good.yaml", item("snp"), "initdata:document=doc.toml")
    appraise(where, "pinned as a whole", 0, "OK", *trust, "whole.yaml", item("snp"), "initdata:document=doc.toml")
    out = appraise(where, "another policy.rego is wanted", 1, "INITDATA_CONTENT", *trust, "bad.yaml", item("snp"), "initdata:document=doc.toml")
    if "policy.rego" not in out["reasons"][0]["actual"]:
        sys.exit("FAIL: the refusal does not name the text")
    appraise(where, "a document that HOST_DATA does not hold", 2, "UNANCHORED", *trust, "good.yaml", item("snp"), "initdata:document=other.toml")
    appraise(where, "a machine without initdata", 2, "UNANCHORED", *trust, "good.yaml", item("bare"), "initdata:document=doc.toml")
    appraise(where, "a bundle without the document", 1, "CHAIN_MISSING_ITEM", *trust, "good.yaml", item("snp"))


def event(index, data):
    digest = hashlib.sha384(data).digest()
    return struct.pack("<IIIH", index, 6, 1, 0x0C) + digest + struct.pack("<I", len(data)) + data


def tagged(text):
    return b"LEAA" + struct.pack("<I", len(text)) + text.encode()


def agent_log(where):
    image = "sha256:" + "0c" * 32
    pull = 'github.com/confidential-containers PullImage {"digest":"%s","image":"registry.example/app:1"}' % image
    head = struct.pack("<II20sI", 1, 3, bytes(20), 33) + b"Spec ID Event03\0" + struct.pack("<IBBBBIHHB", 0, 0, 2, 0, 2, 1, 0x0C, 48, 0)
    events = [tagged("other.example begin x"), tagged(pull)]
    rtmr3 = bytes(48)
    for data in events:
        rtmr3 = hashlib.sha384(rtmr3 + hashlib.sha384(data).digest()).digest()
    (where / "ccel").write_bytes(head + b"".join(event(4, d) for d in events))
    (where / "short").write_bytes(head + event(4, events[0]))
    strange = b"who knows"
    (where / "strange").write_bytes(head + event(4, strange))
    (where / "inblob").write_bytes(bytes.fromhex(BINDING))
    (where / "qe").mkdir()
    (where / "collateral").mkdir()
    run("intel-qe-emulator", "--dir", "qe", "documents", "--out", "collateral", cwd=where)
    strange_rtmr = hashlib.sha384(bytes(48) + hashlib.sha384(strange).digest()).digest()
    for name, value in (("quote", rtmr3), ("strange-quote", strange_rtmr)):
        run("intel-qe-emulator", "--dir", "qe", "--mrtd", MEASUREMENT, "--rtmr3", value.hex(), "quote", "--inblob", "inblob", "--out", name, cwd=where)

    def policy(name, digest):
        (where / name).write_text(f"""schema: latchkey-policy/1
policy: coco-td
accept:
  - name: td
    chain: [tdx, aael]
    tdx:
      mrtd: {MEASUREMENT}
      rtmr0: {{skip: {{because: "a test"}}}}
      rtmr1: {{skip: {{because: "a test"}}}}
      rtmr2: {{skip: {{because: "a test"}}}}
    aael:
      register: 3
      images: ["{digest} registry.example/app:1"]
""")

    policy("image.yaml", image)
    policy("other-image.yaml", "sha256:" + "0d" * 32)
    args = ["--trust", "tdx:collateral/root.der", "--collateral", "collateral", "--policy"]
    appraise(where, "the image that was released", 0, "OK", *args, "image.yaml", "tdx:quote=quote", "aael:ccel=ccel")
    out = appraise(where, "another image", 1, "AAEL_IMAGES", *args, "other-image.yaml", "tdx:quote=quote", "aael:ccel=ccel")
    if "registry.example/app:1" not in out["reasons"][0]["actual"]:
        sys.exit("FAIL: the refusal does not name the image")
    appraise(where, "a log without the pull", 2, "AAEL_REPLAY", *args, "image.yaml", "tdx:quote=quote", "aael:ccel=short")
    appraise(where, "an extend that nobody explains", 1, "AAEL_COMPLETE", *args, "image.yaml", "tdx:quote=strange-quote", "aael:ccel=strange")


with tempfile.TemporaryDirectory() as folder:
    initdata(pathlib.Path(folder))
    agent_log(pathlib.Path(folder))
sys.exit(failed)
