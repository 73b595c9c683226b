#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Live evidence: latchkey-evidence-snp asks the emulated secure processor behind an emulated configfs-tsm, for each
product and key, and `latchkey appraise` judges what it gives, with the binding that was asked for.

usage: collect.py FOLDER_OF_THE_PROGRAMS
"""
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import time

BIN = sys.argv[1]
KEYS = os.path.join(os.path.dirname(__file__), "../../unit/policy/evidence/sev_snp/keys")
BINDING = bytes(range(100, 164))


def field(number, payload):
    """A length-delimited field of protobuf; lengths below 128."""
    return bytes([number << 3 | 2, len(payload)]) + payload


def varint(data, at):
    value = shift = 0
    while True:
        value |= (data[at] & 0x7f) << shift
        shift += 7
        at += 1
        if data[at - 1] < 0x80:
            return value, at


def fields(data):
    """The length-delimited fields of a message that has no others."""
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        size, at = varint(data, at)
        yield key >> 3, data[at:at + size]
        at += size


def collect(root):
    request = field(4, field(1, BINDING) + field(2, field(1, b"sev-snp")))
    collector = subprocess.run([BIN + "/latchkey-evidence-snp", "--tsm-root", root], check=True, timeout=60,
                               input=struct.pack(">I", len(request)) + request, stdout=subprocess.PIPE)
    (kind, item), = fields(collector.stdout[4:])
    if kind != 4:
        raise AssertionError(collector.stdout)
    parts = [dict(fields(part)) for number, part in fields(item) if number == 2]
    return {part[1].decode(): part[2] for part in parts}


def judge(folder, parts, binding):
    for name, data in parts.items():
        with open("%s/%s" % (folder, name), "wb") as f:
            f.write(data)
    item = "sev-snp:report=%s/report,certs=%s/certs" % (folder, folder)
    done = subprocess.run([BIN + "/latchkey", "appraise", "--json", "--trust", "sev-snp:%s/sp/ark.der" % folder,
                           "--binding", binding.hex(), item], capture_output=True, text=True, check=False)
    answer = json.loads(done.stdout)
    return answer["verdict"], [r["code"] for r in answer["reasons"]], answer["claims"].get("sev-snp", {})


def known_keys(folder):
    """Public test keys for the emulator's root: making new ones takes longer than the test."""
    os.mkdir(folder + "/sp")
    for name in ("ark", "ask", "asvk"):
        shutil.copy("%s/%s.pem" % (KEYS, name), "%s/sp/%s.key" % (folder, name))


def serve(folder, key):
    server = subprocess.Popen([BIN + "/amd-sp-emulator", "--dir", folder + "/sp", "serve", "--out", folder + "/tsm",
                               "--key", key] + (["--chip-id", "00"] if key == "vlek" else []))
    while not os.path.isdir(folder + "/tsm/report"):
        time.sleep(0.02)
    return server


def run(product, key):
    with tempfile.TemporaryDirectory() as folder:
        known_keys(folder)
        subprocess.run([BIN + "/amd-sp-emulator", "--dir", folder + "/sp", "make-root", "--product", product], check=True,
                       stdout=subprocess.DEVNULL)
        server = serve(folder, key)
        try:
            parts = collect(folder + "/tsm")
        finally:
            server.terminate()
            server.wait()
        verdict, codes, claims = judge(folder, parts, BINDING)
        said = (claims.get("product"), claims.get("signing-key"))
        good = (verdict, codes, said) == ("affirmed", [], (product, key))
        verdict_other, codes_other, _ = judge(folder, parts, BINDING[::-1])
        bad = (verdict_other, codes_other) == ("not-authentic", ["BINDING_MISMATCH"])
        print("%s %s %s: %s %s; another binding: %s" % ("ok  " if good and bad else "FAIL", product, key, verdict, codes,
                                                        codes_other))
        return good and bad


sys.exit(0 if all([run("milan", "vcek"), run("turin", "vlek")]) else 1)
