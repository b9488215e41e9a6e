#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""
A store that cannot be written: each of commit, -f, confirm, rollback and
import ends with 75, says what to do, changes nothing, and works when the
trouble is over.  The store lies on a file system of its own in a mount
namespace.

    full        the file system has no room
    locked      another process holds the database
    read-only   policyd starts, puts the last revision in force, and says so
"""
import json, os, signal, sqlite3, subprocess, sys, time

BIN, OUT, TMP, MODE = (os.environ[k] for k in ("BIN", "O", "TMPDIR", "MODE"))
RUN, DISK = os.path.join(TMP, "run"), os.path.join(TMP, "disk")
DB = os.path.join(DISK, "policy.db")
ENV = dict(os.environ, RAVELIN_RUN=RUN, RAVELIN_DB=DB)
FLOW = "flow esp out from 10.%d.0.0/16 to 10.100.0.0/16 peer 192.0.2.2\n"
started, passed, failed = [], 0, 0


def start(name, *argv, ready):
    path = os.path.join(RUN, ready)
    if os.path.exists(path):
        os.unlink(path)
    log = open(os.path.join(TMP, name + ".log"), "a")
    p = subprocess.Popen(argv, env=ENV, stdout=log, stderr=log)
    started.append(p)
    for _ in range(200):
        if os.path.exists(path) or p.poll() is not None:
            break
        time.sleep(0.05)
    return p


def policyd():
    return start("policyd", f"{BIN}/policyd", "-dv", ready="policy.sock")


def stop(p, sig=signal.SIGTERM):
    p.send_signal(sig)
    p.wait(30)


def ctl(*args):
    p = subprocess.run([f"{BIN}/ipsecctl", *args], env=ENV, capture_output=True, text=True,
                       timeout=100)
    return p.returncode, p.stdout + p.stderr


def conf(n):
    path = os.path.join(TMP, "ipsec%d.conf" % n)
    with open(path, "w") as f:
        f.write(FLOW % n)
    os.chmod(path, 0o600)
    return path


def mount(*args):
    subprocess.run(["mount", *args], check=True)


def check(ok, *what):
    if not ok:
        raise AssertionError(" ".join(str(w) for w in what)[:2000])


def case(name, fn, *args):
    global passed, failed
    try:
        fn(*args)
        passed += 1
    except (AssertionError, OSError, ValueError, subprocess.SubprocessError) as e:
        failed += 1
        print("FAILED  %s: %s" % (name, e))
        with open(os.path.join(TMP, "policyd.log")) as f:
            print(*f.readlines()[-8:], sep="")


def newest():
    return json.loads(ctl("history", "-j")[1].splitlines()[0])


def commands():
    return {
        "commit": ("commit", "-f", conf(11)),
        "-f": ("-f", conf(12)),
        "rollback": ("rollback", "1"),
        "import": ("import", os.path.join(TMP, "router.export")),
    }


def refused(command, hint):
    before = newest()["revisions"][0]["revision"]
    rc, out = ctl(*command)
    check(rc == 75, command, "ended with", rc, out)
    check(hint in out, command, "says", out)
    if command[0] != "-f":
        rc, out = ctl(command[0], "-j", *command[1:])
        d = json.loads(out.splitlines()[0])
        check(rc == 75 and not d.get("committed", d.get("confirmed")) and hint in d["text"], rc, out)
    return before


def exported():
    """Waits for the export that follows a commit: it leaves room behind it."""
    line = "revision %d: exported" % newest()["revisions"][0]["revision"]
    for _ in range(200):
        with open(os.path.join(TMP, "policyd.log")) as f:
            if line in f.read():
                return
        time.sleep(0.05)
    raise AssertionError("no export: " + line)


def fill():
    """No room is left, neither on the disk nor in a log that would be written over again."""
    db = sqlite3.connect(DB)
    check(db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0, "the log stays")
    db.close()
    for name, size in (("ballast", 65536), ("crumbs", 1)):
        try:
            with open(os.path.join(DISK, name), "wb", buffering=0) as f:
                while True:
                    f.write(b"x" * size)
        except OSError:
            pass


def full(name):
    exported()
    fill()
    try:
        refused(commands()[name], "the disk is full")
    finally:
        for f in ("ballast", "crumbs"):
            os.unlink(os.path.join(DISK, f))
    rc, out = ctl(*commands()[name])
    check(rc == 0, name, "after the trouble:", rc, out)


def confirm_when(trouble, over, hint):
    rc, out = ctl("commit", "--confirm", "1h", "-f", conf(20))
    check(rc == 0, out)
    trouble()
    try:
        rc, out = ctl("confirm")
        check(rc == 75 and hint in out, "confirm ended with", rc, out)
    finally:
        over()
    check(newest()["revisions"][0]["waits_for_confirm"], "is not waiting any more")
    rc, out = ctl("confirm")
    check(rc == 0, "confirm after the trouble:", rc, out)


held = []


def lock():
    held.append(sqlite3.connect(DB, isolation_level=None))
    held[-1].execute("BEGIN IMMEDIATE")


def unlock():
    held.pop().close()


def locked(name):
    lock()
    try:
        rc, out = ctl(*commands()[name])
        check(rc == 75 and "another process holds the store" in out, name, rc, out)
    finally:
        unlock()
    rc, out = ctl(*commands()[name])
    check(rc == 0, name, "after the trouble:", rc, out)


def read_only(sig):
    """The disk comes back read-only after an end of policyd in whatever way."""
    global daemon
    rc, out = ctl("commit", "-f", conf(30 + sig))
    check(rc == 0, out)
    rev = newest()["revisions"][0]["revision"]
    stop(daemon, sig)
    key.kill()                          # what is in force goes, too
    key.wait()
    mount("-o", "remount,ro", DISK)
    restart_key()
    daemon = policyd()
    check(daemon.poll() is None, "policyd does not start")
    for _ in range(100):
        if newest()["in_force"] == rev:
            break
        time.sleep(0.05)
    h = newest()
    check(h["in_force"] == rev, "not in force:", h)
    check("cannot be written" in h["problem"] or "read" in h["problem"], "no problem?", h["problem"])
    check("10.%d.0.0" % (30 + sig) in ctl("show")[1], "show does not read it")
    with open(os.path.join(TMP, "policyd.log")) as f:
        check("THE POLICY STORE CANNOT BE WRITTEN" in f.read(), "the log is silent")
    for name, command in commands().items():
        refused(command, "read-only")
    check(newest()["in_force"] == rev, "something was changed")
    mount("-o", "remount,rw", DISK)
    rc, out = ctl("commit", "-f", conf(50 + sig))
    check(rc == 0, "writable again:", rc, out)
    check(newest()["problem"] == "", newest())


def restart_key():
    global key
    key = start("key", f"{OUT}/fakekey", os.path.join(RUN, "key.sock"),
                os.path.join(TMP, "changes"), os.path.join(TMP, "fails"), ready="key.sock")


def main():
    global daemon
    os.makedirs(RUN, exist_ok=True)
    os.makedirs(DISK, exist_ok=True)
    mount("-t", "tmpfs", "-o", "size=2m,mode=755", "store", DISK)
    open(os.path.join(TMP, "changes"), "w").close()
    restart_key()
    daemon = policyd()
    check(ctl("commit", "-f", conf(1))[0] == 0, "cannot commit at all")
    with open(os.path.join(TMP, "router.export"), "w") as f:
        f.write(subprocess.run([f"{BIN}/ipsecctl", "export"], env=ENV, capture_output=True,
                               text=True).stdout)
    for name in commands():
        case("full disk: " + name, full, name)
    case("full disk: confirm", confirm_when, fill, lambda: [os.unlink(os.path.join(DISK, f))
         for f in ("ballast", "crumbs")], "the disk is full")
    # each waits 5 s for the lock
    for name in commands() if MODE == "release" else ["commit"]:
        case("locked: " + name, locked, name)
    if MODE == "release":
        case("locked: confirm", confirm_when, lock, unlock, "another process holds the store")
    for sig in (signal.SIGTERM, signal.SIGKILL):
        case("read-only after " + signal.Signals(sig).name, read_only, int(sig))


if os.geteuid() != 0:
    print("needs root for a mount namespace")
    sys.exit(77)
if "inside" not in sys.argv:
    p = subprocess.Popen(["unshare", "-m", "--propagation", "private", sys.executable, __file__, "inside"])
    signal.signal(signal.SIGTERM, lambda *_: p.terminate())
    sys.exit(p.wait())
signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
try:
    main()
finally:
    for p in reversed(started):
        if p.poll() is None:
            stop(p)
    subprocess.run(["umount", "-l", DISK], stderr=subprocess.DEVNULL)
print("%d passed, %d failed" % (passed, failed))
sys.exit(failed != 0)
