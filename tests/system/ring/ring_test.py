# SPDX-License-Identifier: Apache-2.0
"""The whole ring against processes that die, hang or attack. usage: ring_test.py FOLDER-OF-PROGRAMS"""
import functools
import os
import pathlib
import pwd
import re
import shutil
import signal
import socket
import sys
import threading
import time

from harness import Ring, grpc, run, skip, wait_for

Pair = functools.partial(Ring, log_verifiers=0)  # two verifiers, which most of these tests count

BIN = pathlib.Path(sys.argv[1]).resolve()
HERE = pathlib.Path(__file__).resolve().parent
PROGRAMS = ("latchkey-front", "latchkey-keeper", "latchkey-verifier", "latchkey-token")


def end(pid):
    """Kills it, unless a hostile process was ended already."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def failure(call, *args, **more):
    try:
        call(*args, **more)
    except grpc.RpcError as error:
        return error
    raise AssertionError("the call succeeded")


def serves(ring, seconds=20):
    """A challenge is answered again."""
    def once():
        try:
            return ring.challenge(timeout=3)
        except grpc.RpcError:
            return None
    assert wait_for(once, seconds), "no challenge any more"


def pids(ring):
    return {name: ring.pids(name) for name in PROGRAMS}


def all_up(ring):
    now = pids(ring)
    return all(now.values()) and len(now["latchkey-verifier"]) == 2 and now


# ---- the honest ring ----

def answers_and_refusals(ring):
    challenge = ring.challenge("tenant/disk", "tenant/{tpm.ek-sha256}")
    assert len(challenge.ticket) == 196 and challenge.broker_id == ring.broker_id
    assert "hpke-x25519-sha256-aes256gcm" in challenge.evidence.suites
    tpm = ring.pb.EvidenceItem(family="tpm", parts=[ring.pb.EvidencePart(name="attest", data=b"x")])
    for error, want in (
            (failure(ring.release, challenge), ("INVALID_ARGUMENT", "CHAIN_NO_ITEMS", "malformed")),
            (failure(ring.release, challenge, [ring.pb.EvidenceItem(family="abacus")]), ("INVALID_ARGUMENT", "CHAIN_UNKNOWN_FAMILY", "malformed")),
            (failure(ring.release, challenge, [tpm]), ("INVALID_ARGUMENT", "CHAIN_MISSING_PART", "malformed")),
            (failure(ring.release, challenge, [tpm], broker_id=bytes(32)), ("UNAUTHENTICATED", "STATEMENT_BROKER", "not-authentic")),
            (failure(ring.release, challenge, [tpm], secrets=["//"]), ("INVALID_ARGUMENT", "SECRET_NAME", "malformed")),
            (failure(ring.challenge, "a//b"), ("INVALID_ARGUMENT", "SECRET_NAME", "malformed"))):
        assert ring.reason(error) == want, (ring.reason(error), want)
    forged = ring.pb.ChallengeResponse(ticket=challenge.ticket[:150] + bytes([challenge.ticket[150] ^ 1]) + challenge.ticket[151:])
    assert ring.reason(failure(ring.release, forged, [tpm]))[:2] == ("UNAUTHENTICATED", "TICKET_FORGED")


def unknown_fields_are_refused(ring):
    request = ring.pb.ChallengeRequest.FromString(ring.pb.ChallengeRequest(secrets=["a"]).SerializeToString() + b"\x78\x01")
    error = failure(ring.call, "KeyRelease/GetChallenge", request, ring.pb.ChallengeResponse)
    assert ring.reason(error)[1] == "REQUEST_UNKNOWN_FIELD", ring.reason(error)


def worker_killed_mid_request(ring):
    before = ring.pids("latchkey-verifier")
    others = {k: v for k, v in pids(ring).items() if k != "latchkey-verifier"}
    for pid in before:
        os.kill(pid, signal.SIGSTOP)
    got = []
    thread = threading.Thread(target=lambda: got.append(failure(ring.challenge, timeout=15)))
    mark = ring.mark()
    thread.start()
    assert ring.wait_log("event=request.given", mark)
    for pid in before:
        end(pid)
    thread.join(20)
    assert ring.reason(got[0])[:2] == ("UNAVAILABLE", "WORKER_LOST"), ring.reason(got[0])
    serves(ring)
    assert wait_for(lambda: len(ring.pids("latchkey-verifier")) == 2)
    assert not set(before) & set(ring.pids("latchkey-verifier"))
    assert {k: v for k, v in pids(ring).items() if k != "latchkey-verifier"} == others


def front_killed(ring):
    before = pids(ring)
    os.kill(before["latchkey-front"][0], signal.SIGKILL)
    assert wait_for(lambda: ring.pids("latchkey-front") not in ([], before["latchkey-front"]))
    serves(ring)
    after = wait_for(lambda: all_up(ring))
    assert after["latchkey-keeper"] == before["latchkey-keeper"] and after["latchkey-token"] == before["latchkey-token"]
    assert not set(after["latchkey-verifier"]) & set(before["latchkey-verifier"])


def keeper_killed_makes_tickets_stale(ring):
    ticket = ring.challenge()
    before = pids(ring)
    os.kill(before["latchkey-keeper"][0], signal.SIGKILL)
    assert wait_for(lambda: ring.pids("latchkey-keeper") not in ([], before["latchkey-keeper"]))
    serves(ring)
    after = wait_for(lambda: all_up(ring))
    for name in PROGRAMS:
        assert not set(after[name]) & set(before[name]), name
    error = failure(ring.release, ticket, [ring.pb.EvidenceItem(family="tpm")])
    assert ring.reason(error) == ("UNAVAILABLE", "TICKET_STALE", "unavailable"), ring.reason(error)


def token_killed(ring):
    before = pids(ring)
    os.kill(before["latchkey-token"][0], signal.SIGKILL)
    serves(ring)  # challenges need no token
    mark = ring.mark()
    assert wait_for(lambda: ring.pids("latchkey-token") not in ([], before["latchkey-token"]))
    assert ring.wait_log("program=|event=token.ready", mark)
    assert ring.pids("latchkey-keeper") == before["latchkey-keeper"]
    assert wait_for(lambda: put_secret(ring, "after-token-death"), 15)


def put_secret(ring, name):
    return ring.latchkey("secret", "put", name, "--random", "32", check=False).returncode == 0


def token_hangs(ring):
    before = pids(ring)
    os.kill(before["latchkey-token"][0], signal.SIGSTOP)
    mark = ring.mark()
    done = ring.latchkey("secret", "put", "while-hung", "--random", "32", check=False)
    assert done.returncode != 0 and "TOKEN_AWAY" in done.stdout, done.stdout
    assert ring.wait_log("event=token.hung", mark)
    assert wait_for(lambda: ring.pids("latchkey-token") not in ([], before["latchkey-token"]))
    assert ring.pids("latchkey-keeper") == before["latchkey-keeper"]
    assert wait_for(lambda: put_secret(ring, "after-hang"), 15)


def reload_takes_a_new_certificate(ring):
    old = (ring.folder / "tls.pem").read_bytes()
    before = pids(ring)
    ring._make_tls()
    mark = ring.mark()
    ring.daemon.send_signal(signal.SIGHUP)
    assert ring.wait_log("event=reloaded code=OK", mark) and ring.wait_log("event=tls.reload code=OK", mark)
    assert (ring.folder / "tls.pem").read_bytes() != old
    serves(ring)  # a new connection, which trusts the new certificate only
    good = (ring.folder / "tls.pem").read_bytes()
    (ring.folder / "tls.pem").write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    mark = ring.mark()
    ring.daemon.send_signal(signal.SIGHUP)
    assert ring.wait_log("event=tls.reload code=(?!OK)", mark)
    (ring.folder / "tls.pem").write_bytes(good)
    serves(ring)  # a new connection still gets the old one
    text = ring.config.read_text()
    ring.config.write_text(text + "nonsense: 1\n")
    mark = ring.mark()
    ring.daemon.send_signal(signal.SIGHUP)
    assert ring.wait_log("event=reload.refused", mark)
    ring.config.write_text(text)
    serves(ring)
    assert pids(ring) == before


def reload_changes_the_log_level(ring):
    text = ring.config.read_text()
    ring.config.write_text(text.replace("level: debug", "level: warn"))
    ring.daemon.send_signal(signal.SIGHUP)
    time.sleep(0.5)
    mark = ring.mark()
    serves(ring)
    assert not re.search("(debug|info) (front|keeper|supervisor) ", ring.log_text()[mark:]), ring.log_text()[mark:]
    ring.config.write_text(text)
    mark = ring.mark()
    ring.daemon.send_signal(signal.SIGHUP)
    assert ring.wait_log("event=reloaded code=OK", mark)
    serves(ring)
    assert ring.wait_log("debug front event=request.given", mark)


def processes_are_locked_in(ring):
    for name in PROGRAMS:
        for pid in ring.pids(name):
            status = pathlib.Path(f"/proc/{pid}/status").read_text()
            assert re.search(r"NoNewPrivs:\s+1", status), name
            assert re.search(r"Seccomp:\s+2", status), name
            limits = pathlib.Path(f"/proc/{pid}/limits").read_text()
            assert re.search(r"Max core file size\s+0\s+0", limits), name
    for pid in ring.pids("latchkey-verifier"):
        assert re.search(r"Max open files\s+0\s+0", pathlib.Path(f"/proc/{pid}/limits").read_text())
        assert len(os.listdir(f"/proc/{pid}/fd")) == 5, os.listdir(f"/proc/{pid}/fd")  # 0, 1, 2, requests, verdicts


HONEST = (answers_and_refusals, unknown_fields_are_refused, processes_are_locked_in, worker_killed_mid_request, front_killed,
          token_killed, token_hangs, reload_takes_a_new_certificate, reload_changes_the_log_level,
          keeper_killed_makes_tickets_stale)


def honest():
    with Pair(BIN) as ring:
        ring.start()
        for test in HONEST:
            begin = time.monotonic()
            test(ring)
            print(f"ok   {test.__name__} {time.monotonic() - begin:.1f} s", flush=True)
        assert ring.stop() == 0


# ---- a user for each program ----

USERS = {"front": "daemon", "verifier": "nobody", "keeper": "games", "token": "mail"}


def give_away(ring):
    for folder in (ring.folder, ring.folder / "bin"):
        folder.chmod(0o755)
    config = ring.config.read_text()
    ring.config.write_text(config.replace("read-write: [tokens, .]", "read-write: [tokens]"))
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "admin", "-f", ring.folder / "early")
    refused = ring.latchkey("init", "--config", ring.config, "--admin", f"admin={ring.folder}/early.pub", profile=False, check=False)
    owner = f"chown -R {USERS['token']} {ring.folder}/tokens"
    assert refused.returncode != 0 and owner in refused.stdout, refused.stdout
    run("chown", "-R", USERS["token"], ring.folder / "tokens")


def users():
    if os.geteuid() != 0:
        skip("only root can give each program a user of its own")
    config = "users: {" + ", ".join(f"{k}: {v}" for k, v in USERS.items()) + "}\n"
    with Pair(BIN, config=config, prepare=give_away) as ring:
        ring.start()
        serves(ring)
        assert put_secret(ring, "by-another-user")
        assert (ring.folder / "state").stat().st_uid == pwd.getpwnam(USERS["keeper"]).pw_uid  # latchkey init's doing
        for program, user in USERS.items():
            for pid in ring.pids(f"latchkey-{program}"):
                status = pathlib.Path(f"/proc/{pid}/status").read_text()
                uids = set(re.search(r"Uid:\s+(\d+)\s+(\d+)\s+(\d+)\s+(\d+)", status).groups())
                assert uids == {str(pwd.getpwnam(user).pw_uid)}, (program, uids)
        assert ring.stop() == 0
    print("ok   each program has a user of its own", flush=True)


# ---- a token that lets in-token secrets out, and a configuration that says so ----

def loosen(ring):
    (ring.folder / "control").write_text("no-template")
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "admin", "-f", ring.folder / "early")
    refused = ring.latchkey("init", "--config", ring.config, "--admin", f"admin={ring.folder}/early.pub", profile=False, check=False)
    assert refused.returncode != 0 and "enforced=no" in refused.stdout, refused.stdout
    ring.config.write_text(ring.config.read_text().replace("  timeout: 2s\n", "  timeout: 2s\n  allow-unenforced-templates: yes\n"))


def templates():
    shim = BIN.parent / "tests/latchkey-pkcs11-shim.so"
    with Pair(BIN, softhsm_module=shim, environment={"SHIM_CONTROL": "./control"}, prepare=loosen) as ring:
        ring.start()
        assert put_secret(ring, "kept-by-a-loose-token")
        assert ring.stop() == 0
    print("ok   init and ring take a token without unwrap templates only when the configuration says so", flush=True)


# ---- stand-ins ----

FRONTS = {
    "verdict": "rules.broken", "verdict-on-answers": "rules.broken", "release-order": "rules.broken", "answer": "rules.broken",
    "overlong": "rules.broken", "garbage": "rules.broken", "garbage-on-answers": "rules.broken",
    "garbage-to-supervisor": "control.failed", "snapshot": "control.failed",
}


def fresh(ring, test, *args):
    """Runs the test on the broker started anew: no back-off of the one before."""
    ring.start()
    test(ring, *args)
    assert ring.stop() == 0


def hostile_front(ring, mode, event):
    keeper = ring.pids("latchkey-keeper")
    (ring.folder / "bin/front-mode").write_text(mode)
    mark = ring.mark()
    os.kill(ring.pids("latchkey-front")[0], signal.SIGKILL)
    assert ring.wait_log(f"event={event}", mark), mode
    (ring.folder / "bin/front-mode").unlink()
    assert ring.wait_log(r"event=process.ended program=latchkey-front child=\d+ signal=9", mark), mode
    serves(ring)
    assert ring.pids("latchkey-keeper") == keeper, mode
    assert "decision=" not in ring.log_text()[mark:], mode


def unsigned_change(ring):
    (ring.folder / "bin/front-mode").write_text("unsigned-change")
    os.kill(ring.pids("latchkey-front")[0], signal.SIGKILL)
    answer = ring.folder / "bin/answer"
    assert wait_for(answer.exists)
    (ring.folder / "bin/front-mode").unlink()
    raw = answer.read_bytes()
    assert raw[0] == 33 and raw[1] != 0 and b"CHANGE_MALFORMED" in raw, raw
    os.kill(ring.pids("latchkey-front")[0], signal.SIGKILL)
    serves(ring)


def fronts():
    with Pair(BIN, {"latchkey-front": HERE / "hostile_front.py"}) as ring:
        for mode, event in FRONTS.items():
            fresh(ring, hostile_front, mode, event)
            print(f"ok   hostile front: {mode}", flush=True)
        fresh(ring, unsigned_change)
        print("ok   hostile front: unsigned change", flush=True)


def hostile_worker(ring, mode, event):
    (ring.folder / "bin/verifier-mode").write_text(mode)
    old, mark, keeper = ring.pids("latchkey-verifier"), ring.mark(), ring.pids("latchkey-keeper")
    for pid in old:
        end(pid)
    assert wait_for(lambda: len(set(ring.pids("latchkey-verifier")) - set(old)) == 2)
    assert wait_for(lambda: ring.log_text()[mark:].count("event=worker.ready worker=") >= 2), mode
    mark = ring.mark()
    (ring.folder / "bin/verifier-mode").unlink()
    error = failure(ring.challenge, timeout=8)
    assert error.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED), (mode, error)
    if error.code() == grpc.StatusCode.UNAVAILABLE:
        assert ring.reason(error)[1] == "WORKER_LOST", (mode, ring.reason(error))
    assert event is None or ring.wait_log(f"event={event}", mark), mode
    for pid in ring.pids("latchkey-verifier"):
        end(pid)
    serves(ring)
    assert ring.pids("latchkey-keeper") == keeper, mode


WORKERS = {"garbage": "rules.broken", "overlong": "rules.broken", "token-call": "rules.broken", "bad-verdict": "rules.broken",
           "dies": None, "exits": None, "challenge-of-others": "rules.broken", "challenge-of-tomorrow": "worker.lied"}


def token_ends_by_itself_when_the_keeper_fails():
    """A store that does not open must not cost the token, which logs in at that moment."""
    with Pair(BIN, {"latchkey-token": HERE / "slow_token.py"}) as ring:
        (ring.folder / "bin/token-slow").touch()
        (ring.folder / "state/data.mdb").write_bytes(b"x" * 100)
        ring.start(wait=False)
        assert ring.daemon.wait(20) != 0
        ring.daemon = None
        assert (ring.folder / "bin/token-wrote").exists(), ring.log_text()
        print("ok   a token ends by itself when the keeper fails", flush=True)


def workers():
    with Pair(BIN, {"latchkey-verifier": HERE / "hostile_verifier.py"}) as ring:
        for mode, event in WORKERS.items():
            fresh(ring, hostile_worker, mode, event)
            print(f"ok   hostile verifier: {mode}", flush=True)
        fresh(ring, forged_verdicts)
        fresh(ring, worker_spins)
        print("ok   hostile verifier: spins", flush=True)
        fresh(ring, change_that_no_worker_loads)
        print("ok   hostile verifier: a change that no worker loads is dropped", flush=True)
        fresh(ring, change_whose_workers_end_while_it_is_written)
        print("ok   hostile verifier: leaves when it is ready", flush=True)
    token_ends_by_itself_when_the_keeper_fails()


POLICY = """schema: latchkey-policy/1
policy: prod
releases: ["tenant/disk"]
accept:
  - name: tpm
    chain: [tpm]
    tpm:
      ek: {any-genuine: {because: "no evidence of this test is ever read"}}
      pcrs: {skip: {because: "no evidence of this test is ever read"}}
"""

VERDICTS = {  # (status, reason that the client sees), reason in the log
    "verdict-other-policy": (("PERMISSION_DENIED", "REFUSED"), "SECRET_POLICY"),
    "verdict-uncovered": (("PERMISSION_DENIED", "REFUSED"), "SECRET_POLICY"),
    "verdict-old-revision": (("PERMISSION_DENIED", "REFUSED"), "SECRET_POLICY"),
    "verdict-off-curve": (("INVALID_ARGUMENT", "RECIPIENT_KEY"), "RECIPIENT_KEY"),
    "verdict-other-start": (("UNAVAILABLE", "TICKET_STALE"), "TICKET_STALE"),
    "verdict-never-challenged": (("UNAUTHENTICATED", "TICKET_FORGED"), "TICKET_FORGED"),
}


def use_workers(ring, mode):
    """Replaces both verifiers by the stand-in in that mode."""
    (ring.folder / "bin/verifier-mode").write_text(mode)
    old, mark = ring.pids("latchkey-verifier"), ring.mark()
    for pid in old:
        end(pid)
    assert ring.wait_log("event=health serving .*workers=2/2", ring.mark() if not old else mark), mode
    assert wait_for(lambda: not set(old) & set(ring.pids("latchkey-verifier")) and len(ring.pids("latchkey-verifier")) == 2)
    assert wait_for(lambda: ring.log_text()[mark:].count("event=worker.ready worker=") >= 2), mode


def forged_verdicts(ring):
    """A taken-over verifier can affirm what a policy covers; in everything else the keeper finds it out."""
    (ring.folder / "policy.yaml").write_text(POLICY)
    ring.latchkey("policy", "apply", ring.folder / "policy.yaml")
    ring.latchkey("secret", "put", "tenant/disk", "--random", "32")
    (ring.folder / "bin/broker-id").write_bytes(ring.broker_id)
    for mode, (told, logged) in VERDICTS.items():
        use_workers(ring, mode)
        mark = ring.mark()
        error = failure(ring.release, ring.challenge(timeout=8))
        assert ring.reason(error)[:2] == told, (mode, ring.reason(error))
        assert ring.wait_log(f"event=decision req=[0-9a-f]+ decision=\\S+ code={logged} ", mark), mode
        assert "code=OK secrets" not in ring.log_text()[mark:], mode
        if logged == "SECRET_POLICY":
            assert ring.wait_log("event=verdict.suspicious .*code=SECRET_POLICY", mark), mode
        print(f"ok   hostile verifier: {mode}", flush=True)
    use_workers(ring, "verdict-covered")  # the same frame without a fault: what its policies cover, it can affirm
    mark = ring.mark()
    assert ring.release(ring.challenge(timeout=8)).answer.answer
    assert ring.wait_log("event=decision .*code=OK secrets=1", mark)
    (ring.folder / "bin/verifier-mode").unlink()


def worker_spins(ring):
    """A verifier that loops for ever is ended after twice the longest deadline; the rest goes on meanwhile."""
    text = ring.config.read_text()
    ring.config.write_text(text + "limits: {deadline: 1s}\n")
    ring.daemon.send_signal(signal.SIGHUP)
    assert ring.wait_log("event=reloaded code=OK")
    (ring.folder / "bin/verifier-mode").write_text("spins")
    before, mark = ring.pids("latchkey-verifier"), ring.mark()
    os.kill(before[0], signal.SIGKILL)
    assert ring.wait_log("event=worker.ready worker=3", mark)
    (ring.folder / "bin/verifier-mode").unlink()
    spinner = (set(ring.pids("latchkey-verifier")) - set(before)).pop()
    ends = []

    def one():
        try:
            ring.challenge(timeout=5)
            ends.append("OK")
        except grpc.RpcError as error:
            ends.append(error.code().name)
    while "DEADLINE_EXCEEDED" not in ends and len(ends) < 50:
        one()
    assert set(ends[:-1]) <= {"OK"} and ends[-1] == "DEADLINE_EXCEEDED", ends
    for _ in range(5):
        one()  # the other serves on
    assert ends[-5:] == ["OK"] * 5, ends
    assert ring.wait_log(r"event=worker.hung worker=3 child=", mark)
    assert ring.wait_log(rf"event=process.ended program=latchkey-verifier child={spinner} signal=9", mark)
    assert ring.wait_log(r"code=WORKER_LOST", mark)  # what became of the request, for whoever still waits
    assert ring.wait_log(r"workers=2/2 .*broken=1", mark)
    ring.config.write_text(text)


def change_that_no_worker_loads(ring):
    """A new generation that does not come up leaves the old one in force."""
    (ring.folder / "bin/verifier-mode").write_text("dies-at-start")
    before, mark = ring.pids("latchkey-verifier"), ring.mark()
    done = ring.latchkey("anchor", "add", "lab", "--family", "tpm", "--certificate", ring.folder / "tls.pem", check=False)
    assert done.returncode != 0 and "CHANGE_DOES_NOT_LOAD" in done.stdout, done.stdout
    (ring.folder / "bin/verifier-mode").unlink()
    assert ring.wait_log("event=generation.starting", mark)
    assert wait_for(lambda: ring.pids("latchkey-verifier") == before)  # the answer may come before the last one is gone
    serves(ring)


def change_whose_workers_end_while_it_is_written(ring):
    """Said or unsaid, the change is whole, and the keeper goes on or ends in order; it never works on what it gave up."""
    mark, keeper = ring.mark(), ring.pids("latchkey-keeper")
    for i in range(8):
        (ring.folder / "bin/verifier-mode").write_text("last-leaves-when-ready")
        ring.latchkey("anchor", "add", f"lab{i}", "--family", "tpm", "--certificate", ring.folder / "tls.pem", check=False)
        (ring.folder / "bin/verifier-mode").unlink()
        serves(ring, 40)
    assert not re.search(r"program=latchkey-keeper child=\d+ signal=(?!9)", ring.log_text()[mark:]), ring.log_text()[mark:]
    assert ring.pids("latchkey-keeper") == keeper
    ring.latchkey("anchor", "add", "after", "--family", "tpm", "--certificate", ring.folder / "tls.pem")


# ---- starts, ends and the service manager ----

def expect_given_up(ring, code, what):
    """latchkeyd ends by itself with that code; its last line says why."""
    ring.start(wait=False)
    try:
        got = ring.daemon.wait(25)
    finally:
        if ring.daemon.poll() is None:
            ring.daemon.kill()
    ring.daemon = None
    last = ring.log_text().strip().splitlines()[-1]
    assert got == code and "event=given-up" in last and f"exit={code}" in last and what in last, (got, last)


def starts_that_are_no_use():
    with Pair(BIN) as ring:
        pin = (ring.folder / "pin").read_text()
        (ring.folder / "pin").write_text("9999\n")
        expect_given_up(ring, 78, "latchkey-token")
        (ring.folder / "pin").write_text(pin)
        shutil.copytree(ring.folder / "state", ring.folder / "old")
        ring.start()
        assert put_secret(ring, "newer")
        assert ring.stop() == 0
        shutil.rmtree(ring.folder / "state")
        shutil.copytree(ring.folder / "old", ring.folder / "state")
        expect_given_up(ring, 78, "STORE_ROLLED_BACK")
        with Pair(BIN) as other:
            shutil.rmtree(ring.folder / "state")
            shutil.copytree(other.folder / "state", ring.folder / "state")
        expect_given_up(ring, 78, "STORE_FOREIGN")
        shutil.rmtree(ring.folder / "state")
        ring._made("state")
        expect_given_up(ring, 78, "STORE_MISSING")
    print("ok   starts that are no use end with 78 and say why", flush=True)


def crash_loop():
    with Pair(BIN) as ring:
        ring.start()
        mark = ring.mark()
        for _ in range(3):
            pid = wait_for(lambda: ring.pids("latchkey-token"))
            os.kill(pid[0], signal.SIGKILL)
            assert wait_for(lambda: pid[0] not in ring.pids("latchkey-token"))
        waits = [int(m) for m in re.findall(r"event=process.waits program=latchkey-token ms=(\d+) deaths=", ring.log_text()[mark:])]
        assert waits == [200, 400], waits
    print("ok   a process that dies again and again waits longer each time", flush=True)


def notify():
    with Pair(BIN) as ring:
        path = str(ring.folder / "notify")
        manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        manager.bind(path)
        manager.settimeout(10)
        os.environ.update(NOTIFY_SOCKET=path, WATCHDOG_USEC="1000000")
        try:
            ring.start(wait=False)
        finally:
            del os.environ["NOTIFY_SOCKET"], os.environ["WATCHDOG_USEC"]

        def until(word):
            seen = []
            while not any(word in s for s in seen):
                seen.append(manager.recv(4096).decode())
            return seen
        assert "STATUS=serving" in until("READY=1")[-1]
        begin = time.monotonic()
        until("WATCHDOG=1"), until("WATCHDOG=1")
        assert time.monotonic() - begin < 1.5  # twice in the time that the manager allows
        ring.daemon.send_signal(signal.SIGHUP)
        assert re.search(r"RELOADING=1\nMONOTONIC_USEC=\d+$", until("RELOADING=1")[-1])
        until("READY=1")
        assert ring.stop() == 0
        until("STOPPING=1")
        manager.close()
    print("ok   the service manager is told: ready, alive, reloading, stopping", flush=True)


def strict():
    """sandbox: strict works, or says what is missing and does not start."""
    with Pair(BIN) as ring:
        text = ring.config.read_text()
        ring.start()
        lacks = re.findall(r"event=health serving .*sandbox=(\S+)", ring.log_text())[-1]
        status = ring.latchkey("status").stdout
        assert re.search(rf"^health +serving token=up keeper=up workers=\d/2 .*sandbox={re.escape(lacks)}$", status, re.M), status
        assert ring.stop() == 0
        ring.config.write_text(text + "sandbox: strict\n")
        if lacks == "full":
            ring.start()
            serves(ring)
            assert ring.stop() == 0
        else:
            expect_given_up(ring, 78, "")
            assert re.search(r" error \S+ event=sandbox.absent what=(namespaces|landlock)", ring.log_text()), lacks
    print(f"ok   sandbox: strict (this kernel: {lacks})", flush=True)


def token_module_hangs():
    """A call that the HSM's module never returns from, and not a stopped process."""
    shim = BIN.parent / "tests/latchkey-pkcs11-shim.so"
    if not shim.exists():
        skip("the PKCS#11 shim is not built")
    with Pair(BIN, softhsm_module=shim, environment={"SHIM_CONTROL": "./shim"}) as ring:
        ring.start()
        before = ring.pids("latchkey-token")
        (ring.folder / "shim").write_text("hang")
        mark = ring.mark()
        done = ring.latchkey("secret", "put", "while-hung", "--random", "32", check=False)
        assert done.returncode != 0 and "TOKEN_AWAY" in done.stdout, done.stdout
        assert ring.challenge().ticket  # needs no token
        assert ring.wait_log("event=token.hung", mark)
        (ring.folder / "shim").unlink()
        assert wait_for(lambda: ring.pids("latchkey-token") not in ([], before))
        assert wait_for(lambda: put_secret(ring, "after-hang"), 20)
    print("ok   a PKCS#11 module that hangs", flush=True)


def rolling():
    """worker-requests replaces verifiers again and again; no request is lost, and no place is ever empty."""
    with Pair(BIN, config="worker-requests: 5\n") as ring:
        ring.start()
        before, mark = ring.pids("latchkey-verifier"), ring.mark()
        channel = ring.channel()
        for _ in range(60):
            assert ring.challenge(channel=channel).ticket
            time.sleep(0.02)
        assert wait_for(lambda: len(ring.pids("latchkey-verifier")) == 2)
        log = ring.log_text()[mark:]
        assert set(before) != set(ring.pids("latchkey-verifier"))
        assert len(re.findall("event=worker.tired", log)) >= 3, log
        assert "WORKER_LOST" not in log and "not-serving" not in log
        for m in re.finditer(r"event=worker.tired worker=\d+ child=(\d+)", log):
            rest = log[m.end():]
            end = re.search(rf"event=process.ended program=latchkey-verifier child={m.group(1)} exit=0", rest)
            assert end is None or "event=worker.ready" in rest[:end.start()]  # its replacement was there first
    print("ok   verifiers are replaced one after another", flush=True)


# ---- two classes of verifiers ----

def large_release(ring, challenge, channel):
    """Larger than large-bundle; whatever a verifier says of it, it said so."""
    item = ring.pb.EvidenceItem(family="tpm", parts=[ring.pb.EvidencePart(name=f"log-{i}", data=bytes(30000)) for i in range(4)])
    return answer_to(ring, challenge, [item], channel)


def answer_to(ring, challenge, items, channel):
    statement = ring.pb.Statement(purpose=ring.pb.Statement.RELEASE, broker_id=ring.broker_id, recipient_key=ring.recipient(),
                                  suite="hpke-x25519-sha256-aes256gcm", secrets=[ring.pb.SecretRef(name="tenant/disk")])
    request = ring.pb.ReleaseRequest(ticket=challenge.ticket, statement=statement.SerializeToString(), items=items)
    stub = channel.unary_unary("/latchkey.v1.KeyRelease/Release", request_serializer=lambda m: m.SerializeToString(),
                               response_deserializer=ring.pb.ReleaseResponse.FromString)
    return stub.future(request, timeout=20)


def judged(ring, future):
    error = future.exception()
    return isinstance(error, grpc.RpcError) and ring.reason(error)[2] in ("malformed", "not-authentic", "refused")


def of_class(ring, name):
    """The worker processes of that class that run."""
    started = re.findall(rf"event=worker.started worker=\d+ child=(\d+) class={name}", ring.log_text())
    return [int(p) for p in started if int(p) in ring.pids("latchkey-verifier")]


def saturated(ring):
    """With its only worker stopped large requests wait for it, and nobody else does."""
    channel, worker = ring.channel(), of_class(ring, "large")[0]
    tickets = [ring.challenge(channel=channel) for _ in range(12)]
    os.kill(worker, signal.SIGSTOP)
    waiting = [large_release(ring, t, channel) for t in tickets[:6]]
    for t in tickets[6:]:
        assert judged(ring, answer_to(ring, t, [], channel))  # sent after them, answered before
    assert ring.challenge(channel=channel).ticket and not any(w.done() for w in waiting)
    os.kill(worker, signal.SIGCONT)
    assert all(judged(ring, w) for w in waiting)


def lost(ring):
    """A large worker that dies takes its request with it and is replaced; the other class does not notice."""
    channel, mark = ring.channel(), ring.mark()
    usual, worker = of_class(ring, "usual"), of_class(ring, "large")[0]
    tickets = [ring.challenge(channel=channel) for _ in range(2)]
    os.kill(worker, signal.SIGSTOP)
    held = large_release(ring, tickets[0], channel)
    assert ring.wait_log(r"event=request.given .*bytes=1[0-9]{5}", mark)
    end(worker)
    assert ring.reason(held.exception())[1] == "WORKER_LOST"
    assert ring.wait_log("event=health serving .*log-workers=1/1", mark)
    assert judged(ring, large_release(ring, tickets[1], channel))
    assert of_class(ring, "usual") == usual and of_class(ring, "large") != [worker]


def new_generation(ring):
    before = set(ring.pids("latchkey-verifier"))
    (ring.folder / "policy.yaml").write_text(POLICY)
    ring.latchkey("policy", "apply", ring.folder / "policy.yaml")
    assert wait_for(lambda: len(ring.pids("latchkey-verifier")) == 3 and not before & set(ring.pids("latchkey-verifier")))
    assert len(of_class(ring, "usual")) == 2 and len(of_class(ring, "large")) == 1
    channel = ring.channel()
    assert judged(ring, large_release(ring, ring.challenge(channel=channel), channel))


def none_by_reload(ring):
    ring.config.write_text(ring.config.read_text().replace("log-verifiers: 1", "log-verifiers: 0"))
    ring.daemon.send_signal(signal.SIGHUP)
    assert ring.wait_log("event=reloaded code=OK")
    channel = ring.channel()
    error = large_release(ring, ring.challenge(channel=channel), channel).exception()
    assert ring.reason(error) == ("RESOURCE_EXHAUSTED", "TOO_LARGE", "malformed") and "no log-verifiers" in error.details()
    assert judged(ring, answer_to(ring, ring.challenge(channel=channel), [], channel))


def more_by_reload(ring):
    end(of_class(ring, "large")[0])
    assert wait_for(lambda: not of_class(ring, "large"))
    mark = ring.mark()
    ring.config.write_text(ring.config.read_text().replace("log-verifiers: 0", "log-verifiers: 1"))
    ring.daemon.send_signal(signal.SIGHUP)
    assert ring.wait_log("event=health serving .*log-workers=1/1", mark)
    channel = ring.channel()
    assert judged(ring, large_release(ring, ring.challenge(channel=channel), channel))


def classes():
    with Ring(BIN) as ring:
        ring.start()
        assert ring.wait_log("event=health serving .*workers=2/2 log-workers=1/1")
        for test in (saturated, lost, new_generation, none_by_reload, more_by_reload):
            test(ring)
            print(f"ok   verifiers for large bundles: {test.__name__}", flush=True)


def ends():
    for test in (starts_that_are_no_use, crash_loop, notify, strict, token_module_hangs, rolling):
        test()


if __name__ == "__main__":
    {"classes": classes, "ends": ends, "honest": honest, "fronts": fronts, "workers": workers, "users": users, "templates": templates}[sys.argv[2]]()
