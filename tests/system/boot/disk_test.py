#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Disk keys at boot: fetch.conf, the kernel's command line, crypttab volumes as systemd-cryptsetup asks for them, LUKS2
headers and enrolment with the real cryptsetup, and a boot that waits for a change. Only mapping a device is played.

usage: disk_test.py FOLDER-OF-PROGRAMS
"""
import json
import os
import pathlib
import secrets
import shutil
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from guest import Guest, fetch  # noqa: E402
from harness import Ring, skip, wait_for  # noqa: E402

BIN = pathlib.Path(sys.argv[1]).resolve()
CRYPTSETUP = shutil.which("cryptsetup", path=os.environ["PATH"] + ":/usr/sbin:/sbin") or skip("cryptsetup is not installed")
KEY = bytes(range(1, 33))
POLICY = """schema: latchkey-policy/1
policy: disks
releases: ["disk/root", "disk/data", "disk/late"]
accept:
  - name: tpm
    chain: [tpm]
    tpm:
      ek: {any-genuine: {because: "a test"}}
      pcr.sha256.0: "%s"
"""
FLEET = POLICY.replace("policy: disks", "policy: fleet").replace('["disk/root", "disk/data", "disk/late"]', '["fleet/{tpm.ek-sha256}"]') + """
create-on-first-use: {bytes: 32}
"""
# Mapping needs a device mapper and root; whether the header and the key fit, the real program says.
STAND_IN = f"""#!/bin/sh
echo "$@" >>"$LOG"
[ "$5" = --header ] || exec {CRYPTSETUP} "$@"
exec {CRYPTSETUP} open --test-passphrase --type luks2 --key-file=- "$6"
"""
FORMAT = ("luksFormat", "--batch-mode", "--type", "luks2", "--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000")


def expect(done, status, *texts):
    assert done[0] == status, (status, done)
    for text in texts:
        assert text in done[2], (text, done)


class World:
    def __init__(self, ring, guest):
        self.ring, self.guest, self.folder = ring, guest, ring.folder / "boot"
        (self.folder / "bin").mkdir(parents=True)
        (self.folder / "bin/cryptsetup").write_text(STAND_IN)
        (self.folder / "bin/cryptsetup").chmod(0o755)
        self.env = {**os.environ, "PATH": f"{self.folder}/bin:{os.environ['PATH']}", "LOG": str(self.folder / "log")}
        self.conf(f"broker = 127.0.0.1:1\nbroker = 127.0.0.1:{ring.port}\n")

    def conf(self, text):
        path = self.folder / "fetch.conf"
        collectors = "".join(f"collector = {c}\n" for c in self.guest.collectors(BIN)[1::2])
        path.write_text(f"{text}{collectors}keys-folder = {self.folder}/keys\ntimeout = 30\n")
        path.chmod(0o600)
        return path

    def fetch(self, *args, kernel=None):
        cmdline = self.folder / "cmdline"
        cmdline.write_text(f"quiet latchkey.broker-id={kernel or self.ring.broker_id.hex()}\n")
        return fetch(BIN, "--config", self.folder / "fetch.conf", f"--kernel-command-line={cmdline}", *args, env=self.env)

    def disk(self, name, size=40 << 20):
        path = self.folder / name
        with path.open("wb") as file:
            file.truncate(size)
        return path

    def cryptsetup(self, *args, **more):
        return subprocess.run([CRYPTSETUP, *map(str, args)], capture_output=True, **more)

    def opens(self, disk, key):
        return self.cryptsetup("open", "--test-passphrase", "--key-file=-", disk, input=key).returncode == 0


def set_up(ring, guest):
    for name, text in (("policy", POLICY), ("fleet", FLEET)):
        (ring.folder / f"{name}.yaml").write_text(text % guest.pcrs[0].hex())
        ring.latchkey("policy", "apply", ring.folder / f"{name}.yaml")
    (ring.folder / "key").write_bytes(KEY)
    for name in ("disk/root", "disk/data"):
        ring.latchkey("secret", "put", name, "--file", ring.folder / "key")
    ring.latchkey("anchor", "add", "test-ca", "--family", "tpm", "--certificate", guest.folder / "root.pem",
                  "--intermediates", guest.folder / "issuer.pem")


def several_targets_from_one_attestation(world):
    out = world.folder / "token"
    before = len(world.ring.latchkey("audit", "list").stdout.splitlines())
    expect(world.fetch("--secret", f"disk/root={out}", "--secret", f"disk/data=file:/dev/shm/{world.folder.parent.name},mode=0440"),
           0, "BROKER_UNREACHABLE", "disk/root", "disk/data")
    shm = pathlib.Path("/dev/shm") / world.folder.parent.name
    assert out.read_bytes() == KEY == shm.read_bytes() and shm.stat().st_mode & 0o777 == 0o440
    shm.unlink()
    assert len(world.ring.latchkey("audit", "list").stdout.splitlines()) == before + 1


def another_broker_id_is_refused(world):
    world.conf(f"broker = 127.0.0.1:{world.ring.port}\n")
    expect(world.fetch("--secret", "disk/root", kernel="0" * 64), 6, "ANSWER_BROKER")
    world.conf(f"broker = 127.0.0.1:{world.ring.port}\nbroker-id = {world.ring.broker_id.hex()}\n")
    expect(world.fetch("--secret", "disk/root", kernel="0" * 64), 64, "another broker-id")
    world.conf("brokr = x\n")
    expect(world.fetch("--secret", "disk/root"), 64, "fetch.conf:1: \"brokr\" is no setting here")
    (world.folder / "fetch.conf").chmod(0o622)
    expect(world.fetch("--secret", "disk/root"), 64, "not permitted")
    world.conf(f"broker = 127.0.0.1:{world.ring.port}\n")


def ask(folder, volume, infix="cryptsetup"):
    """As systemd-cryptsetup does: it connects from a name that says what for, and reads to the end."""
    path = folder / f"keys/{volume}.key"
    assert wait_for(path.exists)
    with socket.socket(socket.AF_UNIX) as peer:
        peer.bind(f"\0{secrets.token_hex(8)}/{infix}/{volume}")
        peer.connect(str(path))
        peer.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: peer.recv(4096), b""))


def start(world, *args):
    cmdline = world.folder / "cmdline"
    cmdline.write_text(f"latchkey.broker-id={world.ring.broker_id.hex()} latchkey.on-refused=wait")
    return subprocess.Popen([BIN / "latchkey-fetch", "--config", world.folder / "fetch.conf",
                             f"--kernel-command-line={cmdline}", *args], env=world.env, stderr=subprocess.PIPE, text=True)


def crypttab_volumes_get_their_keys(world):
    running = start(world, "--secret", "disk/root=crypttab:root", "--secret", "disk/data=crypttab:data")
    assert ask(world.folder, "root", "cryptsetup-tpm2") == b""
    assert ask(world.folder, "root") == KEY
    assert ask(world.folder, "root") == KEY, "asked again, before everyone has asked"
    assert running.poll() is None
    assert ask(world.folder, "data") == KEY
    error = running.communicate(timeout=20)[1]
    assert running.returncode == 0, error
    assert not list((world.folder / "keys").iterdir())


def a_boot_waits_for_a_change(world):
    """Refused: no such secret. A key that is there is given out meanwhile; the other one follows when it is put."""
    running = start(world, "--secret", "disk/root=crypttab:root", "--secret", "disk/late=crypttab:late")
    assert ask(world.folder, "root") == KEY
    (world.ring.folder / "late").write_bytes(b"late key")
    world.ring.latchkey("secret", "put", "disk/late", "--file", world.ring.folder / "late")
    assert ask(world.folder, "late") == b"late key"
    error = running.communicate(timeout=20)[1]
    assert running.returncode == 0 and "refused" in error and "next try" in error, error


def a_good_header_is_opened_from_its_copy(world):
    disk = world.disk("good")
    assert world.cryptsetup(*FORMAT, "--key-file=-", disk, input=KEY).returncode == 0
    expect(world.fetch("--secret", f"disk/root=luks:{disk},name=latchkey-test"), 0, "released")
    line = (world.folder / "log").read_text().splitlines()[-1].split()
    assert line[0] == "open" and line[-2:] == [str(disk), "latchkey-test"] and line[5] != str(disk), line
    assert not os.path.exists(line[5]), "the copy is gone"
    expect(world.fetch("--secret", f"disk/root=luks:{disk},name=latchkey-test,uuid=x"), 8, "LUKS_UUID")
    world.cryptsetup("luksChangeKey", *FORMAT[1:2], *FORMAT[4:], "--key-file", world.ring.folder / "key", disk, world.folder / "fetch.conf")
    expect(world.fetch("--secret", f"disk/root=luks:{disk},name=latchkey-test"), 8, "LUKS_OPEN")


def rewrite(disk, old, new):
    """The header's JSON with another text, under a right checksum, in both places."""
    import hashlib
    data = bytearray(disk.read_bytes())
    for at in (0, 0x4000):
        area = bytes(data[at + 4096:at + 0x4000])
        text = area.rstrip(b"\0")
        assert old in text, text
        data[at + 4096:at + 0x4000] = text.replace(old, new).ljust(len(area), b"\0")
        data[at + 448:at + 512] = bytes(64)
        data[at + 448:at + 480] = hashlib.sha256(data[at:at + 0x4000]).digest()
    disk.write_bytes(data)


def a_header_that_writes_plain_text_is_not_used(world):
    """CVE-2025-59054 and its like: cryptsetup itself would open this one."""
    disk = world.disk("null")
    assert world.cryptsetup(*FORMAT, "--key-file=-", disk, input=KEY).returncode == 0
    rewrite(disk, b'"encryption":"aes-xts-plain64","sector_size"', b'"encryption":"cipher_null-ecb","sector_size"')
    assert world.opens(disk, KEY)
    (world.folder / "log").write_text("")
    expect(world.fetch("--secret", f"disk/root=luks:{disk},name=latchkey-test"), 8, "LUKS_CIPHER", "data that is not encrypted")
    assert (world.folder / "log").read_text() == "", "no key went to it"
    running = start(world, "--secret", f"disk/root=crypttab:root,device={disk}", "--timeout", "3")
    assert ask(world.folder, "root") == b""
    assert "its header is not good" in running.communicate(timeout=20)[1] and running.returncode == 8
    other = world.disk("nothing", 1 << 20)
    expect(world.fetch("--secret", f"disk/root=luks:{other},name=latchkey-test"), 8, "LUKS_HEADER")


def enrol(world, disk, *more):
    return world.fetch("--secret", "disk/root", "--enroll-luks", disk, *more)


def a_key_slot_is_added_once(world):
    disk, old = world.disk("enrol"), world.folder / "old"
    old.write_bytes(b"old key")
    assert world.cryptsetup(*FORMAT, "--key-file", old, disk).returncode == 0
    expect(enrol(world, disk), 8, "LUKS_KEY")
    (world.folder / "wrong").write_bytes(b"wrong")
    expect(enrol(world, disk, "--existing-key", world.folder / "wrong"), 8, "LUKS_KEY")
    expect(enrol(world, disk, "--existing-key", old), 0, "released")
    assert world.opens(disk, KEY) and world.opens(disk, b"old key")
    header = disk.read_bytes()[:16 << 20]
    expect(enrol(world, disk), 0, "released")
    assert disk.read_bytes()[:16 << 20] == header, "nothing was changed the second time"
    slots = json.loads(header[4096:0x4000].rstrip(b"\0"))["keyslots"]
    assert len(slots) == 2, slots
    damaged = bytearray(disk.read_bytes())  # a crash between the second header and the first
    damaged[5000] ^= 1
    disk.write_bytes(damaged)
    expect(enrol(world, disk), 0)


def only_what_is_blank_is_formatted(world):
    disk = world.disk("blank")
    expect(enrol(world, disk), 8, "LUKS_NOT_FORMATTED")
    expect(enrol(world, disk, "--format"), 0)
    assert world.opens(disk, KEY)
    header = disk.read_bytes()[:16 << 20]
    expect(enrol(world, disk, "--format"), 0)
    assert disk.read_bytes()[:16 << 20] == header
    world.cryptsetup("luksErase", "--batch-mode", disk)  # as a crash in luksFormat leaves it: a header without key slots
    expect(enrol(world, disk, "--format"), 0)
    assert world.opens(disk, KEY)
    used = world.disk("used")
    with used.open("r+b") as file:
        file.seek(9 << 20)
        file.write(b"somebody's data")
    expect(enrol(world, used, "--format"), 8, "LUKS_NOT_BLANK")
    assert b"somebody's data" in used.read_bytes()


def a_first_boot_makes_its_secret_and_enrols_the_disk(world):
    disk, secret = world.disk("fleet"), ("--secret", "fleet/{tpm.ek-sha256}")
    expect(world.fetch(*secret, "--enroll-luks", disk, "--format"), 1, "refused")
    assert not any(disk.read_bytes()[:1 << 20]), "nothing was formatted for a key that is not there"
    expect(world.fetch(*secret, "--create", "--enroll-luks", disk, "--format"), 0, "released")
    header = disk.read_bytes()[:16 << 20]
    for again in ((), ("--create",)):  # later boots, and one that was told to enrol once more
        expect(world.fetch(*secret, *again, "--enroll-luks", disk, "--format"), 0, "released")
        assert disk.read_bytes()[:16 << 20] == header, again
    key = world.fetch(*secret)
    assert key[0] == 0 and len(key[1]) == 32 and world.opens(disk, key[1]), key[0]


def main():
    ring = Ring(BIN)
    guest = Guest(ring.folder / "guest", ring.folder / "ca")
    try:
        ring.start()
        set_up(ring, guest)
        world = World(ring, guest)
        for test in (several_targets_from_one_attestation, another_broker_id_is_refused, crypttab_volumes_get_their_keys,
                     a_boot_waits_for_a_change, a_good_header_is_opened_from_its_copy,
                     a_header_that_writes_plain_text_is_not_used, a_key_slot_is_added_once, only_what_is_blank_is_formatted,
                     a_first_boot_makes_its_secret_and_enrols_the_disk):
            began = time.monotonic()
            test(world)
            print(f"ok {test.__name__} {time.monotonic() - began:.1f} s", flush=True)
    finally:
        guest.stop()
        ring.close()


if __name__ == "__main__":
    main()
