#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
latchkey-collateral-fetch against a server that behaves like the vendors' services on a bad day (vendors.py): what it asks for, how
often and how soon, what it keeps and what it says.

usage: fetch_test.py FOLDER_OF_PROGRAMS
"""
import concurrent.futures
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile

import vendors

BIN = pathlib.Path(sys.argv[1])
KEYS = pathlib.Path(__file__).resolve().parents[2] / "unit/policy/evidence/sev_snp/keys"
FMSPC, CHIP, TCB = "00806f050000", bytes(range(0xc0, 0x100)).hex(), "04000000000018db"  # of the emulators
VEK = f"sev-snp/vek/{CHIP}/{TCB}"
VEK_PATH = f"/vcek/v1/%s/{CHIP}?blSPL=04&teeSPL=00&snpSPL=24&ucodeSPL=219"
CHAIN, CRL = "/vcek/v1/Milan/cert_chain", "/vcek/v1/Milan/crl"
V4 = "/certification/v4/"
PCK_CRL = f"/sgx{V4}pckcrl?ca=platform&encoding=der"
QUICK = ["--gap", "0", "--backoff", "0.05", "--tries", "3", "--stall-timeout", "1", "--connect-timeout", "10", "--request-timeout", "10",
         "--total-timeout", "40"]


class Documents:
    """What the vendors have, from the project's emulators."""

    def __init__(self, folder):
        sp = folder / "sp"
        sp.mkdir()
        for name in ("ark", "ask", "asvk"):  # public test keys: making new ones takes longer than the test
            shutil.copy(KEYS / f"{name}.pem", sp / f"{name}.key")
        emulator = [BIN / "amd-sp-emulator", "--dir", sp]
        subprocess.run([*emulator, "make-root"], check=True, stdout=subprocess.DEVNULL)
        subprocess.run([*emulator, "report", "--out", folder / "entry"], check=True)
        (folder / "qe").mkdir()
        (folder / "intel").mkdir()
        subprocess.run([BIN / "intel-qe-emulator", "--dir", folder / "qe", "documents", "--out", folder / "intel"], check=True)
        subprocess.run([BIN / "intel-qe-emulator", "--dir", folder / "qe", "quote", "--inblob", self.inblob(folder), "--out", folder / "quote"],
                       check=True)
        self.vek = (folder / "entry/vek.der").read_bytes()
        self.chain_pem = (sp / "cert_chain.pem").read_bytes()
        self.chain_der = (sp / "ask.der").read_bytes() + (sp / "ark.der").read_bytes()
        self.crl = (sp / "crl.der").read_bytes()
        self.tcb, self.qe, self.issuers, self.pck_crl, self.root_crl = (
            (folder / "intel" / f).read_bytes()
            for f in ("tcb_info.json", "qe_identity.json", "tcb_signing_chain.pem", "pck_crl.der", "root_ca_crl.der"))

    @staticmethod
    def inblob(folder):
        (folder / "inblob").write_bytes(bytes(64))
        return folder / "inblob"


def lines_of(names):
    return "".join(name + "\n" for name in names)


class Run:
    """One run of the program: its lines by name, its files."""

    def __init__(self, folder, server, site, names, *options, amd=True, intel=True, quick=True, url=None):
        self.folder = folder / f"out-{site}"
        command = [BIN / "latchkey-collateral-fetch", "--out", self.folder, *(QUICK if quick else []), *options]
        for wanted, option, ca in ((amd, "--amd-kds", "--kds-ca"), (intel, "--pccs", "--pccs-ca")):
            if wanted:
                command += [option, url or server.url(site), ca, server.ca]
        environment = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
        done = subprocess.run(command, input=lines_of(names), capture_output=True, text=True, env=environment, timeout=60)
        self.code, self.errors = done.returncode, done.stderr
        said = [json.loads(line) for line in done.stdout.splitlines()]
        self.items = {line["name"]: line for line in said if "name" in line}
        self.retries = [line for line in said if "retry" in line]
        self.pauses = [line for line in said if "pause" in line]

    def result(self, name):
        item = self.items[name]
        return item["code"] if item["result"] == "failed" else item["result"]

    def file(self, name, ending="der"):
        return (self.folder / f"{name.replace('/', '_')}.{ending}").read_bytes()

    def files(self):
        return sorted(os.listdir(self.folder))


def check(what, got, want):
    if got != want:
        raise AssertionError(f"{what}: {got!r}, not {want!r}")


def everything(d):
    return {
        CHAIN: [vendors.ok(d.chain_pem)], CRL: [vendors.ok(d.crl)], VEK_PATH % "Milan": [vendors.ok(d.vek)],
        f"/tdx{V4}tcb?fmspc={FMSPC}": [vendors.ok(d.tcb, d.issuers)],
        f"/tdx{V4}qe/identity": [vendors.ok(d.qe, d.issuers, "SGX-Enclave-Identity-Issuer-Chain")],
        PCK_CRL: [vendors.ok(d.pck_crl, d.issuers, "SGX-PCK-CRL-Issuer-Chain")],
        f"/sgx{V4}rootcacrl": [vendors.ok(d.root_crl.hex().encode())],
    }


def all_is_kept_as_it_came(t):
    names = ["sev-snp/chain/milan", "sev-snp/crl/milan", VEK + " milan", f"tdx/tcb-info/{FMSPC}", "sgx/tcb-chain", "tdx/qe-identity",
             "sgx/pck-chain/platform", "sgx/pck-crl/platform", "sgx/root-crl", "sev-snp/crl/milan"]
    t.server.sites["all"] = everything(t.d)
    run = t.run("all", names)
    check("exit", run.code, 0)
    check("results", {r["result"] for r in run.items.values()}, {"got"})
    check("one line an item", len(run.items), 9)
    check("chain", run.file("sev-snp/chain/milan"), t.d.chain_der)
    for name, want in (("sev-snp/crl/milan", t.d.crl), (VEK, t.d.vek), ("sgx/pck-crl/platform", t.d.pck_crl), ("sgx/root-crl", t.d.root_crl)):
        check(name, run.file(name), want)
    check("TCB Info", run.file(f"tdx/tcb-info/{FMSPC}", "json"), t.d.tcb)
    check("QE Identity", run.file("tdx/qe-identity", "json"), t.d.qe)
    pem = subprocess.run(["openssl", "x509", "-inform", "der"], input=run.file("sgx/tcb-chain"), capture_output=True, check=True).stdout
    check("issuer chain, decoded", pem.split(), t.d.issuers.split()[:len(pem.split())])
    check("each URL once, chains with what they issue", len(t.server.asked("all")), 7)
    check("files", len(run.files()), 9)
    again = t.run("all", names)
    check("second run", ({r["result"] for r in again.items.values()}, again.code), ({"unchanged"}, 0))


def early_documents_are_asked_for(t):
    d = t.d
    t.server.sites["early"] = {f"/tdx{V4}tcb?fmspc={FMSPC}&update=early": [vendors.ok(d.tcb)],
                               f"/tdx{V4}qe/identity?update=early": [vendors.ok(d.qe)]}
    run = t.run("early", [f"tdx/tcb-info/{FMSPC}", "tdx/qe-identity"], "--update", "early")
    check("exit", run.code, 0)


def product_is_found_out(t):
    t.server.sites["genoa"] = {VEK_PATH % "Genoa": [vendors.ok(t.d.vek)]}
    run = t.run("genoa", [VEK])
    check("result", (run.result(VEK), run.code), ("got", 0))
    check("Milan was asked first", len(t.server.asked("genoa", VEK_PATH % "Milan")), 1)


def throttling(site, seconds, date):
    def throttled(t):
        t.server.sites[site] = {CRL: [vendors.throttle(seconds, date), vendors.ok(t.d.crl)], CHAIN: [vendors.ok(t.d.chain_pem)],
                                PCK_CRL: [vendors.ok(t.d.pck_crl)]}
        run = t.run(site, ["sev-snp/crl/milan", "sev-snp/chain/milan", "sgx/pck-crl/platform"])
        first, second = t.server.asked(site, CRL)
        check("exit", run.code, 0)
        check("pause", [p["pause"] for p in run.pauses], ["amd"])
        # A date has whole seconds: up to one of them is gone when it is sent.
        check("waited as told", second - first >= seconds - (1 if date else 0), True)
        check("the whole service rested", t.server.asked(site, CHAIN)[0] >= first + seconds - (1 if date else 0), True)
        check("the other service did not", t.server.asked(site, PCK_CRL)[0] < first + seconds - 1, True)
    return throttled


def rest_past_the_end_is_not_waited_for(t):
    t.server.sites["rest"] = {CRL: [vendors.throttle(3600)], CHAIN: [vendors.ok(t.d.chain_pem)], PCK_CRL: [vendors.ok(t.d.pck_crl)]}
    run = t.run("rest", ["sev-snp/crl/milan", "sev-snp/chain/milan", "sgx/pck-crl/platform"])
    check("results", [run.result(n) for n in ("sev-snp/crl/milan", "sev-snp/chain/milan", "sgx/pck-crl/platform")], ["VENDOR_BUSY", "VENDOR_BUSY", "got"])
    check("told", "3600 s" in run.items["sev-snp/crl/milan"]["detail"], True)
    check("asked once", len(t.server.asked("rest", CRL)), 1)
    check("exit", run.code, 1)


def final_answers_are_final(t):
    site = {f"/sgx{V4}tcb?fmspc=00000000{i:04d}": [vendors.status(code)] for i, code in enumerate((400, 401, 403, 404, 410, 418))}
    t.server.sites["final"] = {**site, CRL: [vendors.status(404, b"x" * 2000000)]}
    names = [f"sgx/tcb-info/00000000{i:04d}" for i in range(6)]
    run = t.run("final", names + ["sev-snp/crl/milan"])
    check("results", [run.result(n) for n in names], ["VENDOR_NOT_FOUND", "VENDOR_DENIED", "VENDOR_DENIED", "VENDOR_NOT_FOUND",
                                                     "VENDOR_GONE", "VENDOR_ANSWER"])
    check("status told", [run.items[n]["status"] for n in names], [400, 401, 403, 404, 410, 418])
    check("a large page does not hide the status", run.result("sev-snp/crl/milan"), "VENDOR_NOT_FOUND")
    check("each once", len(t.server.asked("final")), 7)
    check("exit, nothing kept", (run.code, run.files()), (1, []))


def faults_are_retried(t):
    d = t.d
    t.server.sites["faults"] = {
        CRL: [vendors.status(503), vendors.status(500), vendors.ok(d.crl)],
        CHAIN: [vendors.truncated(d.chain_pem, 700), vendors.ok(d.chain_pem)],
        VEK_PATH % "Milan": [vendors.short_length(d.vek, 600), vendors.ok(d.vek)],
        PCK_CRL: [vendors.chunked([d.pck_crl[:50]], False), vendors.ok(d.pck_crl)],
        f"/sgx{V4}rootcacrl": [vendors.ok(d.root_crl.hex().encode()[:-1]), vendors.ok(d.root_crl)],
        f"/tdx{V4}qe/identity": [vendors.ok(d.qe[:-20]), vendors.drip(d.qe, 0.001, stalls_after=10), vendors.ok(d.qe)],
        f"/tdx{V4}tcb?fmspc={FMSPC}": [vendors.hang, vendors.ok(d.tcb)],
    }
    names = ["sev-snp/crl/milan", "sev-snp/chain/milan", VEK, "sgx/pck-crl/platform", "sgx/root-crl", "tdx/qe-identity", f"tdx/tcb-info/{FMSPC}"]
    run = t.run("faults", names)
    check("results", {n: run.result(n) for n in names}, {n: "got" for n in names})
    check("why again", sorted((r["retry"].split("/")[1], r["code"]) for r in run.retries),
          [("chain", "VENDOR_TRUNCATED"), ("pck-crl", "VENDOR_TRUNCATED"), ("qe-identity", "VENDOR_TIMEOUT"),
           ("qe-identity", "VENDOR_TRUNCATED"), ("root-crl", "VENDOR_TRUNCATED"), ("tcb-info", "VENDOR_TIMEOUT"), ("vek", "VENDOR_TRUNCATED")])
    check("pauses", [p["code"] for p in run.pauses], ["VENDOR_BUSY", "VENDOR_BUSY"])


def tries_come_to_an_end(t):
    t.server.sites["end"] = {CRL: [vendors.status(503)], PCK_CRL: [vendors.truncated(t.d.pck_crl, 9)], f"/sgx{V4}rootcacrl": [vendors.ok(t.d.root_crl)]}
    run = t.run("end", ["sev-snp/crl/milan", "sgx/pck-crl/platform", "sgx/root-crl"])
    check("results", [run.result(n) for n in ("sev-snp/crl/milan", "sgx/pck-crl/platform", "sgx/root-crl")],
          ["VENDOR_BUSY", "VENDOR_TRUNCATED", "got"])
    check("three tries", (len(t.server.asked("end", CRL)), len(t.server.asked("end", PCK_CRL))), (3, 3))
    check("what was got is kept", (run.files(), run.code), (["sgx_root-crl.der"], 1))


def slow_drip_is_cut(t):
    t.server.sites["drip"] = {CRL: [vendors.drip(t.d.crl * 9, 0.01)]}
    run = t.run("drip", ["sev-snp/crl/milan"], "--request-timeout", "0.6", "--tries", "2")
    check("result", (run.result("sev-snp/crl/milan"), run.files(), run.code), ("VENDOR_TIMEOUT", [], 1))


def redirects_stay_https(t):
    good = t.server.url("redirect")
    t.server.sites["redirect"] = {CRL: [vendors.redirect("http://localhost:1/crl")], CHAIN: [vendors.redirect(good + CHAIN)],
                                  VEK_PATH % "Milan": [vendors.redirect(good + "/moved")], "/moved": [vendors.ok(t.d.vek)],
                                  PCK_CRL: [vendors.redirect("file:///etc/hostname")]}
    run = t.run("redirect", ["sev-snp/crl/milan", "sev-snp/chain/milan", VEK, "sgx/pck-crl/platform"])
    check("results", [run.result(n) for n in ("sev-snp/crl/milan", "sev-snp/chain/milan", VEK, "sgx/pck-crl/platform")],
          ["VENDOR_REDIRECT", "VENDOR_REDIRECT", "got", "VENDOR_REDIRECT"])
    check("at most three more", len(t.server.asked("redirect", CHAIN)), 4)


def size_is_bounded(t):
    piece = b"\x30" * 65536
    t.server.sites["size"] = {CRL: [vendors.ok(b"\x30" * 300000)], CHAIN: [vendors.chunked([piece] * 2000, True)]}
    run = t.run("size", ["sev-snp/crl/milan", "sev-snp/chain/milan"])
    check("results", [run.result(n) for n in ("sev-snp/crl/milan", "sev-snp/chain/milan")], ["VENDOR_TOO_LARGE", "VENDOR_TOO_LARGE"])
    check("the rest was not read", t.server.sent < 20 * len(piece) * 4, True)
    check("nothing kept", run.files(), [])


def other_things_are_told(t):
    d, page = t.d, b"<!DOCTYPE html><title>Sign in\x1b[31m</title>"
    swapped = {"tcb": d.qe, "qe": d.tcb}
    t.server.sites["other"] = {
        CRL: [vendors.ok(page)], CHAIN: [vendors.ok(d.vek)], VEK_PATH % "Milan": [vendors.ok(d.crl)],
        f"/tdx{V4}tcb?fmspc={FMSPC}": [vendors.ok(swapped["tcb"])], f"/tdx{V4}qe/identity": [vendors.ok(swapped["qe"])],
        f"/sgx{V4}qe/identity": [vendors.ok(d.qe, b"%%%nonsense", "SGX-Enclave-Identity-Issuer-Chain")],
        PCK_CRL: [vendors.ok(d.pck_crl + b"\0")], f"/sgx{V4}rootcacrl": [vendors.ok(b"[]")],
    }
    names = ["sev-snp/crl/milan", "sev-snp/chain/milan", VEK, f"tdx/tcb-info/{FMSPC}", "tdx/qe-identity", "sgx/pck-crl/platform", "sgx/root-crl",
             "sgx/tcb-chain"]
    run = t.run("other", names + ["sgx/qe-identity"])
    check("results", {run.result(n) for n in names}, {"VENDOR_ANSWER"})
    check("a page is shown, its control characters are not", run.items[names[0]]["detail"], "<!DOCTYPE html><title>Sign in.[31m</title>")
    check("not asked again", run.retries, [])
    check("a bad chain does not spoil the document", run.files(), ["sgx_qe-identity.json"])


def only_the_named_ca_counts(t):
    t.server.sites["tls"] = {CRL: [vendors.ok(t.d.crl)]}
    address = t.server.url("tls", host="127.0.0.1")
    run = t.run("tls", ["sev-snp/crl/milan"], url=address)  # the certificate is for localhost
    check("other name", (run.result("sev-snp/crl/milan"), run.code), ("VENDOR_TLS", 3))
    run = t.run("tls", ["sev-snp/crl/milan"], "--amd-kds", t.server.url("tls"), amd=False)
    check("the system's CAs", (run.result("sev-snp/crl/milan"), run.code), ("VENDOR_TLS", 3))
    check("asked", len(t.server.asked("tls")), 0)


def nothing_is_reached(t):
    with socket.socket() as s:  # bound, and no one listens
        s.bind(("127.0.0.1", 0))
        run = t.run("closed", ["sev-snp/crl/milan", "sev-snp/chain/milan"], url=f"https://localhost:{s.getsockname()[1]}")
    check("results", [run.result(n) for n in run.items], ["VENDOR_UNREACHABLE", "VENDOR_UNREACHABLE"])
    check("the service is tried three times, not each item", len(run.pauses), 2)
    check("exit", run.code, 3)


def hanging_service_is_given_up(t):
    t.server.sites["deaf"] = {path: [vendors.hang] for path in (CRL, CHAIN)} | {PCK_CRL: [vendors.ok(t.d.pck_crl)]}
    run = t.run("deaf", ["sev-snp/crl/milan", "sev-snp/chain/milan", "sgx/pck-crl/platform"], "--request-timeout", "0.4")
    check("results", [run.result(n) for n in ("sev-snp/crl/milan", "sev-snp/chain/milan", "sgx/pck-crl/platform")],
          ["VENDOR_TIMEOUT", "VENDOR_TIMEOUT", "got"])
    check("three requests in all", len(t.server.asked("deaf", CRL) + t.server.asked("deaf", CHAIN)), 3)


def time_is_bounded(t):
    t.server.sites["late"] = {CRL: [vendors.ok(t.d.crl)], CHAIN: [vendors.hang]}
    run = t.run("late", ["sev-snp/crl/milan", "sev-snp/chain/milan"], "--total-timeout", "2.5", "--stall-timeout", "9", "--request-timeout", "9")
    check("results", [run.result(n) for n in ("sev-snp/crl/milan", "sev-snp/chain/milan")], ["got", "VENDOR_TIME_UP"])
    check("exit", run.code, 1)


def what_is_in_force_for_long_is_left(t):
    t.server.sites["ahead"] = everything(t.d)
    # The chip's certificate is for years, the list for weeks.
    for ahead, want, asked in (("0", ["got", "got"], 2), ("3600", ["fresh", "fresh"], 2), ("31536000", ["fresh", "unchanged"], 3)):
        run = t.run("ahead", [VEK + " milan", "sgx/pck-crl/platform"], "--ahead", ahead)
        check(f"ahead {ahead}", [run.result(VEK), run.result("sgx/pck-crl/platform")], want)
        check("exit, requests", (run.code, len(t.server.asked("ahead"))), (0, asked))
    check("told until when", run.items[VEK]["until"] > run.items["sgx/pck-crl/platform"]["until"] > 1700000000, True)
    (run.folder / "sgx_pck-crl_platform.der").write_bytes(b"half")
    check("a broken file is got anew", t.run("ahead", ["sgx/pck-crl/platform"], "--ahead", "60").result("sgx/pck-crl/platform"), "got")


def requests_keep_their_distance(t):
    t.server.sites["gap"] = {CRL: [vendors.ok(t.d.crl)], CHAIN: [vendors.ok(t.d.chain_pem)], VEK_PATH % "Milan": [vendors.ok(t.d.vek)]}
    t.run("gap", ["sev-snp/crl/milan", "sev-snp/chain/milan", VEK], "--gap", "0.3")
    at = t.server.asked("gap")
    check("gaps", [b - a >= 0.29 for a, b in zip(at, at[1:])], [True, True])


def names_that_no_service_gives(t):
    bad = {"sev-snp/vlek/milan/" + TCB: "VENDOR_VLEK", "sev-snp/crl/rome": "VENDOR_NAME", "sev-snp/crl/../x": "VENDOR_NAME",
           f"sev-snp/vek/{CHIP[2:]}/{TCB}": "VENDOR_NAME", f"sev-snp/vek/{CHIP}/0400010000001801": "VENDOR_NAME",
           "tdx/tcb-info/00806F050000": "VENDOR_NAME", "tdx/root-crl": "VENDOR_NAME", "nonsense": "VENDOR_NAME",
           "sgx/root-crl": "VENDOR_NOT_NAMED"}
    run = t.run("names", list(bad), intel=False)
    check("results", {n: run.result(n) for n in bad}, bad)
    check("exit", run.code, 1)


def wrong_usage(t):
    for options in (["--amd-kds", "http://localhost"], ["--pccs", "https://user@localhost"], ["--tries", "0"], ["--gap", "-1"],
                    ["--request-timeout", "0"], ["--update", "late"], ["--unknown"]):
        run = t.run("usage", [], *options, amd=False, intel=False)
        check(options, (run.code, run.errors != ""), (64, True))
    check("nothing to do", t.run("usage", [], amd=False, intel=False).code, 0)


def command(t, *words, **how):
    environment = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
    return subprocess.run([BIN / "latchkey", *words], capture_output=True, text=True, env=environment, timeout=60, **how)


def fetch(t, site, *words):
    return command(t, "collateral", "fetch", "--amd-kds", t.server.url(site), "--kds-ca", t.server.ca, "--pccs", t.server.url(site),
                   "--pccs-ca", t.server.ca, "--out", t.folder / f"out-{site}", *QUICK, *words)


def fleet_is_covered(t):
    t.server.sites["fleet"] = everything(t.d)
    fleet = t.folder / "fleet"
    fleet.write_text(f"# ours\nsev-snp milan {CHIP} {TCB}\n\n  tdx {FMSPC.upper()} platform # TD hosts\n")
    done = fetch(t, "fleet", "--fleet", fleet)
    check("exit", (done.returncode, done.stderr), (0, "latchkey: 9 there, 0 missing\n"))
    lines = done.stdout.splitlines()
    check("each once", (len(lines), len(set(lines))), (9, 9))
    check("lines", [line.startswith("got ") and ", until 20" in line for line in lines], [True] * 9)
    folder = t.folder / "out-fleet"
    for anchor, item in ((f"sev-snp:{t.folder}/sp/ark.der", f"sev-snp:report={t.folder}/entry/outblob"),
                         (f"tdx:{t.folder}/intel/root.der", f"tdx:quote={t.folder}/quote")):
        done = command(t, "appraise", "--any-binding", "--json", "--trust", anchor, "--collateral", folder, item)
        check("judged by it", [json.loads(done.stdout)["verdict"], *map(str, json.loads(done.stdout)["reasons"])], ["affirmed"])
        empty = command(t, "appraise", "--any-binding", "--json", "--trust", anchor, item)
        check("and not without", json.loads(empty.stdout)["verdict"], "cannot-judge")


def what_is_missing_is_told(t):
    site = everything(t.d)
    site.pop(CRL)
    site[PCK_CRL] = [vendors.throttle(1), vendors.status(410)]
    t.server.sites["told"] = site
    names = ("sev-snp/crl/milan", "sgx/pck-crl/platform", "sgx/root-crl")
    done = fetch(t, "told", *names)
    check("exit", done.returncode, 1)
    told = {line.split()[1].rstrip(":,"): line for line in done.stdout.splitlines()}
    check("404", "VENDOR_NOT_FOUND: The service does not know" in told[names[0]] and told[names[0]].endswith("[status 404] [status 404]"), True)
    check("410", "VENDOR_GONE" in told[names[1]], True)
    check("got", told[names[2]].startswith("got "), True)
    check("waits are told", "the whole service intel: VENDOR_BUSY; again in 1." in done.stderr, True)
    check("count", done.stderr.splitlines()[-1], "latchkey: 1 there, 3 missing")
    done = fetch(t, "told", "--json", *names)
    lines = {line["name"]: line for line in map(json.loads, done.stdout.splitlines())}
    check("JSON", [lines[n].get("code") for n in names], ["VENDOR_NOT_FOUND", "VENDOR_GONE", None])
    check("nothing else", (done.stderr, done.returncode), ("", 1))


def command_line_is_checked(t):
    fleet = t.folder / "bad-fleet"
    for text, code, what in ((f"sev-snp milan {CHIP[2:]} {TCB}\n", 4, ":1: the chip id has 128 hex digits"),
                             ("# x\ntdx 00 platform\n", 4, ":2: the FMSPC has 12 hex digits")):
        fleet.write_text(text)
        done = fetch(t, "bad", "--fleet", fleet)
        check("fleet", (done.returncode, what in done.stderr, "FLEET" in done.stderr), (code, True, True))
    for words in (["--out", "x"], ["--fleet", fleet], ["--out", "x", "--nothing", "sgx/root-crl"], ["--out", "x", "--every", "0", "sgx/root-crl"],
                  ["--out", t.folder / "no", "--amd-kds", "http://x", "sgx/root-crl"]):
        done = command(t, "collateral", "fetch", *words)
        check(words, (done.returncode, done.stderr != ""), (64, True))
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        done = command(t, "collateral", "fetch", "--amd-kds", f"https://localhost:{s.getsockname()[1]}", "--out", t.folder / "out-3", *QUICK,
                       "sev-snp/crl/milan")
    check("nothing reached", done.returncode, 3)


def watching_looks_again(t):
    t.server.sites["watch"] = everything(t.d)
    environment = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
    with subprocess.Popen([BIN / "latchkey", "collateral", "fetch", "--pccs", t.server.url("watch"), "--pccs-ca", t.server.ca, "--out",
                           t.folder / "out-watch", "--watch", "--every", "1", "--ahead", "3650", *QUICK, "sgx/pck-crl/platform"],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment) as watcher:
        seen = [watcher.stdout.readline().split()[0] for _ in range(4)]
        watcher.terminate()
    check("got, then looked at again", seen, ["got", "got", "unchanged", "unchanged"])
    first, second = t.server.asked("watch")[:2]
    check("rested", second - first >= 1, True)


CASES = [all_is_kept_as_it_came, early_documents_are_asked_for, product_is_found_out, throttling("seconds", 2, False),
         throttling("date", 3, True), rest_past_the_end_is_not_waited_for, final_answers_are_final, faults_are_retried, tries_come_to_an_end,
         slow_drip_is_cut, redirects_stay_https, size_is_bounded, other_things_are_told, only_the_named_ca_counts, nothing_is_reached,
         hanging_service_is_given_up, time_is_bounded, requests_keep_their_distance, what_is_in_force_for_long_is_left, names_that_no_service_gives, wrong_usage,
         fleet_is_covered, what_is_missing_is_told, command_line_is_checked, watching_looks_again]


class Test:
    def __init__(self, folder):
        self.folder, self.d, self.server = folder, Documents(folder), vendors.Server(folder)

    def run(self, site, names, *options, **how):
        return Run(self.folder, self.server, site, names, *options, **how)


def outcome(t, case):
    try:
        case(t)
        return None
    except (AssertionError, KeyError, ValueError, OSError, subprocess.SubprocessError) as e:
        return f"{type(e).__name__}: {e}"


def main():
    bad = 0
    with tempfile.TemporaryDirectory() as name:
        t = Test(pathlib.Path(name))
        with concurrent.futures.ThreadPoolExecutor(len(CASES)) as pool:  # they mostly wait
            for case, wrong in zip(CASES, pool.map(lambda c: outcome(t, c), CASES)):
                bad += wrong is not None
                print(f"{'FAIL' if wrong else 'ok  '} {case.__name__.replace('_', ' ')}{': ' + wrong if wrong else ''}")
        t.server.close()
    return 1 if bad else 0


sys.exit(main())
