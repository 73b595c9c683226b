# SPDX-License-Identifier: Apache-2.0
"""A broker with callers of the role `collateral` and of none, and two platforms made up: AMD's and Intel's emulators."""
import hashlib
import pathlib
import re
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "ring"))
from harness import ROOT, Ring, grpc, run, wait_for  # noqa: E402

MEASUREMENT, CHIP, TCB, MRTD = "4d" * 48, "c7" * 64, "04000000000018d5", "71" * 48
POLICIES = {"snp": f"""schema: latchkey-policy/1
policy: snp
releases: ["snp/disk"]
accept:
  - name: snp
    chain: [sev-snp]
    sev-snp:
      measurement: {MEASUREMENT}
      crl: required
      platform-alias-check: {{skip: {{because: "the emulator has none"}}}}
      tcb-floor: {{milan: {{bootloader: 0, tee: 0, snp: 0, microcode: 0}}}}
""", "tdx": f"""schema: latchkey-policy/1
policy: tdx
releases: ["tdx/disk"]
accept:
  - name: tdx
    chain: [tdx]
    tdx:
      mrtd: {MRTD}
      rtmr0: {{skip: {{because: "not measured here"}}}}
      rtmr1: {{skip: {{because: "not measured here"}}}}
      rtmr2: {{skip: {{because: "not measured here"}}}}
"""}


def pem_certs(data):
    """The PEM certificates in any bytes."""
    return re.findall(rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n?", data, re.S)


class World(Ring):
    def __init__(self, bin_folder, **more):
        self.emulators = pathlib.Path(bin_folder).resolve()
        super().__init__(bin_folder, prepare=self.prepare, **more)

    def prepare(self, _ring):
        clients = {name: self.client(name) for name in ("loader", "nobody")}
        (self.folder / "clients.pem").write_text("".join((self.folder / f"{n}.pem").read_text() for n in clients))
        text = self.config.read_text().replace("key: tls.key}", "key: tls.key, client-ca: clients.pem}")
        text += f"\ncallers: [{{sha256: {clients['loader']}, roles: [collateral]}}, {{sha256: {clients['nobody']}, roles: [appraise]}}]\n"
        self.config.write_text(text)
        self.make_platforms()

    def client(self, name):
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
            "-subj", f"/CN={name}", "-keyout", self.folder / f"{name}.key", "-out", self.folder / f"{name}.pem")
        der = subprocess.run(["openssl", "x509", "-in", self.folder / f"{name}.pem", "-outform", "DER"], check=True, capture_output=True)
        return hashlib.sha256(der.stdout).hexdigest()

    def make_platforms(self):
        amd = self.folder / "amd"
        shutil.copytree(ROOT / "tests/unit/policy/evidence/sev_snp/keys", amd)
        self.amd("make-root", "--product", "milan")
        self.intel("intel", "documents", "--out", self._made("documents"))

    def amd(self, *args):
        run(self.emulators / "amd-sp-emulator", "--dir", self.folder / "amd", *args)

    def intel(self, keys, *args):
        run(self.emulators / "intel-qe-emulator", "--dir", self._made(keys), "--mrtd", MRTD, *args)

    def set_up(self):
        """Anchors, policies, secrets."""
        self.latchkey("anchor", "add", "amd", "--family", "sev-snp", "--certificate", self.folder / "amd/ark.der")
        self.latchkey("anchor", "add", "intel", "--family", "tdx", "--certificate", self.folder / "documents/root.der")
        for name, text in POLICIES.items():
            (self.folder / f"{name}.yaml").write_text(text)
            self.latchkey("policy", "apply", self.folder / f"{name}.yaml")
            (self.folder / "secret").write_text(f"of {name}")
            self.latchkey("secret", "put", f"{name}/disk", "--file", self.folder / "secret")

    # ---- evidence ----

    def evidence(self, family, binding):
        if family == "snp":
            out = self._made("report")
            self.amd("report", "--out", out, "--report-data", binding.hex(), "--measurement", MEASUREMENT, "--chip-id", CHIP,
                     "--reported-tcb", TCB, "--committed-tcb", TCB, "--current-tcb", TCB, "--launch-tcb", TCB)
            return self.item("sev-snp", report=(out / "outblob").read_bytes())
        (self.folder / "inblob").write_bytes(binding)
        self.intel("intel", "quote", "--inblob", self.folder / "inblob", "--out", self.folder / "quote")
        return self.item("tdx", quote=(self.folder / "quote").read_bytes())

    def item(self, family, **parts):
        return self.pb.EvidenceItem(family=family, parts=[self.pb.EvidencePart(name=n, data=d) for n, d in parts.items()])

    def ask(self, family):
        """The reason code of a release on fresh evidence that brings no collateral; "OK"."""
        name = f"{family}/disk"
        challenge = self.challenge(name)
        statement = self.pb.Statement(
            purpose=self.pb.Statement.RELEASE, broker_id=self.broker_id, recipient_key=self.recipient(),
            suite="hpke-x25519-sha256-aes256gcm", secrets=[self.pb.SecretRef(name=name)]).SerializeToString()
        binding = hashlib.sha512(b"latchkey-binding-v1\0" + hashlib.sha256(challenge.ticket).digest() +
                                 hashlib.sha512(statement).digest()).digest()
        request = self.pb.ReleaseRequest(ticket=challenge.ticket, statement=statement, items=[self.evidence(family, binding)])
        return self.outcome(lambda: self.call("KeyRelease/Release", request, self.pb.ReleaseResponse))

    def outcome(self, call):
        try:
            call()
        except grpc.RpcError as error:
            return self.reason(error)[1] or error.code().name
        return "OK"

    # ---- collateral ----

    def as_client(self, name):
        read = lambda suffix: (self.folder / f"{name}.{suffix}").read_bytes()  # noqa: E731
        channel = grpc.secure_channel(f"127.0.0.1:{self.port}", grpc.ssl_channel_credentials(
            (self.folder / "tls.pem").read_bytes(), read("key"), read("pem")))
        self.channels.append(channel)
        return channel

    def put(self, *pieces, client="loader"):
        answer = self.call("Collateral/Put", self.pb.CollateralPutRequest(pieces=pieces), self.pb.CollateralPutResponse,
                           channel=self.as_client(client))
        return [(p.outcome, p.name or p.code) if p.code == "OK" else (p.outcome, p.code) for p in answer.pieces]

    def status(self, **more):
        return self.call("Collateral/Status", self.pb.CollateralStatusRequest(**more), self.pb.CollateralStatusResponse,
                         channel=self.as_client("loader"))

    def in_force(self):
        assert wait_for(lambda: self.status().in_force, 30), "what was put is not in force"

    def files(self, family):
        """The collateral of the platform, each file a piece."""
        if family == "snp":
            self.evidence("snp", bytes(64)) if not (self.folder / "report/vek.der").exists() else None
            names = ("amd/ark.der", "amd/ask.der", "report/vek.der", "amd/crl.der")
            return [(self.folder / n).read_bytes() for n in names]
        self.evidence("tdx", bytes(64))
        names = ("tcb_info.json", "qe_identity.json", "pck_crl.der", "root_ca_crl.der")
        chain = pem_certs((self.folder / "quote").read_bytes())[1:] + pem_certs((self.folder / "documents/tcb_signing_chain.pem").read_bytes())
        return [(self.folder / "documents" / n).read_bytes() for n in names] + chain
