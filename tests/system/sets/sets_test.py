#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A guest with an IMA list against a set in the broker's snapshot: released, refused by a file's name, and in between.

usage: sets_test.py FOLDER-OF-PROGRAMS
"""
import hashlib
import os
import pathlib
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../boot"))
from guest import Guest, fetch, sha256  # noqa: E402
from harness import Ring  # noqa: E402

BIN = pathlib.Path(sys.argv[1]).resolve()
POLICY = """schema: latchkey-policy/1
policy: files
releases: ["files/key"]
explain-to-guest: true
accept:
  - name: measured
    chain: [tpm, ima]
    tpm:
      ek: {any-genuine: {because: "a test"}}
      pcr: {skip: {because: "the list says what it holds"}}
    ima:
      boot-aggregate: allow
      files: {in-set: runtime-list, exclude: ["/run/**"]}
"""


def ask(ring, guest):
    return fetch(BIN, "--broker", f"127.0.0.1:{ring.port}", "--broker-id", ring.broker_id.hex(), *guest.collectors(BIN),
                 "--timeout", "20", "--secret", "files/key")


def expect(done, released, *texts):
    assert (done[0] == 0) == released, done
    assert not released or done[1] == b"the key", done
    for text in texts:
        assert text in done[2], (text, done)


class World:
    def __init__(self, ring, guest):
        self.ring, self.guest, self.files, self.number = ring, guest, {}, 0

    def execute(self, path, content, listed=True):
        if listed:
            self.files[path] = sha256(content)
        self.guest.execute(path, sha256(content))

    def policy(self, more=""):
        (self.ring.folder / "policy.yaml").write_text(POLICY + more)
        self.ring.latchkey("policy", "apply", self.ring.folder / "policy.yaml")

    def make(self, *more, name="runtime-list"):
        """A set of the files so far, made from what sha256sum would print."""
        self.number += 1
        sums, out = self.ring.folder / f"sums{self.number}", self.ring.folder / f"set{self.number}"
        sums.write_text("".join(f"{digest.hex()}  {path}\n" for path, digest in self.files.items()))
        self.ring.latchkey("reference", "set", "make", name, "--sums", sums, "--out", out, *more, profile=False)
        return out

    def put(self, path):
        return self.ring.latchkey("reference", "set", "put", path).stdout

    def parts(self):
        listed = self.ring.latchkey("reference", "set", "list").stdout
        return [line.split()[0] for line in listed.splitlines()[1:]]


def without_its_set_nothing_is_judged(w):
    expect(ask(w.ring, w.guest), False, "REFERENCE_SET_MISSING")


def a_set_releases(w):
    w.put(w.make())
    expect(ask(w.ring, w.guest), True)
    w.execute("/run/user/1000/anything", b"excluded", listed=False)
    expect(ask(w.ring, w.guest), True)
    assert "there already" in w.put(w.make())


def one_more_file_is_refused_by_its_name(w):
    w.execute("/usr/bin/evil", b"evil", listed=False)
    expect(ask(w.ring, w.guest), False, "IMA_FILES", "/usr/bin/evil", "in runtime-list", sha256(b"evil").hex()[:32])


def the_new_version_takes_it_and_the_former_is_gone(w):
    former = w.parts()
    w.files["/usr/bin/evil"] = sha256(b"evil")
    w.put(w.make())
    expect(ask(w.ring, w.guest), True)
    assert len(w.parts()) == 1 and w.parts() != former, (former, w.parts())
    shown = w.ring.latchkey("reference", "set", "show", "runtime-list").stdout
    assert f"{len(w.files)} files" in shown, shown


def another_digest_under_a_known_path_is_refused(w):
    w.guest.execute("/usr/bin/good", sha256(b"changed"))
    expect(ask(w.ring, w.guest), False, "IMA_FILES", "/usr/bin/good")
    w.files["/usr/bin/good2"] = sha256(b"changed")
    digests = w.ring.folder / "digests"
    digests.write_text("".join(f"{digest.hex()}\n" for digest in w.files.values()))
    out = w.ring.folder / "digest-set"
    w.ring.latchkey("reference", "set", "make", "runtime-list", "--digests", "--sums", digests, "--out", out, profile=False)
    w.put(out)
    expect(ask(w.ring, w.guest), True)


def a_measured_buffer_needs_a_rule(w):
    """A key on a keyring that nobody allowed; then a dm-verity device that was never loaded."""
    data = b"no certificate"
    fields = (b"sha256:\0" + sha256(data), b".ima\0", data)
    template = b"".join(struct.pack("<I", len(field)) + field for field in fields)
    w.guest.extend((10, sha256(template)))
    with w.guest.ima_path.open("ab") as ima:
        ima.write(struct.pack("<I20sI", 10, hashlib.sha1(template).digest(), 7) + b"ima-buf" + struct.pack("<I", len(template)) + template)
    expect(ask(w.ring, w.guest), False, "IMA_BUFFERS", ".ima sha256:" + sha256(data).hex()[:16])
    w.policy('      buffers: {exclude: [".ima"]}\n')
    expect(ask(w.ring, w.guest), True)
    w.policy('      buffers: {exclude: [".ima"]}\n      dm-verity: ["sha256:%s"]\n' % ("00" * 32))
    expect(ask(w.ring, w.guest), False, "IMA_VERITY")
    w.policy('      buffers: {exclude: [".ima"]}\n')


def a_deleted_set_judges_nothing(w):
    w.ring.latchkey("reference", "set", "delete", "runtime-list")
    assert w.parts() == []
    expect(ask(w.ring, w.guest), False, "REFERENCE_SET_MISSING")


def a_large_set_and_the_largest_list(w):
    """130000 members in several changes; a list of nearly 3 MiB, the most that the collector reads."""
    for i in range(130_000):
        w.files[f"/usr/lib/{i}"] = hashlib.sha256(i.to_bytes(4, "big")).digest()
    for i in range(47):
        w.execute("/" + f"{i:02}" * 32_000, b"long path")
    size = w.guest.ima_path.stat().st_size
    assert 2_900_000 < size < (3 << 20), size
    w.files["/usr/bin/good"] = sha256(b"changed")
    begun = time.monotonic()
    first = w.ring.folder / "first-digest"
    first.write_text(f"{sha256(b'good').hex()}\n")
    w.put(w.make("--digests", "--sums", first))
    print(f"set of {len(w.files)} put in {time.monotonic() - begun:.1f} s")
    begun = time.monotonic()
    expect(ask(w.ring, w.guest), True)
    print(f"list of {size} bytes judged in {time.monotonic() - begun:.1f} s, attestation included")


def main():
    ring = Ring(BIN)
    guest = Guest(ring.folder / "guest", ring.folder / "ca")
    try:
        ring.start()
        (ring.folder / "policy.yaml").write_text(POLICY)
        ring.latchkey("policy", "apply", ring.folder / "policy.yaml")
        (ring.folder / "value").write_bytes(b"the key")
        ring.latchkey("secret", "put", "files/key", "--file", ring.folder / "value")
        ring.latchkey("anchor", "add", "test-ca", "--family", "tpm", "--certificate", guest.folder / "root.pem",
                      "--intermediates", guest.folder / "issuer.pem")
        w = World(ring, guest)
        w.execute("/usr/bin/good", b"good")
        for test in (without_its_set_nothing_is_judged, a_set_releases, one_more_file_is_refused_by_its_name,
                     the_new_version_takes_it_and_the_former_is_gone, another_digest_under_a_known_path_is_refused,
                     a_measured_buffer_needs_a_rule, a_deleted_set_judges_nothing, a_large_set_and_the_largest_list):
            test(w)
            print("ok", test.__name__, flush=True)
    finally:
        guest.stop()
        ring.close()


if __name__ == "__main__":
    main()
