# SPDX-License-Identifier: Apache-2.0
"""A whole broker on loopback for tests: SoftHSM2 token, store, TLS certificate, latchkeyd, a grpcio client."""
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

ROOT = pathlib.Path(__file__).resolve().parents[3]
MODULES = ("/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so")


def skip(why):
    print(f"SKIPPED: {why}")
    sys.exit(77)


try:
    import grpc
except ImportError:
    skip("python3-grpcio is not installed")

MODULE = next((m for m in MODULES if os.path.exists(m)), None)
if MODULE is None or shutil.which("softhsm2-util") is None:
    skip("softhsm2 is not installed")


def run(*command, **more):
    return subprocess.run(command, check=True, stdin=more.pop("stdin", subprocess.DEVNULL), capture_output=True, text=True, **more)


def messages(folder):
    """latchkey_pb2, rpc_pb2, policy_pb2, made by protoc."""
    api = ROOT / "proto/api"
    run("protoc", f"-I{api}", f"--python_out={folder}", *(str(api / p) for p in ("latchkey.proto", "rpc.proto", "policy.proto")))
    sys.path.insert(0, str(folder))
    import latchkey_pb2
    import policy_pb2
    import rpc_pb2
    return latchkey_pb2, rpc_pb2, policy_pb2


def wait_for(what, seconds=20):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        got = what()
        if got:
            return got
        time.sleep(0.05)
    return None


class Ring:
    """One broker in a folder of its own. programs: {name: path} of stand-ins that replace a program."""

    def __init__(self, bin_folder, programs=None, config="", softhsm_module=MODULE, environment=None, prepare=None,
                 log_verifiers=1):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="latchkey-ring-"))
        self.bin = pathlib.Path(bin_folder)
        self.log_path = self.folder / "log"
        self.daemon = None
        self.channels = []
        self.module = softhsm_module
        self.environment, self.log_verifiers = environment or {}, log_verifiers
        self.pb, self.rpc, self.policy = messages(self._made("pb"))
        self._make_token()
        self._make_tls()
        self._write_config(config)
        self._made("state")
        self._place_programs(programs or {})
        if prepare is not None:
            prepare(self)
        self._make_store()

    def _made(self, name):
        path = self.folder / name
        path.mkdir(mode=0o700, exist_ok=True)
        return path

    # ---- setting up ----

    def _make_token(self):
        self._made("tokens")
        (self.folder / "softhsm2.conf").write_text(
            f"directories.tokendir = {self.folder}/tokens\nobjectstore.backend = file\nlog.level = ERROR\n")
        (self.folder / "pin").write_text("1234\n")
        self.softhsm = {"SOFTHSM2_CONF": str(self.folder / "softhsm2.conf"), "PATH": os.environ["PATH"]}
        run("softhsm2-util", "--init-token", "--free", "--label", "latchkey", "--pin", "1234", "--so-pin", "5678", env=self.softhsm)

    def _make_tls(self):
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
            "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost",
            "-keyout", self.folder / "tls.key", "-out", self.folder / "tls.pem")

    def _make_store(self):
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "admin", "-f", self.folder / "admin")
        self.init = self.latchkey("init", "--config", self.config, "--admin", f"admin={self.folder}/admin.pub",
                                  "--write-profile", self.folder / "profile", profile=False)
        self.broker_id = bytes.fromhex(re.search(r"\b([0-9a-f]{64})\b", (self.folder / "profile").read_text()).group(1))

    def latchkey(self, *args, profile=True, check=True):
        """The admin's program; standard output and error in one text."""
        more = ("--profile", self.folder / "profile", "--key", self.folder / "admin") if profile else ()
        done = subprocess.run([str(a) for a in (self.folder / "bin/latchkey", *args, *more)], stdin=subprocess.DEVNULL, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env={**os.environ, **self.softhsm}, cwd=self.folder)
        if check and done.returncode != 0:
            raise RuntimeError(f"latchkey {args}: {done.returncode}\n{done.stdout}\n{self.log_text()}")
        return done

    def _place_programs(self, programs):
        """The programs look for each other beside their own file: a folder of copies, for other users too, with the stand-ins."""
        place = self._made("bin")
        for name in ("latchkey", "latchkeyd", "latchkey-front", "latchkey-keeper", "latchkey-verifier", "latchkey-token"):
            shutil.copy2(programs.get(name, self.bin / name), place / name)
            if name in programs:
                shutil.copy2(self.bin / name, place / f"{name}.real")

    def _write_config(self, more):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        environment = "".join(f", {k}: {v}" for k, v in self.environment.items())
        self.config = self.folder / "latchkeyd.conf"
        self.config.write_text(f"""schema: latchkey-config/1
state: state
listen: ["127.0.0.1:{self.port}"]
tls: {{certificate: tls.pem, key: tls.key}}
token:
  module: {self.module}
  label: latchkey
  pin-file: pin
  environment: {{SOFTHSM2_CONF: ./softhsm2.conf{environment}}}
  read-only: [softhsm2.conf]
  read-write: [tokens, .]
  timeout: 2s
verifiers: 2
log-verifiers: {self.log_verifiers}
pid-file: pid
log: {{level: debug}}
{more}""")

    # ---- running ----

    def start(self, wait=True):
        begin = self.mark()
        self.log = open(self.log_path, "ab")
        self.daemon = subprocess.Popen([self.folder / "bin/latchkeyd", "--config", self.config], stdin=subprocess.DEVNULL,
                                       stdout=subprocess.DEVNULL, stderr=self.log)
        if wait and not self.wait_log(r"event=health serving", begin):
            raise RuntimeError("the broker does not serve:\n" + self.log_text())
        return self

    def log_text(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def wait_log(self, pattern, after=0, seconds=20):
        """The match in the log behind position `after`, when it comes."""
        return wait_for(lambda: re.search(pattern, self.log_text()[after:]), seconds)

    def mark(self):
        return len(self.log_text())

    def pids(self, program):
        """Of the running processes of that program, by /proc."""
        found = []
        for entry in pathlib.Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                parent = re.search(r"PPid:\s+(\d+)", (entry / "status").read_text()).group(1)
                command = (entry / "cmdline").read_bytes().decode().split("\0")[:2]  # a stand-in has its interpreter first
            except (OSError, AttributeError):
                continue
            if int(parent) == self.daemon.pid and str(self.folder / "bin" / program) in command:
                found.append(int(entry.name))
        return sorted(found)

    def stop(self, seconds=15):
        for channel in self.channels:
            channel.close()
        self.channels = []
        if self.daemon is None:
            return None
        self.daemon.send_signal(signal.SIGTERM)
        try:
            code = self.daemon.wait(seconds)
        except subprocess.TimeoutExpired:
            self.daemon.kill()
            code = self.daemon.wait()
        self.daemon = None
        return code

    def close(self):
        if self.daemon is not None:
            self.daemon.kill()
            self.daemon.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        if error[0] is not None:
            print(self.log_text(), file=sys.stderr)
        self.stop()
        self.close()

    # ---- talking ----

    def channel(self):
        trust = (self.folder / "tls.pem").read_bytes()
        channel = grpc.secure_channel(f"127.0.0.1:{self.port}", grpc.ssl_channel_credentials(trust))
        self.channels.append(channel)
        return channel

    def call(self, method, request, response_type, channel=None, timeout=10):
        full = f"/latchkey.v1.{method}"
        stub = (channel or self.channel()).unary_unary(full, request_serializer=lambda m: m.SerializeToString(),
                                                       response_deserializer=response_type.FromString)
        return stub(request, timeout=timeout)

    def challenge(self, *secrets, **more):
        return self.call("KeyRelease/GetChallenge", self.pb.ChallengeRequest(secrets=secrets or ["tenant/disk"]),
                         self.pb.ChallengeResponse, **more)

    def release(self, challenge, items=(), broker_id=None, secrets=("tenant/disk",), **more):
        statement = self.pb.Statement(
            purpose=self.pb.Statement.RELEASE, broker_id=broker_id or self.broker_id, recipient_key=self.recipient(),
            suite="hpke-x25519-sha256-aes256gcm", secrets=[self.pb.SecretRef(name=n) for n in secrets])
        request = self.pb.ReleaseRequest(ticket=challenge.ticket, statement=statement.SerializeToString(), items=items)
        return self.call("KeyRelease/Release", request, self.pb.ReleaseResponse, **more)

    def recipient(self):
        """SubjectPublicKeyInfo of a fresh X25519 key."""
        key = subprocess.run(["openssl", "genpkey", "-algorithm", "X25519"], check=True, capture_output=True).stdout
        return subprocess.run(["openssl", "pkey", "-pubout", "-outform", "DER"], input=key, check=True, capture_output=True).stdout

    def reason(self, error):
        """(status, reason code, class) of a failed call, out of its google.rpc.Status."""
        details = dict((k, v) for k, v in error.trailing_metadata() or ())
        raw = details.get("grpc-status-details-bin")
        if raw is None:
            return error.code().name, None, None
        status = self.rpc.Status.FromString(raw)
        for item in status.details:
            if item.type_url.endswith("google.rpc.ErrorInfo"):
                info = self.rpc.ErrorInfo.FromString(item.value)
                return error.code().name, info.reason, dict((e.key, e.value) for e in info.metadata).get("class")
        return error.code().name, None, None
