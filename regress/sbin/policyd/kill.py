#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""
policyd(8) is killed 300 times (SIGKILL) while ipsecctl(8) commits one policy
after the other; a part of the kills comes while it starts.  After each
restart

    - the store is whole: PRAGMA integrity_check, and each revision that was
      acknowledged is there with the text that was acknowledged;
    - the key socket (fakekey.c) comes to hold exactly what the newest
      revision says, which is the last acknowledged one, or one that was
      under way when the kill came;
    - nothing acknowledged is lost.
"""
import os, random, re, signal, socket, sqlite3, subprocess, sys, threading, time

BIN, OUT, TMP = os.environ["BIN"], os.environ["O"], os.environ["TMPDIR"]
KILLS = int(os.environ.get("KILLS", "300"))
DB, LOG = f"{TMP}/db/policy.db", f"{TMP}/changes"
SOCK, CONF = f"{TMP}/policy.sock", f"{TMP}/ipsec.conf"
rnd = random.Random(20)
started = []


def spawn(*argv, **kw):
    p = subprocess.Popen(argv, **kw)
    started.append(p)
    return p


def end(*_):
    for p in started:
        if p.poll() is None:
            p.kill()
    os._exit(1 if _ else 0)


signal.signal(signal.SIGTERM, end)


def sources(i):
    """The networks of policy i: some stay, some come, some go."""
    return {f"10.{1 + (i * 7 + k) % 200}.0.0/16" for k in range(3 + i % 20)}


def text(i):
    return f"# policy {i}\n" + "".join(
        f"flow esp out from {s} to 10.250.0.0/16 peer 192.0.2.2\n" for s in sorted(sources(i)))


class Load(threading.Thread):
    """Commits policies, one after the other, while `go` is set."""

    def __init__(self):
        super().__init__(daemon=True)
        self.go, self.idle = threading.Event(), threading.Event()
        self.acked = {}             # revision -> policy
        self.trying = 0             # the policy that was sent last
        self.idle.set()

    def run(self):
        while True:
            if not self.go.is_set():
                self.idle.set()
                self.go.wait()
                self.idle.clear()
            self.trying += 1
            with open(CONF, "w") as f:
                f.write(text(self.trying))
            p = subprocess.run([f"{BIN}/ipsecctl", "-r", TMP, "-f", CONF], capture_output=True,
                               text=True)
            m = re.search(r"revision (\d+) is (in force|committed)", p.stdout + p.stderr)
            if m:
                self.acked[int(m.group(1))] = self.trying


class Key:
    """What the key socket holds, from its log of changes."""

    def __init__(self):
        self.held, self.f, self.changes = set(), open(LOG), 0

    def flows(self):
        for line in self.f:
            m = re.match(r"(\S+) flow .* from (\S+) to ", line)
            if m.group(1) == "SPDDELETE":
                self.held.discard(m.group(2))
            else:
                self.held.add(m.group(2))
            self.changes += 1
        return self.held


def start():
    return spawn(f"{BIN}/policyd", "-dv", "-r", TMP, "-D", DB,
                 stderr=open(f"{TMP}/policyd.log", "a"))


def up(p):
    while p.poll() is None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
            try:
                s.connect(SOCK)
                return True
            except OSError:
                time.sleep(0.002)
    return False


def store(load, last):
    """The newest revision and its policy; what was acknowledged is there."""
    c = sqlite3.connect(f"file:{DB}?mode=ro", uri=True)
    try:
        whole = c.execute("PRAGMA integrity_check").fetchall()
        assert whole == [("ok",)], whole
        rows = c.execute("SELECT revision, CAST(body AS TEXT) FROM text WHERE revision >= ? "
                         "ORDER BY revision", (last,)).fetchall()
    finally:
        c.close()
    have = {rev: int(re.match(r"# policy (\d+)\n", body).group(1)) for rev, body in rows}
    for rev, policy in load.acked.items():
        if rev >= last:
            assert have.get(rev) == policy, f"revision {rev} was policy {policy}: {have}"
    if not have:
        return 0, None
    newest = max(have)
    acked = max(load.acked, default=0)
    assert newest >= acked, f"revision {acked} was acknowledged, {newest} is the newest"
    return newest, have[newest]


def agree(key, policy):
    want = sources(policy) if policy else set()
    end_at = time.monotonic() + 20
    while key.flows() != want:
        assert time.monotonic() < end_at, f"the key socket holds {key.held}, not {want}"
        time.sleep(0.002)


def main():
    open(LOG, "w").close()
    spawn(f"{OUT}/fakekey", f"{TMP}/key.sock", LOG)
    key, load = Key(), Load()
    load.start()
    last = 0
    begun = time.monotonic()
    p = start()
    for n in range(KILLS):
        load.go.set()
        if rnd.random() < 0.8:
            assert up(p), "policyd ended by itself"
        time.sleep(rnd.uniform(0, 0.06))
        assert p.poll() is None, "policyd ended by itself"
        p.kill()
        p.wait()
        load.go.clear()
        p = start()
        assert up(p), "policyd does not start again"
        load.idle.wait()
        newest, policy = store(load, last)
        agree(key, policy)
        last = newest
    load.go.clear()
    load.idle.wait()
    # all of it once more, from the first revision on
    store(load, 0)
    took = time.monotonic() - begun
    print(f"{KILLS} kills, {load.trying} policies, {len(load.acked)} acknowledged, "
          f"newest revision {last}, {key.changes} changes of the SPD, {took:.0f} s")
    assert len(load.acked) >= KILLS / 4, "hardly anything was committed"
    p.terminate()
    assert p.wait() == 0


try:
    main()
except AssertionError as e:
    print("FAILED:", e)
    print(open(f"{TMP}/policyd.log").read()[-2000:])
    end(1)
end()
