#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Uploads of collateral: taken, refused, in force; releases that could not be judged before. usage: collateral_test.py BIN PART"""
import sys

import world
from world import CHIP, TCB, World, pem_certs

bad = 0


def check(what, got, want):
    global bad
    fine = got == want
    bad += not fine
    print(f"{'ok  ' if fine else 'FAIL'} {what}" + ("" if fine else f": {got!r}, not {want!r}"))


def codes(outcomes):
    return [name for _, name in outcomes]


def test_snp(ring):
    ark, ask, vek, crl = ring.files("snp")
    name = f"sev-snp/vek/{CHIP}/{TCB}"
    check("a report without its VCEK", ring.ask("snp"), "SNP_VEK_MISSING")
    check("what was missing", [(m.name, m.note, m.code) for m in ring.status().missing], [(name, "milan", "SNP_VEK_MISSING")])
    check("a VCEK without its chain", ring.put(vek), [("refused", "SNP_CHAIN_MISSING")])
    check("VCEK and chain", ring.put(vek, ark, ask), [("stored", name), ("issuer", "OK"), ("stored", "sev-snp/chain/milan")])
    ring.in_force()
    check("nothing missing any more", list(ring.status().missing), [])
    check("a policy that demands the list", ring.ask("snp"), "CRL_MISSING")
    check("what was missing", [(m.name, m.code) for m in ring.status().missing], [("sev-snp/crl/milan", "CRL_MISSING")])
    check("the list, by the chain that is kept", ring.put(crl), [("stored", "sev-snp/crl/milan")])
    ring.in_force()
    check("an SNP guest's key", ring.ask("snp"), "OK")
    check("again", ring.put(vek, ark, ask, crl),
          [("unchanged", name), ("issuer", "OK"), ("unchanged", "sev-snp/chain/milan"), ("unchanged", "sev-snp/crl/milan")])
    check("one bit of a VCEK", ring.put(vek[:-1] + bytes([vek[-1] ^ 1])), [("refused", "CERT_SIGNATURE")])
    check("two in one piece", ring.put(vek + ask), [("refused", "COLLATERAL_MIXED")])
    check("a VCEK cut short", ring.put(vek[:-1]), [("refused", "COLLATERAL_UNKNOWN")])
    check("one bit of a list", ring.put(crl[:-1] + bytes([crl[-1] ^ 1])), [("refused", "CRL_INVALID")])


def test_tdx(ring):
    info, identity, pck_crl, root_crl, *chain = ring.files("tdx")
    fmspc = "00906ed50000"
    check("a quote without collateral", ring.ask("tdx"), "DCAP_COLLATERAL_MISSING")
    check("a list without its issuer", ring.put(pck_crl), [("refused", "COLLATERAL_ISSUER")])
    got = ring.put(info, identity, pck_crl, root_crl, *chain)
    check("all of it", all(o in ("stored", "issuer", "unchanged") for o, _ in got), True)
    names = [n for o, n in got if o == "stored"]
    fmspc = names[0].rsplit("/", 1)[1]
    check("its names", sorted(names), sorted([f"tdx/tcb-info/{fmspc}", "tdx/qe-identity", "sgx/pck-crl/platform", "sgx/root-crl",
                                              "sgx/pck-chain/platform", "sgx/tcb-chain"]))
    ring.in_force()
    check("a TDX guest's key", ring.ask("tdx"), "OK")
    check("nothing missing", list(ring.status().missing), [])
    at = info.index(b"tcbEvaluationDataNumber")
    check("one byte of a document", ring.put(info[:at] + b"T" + info[at + 1:]), [("refused", "DCAP_COLLATERAL_SIGNATURE")])
    check("a document cut short", ring.put(info[:-1]), [("refused", "COLLATERAL_UNKNOWN")])
    ring.intel("intel", "--shift", "-1", "documents", "--out", ring._made("older"))
    older = [(ring.folder / "older" / n).read_bytes() for n in ("tcb_info.json", "root_ca_crl.der")]
    check("going back", ring.put(*older), [("refused", "COLLATERAL_OLDER"), ("refused", "COLLATERAL_OLDER")])
    ring.intel("intel", "--shift", "-400", "documents", "--out", ring.folder / "older")
    check("out of date", ring.put((ring.folder / "older/tcb_info.json").read_bytes()), [("refused", "DCAP_COLLATERAL_EXPIRED")])
    ring.intel("stranger", "documents", "--out", ring._made("other"))
    other = [(ring.folder / "other" / n).read_bytes() for n in ("tcb_info.json", "tcb_signing_chain.pem")]
    check("another root", ring.put(other[0], *pem_certs(other[1]))[:2], [("refused", "DCAP_COLLATERAL_SIGNATURE"), ("refused", "DCAP_ROOT_UNTRUSTED")])


def test_rest(ring):
    check("garbage", codes(ring.put(b"\0" * 100, b"x", b"", b"{}")), ["COLLATERAL_UNKNOWN"] * 4)
    check("another role", ring.outcome(lambda: ring.put(b"x", client="nobody")), "CALLER_NOT_NAMED")
    check("no piece at all", ring.outcome(lambda: ring.put()), "REQUEST_LIMIT")
    check("too many pieces", ring.outcome(lambda: ring.put(*[b"x"] * 257)), "REQUEST_LIMIT")
    entries = ring.status()
    first = ring.status(limit=3)
    check("page by page", [e.name for e in first.entries], [e.name for e in entries.entries][:3])
    check("more", first.more, True)
    check("the next page", ring.status(limit=1, after=first.entries[-1].name).entries[0].name, entries.entries[3].name)
    check("the count", (entries.count, entries.more), (len(entries.entries), False))
    check("in the audit", "collateral" in ring.latchkey("audit", "list").stdout, True)
    before = [e.SerializeToString() for e in entries.entries]
    check("it ends", ring.stop(), 0)
    ring.start()
    check("the same after a start", [e.SerializeToString() for e in ring.status().entries], before)
    check("and in force", (ring.ask("snp"), ring.ask("tdx")), ("OK", "OK"))


def upload():
    with World(sys.argv[1]) as ring:
        ring.start()
        ring.set_up()
        test_snp(ring)
        test_tdx(ring)
        test_rest(ring)


{"upload": upload}[sys.argv[2]]()
sys.exit(1 if bad else 0)
