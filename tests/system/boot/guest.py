# SPDX-License-Identifier: Apache-2.0
"""A guest that has booted with measurement: a software TPM, and the logs that its firmware and kernel would have written."""
import hashlib
import os
import pathlib
import shutil
import struct
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../ring"))
from harness import ROOT, run, skip  # noqa: E402

SWTPM = ROOT / "tests/emulators/swtpm"
SEPARATOR, CRTM_VERSION, IPL, BOOT_APPLICATION, VARIABLE = 4, 8, 0xd, 0x80000003, 0x80000001
SHA256 = 0x000b
GLOBAL = bytes.fromhex("61dfe48bca93d211aa0d00e098032b8c")

for tool in ("swtpm", "tpm2_pcrextend"):
    if shutil.which(tool) is None:
        skip(f"{tool} is not installed")


def sha256(data):
    return hashlib.sha256(data).digest()


class Guest:
    """Secure Boot off; firmware, one boot application, a command line from GRUB; then IMA's list."""

    def __init__(self, folder, ca, command_line="root=/dev/vda1 quiet"):
        self.folder = pathlib.Path(folder)
        self.securityfs = self.folder / "securityfs"
        (self.securityfs / "tpm0").mkdir(parents=True)
        (self.securityfs / "ima").mkdir()
        run(SWTPM / "swtpm-up", self.folder, ca)
        self.tcti = (self.folder / "tcti").read_text().strip()
        self.pcrs = {i: bytes(32) for i in range(24)}
        self._boot(command_line)
        self.ima_path = self.securityfs / "ima/binary_runtime_measurements"
        self.ima_path.write_bytes(b"")
        self.execute("boot_aggregate", sha256(b"".join(self.pcrs[i] for i in range(10))))

    def stop(self):
        run(SWTPM / "swtpm-down", self.folder)

    def extend(self, *extends):
        for at in range(0, len(extends), 8):
            run("tpm2_pcrextend", *(f"{pcr}:sha256={digest.hex()}" for pcr, digest in extends[at:at + 8]),
                env={**os.environ, "TPM2TOOLS_TCTI": self.tcti})
        for pcr, digest in extends:
            self.pcrs[pcr] = sha256(self.pcrs[pcr] + digest)

    def _boot(self, command_line):
        """TCG PC Client Platform Firmware Profile 1.06, 10."""
        head = b"Spec ID Event03\0" + struct.pack("<IBBBBIHHB", 0, 0, 2, 0, 2, 1, SHA256, 32, 0)
        log = struct.pack("<II20xI", 0, 3, len(head)) + head
        extends = []
        grub = f"linux /vmlinuz {command_line}".encode()
        kernel = f"/vmlinuz {command_line}".encode()
        off = GLOBAL + struct.pack("<QQ", 10, 1) + "SecureBoot".encode("utf-16-le") + b"\0"
        events = [(0, CRTM_VERSION, b"1\0\0\0", None), (7, VARIABLE, off, None)]
        events += [(pcr, SEPARATOR, bytes(4), None) for pcr in range(8)]
        events += [(4, BOOT_APPLICATION, b"path of the boot loader", b"boot loader"),
                   (8, IPL, b"grub_cmd: " + grub + b"\0", grub), (9, IPL, b"/vmlinuz\0", b"kernel file"),
                   (8, IPL, b"kernel_cmdline: " + kernel + b"\0", kernel)]
        for pcr, kind, data, hashed in events:
            digest = sha256(data if hashed is None else hashed)
            log += struct.pack("<IIIH", pcr, kind, 1, SHA256) + digest + struct.pack("<I", len(data)) + data
            extends.append((pcr, digest))
        self.extend(*extends)
        (self.securityfs / "tpm0/binary_bios_measurements").write_bytes(log)

    def entry(self, path, digest):
        """An ima-ng entry (Documentation/security/IMA-templates.rst) and what PCR 10 is extended with."""
        fields = (b"sha256:\0" + digest, path.encode() + b"\0")
        data = b"".join(struct.pack("<I", len(field)) + field for field in fields)
        return struct.pack("<I20sI", 10, hashlib.sha1(data).digest(), 6) + b"ima-ng" + struct.pack("<I", len(data)) + data, sha256(data)

    def execute(self, path, digest):
        entry, extend = self.entry(path, digest)
        self.extend((10, extend))
        with self.ima_path.open("ab") as ima:
            ima.write(entry)

    def collectors(self, bin_folder):
        return ["--collector", f"{bin_folder}/latchkey-evidence-tpm --ek=rsa --tcti={self.tcti}",
                "--collector", f"{bin_folder}/latchkey-evidence-logs --securityfs {self.securityfs}"]


def fetch(bin_folder, *args, timeout=60, **more):
    """latchkey-fetch: (exit status, standard output, standard error)."""
    done = subprocess.run([str(a) for a in (bin_folder / "latchkey-fetch", *args)], stdin=subprocess.DEVNULL,
                          capture_output=True, timeout=timeout, **more)
    return done.returncode, done.stdout, done.stderr.decode(errors="replace")
