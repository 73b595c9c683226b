#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures releases on a whole broker beside the bare signatures, in one run.

usage: run.py [--bin FOLDER] [--quick] [--json]

Starts latchkeyd on loopback with a SoftHSM2 token, sends it guests whose SNP reports, TPM quotes and TD quotes are signed by
the emulators, and prints for each kind: releases per CPU second of all broker processes, the ratio to one bare OpenSSL
verification of the same signature, latency at half load, and a storm of 1,000 guests on new connections.
"""
import argparse
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAMS = ("latchkeyd", "latchkey-front", "latchkey-verifier", "latchkey-keeper", "latchkey-token")
MODULE = "/usr/lib/softhsm/libsofthsm2.so"

POLICIES = {
    "sev-snp": """      measurement: {any-genuine: {because: "load test"}}
      reported-tcb: {skip: {because: "load test"}}
      platform-alias-check: required
""",
    "tdx": """      mrtd: {any-genuine: {because: "load test"}}
      rtmr0: {skip: {because: "load test"}}
      rtmr1: {skip: {because: "load test"}}
      rtmr2: {skip: {because: "load test"}}
""",
    "tpm": """      ek: {skip: {because: "load test: the AK has a certificate"}}
      pcrs: {sha256: {0: "0101010101010101010101010101010101010101010101010101010101010101"}}
""",
}


def run(*command, **more):
    done = subprocess.run([str(c) for c in command], stdin=subprocess.DEVNULL, capture_output=True, text=True, **more)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return done.stdout


class Broker:
    def __init__(self, programs):
        self.bin = programs
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="latchkey-bench-"))
        self.env = dict(os.environ, SOFTHSM2_CONF=str(self.dir / "softhsm2.conf"), LATCHKEY_PROFILE=str(self.dir / "profile"))
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.address = f"127.0.0.1:{s.getsockname()[1]}"
        self.daemon = None

    def cli(self, *command):
        return run(self.bin / "latchkey", *command, env=self.env)

    def set_up(self):
        d = self.dir
        (d / "tokens").mkdir()
        (d / "softhsm2.conf").write_text(f"directories.tokendir = {d}/tokens\nobjectstore.backend = file\nlog.level = ERROR\n")
        (d / "pin").write_text("12345678\n")
        (d / "pin").chmod(0o600)
        run("softhsm2-util", "--init-token", "--free", "--label", "latchkey", "--pin", "12345678", "--so-pin", "87654321", env=self.env)
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj",
            "/CN=bench", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", d / "tls.key", "-out", d / "tls.pem")
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "bench", "-f", d / "admin")
        (d / "latchkeyd.conf").write_text(f"""schema: latchkey-config/1
state: ./state
listen: ["{self.address}"]
tls: {{certificate: tls.pem, key: tls.key}}
token: {{module: {MODULE}, label: latchkey, pin-file: pin, environment: {{SOFTHSM2_CONF: ./softhsm2.conf}},
        read-only: [softhsm2.conf], read-write: [tokens]}}
verifiers: 2
log-verifiers: 1
large-bundle: 64KiB
limits: {{connections: 4096, request-rate: 1000000, request-burst: 1000000}}
log: {{level: warn}}
""")
        self.cli("init", "--config", d / "latchkeyd.conf", "--admin", f"admin={d}/admin.pub", "--write-profile", d / "profile")
        profile = dict(line.split(" = ", 1) for line in (d / "profile").read_text().splitlines() if " = " in line)
        self.broker_id = profile["broker-id"]

    def start(self):
        log = open(self.dir / "log", "ab")
        self.daemon = subprocess.Popen([self.bin / "latchkeyd", "--config", self.dir / "latchkeyd.conf"], stdin=subprocess.DEVNULL,
                                       stdout=log, stderr=log, env=self.env)
        for _ in range(100):
            done = subprocess.run([self.bin / "latchkey", "status"], env=self.env, stdin=subprocess.DEVNULL, capture_output=True)
            if done.returncode == 0:
                return
            time.sleep(0.1)
        sys.exit((self.dir / "log").read_text())

    def make_evidence(self):
        for family in POLICIES:
            (self.dir / family).mkdir()
        emulator = self.bin / "amd-sp-emulator"
        run(emulator, "--dir", self.dir / "sev-snp", "make-root")
        run(emulator, "--dir", self.dir / "sev-snp", "report", "--out", self.dir / "sev-snp/report", "--report-data", "00" * 64)
        run(self.bin / "intel-qe-emulator", "--dir", self.dir / "tdx", "documents", "--out", self.dir / "tdx")
        run(self.bin / "latchkey-bench", "prepare-tpm", "--dir", self.dir / "tpm")

    def allow(self):
        for family, root in (("sev-snp", "ark.der"), ("tpm", "ca.der"), ("tdx", "root.der")):
            self.cli("anchor", "add", f"bench-{family}", "--family", family, "--certificate", self.dir / family / root)
            policy = self.dir / f"{family}.yaml"
            policy.write_text(f"schema: latchkey-policy/1\npolicy: bench-{family}\nreleases: [\"bench/{family}\"]\naccept:\n"
                              f"  - name: one\n    chain: [{family}]\n    {family}:\n{POLICIES[family]}")
            self.cli("policy", "apply", policy)
            self.cli("secret", "put", f"bench/{family}", "--random", "32")

    def processes(self):
        for entry in pathlib.Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and (entry / "comm").read_text().strip() in {p[:15] for p in PROGRAMS}:
                    fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
                    if self.daemon.pid in (int(entry.name), int(fields[1])):
                        yield (entry / "comm").read_text().strip(), (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
            except OSError:
                continue

    def cpu(self):
        total = {}
        for name, seconds in self.processes():
            total[name] = total.get(name, 0) + seconds
        return total

    def with_logs(self):
        """20 bundles of 1 MiB a second until it is terminated: each is judged, and refused for its log."""
        return subprocess.Popen([self.bin / "latchkey-bench", "guests", "--family", "sev-snp", "--dir", self.dir / "sev-snp", "--broker",
                                 self.address, "--broker-id", self.broker_id, "--secret", "bench/sev-snp", "--threads=4",
                                 "--count=1000000", "--rate=20", f"--log={1 << 20}"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)

    def restart(self, **config):
        self.daemon.send_signal(signal.SIGTERM)
        self.daemon.wait(30)
        text = (self.dir / "latchkeyd.conf").read_text()
        for key, value in config.items():
            text = re.sub(rf"^{key.replace('_', '-')}: .*", f"{key.replace('_', '-')}: {value}", text, flags=re.M)
        (self.dir / "latchkeyd.conf").write_text(text)
        self.start()

    def guests(self, family, **options):
        flags = [f"--{k.replace('_', '-')}" + ("" if v is True else f"={v}") for k, v in options.items() if v]
        before = self.cpu()
        out = json.loads(run(self.bin / "latchkey-bench", "guests", "--family", family, "--dir", self.dir / family, "--broker",
                             self.address, "--broker-id", self.broker_id, "--secret", f"bench/{family}", *flags))
        after = self.cpu()
        if out["failed"]:
            sys.exit(f"{family}: {out['failed']} of {out['count']} failed: {out['first_error']}")
        out["cpu_seconds"] = {name: round(after[name] - before.get(name, 0), 2) for name in after}
        out["per_cpu_second"] = round(out["count"] / sum(out["cpu_seconds"].values()), 1)
        return out

    def stop(self):
        if self.daemon is not None:
            self.daemon.send_signal(signal.SIGTERM)
            self.daemon.wait(30)
        shutil.rmtree(self.dir)


def measure(broker, scale):
    floor = json.loads(run(broker.bin / "latchkey-bench", "floor", "--dir", broker.dir / "sev-snp"))
    results = {"floor": floor}
    for family, bare in (("sev-snp", floor["p384_verify_s"]), ("tpm", floor["rsa2048_verify_s"]), ("tdx", floor["tdx_warm_s"])):
        kept = broker.guests(family, threads=8, count=2000 * scale // 10)
        fresh = broker.guests(family, threads=8, count=1000 * scale // 10, new_connections=True)
        for r in (kept, fresh):
            r["ratio_to_bare"] = round(1 / r["per_cpu_second"] / bare, 2)
        half = broker.guests(family, threads=16, count=1000 * scale // 10, rate=round(kept["per_second"] / 2, 1))
        results[family] = {"kept": kept, "new": fresh, "half_load": half}
    cold = broker.guests("tdx", threads=8, count=500 * scale // 10, cold=True)
    cold["ratio_to_bare"] = round(1 / cold["per_cpu_second"] / floor["tdx_cold_s"], 2)
    results["tdx"]["cold"] = cold
    results["logs"] = [json.loads(run(broker.bin / "latchkey-bench", "logs", f"--count={n}")) for n in (10000, 100000)[:scale]]
    results["beside_logs"] = beside_logs(broker, scale)
    results["storm"] = broker.guests("sev-snp", threads=100 * scale // 10 * 10, count=100 * scale, new_connections=True)
    return results


def beside_logs(broker, scale):
    """Plain releases while bundles with logs keep their verifiers busy: with a class of verifiers for those, and with one for all."""
    def plain():
        return broker.guests("sev-snp", threads=2, count=50 * scale, rate=50)
    found = {"alone": plain()}
    for name, config in (("log_verifiers", {}), ("one_class", {"log_verifiers": 0, "large_bundle": "4MiB"})):
        if config:
            broker.restart(**config)
        flood = broker.with_logs()
        try:
            time.sleep(0.5)
            found[name] = plain()
        finally:
            flood.terminate()
            flood.wait()
    broker.restart(log_verifiers=1, large_bundle="64KiB")
    return found


def show(r):
    f = r["floor"]
    print(f"bare OpenSSL verifications per CPU second: P-384 {1 / f['p384_verify_s']:.0f}, RSA-2048 {1 / f['rsa2048_verify_s']:.0f}, "
          f"SNP with a cold chain {1 / f['snp_cold_s']:.0f}, TDX {1 / f['tdx_warm_s']:.0f}, TDX with everything cold {1 / f['tdx_cold_s']:.0f}")
    for family in POLICIES:
        for kind in ("kept", "new", "cold"):
            if kind not in r[family]:
                continue
            one = r[family][kind]
            what = "certificates" if kind == "cold" else "connections"
            print(f"{family:8} {kind:5} {what}: {one['per_cpu_second']:7.1f} releases per CPU second of all processes, "
                  f"{one['ratio_to_bare']:6.2f} times the bare verifications; {one['per_second']:.0f}/s; CPU {one['cpu_seconds']}")
        half = r[family]["half_load"]
        print(f"{family:8} half load ({half['per_second']:.0f}/s): p50 {half['p50_ms']} ms, p99 {half['p99_ms']} ms")
    for one in r["logs"]:
        for kind in ("eventlog", "ima"):
            print(f"{kind:8} of {one['entries']} entries: {one[kind]['per_second']:.0f} a CPU second, "
                  f"{one[kind]['ratio_to_bare']:.2f} times the bare hashing of the same bytes")
    for kind, one in r["beside_logs"].items():
        print(f"plain releases, 50/s, beside 20 bundles/s of 1 MiB, {kind}: p50 {one['p50_ms']} ms, p99 {one['p99_ms']} ms")
    storm = r["storm"]
    print(f"storm: {storm['count']} guests at once on new connections: all served in {storm['seconds']} s, "
          f"p50 {storm['p50_ms']:.0f} ms, last {storm['max_ms']:.0f} ms")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bin", type=pathlib.Path, default=ROOT / "build/release/bin")
    parser.add_argument("--quick", action="store_true", help="a tenth of the requests: shows that it works, measures little")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    broker = Broker(options.bin.resolve())
    try:
        broker.set_up()
        broker.make_evidence()
        broker.start()
        broker.allow()
        results = measure(broker, 1 if options.quick else 10)
    finally:
        broker.stop()
    print(json.dumps(results, indent=1)) if options.json else show(results)


if __name__ == "__main__":
    main()
