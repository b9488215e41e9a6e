#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""
policyd(8) between ipsecctl(8) and a key socket without a network kernel
(fakekey.c): what is committed, what is touched, what comes back.

    ipsecctl -f  --policy.sock-->  policyd  --key.sock-->  fakekey
                                      |                       |
                                  policy.db               log of changes
"""
import functools, glob, json, os, random, re, signal, socket, sqlite3, struct, subprocess, sys, time

BIN, OUT, TMP = os.environ["BIN"], os.environ["O"], os.environ["TMPDIR"]
KEY = "0x" + bytes(range(32)).hex()
ENC = "0x" + bytes(range(16)).hex()
PSK = "correct horse battery staple"
started = []
passed = failed = 0


def spawn(*argv, **kw):
    p = subprocess.Popen(argv, **kw)
    started.append(p)
    return p


def wait_for(what, seconds=20):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if what():
            return True
        time.sleep(0.02)
    return False


class Router:
    """One run directory with its policyd and key socket."""

    def __init__(self, name):
        self.dir = os.path.join(TMP, name)
        self.db = os.path.join(self.dir, "db", "policy.db")
        self.log = os.path.join(self.dir, "changes")
        self.state = os.path.join(self.dir, "fails")
        os.makedirs(self.dir)
        open(self.log, "w").close()
        self.policyd = self.key = None

    def start_policyd(self):
        err = open(os.path.join(self.dir, "policyd.log"), "a")
        self.policyd = spawn(f"{BIN}/policyd", "-dv", "-r", self.dir, "-D", self.db, stderr=err)
        sock = os.path.join(self.dir, "policy.sock")
        def up():
            if self.policyd.poll() is not None:
                return True
            s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            try:
                s.connect(sock)
                return True
            except OSError:
                return False
            finally:
                s.close()
        wait_for(up)

    def start_key(self):
        self.key = spawn(f"{OUT}/fakekey", os.path.join(self.dir, "key.sock"), self.log,
              self.state)
        wait_for(lambda: os.path.exists(os.path.join(self.dir, "key.sock")))

    def stop(self, p, sig=signal.SIGTERM):
        p.send_signal(sig)
        p.wait()
        return p.returncode

    def end(self):
        for p in (self.policyd, self.key):
            if p and p.poll() is None:
                self.stop(p)

    def load(self, text, *args):
        path = os.path.join(self.dir, "ipsec.conf")
        with open(path, "w") as f:
            f.write(text)
        return self.ctl("-f", path, *args)

    def ctl(self, *args):
        p = subprocess.run([f"{BIN}/ipsecctl", "-r", self.dir, *args], capture_output=True,
              text=True)
        return p.returncode, p.stdout + p.stderr

    def changes(self):
        """What was told to the key socket since the last question."""
        with open(self.log) as f:
            lines = f.read().splitlines()
        open(self.log, "w").close()
        return lines

    def sql(self, query):
        c = sqlite3.connect(f"file:{self.db}?mode=ro", uri=True)
        try:
            return c.execute(query).fetchall()
        finally:
            c.close()

    def rules(self, revision, where="1"):
        """How many rules a revision has."""
        return self.sql("SELECT ifnull(sum(rules), 0) FROM revision_chunk JOIN chunk "
                        f"ON id = chunk WHERE revision = {revision} AND {where}")[0][0]

    def reqid(self, revision, name):
        for ids, body in self.sql("SELECT reqids, body FROM revision_chunk JOIN chunk ON id = "
                                  f"chunk WHERE kind = 'ikev2' AND revision = {revision}"):
            names = re.findall(r'^ikev2 "(.*?)"', body, re.M)
            if name in names:
                return struct.unpack_from(">I", ids, 4 * names.index(name))[0]
        return None

    def everything(self):
        """All bytes that the router keeps or logged."""
        out = b""
        for path in glob.glob(self.dir + "/**/*", recursive=True):
            if os.path.isfile(path) and not path.endswith(("ipsec.conf", ".key", "psk.txt")):
                with open(path, "rb") as f:
                    out += f.read()
        return out


def check(ok, what):
    if not ok:
        raise AssertionError(what)


FLOW = "flow esp out from 10.%d.0.0/16 to 10.100.0.0/16 peer 192.0.2.2\n"
IKE = f"""ikev2 "paris" active from 10.1.0.0/24 to 10.2.0.0/24 \\
    local 192.0.2.1 peer 192.0.2.2 psk "{PSK}"
"""
SA = f"esp from 192.0.2.1 to 192.0.2.2 spi 0x1001:0x1002 authkey {KEY}:{KEY} enckey {ENC}:{ENC}\n"


def load_is_a_revision(r):
    rc, out = r.load(FLOW % 1, "-M", "first tunnel")
    check(rc == 0 and "revision 1 is in force" in out, out)
    rows = r.sql("SELECT number, reason, author FROM revision")
    check(rows[0][:2] == (1, "first tunnel") and rows[0][2] != "", rows)
    check(len(r.changes()) == 1, "one flow, one change")
    mode = r.sql("PRAGMA journal_mode")[0][0]
    check(mode == "wal" and r.sql("PRAGMA user_version")[0][0] >= 2, mode)


def only_what_differs_is_touched(r):
    r.load("".join(FLOW % i for i in range(1, 30)) + SA)
    first = r.changes()
    check(len(first) == 31, first)
    check(first[0].startswith("ADD") and first[2].startswith("SPDADD"), "SAs come before flows")
    rc, out = r.load("".join(FLOW % i for i in range(1, 30)) + SA)
    check(rc == 0 and r.changes() == [], "the same policy touches nothing")
    r.load("".join(FLOW % i for i in range(2, 31)) + SA)
    check([c.split()[0] for c in r.changes()] == ["SPDADD", "SPDDELETE"],
          "one added, one deleted")
    r.load("".join(FLOW % i for i in range(2, 30)) + (FLOW % 30).replace("\n",
          " type use\n") + SA)
    check([c.split()[0] for c in r.changes()] == ["SPDUPDATE"], "one changed")
    r.load("".join(FLOW % i for i in range(2, 30)) + SA.replace("0x000102", "0xff0102"))
    check([c.split()[0] for c in r.changes()] == ["DELETE", "ADD", "DELETE", "ADD", "SPDDELETE"],
          "SAs with new keys are made anew")


def ikev2_rules_imply_flows(r):
    r.load(IKE)
    c = r.changes()
    ends = "local 192.0.2.1 peer 192.0.2.2 type require"
    check(c == ["SPDADD flow esp tunnel out from 10.1.0.0/24 to 10.2.0.0/24 " + ends,
                "SPDADD flow esp tunnel in from 10.2.0.0/24 to 10.1.0.0/24 " + ends], c)
    reqid = r.reqid(1, "paris")
    check(f"reqid {reqid}\n" in r.ctl("-vs", "flow")[1].replace(" (not", "\n").replace(" name",
          "\n"), "the flows carry the rule's reqid")
    r.load(FLOW % 7 + IKE.replace("paris", "lyon").replace("10.1.", "10.8.") + IKE)
    check(len(r.changes()) == 3, "another rule in front changes nothing of the first")
    check(r.reqid(2, "paris") == reqid, "stable reqid")


def refused_text_changes_nothing(r):
    r.load(FLOW % 1)
    r.changes()
    before = r.sql("SELECT count(*) FROM revision")
    rc, out = r.load("flwo x\n" + FLOW % 2 + "flow form\nesp\nikev2\nset x\n")
    check(rc == 1 and out.count("ipsec.conf:") == 5 and "nothing loaded" in out, out)
    check(r.sql("SELECT count(*) FROM revision") == before and r.changes() == [], "changed")


def policyd_does_not_believe_its_client(r):
    """A client that skips its own check, and one that names files of policyd."""
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    s.connect(os.path.join(r.dir, "policy.sock"))
    def text(body, kind=1, name=b"x"):
        s.send(struct.pack(">HHIBBH", 1, 1, 0, kind, 0, len(name)) + name + body)
    def load():
        s.send(struct.pack(">HHIIH", 1, 3, 7, 0, 0))
        a = s.recv(65536)
        check(struct.unpack(">HHI", a[:8]) == (1, 64, 7), a)
        return a[8], a[18:].decode()
    text(b"flow esp form 10.0.0.0/8\n")
    ok, out = load()
    check(ok == 0 and "did you mean 'from'" in out, out)
    text(b'include "/etc/passwd"\n')
    ok, out = load()
    check(ok == 0 and "it was not sent along" in out and "root" not in out, out)
    text(b'ikev2 from 10.1.0.0/24 to 10.2.0.0/24 psk file "/etc/hostname"\n')
    ok, out = load()
    check(ok == 0 and "it was not sent along" in out, out)
    text((FLOW % 5).encode())
    check(load()[0] == 1, "an honest text afterwards")


def authors_are_who_asked(r):
    """A name that the peer gives itself counts from root, and from the user _web (regress/web)."""
    def connect():
        s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        s.settimeout(5)
        s.connect(os.path.join(r.dir, "policy.sock"))
        return s
    s = connect()
    s.send(struct.pack(">HHI", 1, 9, 0) + b"admin")
    s.send(struct.pack(">HHIBBH", 1, 1, 0, 1, 0, 1) + b"x" + (FLOW % 3).encode())
    s.send(struct.pack(">HHIIH", 1, 3, 1, 0, 0))
    check(s.recv(8192)[8] == 1, "committed")
    who = r.sql("SELECT author FROM revision ORDER BY number DESC LIMIT 1")[0][0]
    check(who == "admin (web)" if os.getuid() == 0 else "admin" not in who, who)
    for name in (b"", b"a" * 32, b"a b", b"admin (web)", b"a\0", b"\xc3\xa4", b"<b>", b"'", b"a\n"):
        s = connect()
        s.send(struct.pack(">HHI", 1, 9, 0) + name)
        check(s.recv(100) == b"", name)
    s = connect()
    s.send(struct.pack(">HHI", 1, 9, 0) + b"Ab-9_." + b"x" * 25)
    s.send(struct.pack(">HHI", 1, 4, 9))
    check(s.recv(8192)[2:4] == b"\0\x41", "a good name")


def reasons_are_one_line(r):
    """What a terminal would obey, and what is no text, is not kept."""
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    s.settimeout(5)
    s.connect(os.path.join(r.dir, "policy.sock"))
    for i, (reason, kept) in enumerate([
            (b"plain", "plain"), (b"\x1b]0;x\x07\x1b[31m", "?]0;x??[31m"), (b"a\nb\r\tc\0d\x7f", "a?b??c?d?"),
            (b"\xff\xc3(\xe2\x82", "??(??"), ("gr\u00fc\u00df \U0001f4a5".encode(), "gr\u00fc\u00df \U0001f4a5"),
            (b"x" * 26 + "\U0001f4a5".encode(), "x" * 26 + "\U0001f4a5")]):
        s.send(struct.pack(">HHIBBH", 1, 1, 0, 1, 0, 1) + b"x" + (FLOW % i).encode())
        s.send(struct.pack(">HHIIH", 1, 3, i, 0, len(reason)) + reason)
        check(s.recv(8192)[8] == 1, "committed")
        got = r.sql("SELECT reason FROM revision ORDER BY number DESC LIMIT 1")[0][0]
        check(got == kept, (reason, got))
    lines = subprocess.run([f"{BIN}/ipsecctl", "history"], env=dict(os.environ, RAVELIN_RUN=r.dir, RAVELIN_DB=r.db),
                           capture_output=True).stdout
    check(b"\x1b" not in lines and "x" * 26 + "\n" in lines.decode(), lines)


def bad_records_lose_only_their_connection(r):
    r.load(FLOW % 1)
    r.changes()
    n = 0
    records = [b"", b"\0", b"\0\1\0\1\0\0\0\0", b"\0\2\0\3\0\0\0\0", b"\0\1\0\x63\0\0\0\0",
          b"\xff" * 32768]
    good = struct.pack(">HHIIH", 1, 3, 7, 0, 3) + b"why"
    records += [good[:i] for i in range(len(good))] + [good + b"x"]
    for op in (1, 2, 3, 4, 5):
        records += [struct.pack(">HHI", 1, op, 0) + b"\xff" * k for k in (1, 2, 3, 5, 9, 100)]
    for rec in records:
        s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        s.connect(os.path.join(r.dir, "policy.sock"))
        s.settimeout(5)
        if rec:
            s.send(rec)
            got = s.recv(65536)     # closed: no answer
            check(got == b"", (rec[:20], got[:20]))
            n += 1
        s.close()
    check(r.load(FLOW % 1)[0] == 0 and r.changes() == [], "policyd lives on")
    check(r.sql("SELECT count(*) FROM revision")[0][0] == 2, "no revision came of it")


def restart_brings_the_last_revision_back(r):
    r.load(FLOW % 1 + IKE + SA)
    r.changes()
    r.stop(r.policyd)
    r.start_policyd()
    time.sleep(0.3)
    check(r.changes() == [], "policyd alone restarted: nothing is touched")
    r.stop(r.key, signal.SIGKILL)
    r.start_key()
    check(wait_for(lambda: open(r.log).read().count("\n") == 5, 10),
          "the network kernel restarted: all is back")
    r.stop(r.policyd)
    r.stop(r.key)
    r.changes()
    r.start_policyd()
    rc, out = r.load(FLOW % 2)
    check(rc == 1 and "revision 2 is committed, but not in force" in out, out)
    r.start_key()
    check(wait_for(lambda: open(r.log).read().count("\n") == 1, 10), "applied when it came")


def what_fails_is_said(r):
    with open(r.state, "w") as f:
        f.write("10.3.0.0/16\n")
    rc, out = r.load("".join(FLOW % i for i in range(1, 5)))
    check(rc == 1 and "not in force" in out and "10.3.0.0/16" in out
          and "Invalid argument" in out, out)
    check("nothing of it stays" in out and "IPsec: " in out, out)
    check(sorted(c.split()[0] for c in r.changes()) == ["SPDADD"] * 3 + ["SPDDELETE"] * 3,
          "the others are gone again")
    rows = r.sql("SELECT number, author, reason FROM revision ORDER BY number")
    check(rows[1][1] == "policyd" and "revision 1 was refused" in rows[1][2], rows)
    check(r.load(FLOW % 1)[0] == 0 and len(r.changes()) == 1, "another load")
    rc, out = r.load(FLOW % 1 + FLOW % 3)
    check(rc == 1 and "as 3 was" in out and r.changes() == [], "the one before stays: " + out)
    # what was in force, and now is refused to a new network kernel: tried again
    os.unlink(r.state)
    check(r.load(FLOW % 1 + FLOW % 3)[0] == 0, "not refused")
    with open(r.state, "w") as f:
        f.write("10.3.0.0/16\n")
    r.stop(r.key, signal.SIGKILL)
    r.changes()
    r.start_key()
    check(wait_for(lambda: "10.1.0.0/16" in open(r.log).read(), 10), "one of two comes back")
    time.sleep(0.5)
    check(not any("DELETE" in c for c in r.changes()), "and stays")
    os.unlink(r.state)
    check(wait_for(lambda: "10.3.0.0/16" in open(r.log).read(), 10), "tried again by itself")


def entries_of_others_stay(r):
    """An entry that does not carry policyd's priority is not policyd's."""
    r.load(FLOW % 1)
    r.stop(r.policyd)
    addr = lambda a, plen: struct.pack("<HHBBH", 3, 0, 255, plen, 0) + struct.pack("<HH4s8x", 2,
          0, socket.inet_aton(a))
    body = addr("10.55.0.0", 16)[:2] + struct.pack("<H", 5) + addr("10.55.0.0", 16)[4:]
    body += addr("10.56.0.0", 16)[:2] + struct.pack("<H", 6) + addr("10.56.0.0", 16)[4:]
    body += struct.pack("<HHHBBII", 2, 18, 1, 2, 0, 0, 0)
    msg = struct.pack("<BBBBHHII", 2, 14, 0, 0, 2 + len(body) // 8, 0, 77, 99) + body
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    s.connect(os.path.join(r.dir, "key.sock"))
    s.send(msg)
    check(s.recv(8192)[2] == 0, "accepted")
    r.changes()
    r.start_policyd()
    rc, out = r.ctl("-F")
    check(rc == 0, out)
    c = r.changes()
    check(len(c) == 1 and "10.1.0.0/16" in c[0], c)
    check("10.55.0.0/16 to 10.56.0.0/16" in r.ctl("-s", "flow")[1], "still there")


def flush_and_delete(r):
    r.load(FLOW % 1 + FLOW % 2 + IKE + SA)
    r.changes()
    rc, out = r.load(FLOW % 2 + SA, "-d")
    check(rc == 0, out)
    check(sorted(c.split()[0] for c in r.changes()) == ["DELETE", "DELETE", "SPDDELETE"],
          "deleted")
    check(r.rules(2, "kind = 'ikev2'") == 1, "the rest stays")
    rc, out = r.ctl("-F")
    check(rc == 0 and len(r.changes()) == 3, out)
    rc, out = r.ctl("-s", "all")
    check("No flows" in out and "No SAs" in out, out)
    check(r.sql("SELECT max(number) FROM revision")[0][0] == 3, "an empty revision")


def keys_are_sealed(r):
    secret = os.path.join(r.dir, "psk.txt")
    with open(os.open(secret, os.O_WRONLY | os.O_CREAT, 0o600), "w") as f:
        f.write("another secret, from a file\n")
    text = (f'key = "{PSK}"\n' + IKE + SA + "# and in a comment: " + PSK + "\n" +
            f'ikev2 "b" from 10.5.0.0/24 to 10.6.0.0/24 peer 192.0.2.9 psk file "{secret}"\n')
    rc, out = r.load(text)
    check(rc == 0, out)
    bytes_ = r.everything()
    for s in (PSK.encode(), KEY[2:].encode(), bytes(range(32)), b"another secret"):
        check(s not in bytes_, s)
    check(r.sql("SELECT count(*) FROM secret")[0][0] == 4,
          "one row for each key, whichever way it is used")
    check(os.stat(r.db).st_mode & 0o77 == 0, "others may read the store")
    key = os.path.join(os.path.dirname(r.db), "machine.key")
    check(os.stat(key).st_mode & 0o777 == 0o600 and os.stat(key).st_size == 32, "machine key")
    rc, out = r.ctl("-s", "sa")
    check(rc == 0 and KEY[2:] not in out and "authkey" not in out, out)
    check(KEY[2:] in r.ctl("-ks", "sa")[1], "-k shows keys")
    path = os.path.join(r.dir, "ipsec.conf")
    check(PSK not in r.ctl("-nvf", path)[1] and PSK in r.ctl("-nvkf", path)[1], "-nvf seals")
    # a text of the store, keys sealed, loads again
    stored = r.sql("SELECT body FROM text WHERE revision = 1")[0][0].decode()
    check('psk sealed "' in stored and PSK not in stored, stored)
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    s.connect(os.path.join(r.dir, "policy.sock"))
    body = "".join(l for l in stored.splitlines(True) if "psk file" not in l
          and not l.startswith("key")).encode()
    s.send(struct.pack(">HHIBBH", 1, 1, 0, 1, 0, 1) + b"x" + body)
    s.send(struct.pack(">HHIIH", 1, 3, 7, 0, 0))
    a = s.recv(65536)
    check(a[8] == 1 and a[9] == 1, a[18:])


def keys_from_pieces_are_refused(r):
    rc, out = r.load('a = "0123456789abcdef"\n'
                     'ikev2 from 10.5.0.0/24 to 10.6.0.0/24 peer 192.0.2.9 psk $a-fedcba\n')
    check(rc == 1 and "put together" in out, out)


def a_key_that_begins_like_another(r):
    rule = 'ikev2 "k%d" from 10.1.0.0/24 to 10.%d.0.0/24 peer 192.0.2.9 psk "%s"\n'
    keys = [PSK, PSK + " 1", PSK + " 12", PSK + " 1", "x" + PSK]
    rc, out = r.load("".join(rule % (i, i + 2, k) for i, k in enumerate(keys)))
    check(rc == 0, out)
    stored = r.sql("SELECT body FROM text")[0][0].decode()
    check(re.findall('psk (.*)', stored) == [f'sealed "{i}"' for i in (1, 2, 3, 2, 4)], stored)


def macros_from_the_command_line(r):
    rc, out = r.load("gate = 192.0.2.7\nflow out from 10.1.0.0/16 to 10.2.0.0/16 peer $gate\n",
          "-D", "gate=192.0.2.9")
    # -D comes after -f in the call: order does not matter
    check(rc == 0 and "192.0.2.9" in r.changes()[0], out)
    check(("macro", "gate") in r.sql("SELECT kind, name FROM text"), "kept with the revision")


def includes_are_sent_along(r):
    inc = os.path.join(r.dir, "inc.conf")
    with open(inc, "w") as f:
        f.write(FLOW % 9)
    rc, out = r.load(f'include "{inc}"\n' + FLOW % 8)
    check(rc == 0 and len(r.changes()) == 2, out)
    check(r.sql("SELECT kind FROM text ORDER BY ord") == [("main",), ("include",)],
          "both are kept")


def killed_while_loading(r):
    """kill -9 at 40 moments: a whole old or new revision, and nothing acknowledged is lost."""
    r.stop(r.policyd)
    r.start_policyd()
    acknowledged = 0
    for i in range(40):
        p = spawn(f"{BIN}/ipsecctl", "-r", r.dir, "-f", "-", stdin=subprocess.PIPE,
                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        p.stdin.write("".join(FLOW % (j % 250) for j in range(i, i + 60)))
        p.stdin.close()
        time.sleep(0.002 * (i % 20))
        r.stop(r.policyd, signal.SIGKILL)
        out = p.stdout.read()
        p.wait()
        if out.startswith("revision "):
            acknowledged = int(out.split("revision ")[1].split()[0])
        r.start_policyd()
        check(r.policyd.poll() is None, "policyd starts again")
        newest = r.sql("SELECT ifnull(max(number), 0) FROM revision")[0][0]
        check(newest >= acknowledged, (newest, acknowledged))
        check(r.sql("PRAGMA integrity_check")[0][0] == "ok", "sound")
        for n, in r.sql("SELECT (SELECT ifnull(sum(rules), 0) FROM revision_chunk JOIN chunk "
                        "ON id = chunk WHERE revision = number) FROM revision"):
            check(n == 60, "half a revision")
    rc, out = r.load(FLOW % 3)
    check(rc == 0, out)
    check(len(r.ctl("-s", "flow")[1].splitlines()) == 1, "and in force")


def damaged_store_is_refused_loudly(r):
    r.load(FLOW % 1 + IKE)
    r.stop(r.policyd)
    sqlite3.connect(r.db).execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    with open(r.db, "r+b") as f:
        f.seek(0, 2)
        size = f.tell()
        f.seek(4096)
        f.write(b"\xa5" * (size - 4096))
    for ext in ("-wal", "-shm"):
        if os.path.exists(r.db + ext):
            os.unlink(r.db + ext)
    damaged = open(r.db, "rb").read()
    r.stop(r.key)
    r.changes()
    r.start_key()
    r.start_policyd()
    check(wait_for(lambda: open(r.log).read().count("\n") == 3, 10), "the export is in force")
    rc, out = r.load(FLOW % 2)
    check(rc == 1 and "damaged" in out and "export" in out, out)
    check(open(r.db, "rb").read() == damaged, "the damaged store is left as it is")
    log = open(os.path.join(r.dir, "policyd.log")).read()
    check("damaged" in log and "export" in log, log)
    r.stop(r.policyd)
    os.rename(r.db, r.db + ".bad")
    r.changes()
    r.start_policyd()
    time.sleep(0.3)
    check(r.changes() == [], "the same policy, from the export")
    check(r.sql("SELECT number, reason FROM revision") == [(2,
          "from the export of revision 1")], "numbers go on")
    check(r.load(FLOW % 2)[0] == 0, "and policies can be loaded again")


def damaged_while_it_runs(r):
    """Who reads the store then is told so."""
    run = functools.partial(ipsecctl, r)
    r.load(FLOW % 1 + IKE)
    write(r, "sealed", run("export")[1])
    wait_for(lambda: os.path.exists(r.db + ".export"))
    sqlite3.connect(r.db).execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    with open(r.db, "r+b") as f:
        f.seek(0, 2)
        size = f.tell()
        f.seek(4096)
        f.write(b"\xa5" * (size - 4096))
    for args in (("history",), ("history", "-j"), ("import", "-n", os.path.join(r.dir, "sealed"))):
        rc, out, err = run(*args)
        check(rc == 1 and "damaged" in out + err and "Sanitizer" not in err, (args, rc, out, err))


def flipped_bits_are_noticed(r):
    """A rule that differs from the digest of its revision is never applied."""
    r.load(FLOW % 1)
    r.stop(r.policyd)
    c = sqlite3.connect(r.db)
    c.execute("UPDATE chunk SET body = replace(body, 'require', 'bypass ') WHERE kind = 'flow'")
    c.commit()
    c.close()
    r.stop(r.key)
    r.changes()
    r.start_key()
    r.start_policyd()
    time.sleep(0.5)
    check(r.changes() == [], "applied")
    check("do not match their digest" in open(os.path.join(r.dir, "policyd.log")).read(), "said")


def no_export_and_no_store_is_fatal(r):
    r.load(FLOW % 1)
    r.stop(r.policyd)
    os.unlink(r.db + ".export")
    with open(r.db, "wb") as f:
        f.write(b"this is not a database, but it is long enough to be looked at " * 200)
    r.start_policyd()
    check(r.policyd.wait(10) == 1, "refuses to start")
    check("[" not in r.ctl("-s", "flow")[1] and "10.1.0.0/16" in r.ctl("-s", "flow")[1],
          "what is in force stays")


def newer_store_is_refused(r):
    r.load(FLOW % 1)
    r.stop(r.policyd)
    c = sqlite3.connect(r.db)
    c.execute("PRAGMA user_version = 99")
    c.close()
    r.start_policyd()
    check(r.policyd.wait(10) == 1, "refuses to start")
    check("newer version" in open(os.path.join(r.dir, "policyd.log")).read(), "says why")


def second_policyd_is_refused(r):
    p = subprocess.run([f"{BIN}/policyd", "-d", "-r", r.dir, "-D", r.db], capture_output=True,
          text=True)
    check(p.returncode == 1 and "another policyd runs already" in p.stderr, p.stderr)
    check(r.load(FLOW % 1)[0] == 0, "the first is not disturbed")


def disk_full_is_said(r):
    """No room for the store: refused in one line, the old policy stays."""
    r.load(FLOW % 1)
    r.stop(r.policyd)
    r.changes()
    err = open(os.path.join(r.dir, "policyd.log"), "a")
    r.policyd = spawn("sh", "-c",
          f'ulimit -f 300; exec "{BIN}/policyd" -dv -r "{r.dir}" -D "{r.db}"', stderr=err,
                      preexec_fn=lambda: signal.signal(signal.SIGXFSZ, signal.SIG_IGN))
    wait_for(lambda: r.ctl("-s", "flow")[0] == 0 and r.load(FLOW % 1)[0] == 0, 5)
    big = "".join(f"flow out from 10.{i}.{j}.0/24 to 10.100.0.0/16 peer 192.0.2.2\n"
                  for i in range(50) for j in range(100))
    rc, out = r.load(big)
    check(rc == 75 and "the disk is full" in out, out[:300])
    check(r.changes() == [], "nothing was touched")
    check(r.load(FLOW % 1)[0] == 0, "and it goes on")


def malformed_texts_change_nothing(r):
    """1,000 texts with one mistake each, past ipsecctl's own check; honest ones in between."""
    good = (FLOW % 1 + IKE + SA + "set passive\n").split(" ")
    r.load(FLOW % 1)
    r.changes()
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    s.connect(os.path.join(r.dir, "policy.sock"))
    refused = seed = 0
    while refused < 1000:
        seed += 1
        rnd = random.Random(seed)
        words = list(good)
        at = rnd.randrange(len(words))
        words[at] = rnd.choice(["", "{", "}", '"', "\0", words[at] + "x",
                                words[at][:-1], "\xff\xfe", "from",
                                "99999999999", "0x", "$m", "a" * 5000])
        s.send(struct.pack(">HHIBBH", 1, 1, 0, 1, 0, 1) + b"x" + " ".join(words).encode("latin1"))
        s.send(struct.pack(">HHIIH", 1, 3, seed, 0, 0))
        a = s.recv(65536)
        if a[8]:        # the mistake was none: back to the first policy
            check(r.load(FLOW % 1)[0] == 0, "an honest load")
            continue
        refused += 1
        check(re.match(rb"x:\d+:\d+: .+\n|policy: ", a[18:]), a[18:])
        if refused % 100 == 0:
            n = r.sql("SELECT max(number) FROM revision")[0][0]
            check(r.load(FLOW % 1)[0] == 0, "an honest load")
            check(r.sql("SELECT max(number) FROM revision")[0][0] == n + 1, "seed %d" % seed)
    check(r.ctl("-s", "flow")[1].count("\n") == 1, "one flow as ever")


def subscribers_hear(r):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    s.connect(os.path.join(r.dir, "policy.sock"))
    s.settimeout(5)
    s.send(struct.pack(">HHI", 1, 5, 1))
    check(s.recv(100) == struct.pack(">HHIQ", 1, 66, 1, 0), "at once")
    r.load(FLOW % 1)
    check(s.recv(100) == struct.pack(">HHIQ", 1, 66, 0, 1), "after a commit")
    s.send(struct.pack(">HHI", 1, 4, 9))
    a = s.recv(8192)
    check(a == struct.pack(">HHIQQ", 1, 65, 9, 1, 1), a)


def two_routers_on_one_machine(r):
    other = Router("two_routers_other")
    try:
        other.start_key()
        other.start_policyd()
        r.load(FLOW % 1)
        other.load(FLOW % 2)
        check("10.1.0.0/16" in r.changes()[0] and "10.2.0.0/16" in other.changes()[0], "mixed up")
    finally:
        other.end()


def many_policies(r):
    n = 4000
    text = "".join(f"flow out from 10.{i >> 8}.{i & 255}.0/24 to 172.16.0.0/16 peer 192.0.2.2\n"
                   for i in range(n))
    t = time.monotonic()
    rc, out = r.load(text)
    check(rc == 0, out)
    check(len(r.changes()) == n, "all of them")


def refused_without_policyd(r):
    r.stop(r.policyd)
    rc, out = r.load(FLOW % 1)
    check(rc == 1 and "policyd does not run" in out and "start it with" in out, out)
    r.stop(r.key)
    rc, out = r.ctl("-s", "all")
    check(rc == 1 and "netkern does not run" in out, out)


def write(r, name, text):
    path = os.path.join(r.dir, name)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as f:
        f.write(text)
    return path


def ipsecctl(r, *args):
    env = dict(os.environ, RAVELIN_DB=r.db, RAVELIN_RUN=r.dir)
    p = subprocess.run([f"{BIN}/ipsecctl", *args], capture_output=True, text=True, env=env)
    return p.returncode, p.stdout, p.stderr


def commit(r, *args):
    rc, out, err = ipsecctl(r, *args)
    return rc, out + err


def a_commit_keeps_what_it_does_not_name(r):
    ipsec, iked = write(r, "ipsec.conf", FLOW % 1), write(r, "iked.conf", IKE)
    check(commit(r, "commit", "-m", "both", "-f", ipsec, "-f", iked)[0] == 0, "both")
    check(len(r.changes()) == 3, "one flow and two that the rule implies")
    write(r, "ipsec.conf", FLOW % 2)
    rc, out = commit(r, "commit", "--ipsec", ipsec)
    check(rc == 0, out)
    c = r.changes()
    check([x.split()[0] for x in c] == ["SPDADD", "SPDDELETE"], c)
    check(r.rules(2, "part = 'iked' AND kind = 'ikev2'") == 1, "the other file's rules stay")
    text = r.sql("SELECT body FROM text WHERE revision = 2 AND part = 'iked'")[0][0].decode()
    check('psk sealed "1"' in text and PSK not in text, "and its text: " + text)
    check(len(r.sql("SELECT id FROM secret")) == 1, "one key")
    write(r, "iked.conf", "")
    rc, out = commit(r, "commit", "--iked", iked)
    check(rc == 0 and [x.split()[0] for x in r.changes()] == ["SPDDELETE"] * 2, out)
    # -f alone replaces the policy, as ever
    r.load(IKE)
    check(r.rules(4, "kind = 'flow'") == 0, "-f is the whole policy")


def stale_bases_are_refused(r):
    ipsec = write(r, "ipsec.conf", FLOW % 1)
    check(commit(r, "commit", "-f", ipsec)[0] == 0, "first")
    show = write(r, "all", commit(r, "show")[1])
    write(r, "ipsec.conf", FLOW % 2)
    check(commit(r, "commit", "-f", ipsec)[0] == 0, "the other administrator")
    r.changes()
    for args in (("--base", "1", "-f", ipsec), ("-f", show)):
        rc, out = commit(r, "commit", *args)
        check(rc == 1 and "revision 2 has come since you began with 1" in out, out)
        check("-flow esp tunnel out from 10.1.0.0" in out and "+flow esp tunnel out from 10.2.0.0"
              in out, "what changed: " + out)
    check(r.changes() == [] and r.sql("SELECT max(number) FROM revision")[0][0] == 2, "nothing")
    show = write(r, "all", commit(r, "show")[1].replace("10.2.0.0", "10.4.0.0"))
    check(commit(r, "commit", "-f", show)[0] == 0 and len(r.changes()) == 2, "the newest text")


def confirm_in_time_or_not(r):
    ipsec = write(r, "ipsec.conf", FLOW % 1)
    commit(r, "commit", "-f", ipsec)
    write(r, "ipsec.conf", FLOW % 2)
    check(commit(r, "commit", "--confirm", "1s", "-f", ipsec)[0] == 0, "waits")
    r.changes()
    rc, out = commit(r, "commit", "-f", ipsec)
    check(rc == 1 and "waits for its confirm" in out, out)
    check("waits" in commit(r, "history")[1], "history says so")
    wait_for(lambda: os.path.exists(r.db + ".export"))
    with open(r.db + ".export") as f:
        check("# revision 1\n" in f.read(), "the export is of what is kept")
    check(wait_for(lambda: len(open(r.log).read().splitlines()) == 2, 3), "it goes back")
    check(wait_for(lambda: r.sql("SELECT count(*) FROM revision")[0][0] == 3, 3), "and is a revision")
    row = r.sql("SELECT author, reason FROM revision WHERE number = 3")[0]
    check(row == ("policyd", "revision 2 was not confirmed in time"), row)
    check(commit(r, "commit", "--confirm", "2s", "-f", ipsec)[0] == 0, "again")
    check(commit(r, "confirm", "9")[0] == 1, "another one does not wait")
    check(commit(r, "confirm")[0] == 0 and commit(r, "confirm")[0] == 1, "confirmed once")
    r.changes()
    time.sleep(2.2)
    check(r.changes() == [] and r.sql("SELECT max(number) FROM revision")[0][0] == 4, "it stays")
    # policyd dead past the deadline: back at its start, before anything else
    write(r, "ipsec.conf", FLOW % 3)
    commit(r, "commit", "--confirm", "1s", "-f", ipsec)
    r.stop(r.policyd, signal.SIGKILL)
    r.changes()
    time.sleep(1.2)
    r.start_policyd()
    check(wait_for(lambda: len(open(r.log).read().splitlines()) == 2, 2), "overdue: back at once")
    check("10.2.0.0" in r.ctl("-s", "flow")[1], "as revision 4 was")
    # and a rollback ends the waiting
    commit(r, "commit", "--confirm", "1h", "-f", ipsec)
    rc, out = commit(r, "rollback")
    check(rc == 0 and "10.2.0.0" in r.ctl("-s", "flow")[1], out)
    check(r.sql("SELECT count(*) FROM pending")[0][0] == 0, "nothing waits")


def rollback_diff_and_history(r):
    conf = write(r, "iked.conf", IKE + SA)
    check("no revision yet" in commit(r, "rollback")[1], "nothing to go back from")
    commit(r, "commit", "-m", "a" * 60, "-f", conf)
    rc, out = commit(r, "rollback")
    check(rc == 1 and "revision 1 is the first" in out, "nor to: " + out)
    write(r, "iked.conf", IKE.replace("10.1.", "10.7."))
    check(commit(r, "com", "-f", conf)[0] == 0, "any beginning")
    for args in (("diff",), ("diff", "0"), ("show", "1"), ("show", "-j", "1"), ("history", "-j")):
        rc, out = commit(r, *args)
        check(rc == 0 and PSK not in out and KEY[2:] not in out, out)
    check(PSK in commit(r, "show", "-k", "1")[1] and KEY[2:] in commit(r, "diff", "-k")[1], "-k")
    rc, out = commit(r, "diff")
    check("--- iked.conf revision 1" in out and "\n-\tfrom 10.1.0.0/24" in out
          and "\n+\tfrom 10.7.0.0/24" in out, out)
    r.changes()
    rc, out = commit(r, "rollback", "1")
    check(rc == 0 and len(r.changes()) == 6, out)
    check(commit(r, "diff", "1", "3")[1] == "", "the same")
    for word in ("rollback", "show", "diff", "export"):
        rc, out = commit(r, word, "77")
        check(rc == 1 and out == "ipsecctl: there is no revision 77\n", "none such: " + out)
    out = commit(r, "history")[1]
    check(all(len(l) <= 80 for l in out.splitlines()) and len(re.findall(r"^ +\d", out, re.M)) == 3, out)
    check("".join(l[53:] for l in out.splitlines()[-3:]) == "a" * 60, "the reason is whole: " + out)
    check(re.search(r"^ +3 .* in force +back to revision 1$", out, re.M), out)
    h = json.loads(commit(r, "history", "-j")[1])
    check(h["schema_version"] == 1 and [x["revision"] for x in h["revisions"]] == [3, 2, 1]
          and h["revisions"][0]["in_force"], h)
    check(commit(r, "rollback", "0")[0] == 0 and "No flows" in r.ctl("-s", "flow")[1], "to nothing")
    check(commit(r, "co")[0] == 1 and commit(r, "wrong")[0] == 1 and commit(r, "commit")[0] == 1,
          "usage")


def check_changes_nothing(r):
    conf, iked = write(r, "ipsec.conf", FLOW % 1 + FLOW % 2 + SA), write(r, "iked.conf", IKE)
    commit(r, "commit", "-f", conf, "-f", iked)
    r.changes()
    write(r, "ipsec.conf", FLOW % 1 + FLOW % 3 + SA.replace("0x000102", "0xff0102"))
    rc, out = commit(r, "check", "-f", conf)
    lines = out.splitlines()
    check(rc == 0 and lines[-1] == "1 added, 1 removed, 2 changed; 2 SAs would go down; "
          "nothing was changed", out)
    check([l for l in lines if "flow" in l] == [
        "+ flow esp tunnel out from 10.3.0.0/16 to 10.100.0.0/16 peer 192.0.2.2 type require",
        "- flow esp tunnel out from 10.2.0.0/16 to 10.100.0.0/16 peer 192.0.2.2 type require"], out)
    check(ENC[2:] not in out, "no keys")
    j = json.loads(commit(r, "check", "-j", "-f", conf)[1])
    check((j["added"], j["removed"], j["changed"]) == (1, 1, 2) and len(j["lines"]) == 4, j)
    rc, out = commit(r, "check", "-f", iked)
    check(rc == 0 and out.startswith("0 added, 0 removed, 0 changed; 0 SAs"), out)
    write(r, "ipsec.conf", "flow form\n")
    rc, out = commit(r, "check", "-f", conf)
    check(rc == 1 and "ipsec.conf:1:6" in out, out)
    check(r.changes() == [] and r.sql("SELECT count(*) FROM revision")[0][0] == 1, "nothing")


def export_and_import(r):
    ipsec, iked = write(r, "ipsec.conf", FLOW % 1 + SA), write(r, "iked.conf", IKE)
    commit(r, "commit", "-f", ipsec, "-f", iked)
    run = functools.partial(ipsecctl, r)
    rc, sealed, err = run("export")
    check(rc == 0 and PSK not in sealed and KEY[2:] not in sealed and "sealed" in err, err)
    rc, clear, err = run("export", "-k")
    check(rc == 0 and PSK in clear and KEY[2:] in clear and err == "", "a pipe is no file: " + err)
    with open(os.path.join(r.dir, "clear"), "w") as f:
        p = subprocess.run([f"{BIN}/ipsecctl", "export", "-k"], stdout=f, stderr=subprocess.PIPE, text=True,
                           env=dict(os.environ, RAVELIN_DB=r.db, RAVELIN_RUN=r.dir))
    check(p.returncode == 0 and "IN CLEAR" in p.stderr, p.stderr)
    check(open(os.path.join(r.dir, "clear")).read() == clear, "the same into a file")
    write(r, "ipsec.conf", FLOW % 2)
    commit(r, "commit", "-f", ipsec)
    r.changes()
    name = write(r, "sealed", sealed)
    rc, out = commit(r, "import", name)
    check(rc == 0 and len(r.changes()) == 4, out)
    check(commit(r, "diff", "-k", "1", "3")[1] == "", "as it was")
    check(len(r.sql("SELECT id FROM secret")) == 3, "the same keys")
    for i in range(40, len(sealed), 97):
        bad = write(r, "bad", sealed[:i] + ("x" if sealed[i] != "x" else "y") + sealed[i + 1:])
        rc, out = commit(r, "import", bad)
        check(rc == 1 and "not as it was written" in out, out)
    # another router, another machine key: only the clear one
    other = Router("export_other")
    try:
        other.start_key()
        other.start_policyd()
        name = os.path.join(r.dir, "sealed")
        rc, out = commit(other, "import", name)
        check(rc == 1 and "sealed by another machine" in out, out)
        rc, out = commit(other, "import", write(r, "clear", clear))
        check(rc == 0 and len(other.changes()) == 5, out)
        check(PSK in commit(other, "show", "-k")[1] and PSK.encode() not in other.everything(),
              "and sealed there")
    finally:
        other.end()


def filter_and_network_wait_for_netkern(r):
    """A revision with these parts needs netkern.sock, which is not there."""
    pf = write(r, "pf.conf", "pass\n")
    rc, out = commit(r, "commit", "-f", pf)
    check(rc == 1 and "committed, but not in force" in out and "netkern is not running" in out, out)
    bad = write(r, "network.conf", "interface a up\n")
    rc, out = commit(r, "commit", "-f", bad)
    check(rc == 1 and "network.conf:1:11" in out and "nothing committed" in out, out)
    bad = write(r, "pf2.conf", "pass frm any\n")
    rc, out = commit(r, "commit", "-f", bad)
    check(rc == 1 and "pf2.conf:1:6" in out, out)
    check(r.sql("SELECT count(*) FROM revision")[0][0] == 1, "nothing of these")


TESTS = [
    a_commit_keeps_what_it_does_not_name,
    stale_bases_are_refused,
    confirm_in_time_or_not,
    rollback_diff_and_history,
    check_changes_nothing,
    export_and_import,
    filter_and_network_wait_for_netkern,
    load_is_a_revision,
    only_what_differs_is_touched,
    ikev2_rules_imply_flows,
    refused_text_changes_nothing,
    policyd_does_not_believe_its_client,
    authors_are_who_asked,
    reasons_are_one_line,
    bad_records_lose_only_their_connection,
    restart_brings_the_last_revision_back,
    what_fails_is_said,
    entries_of_others_stay,
    flush_and_delete,
    keys_are_sealed,
    keys_from_pieces_are_refused,
    a_key_that_begins_like_another,
    macros_from_the_command_line,
    includes_are_sent_along,
    killed_while_loading,
    damaged_store_is_refused_loudly,
    damaged_while_it_runs,
    flipped_bits_are_noticed,
    no_export_and_no_store_is_fatal,
    newer_store_is_refused,
    second_policyd_is_refused,
    disk_full_is_said,
    malformed_texts_change_nothing,
    subscribers_hear,
    two_routers_on_one_machine,
    many_policies,
    refused_without_policyd,
]


def on_term(*_):
    for p in started:
        if p.poll() is None:
            p.kill()
    sys.exit(1)


signal.signal(signal.SIGTERM, on_term)
for test in TESTS:
    if len(sys.argv) > 1 and test.__name__ not in sys.argv[1:]:
        continue
    r = Router(test.__name__)
    begin = time.monotonic()
    try:
        r.start_key()
        r.start_policyd()
        test(r)
        log = open(os.path.join(r.dir, "policyd.log")).read()
        check("ERROR: " not in log and "runtime error" not in log, "sanitizer: " + log)
        passed += 1
    except Exception as e:
        failed += 1
        print(f"FAILED {test.__name__}: {type(e).__name__}: {e}")
        log = os.path.join(r.dir, "policyd.log")
        if os.path.exists(log):
            print("\n".join("    " + l for l in open(log).read().splitlines()[-8:]))
    finally:
        r.end()
    print(f"{test.__name__}: {time.monotonic() - begin:.1f} s")
print(f"{passed} passed, {failed} failed")
sys.exit(failed != 0)
