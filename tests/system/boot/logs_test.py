#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A guest whose event log and IMA list go to a whole broker; alternatives that a machine can do and cannot.

usage: logs_test.py FOLDER-OF-PROGRAMS
"""
import os
import pathlib
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from guest import Guest, fetch, sha256  # noqa: E402
from harness import Ring  # noqa: E402

BIN = pathlib.Path(sys.argv[1]).resolve()
POLICY = """schema: latchkey-policy/1
policy: {name}
releases: ["{name}/key"]
accept:
  - name: snp
    chain: [sev-snp]
    sev-snp:
      measurement: {{in: ["{zeros}"]}}
      platform-alias-check: {{skip: {{because: "a test"}}}}
      tcb-floor: {{milan: {{bootloader: 0, tee: 0, snp: 0, microcode: 0}}}}
  - name: measured
    chain: [tpm, eventlog, ima]
    tpm:
      ek: {{any-genuine: {{because: "a test"}}}}
      pcr: {{skip: {{because: "the logs say what they hold"}}}}
    eventlog:
      secure-boot: deny
      boot-application: {{skip: {{because: "a test"}}}}
      command-line: "/vmlinuz root=/dev/vda1 quiet"
    ima: {{violations: 0, files: {{skip: {{because: the test has none to compare with}}}}}}
"""
TPM_ONLY = """  - name: tpm-only
    chain: [tpm]
    tpm:
      ek: {any-genuine: {because: "a test"}}
      pcr.sha256.0: "%s"
"""


def expect(done, status, *texts):
    assert done[0] == status, (status, done)
    for text in texts:
        assert text in done[2], (text, done)


def set_up(ring, guest):
    for name, more in (("strict", ""), ("either", TPM_ONLY % guest.pcrs[0].hex())):
        (ring.folder / f"{name}.yaml").write_text(POLICY.format(name=name, zeros="0" * 96) + more)
        ring.latchkey("policy", "apply", ring.folder / f"{name}.yaml")
        (ring.folder / "value").write_bytes(name.encode())
        ring.latchkey("secret", "put", f"{name}/key", "--file", ring.folder / "value")
    ring.latchkey("anchor", "add", "test-ca", "--family", "tpm", "--certificate", guest.folder / "root.pem",
                  "--intermediates", guest.folder / "issuer.pem")


def ask(ring, guest, name, *more):
    return fetch(BIN, "--broker", f"127.0.0.1:{ring.port}", "--broker-id", ring.broker_id.hex(), *guest.collectors(BIN),
                 "--timeout", "20", "--secret", f"{name}/key", *more)


def logs_go_along(ring, guest):
    done = ask(ring, guest, "strict")
    expect(done, 0, 'evidence "snp" of policy "strict": passed over, see the collector\'s message',
           'evidence "measured" of policy "strict": taken')
    assert done[1] == b"strict", done


def a_list_may_have_grown_after_the_quote(ring, guest):
    with guest.ima_path.open("ab") as ima:
        ima.write(guest.entry("/usr/bin/late", sha256(b"late"))[0])
    expect(ask(ring, guest, "strict"), 0)
    guest.ima_path.write_bytes(guest.ima_path.read_bytes()[:-len(guest.entry("/usr/bin/late", sha256(b"late"))[0])])
    guest.execute("/usr/bin/true", sha256(b"true"))
    expect(ask(ring, guest, "strict"), 0)


def without_a_log_the_next_alternative_is_taken(ring, guest):
    log = guest.securityfs / "tpm0/binary_bios_measurements"
    log.rename(guest.folder / "away")
    expect(ask(ring, guest, "either"), 0, "NO_DEVICE", 'evidence "measured" of policy "either": passed over, see',
           'evidence "tpm-only" of policy "either": taken')
    expect(ask(ring, guest, "strict"), 7, "COLLECTOR_FAILED")
    (guest.folder / "away").rename(log)
    expect(ask(ring, guest, "either", "--json"), 0, '"alternative":"measured","fate":"taken"')


def evidence_that_is_too_large_is_not_sent(ring, guest):
    list_now = guest.ima_path.read_bytes()
    log = guest.securityfs / "tpm0/binary_bios_measurements"
    log_now = log.read_bytes()
    guest.ima_path.write_bytes(list_now + bytes(5 << 19))
    log.write_bytes(log_now + bytes(2 << 20))
    expect(ask(ring, guest, "strict"), 7, "EVIDENCE_TOO_LARGE")
    guest.ima_path.write_bytes(list_now)
    log.write_bytes(log_now)


def another_list_is_refused(ring, guest):
    list_now = guest.ima_path.read_bytes()
    guest.ima_path.write_bytes(list_now.replace(b"/usr/bin/true", b"/usr/bin/evil"))
    done = ask(ring, guest, "strict")
    assert done[0] != 0, done
    guest.ima_path.write_bytes(list_now)
    expect(ask(ring, guest, "strict"), 0)


def main():
    ring = Ring(BIN)
    guest = Guest(ring.folder / "guest", ring.folder / "ca")
    try:
        ring.start()
        set_up(ring, guest)
        for test in (logs_go_along, a_list_may_have_grown_after_the_quote, without_a_log_the_next_alternative_is_taken,
                     evidence_that_is_too_large_is_not_sent, another_list_is_refused):
            test(ring, guest)
            print("ok", test.__name__, flush=True)
    finally:
        guest.stop()
        ring.close()


if __name__ == "__main__":
    main()
