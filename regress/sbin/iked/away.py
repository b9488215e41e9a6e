#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""
iked while policyd is away: the rules stay in force whatever becomes of the store,
and are those of the store that stands there when policyd is back.
"""
import glob
import os
import signal
import sqlite3
import subprocess
import sys
import time

BIN, TMP = os.environ["BIN"], os.environ["TMPDIR"]
RUN, DB = os.path.join(TMP, "run"), os.path.join(TMP, "policy.db")
ENV = dict(os.environ, RAVELIN_RUN=RUN, RAVELIN_DB=DB)
RULE = ('ikev2 "%s" passive esp from 10.1.0.0/24 to 10.2.0.0/24 local 192.0.2.1 peer 192.0.2.2 '
        'psk "a-key-of-decent-length"\n')
started, passed, failed = {}, 0, 0


def case(name, ok, why=""):
    global passed, failed
    passed, failed = passed + bool(ok), failed + (not ok)
    if not ok:
        print("FAILED  %s: %s" % (name, why))


def start(*argv):
    with open(os.path.join(TMP, argv[0] + ".log"), "a") as log:
        started[argv[0]] = subprocess.Popen([os.path.join(BIN, argv[0]), *argv[1:]], env=ENV, stdout=log,
                                            stderr=log)


def stop(name):
    p = started.pop(name)
    p.terminate()
    p.wait(30)


def program(*argv):
    p = subprocess.run([os.path.join(BIN, argv[0]), *argv[1:]], env=ENV, capture_output=True, text=True,
                       timeout=60)
    return p.stdout + p.stderr


def comes_to(name):
    for _ in range(100):
        if name in program("ikectl", "status"):
            return True
        time.sleep(0.1)
    return False


def commit(name):
    path = os.path.join(TMP, name + ".conf")
    with open(path, "w") as f:
        f.write(RULE % name)
    os.chmod(path, 0o600)
    for _ in range(100):
        said = program("ipsecctl", "-f", path)
        if "is in force" in said:
            return
        time.sleep(0.1)
    raise OSError(said)


def keep(path):
    """A copy of the store as it is."""
    here, there = sqlite3.connect(DB), sqlite3.connect(path)
    here.backup(there)
    here.close()
    there.close()


def remove():
    for path in glob.glob(DB) + glob.glob(DB + "-*") + glob.glob(DB + ".export"):
        os.unlink(path)


def opened():
    """Does a process of iked have the store?"""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/cmdline" % pid) as f:
                if "iked\0" not in f.read():
                    continue
            fds = "/proc/%s/fd" % pid
            if any(os.readlink("%s/%s" % (fds, fd)).startswith(DB) for fd in os.listdir(fds)):
                return True
        except OSError:
            continue
    return False


def main():
    start("netkern", "-d", "-u", "root", "-r", RUN)
    start("policyd", "-d")
    commit("tokyo")
    keep(DB + ".tokyo")
    stop("policyd")
    remove()
    start("policyd", "-d")
    commit("paris")                             # a revision of the same number
    start("iked", "-d")
    case("the rule of the store", comes_to("paris"), program("ikectl", "status"))

    keep(DB + ".paris")
    remove()
    stop("policyd")
    time.sleep(1.5)
    case("a store that is gone takes nothing away", "paris" in program("ikectl", "status"),
         program("ikectl", "status"))
    remove()
    with open(DB, "wb") as f:
        f.write(b"this is no database" * 1000)
    time.sleep(1.5)
    case("nor does one that is damaged", "paris" in program("ikectl", "status"), program("ikectl", "status"))

    remove()
    os.rename(DB + ".tokyo", DB)
    case("what stands there then is read", comes_to("tokyo"), program("ikectl", "status"))
    for _ in range(30):
        if not opened():
            break
        time.sleep(0.1)
    case("and not kept open", not opened())
    remove()
    os.rename(DB + ".paris", DB)
    start("policyd", "-d")
    case("and again when policyd is back", comes_to("paris"), program("ikectl", "status"))


if os.geteuid() != 0:
    print("iked must be started as root")
    sys.exit(77)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
os.makedirs(RUN, exist_ok=True)
try:
    main()
finally:
    for name in list(started)[::-1]:
        stop(name)
print("%d passed, %d failed" % (passed, failed))
sys.exit(failed != 0)
