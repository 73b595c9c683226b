#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Guests that a broker could not judge for want of collateral, an administrator's machine that asks the vendors for what was missing,
and the same guests again. usage: broker_test.py FOLDER_OF_PROGRAMS
"""
import os
import pathlib
import re
import subprocess
import sys

import vendors

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "collateral"))
from world import CHIP, World, pem_certs  # noqa: E402

bad = 0


def check(what, got, want):
    global bad
    bad += got != want
    print(f"{'ok  ' if got == want else 'FAIL'} {what}" + ("" if got == want else f": {got!r}, not {want!r}"))


def stand_in(ring, server):
    ring.evidence("snp", bytes(64))
    ring.evidence("tdx", bytes(64))
    read = lambda name: (ring.folder / name).read_bytes()  # noqa: E731
    issuers, pck = read("documents/tcb_signing_chain.pem"), b"".join(pem_certs(read("quote"))[1:])
    tdx, sgx, header = "/tdx/certification/v4/", "/sgx/certification/v4/", "SGX-Enclave-Identity-Issuer-Chain"
    identity = read("documents/qe_identity.json")
    server.sites["v"] = {
        f"/vcek/v1/Milan/{CHIP}?blSPL=04&teeSPL=00&snpSPL=24&ucodeSPL=213": [vendors.throttle(1), vendors.ok(read("report/vek.der"))],
        "/vcek/v1/Milan/cert_chain": [vendors.ok(read("amd/cert_chain.pem"))], "/vcek/v1/Milan/crl": [vendors.ok(read("amd/crl.der"))],
        f"{tdx}qe/identity": [vendors.ok(identity, issuers, header)], f"{sgx}qe/identity": [vendors.ok(identity, issuers, header)],
        f"{tdx}tcb?fmspc=00806f050000": [vendors.ok(read("documents/tcb_info.json"), issuers)],
        f"{sgx}pckcrl?ca=platform&encoding=der": [vendors.ok(read("documents/pck_crl.der"), pck, "SGX-PCK-CRL-Issuer-Chain")],
        f"{sgx}rootcacrl": [vendors.ok(read("documents/root_ca_crl.der").hex().encode())],
    }


def fetch(ring, server, *words, client="loader"):
    environment = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
    url = server.url("v")
    return subprocess.run(
        [ring.emulators / "latchkey", "collateral", "fetch", "--amd-kds", url, "--pccs", url, "--kds-ca", server.ca, "--pccs-ca", server.ca,
         "--out", ring.folder / "fetched", "--broker", f"127.0.0.1:{ring.port}", "--ca", ring.folder / "tls.pem",
         "--client-certificate", ring.folder / f"{client}.pem",
         "--client-key", ring.folder / f"{client}.key", "--gap", "0", "--backoff", "0.1", *words],
        capture_output=True, text=True, env=environment, timeout=60, check=False)


def main():
    with World(sys.argv[1]) as ring:
        ring.start()
        ring.set_up()
        (ring.folder / "vendors").mkdir()
        server = vendors.Server(ring.folder / "vendors")
        stand_in(ring, server)
        check("an SNP guest without its VCEK", ring.ask("snp"), "SNP_VEK_MISSING")
        done = fetch(ring, server, "--missing")
        check("what was missing is fetched, and what it needs", (done.returncode, done.stderr.splitlines()[-1]), (0, "latchkey: 3 there, 0 missing"))
        ring.in_force()
        check("the SNP guest's key", ring.ask("snp"), "OK")
        check("a TDX guest without collateral", ring.ask("tdx"), "DCAP_COLLATERAL_MISSING")
        (ring.folder / "fleet").write_text("tdx 00806f050000 platform\n")
        done = fetch(ring, server, "--fleet", ring.folder / "fleet")
        check("what the fleet file demands", (done.returncode, done.stderr.splitlines()[-1]), (0, "latchkey: 6 there, 0 missing"))
        ring.in_force()
        check("the TDX guest's key", ring.ask("tdx"), "OK")
        done = fetch(ring, server, "--missing", client="nobody")
        check("another role", (done.returncode != 0, "CALLER_NOT_NAMED" in done.stderr), (True, True))
        listed = ring.folder / "fetched/sgx_root-crl.der"
        listed.write_bytes(listed.read_bytes()[:-1] + bytes([listed.read_bytes()[-1] ^ 1]))
        done = fetch(ring, server, "--ahead", "0", "sev-snp/crl/milan")
        check("a refused file is named", (done.returncode, re.findall(r"^refused .*sgx_root-crl\.der\): (\w+)", done.stderr, re.M)), (1, ["CRL_INVALID"]))
        server.close()
    return 1 if bad else 0


sys.exit(main())
