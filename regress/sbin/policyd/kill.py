#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""
policyd(8) is killed 300 times (SIGKILL) while ipsecctl(8) commits one policy
after the other; a part of the kills comes while it starts.

    ipsecctl -f, over and over --> policyd (killed) --> netkern
                                         gen0 (pktgen: a packet to each tunnel,
                                               whenever policyd is dead)

After each kill and restart

    - the store is whole: PRAGMA integrity_check, and each revision that was
      acknowledged is there with the text that was acknowledged;
    - netkern(8) comes to hold exactly the flows of the newest revision, which
      is the last acknowledged one, or one that was under way when the kill
      came;
    - nothing acknowledged is lost;
    - the tunnels that all revisions have stay up: each of their SAs has
      carried every packet so far, so none was made anew and none was missing.
"""
import ipaddress, os, random, re, signal, socket, sqlite3, struct, subprocess, sys, threading, time

sys.dont_write_bytecode = True
from keysock import DUMP, EXT_SRC, SPDDUMP, Key, exts, packets  # noqa: E402

BIN, TMP = os.environ["BIN"], os.environ["TMPDIR"]
KILLS = int(os.environ.get("KILLS", "300"))
TUNNELS = 8
DB = f"{TMP}/db/policy.db"
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


TUNNEL = "".join(
    f"flow esp out from 10.0.0.{n} to 172.16.0.0/12 local 192.0.2.1 peer 198.18.0.{n}\n"
    f"esp from 192.0.2.1 to 198.18.0.{n} spi 0x{0x1000 + n:x} auth hmac-sha2-256 "
    f"authkey 0x{n:064x} enc aes enckey 0x{n:032x}\n" for n in range(1, TUNNELS + 1))


def text(i):
    return f"# policy {i}\n" + TUNNEL + "".join(
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


class Kernel:
    """netkern: its flows, and a packet at a time through each tunnel."""

    def __init__(self):
        spawn(f"{BIN}/netkern", "-d", "-r", TMP, "-u", "root", stderr=open(f"{TMP}/netkern.log", "w"))
        while not os.path.exists(f"{TMP}/key.sock"):
            time.sleep(0.01)
        self.key, self.sent = Key(f"{TMP}/key.sock"), 0
        self.command("ifconfig", "out0", "create", "pktgen", "sink")
        self.command("ifconfig", "out0", "192.0.2.1/24", "up")
        self.command("route", "add", "default", "192.0.2.254")

    def command(self, *args):
        p = subprocess.run([f"{BIN}/{args[0]}", *args[1:]], capture_output=True, text=True,
                           env={**os.environ, "RAVELIN_RUN": TMP})
        assert p.returncode == 0, f"{args}: {p.stderr}"

    def flows(self):
        """The sources of those that come and go."""
        out = set()
        for m in self.key.dump(SPDDUMP, 0).values():
            at = exts(m)[EXT_SRC]
            a = ipaddress.ip_address(bytes(m[at + 12:at + 16]))
            if m[at + 5] == 16:
                out.add(f"{a}/16")
        return out

    def packet(self):
        """One more through each tunnel, while no policyd runs."""
        self.command("ifconfig", "gen0", "create", "pktgen",
                     f"src=10.0.0.1,srcs={TUNNELS},flows={TUNNELS},dst=172.16.0.1,count={TUNNELS}")
        self.command("ifconfig", "gen0", "10.255.0.1/32", "up")
        self.sent += 1
        end_at = time.monotonic() + 20
        while self.carried() != [self.sent] * TUNNELS:
            assert time.monotonic() < end_at, \
                f"packets of the tunnels: {self.carried()}, not {self.sent} each"
            time.sleep(0.002)
        self.command("ifconfig", "gen0", "destroy")

    def carried(self):
        return [packets(m) for m in self.key.dump(DUMP, 3).values()]


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


def agree(kernel, policy):
    want = sources(policy) if policy else set()
    end_at = time.monotonic() + 20
    while kernel.flows() != want:
        assert time.monotonic() < end_at, f"netkern holds {kernel.flows()}, not {want}"
        time.sleep(0.002)


def main():
    kernel, load = Kernel(), Load()
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
        if load.acked:
            kernel.packet()
        p = start()
        assert up(p), "policyd does not start again"
        load.idle.wait()
        newest, policy = store(load, last)
        agree(kernel, policy)
        last = newest
    load.go.clear()
    load.idle.wait()
    # all of it once more, from the first revision on
    store(load, 0)
    took = time.monotonic() - begun
    print(f"{KILLS} kills, {load.trying} policies, {len(load.acked)} acknowledged, "
          f"newest revision {last}, {kernel.sent} packets through each tunnel, {took:.0f} s")
    assert len(load.acked) >= KILLS / 4, "hardly anything was committed"
    p.terminate()
    assert p.wait() == 0


try:
    main()
except AssertionError as e:
    print("FAILED:", e)
    for name in "netkern", "policyd":
        if os.path.exists(f"{TMP}/{name}.log"):
            print(open(f"{TMP}/{name}.log").read()[-2000:])
    end(1)
end()
