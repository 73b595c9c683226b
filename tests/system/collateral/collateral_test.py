#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Uploads of collateral: taken, refused, in force; releases that could not be judged before. usage: collateral_test.py BIN PART"""
import os
import sys
import threading
import time
import urllib.parse

from world import CHIP, HERE, TCB, World, pem_certs, wait_for

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


def cli(ring, *args):
    who = ("--broker", f"127.0.0.1:{ring.port}", "--ca", "tls.pem", "--client-certificate", "loader.pem", "--client-key", "loader.key")
    return ring.latchkey("collateral", *args, *who, profile=False, check=False)


def test_cli(ring):
    """The same platforms' files through latchkey collateral: import, status, export."""
    chain = pem_certs((ring.folder / "documents/tcb_signing_chain.pem").read_bytes())
    saved = ring._made("saved")
    (saved / "tcb.json").write_bytes((ring.folder / "documents/tcb_info.json").read_bytes())
    (saved / "tcb.json.headers").write_text("HTTP/1.1 200 OK\r\nTCB-Info-Issuer-Chain: " + urllib.parse.quote(b"".join(chain)) + "\r\n")
    done = cli(ring, "import", "documents", "quote", "saved", "report", "amd")
    check("import again", (done.returncode, "0 refused" in done.stdout), (0, True))
    check("what is none is named", "inblob" in cli(ring, "import", "inblob").stdout, True)
    ring.intel("intel", "--shift", "1", "documents", "--out", ring._made("newer"))
    done = cli(ring, "import", "older", "quote")
    check("import going back", (done.returncode, "COLLATERAL_OLDER" in done.stdout or "EXPIRED" in done.stdout), (1, True))
    done = cli(ring, "status", "--days", "1")
    check("status", (done.returncode, "tdx/qe-identity" in done.stdout), (0, True))
    check("what expires soon", cli(ring, "status", "--days", "36000").returncode, 1)
    fmspc = next(e.name for e in ring.status().entries if e.name.startswith("tdx/tcb-info/")).rsplit("/", 1)[1]
    (ring.folder / "fleet").write_text(f"# ours\nsev-snp milan {CHIP} {TCB}\ntdx {fmspc} platform\n")
    check("a fleet that is covered", cli(ring, "status", "--days", "1", "--fleet", "fleet").returncode, 0)
    (ring.folder / "fleet").write_text(f"sev-snp milan {CHIP} {TCB[:-2]}ff\n")
    done = cli(ring, "status", "--days", "1", "--fleet", "fleet", "--json")
    check("a fleet that is not", (done.returncode, f"sev-snp/vek/{CHIP}/{TCB[:-2]}ff" in done.stdout), (1, True))
    (ring.folder / "fleet").write_text("sev-snp milan\n")
    check("no fleet file", cli(ring, "status", "--fleet", "fleet").returncode, 4)
    anchors = ("--anchor", "tdx:documents/root.der", "--anchor", "sev-snp:amd/ark.der")
    done = ring.latchkey("collateral", "import", "--export", "exported", *anchors, "saved", "documents", "quote", "report", "amd", profile=False)
    check("export", (ring.folder / f"exported/tdx_tcb-info_{fmspc}.json").read_bytes(), (saved / "tcb.json").read_bytes())
    done = ring.latchkey("appraise", "--any-binding", "--trust", "tdx:documents/root.der", "--collateral", "exported", "tdx:quote=quote", profile=False, check=False)
    check("appraised by the exported folder", done.returncode, 0)
    done = ring.latchkey("appraise", "--any-binding", "--trust", "sev-snp:amd/ark.der", "--collateral", "exported", "sev-snp:report=report/outblob", profile=False, check=False)
    check("an SNP report too", done.returncode, 0)


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
    check("behind what is no name", ring.outcome(lambda: ring.status(after="No/Name")), "REQUEST_MALFORMED")
    test_cli(ring)
    before = [e.SerializeToString() for e in ring.status().entries]
    check("it ends", ring.stop(), 0)
    ring.start()
    check("the same after a start", [e.SerializeToString() for e in ring.status().entries], before)
    check("and in force", (ring.ask("snp"), ring.ask("tdx")), ("OK", "OK"))


def heal(ring):
    """The administrator takes the rubbish away; the genuine pieces come back."""
    crl, identity = ring.files("snp")[3], ring.files("tdx")[1]
    check("the genuine ones are older", ring.put(crl, identity)[:1], [("refused", "COLLATERAL_OLDER")])
    for name in ("sev-snp/crl/milan", "tdx/qe-identity"):
        done = ring.latchkey("collateral", "drop", name, check=False)
        check(f"drop {name}", (done.returncode, "dropped" in done.stdout), (0, True))
    check("what is gone cannot be dropped", ring.latchkey("collateral", "drop", "tdx/qe-identity", check=False).returncode, 1)
    check("gone", [e.name for e in ring.status().entries if e.name in ("sev-snp/crl/milan", "tdx/qe-identity")], [])
    check("put again", [o for o, _ in ring.put(*ring.files("snp"), *ring.files("tdx"))].count("refused"), 0)
    ring.in_force()
    check("healed", (ring.ask("snp"), ring.ask("tdx")), ("OK", "OK"))
    listed = ring.latchkey("audit", "list").stdout
    check("in the audit; uploads have a revision", "collateral/tdx/qe-identity@0" in listed, True)
    check("it ends", ring.stop(), 0)
    ring.start()
    check("the same after a start", (ring.ask("snp"), ring.ask("tdx")), ("OK", "OK"))


def hostile():
    """A verifier that puts rubbish where good pieces were: requests cannot be judged, and nothing else happens."""
    with World(sys.argv[1], programs={"latchkey-verifier": HERE / "hostile_verifier.py"}) as ring:
        ring.start()
        ring.set_up()
        ring.put(*ring.files("snp"))
        ring.put(*ring.files("tdx"))
        ring.in_force()
        check("before", (ring.ask("snp"), ring.ask("tdx")), ("OK", "OK"))
        (ring.folder / "bin/rubbish").write_text("")
        for worker in ring.pids("latchkey-verifier"):
            os.kill(worker, 9)  # those that come in their places read the order
        wait_for(lambda: len(ring.pids("latchkey-verifier")) == 2, 20)
        wait_for(lambda: ring.outcome(lambda: ring.put(b"anything")) == "OK", 20)
        (ring.folder / "bin/rubbish").unlink()
        for worker in ring.pids("latchkey-verifier"):
            os.kill(worker, 9)
        check("it comes into force", bool(wait_for(lambda: ring.outcome(lambda: ring.in_force()) == "OK", 30)), True)
        check("rubbish instead of a list and a document", (ring.ask("snp"), ring.ask("tdx")), ("COLLATERAL_BAD", "COLLATERAL_BAD"))
        check("said by name", sorted({m.name for m in ring.status().missing}), ["sev-snp/crl/milan", "tdx/qe-identity"])
        heal(ring)


def killed():
    """kill -9 of the keeper in the middle of uploads: each piece is there whole or not at all, and the store opens."""
    with World(sys.argv[1]) as ring:
        ring.start()
        ring.set_up()
        ring.put(*ring.files("tdx"))
        for i in range(3):
            ring.intel("intel", "--shift", "0", "documents", "--out", ring.folder / "documents")
            keeper = ring.pids("latchkey-keeper")[0]
            thread = threading.Thread(target=lambda: ring.outcome(lambda: ring.put(*ring.files("tdx"))))
            thread.start()
            time.sleep(0.3 + 0.02 * i)
            os.kill(keeper, 9)
            thread.join()
            wait_for(lambda: ring.outcome(lambda: ring.status()) == "OK", 30)
        ring.put(*ring.files("tdx"))
        ring.in_force()
        check("a key after three kills", ring.ask("tdx"), "OK")


def upload():
    with World(sys.argv[1]) as ring:
        ring.start()
        ring.set_up()
        test_snp(ring)
        test_tdx(ring)
        test_rest(ring)


{"upload": upload, "hostile": hostile, "killed": killed}[sys.argv[2]]()
sys.exit(1 if bad else 0)
