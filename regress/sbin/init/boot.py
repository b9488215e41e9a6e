#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""The appliance's start without a machine: init as process 1 of a process,
mount and network namespace, with two cards that are veth pairs and a
terminal for its console.

    this test -- pty -- console --- init --- netkern policyd iked
                                     |
                                    wan0, lan0 (veth)
"""

import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import time

BIN, TMP = os.environ["BIN"], os.environ["TMPDIR"]
ROOT = os.path.join(TMP, "root")
FAR = f"rvfar{os.getpid()}"		# where the other ends of the cards are
PROGRAMS = ("init console seed backup netkern policyd iked ipsecctl ikectl pfctl "
            "ifconfig sysctl").split()
passed = failed = 0
BOOT = r"""
set -e
R=$1 TTY=$2
mount -t tmpfs none $R/dev
mkdir $R/dev/net $R/dev/pts
mknod $R/dev/null c 1 3; mknod $R/dev/urandom c 1 9; mknod $R/dev/random c 1 8
mknod $R/dev/net/tun c 10 200; chmod 666 $R/dev/null $R/dev/*random
: >$R/dev/con0; mount --bind $TTY $R/dev/con0
ip link add name card0 address 52:54:00:00:00:01 type veth peer name far0
ip link add name card1 address 52:54:00:00:00:02 type veth peer name far1
ip link set far0 netns $3; ip link set far1 netns $3
if [ -f $R/../cmdline ]; then
	mount -t proc proc $R/proc; mount --bind $R/../cmdline $R/proc/cmdline
fi
consoles=con0 exec chroot $R /sbin/init
"""


def case(name, good, note=""):
    global passed, failed
    if good:
        passed += 1
        print("ok      " + name)
    else:
        failed += 1
        print("FAILED  " + name)
        print(str(note)[-3000:])
    sys.stdout.flush()
    return good


def write(path, text, mode=0o600):
    with open(path, "w") as f:
        f.write(text)
    os.chmod(path, mode)


def make_root():
    for d in "sbin etc dev proc sys run tmp boot data var/empty".split():
        os.makedirs(os.path.join(ROOT, d))
    for p in PROGRAMS:
        shutil.copy(os.path.join(BIN, p), os.path.join(ROOT, "sbin"))
    write(ROOT + "/etc/passwd", "root:x:0:0::/:\nnobody:x:65534:65534::/:\n"
          "_iked:x:100:100::/:\n", 0o644)
    write(ROOT + "/etc/group", "root:x:0:\n_iked:x:100:\n_ravelin:x:101:\n", 0o644)
    write(TMP + "/boot.sh", BOOT, 0o755)
    subprocess.check_call(["mount", "-t", "tmpfs", "none", ROOT + "/data"])


class Box:
    """One run of the appliance."""

    def __init__(self):
        self.master, slave = pty.openpty()
        tty = os.ttyname(slave)
        self.text = ""
        self.proc = subprocess.Popen(
            ["unshare", "-p", "-m", "-n", "-u", "-f", "--kill-child",
             "sh", TMP + "/boot.sh", ROOT, tty, FAR], start_new_session=True)
        os.close(slave)

    def read(self, seconds):
        if select.select([self.master], [], [], seconds)[0]:
            try:
                self.text += os.read(self.master, 65536).decode("utf-8", "replace")
            except OSError:
                time.sleep(seconds)

    def wait(self, pattern, seconds=15):
        """The pattern comes in what the console shows from now on."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            found = re.search(pattern, self.text)
            if found:
                self.text = self.text[found.end():]
                return found
            self.read(0.1)
        return None

    def type(self, line):
        os.write(self.master, line.encode() + b"\n")

    def inside(self):
        """Process 1 as we see it."""
        with open(f"/proc/{self.proc.pid}/task/{self.proc.pid}/children") as f:
            return int(f.read().split()[0])

    def run(self, *argv):
        pid = str(self.inside())
        done = subprocess.run(
            ["nsenter", "-t", pid, "-m", "-n", "-p", f"-r/proc/{pid}/root",
             "/sbin/" + argv[0], *argv[1:]], capture_output=True, text=True,
            env={"PATH": "/sbin:/usr/bin:/bin", "RAVELIN_RUN": "/run/ravelin",
                 "RAVELIN_DB": "/data/db/policy.db"})
        return done.stdout + done.stderr

    def pid_of(self, name, after=0):
        """The oldest process of that name below process 1, but for so many."""
        below = {self.inside()}
        for p in sorted(int(d) for d in os.listdir("/proc") if d.isdigit()):
            try:
                with open(f"/proc/{p}/stat") as f:
                    stat = f.read()
            except OSError:
                continue
            parent = int(stat[stat.rindex(")") + 2:].split()[1])
            if parent in below and p != self.inside():
                below.add(p)
                if stat[stat.index("(") + 1:stat.rindex(")")] == name:
                    if after == 0:
                        return p
                    after -= 1
        return None

    def until(self, text, *argv, seconds=10, absent=False):
        end = time.monotonic() + seconds
        out = ""
        while time.monotonic() < end:
            out = self.run(*argv)
            if (text in out) != absent:
                return True
            time.sleep(0.1)
        print(out[-1500:])
        return False

    def stop(self):
        self.run("init", "poweroff")
        try:
            self.proc.wait(20)
            return True
        except subprocess.TimeoutExpired:
            self.kill()
            return False

    def kill(self):
        try:
            os.killpg(self.proc.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.proc.wait()
        os.close(self.master)


def first_boot():
    box = Box()
    found = box.wait(r"ready: revision (\d+) ([0-9a-f]{16})", 20)
    case("ready on the console", found, box.text)
    names = box.run("init", "log")
    case("cards are named by their order", "wan0 is the card 52:54:00:00:00:01" in names
         and "lan0 is the card 52:54:00:00:00:02" in names, names)
    rules = box.run("pfctl", "-s", "rules")
    case("the first policy: nothing comes in by wan0",
         "block drop log all" in rules and "pass out on wan0" in rules
         and "pass on wan0" not in rules, rules)
    case("the inner side has its address",
         "192.168.1.1" in box.run("ifconfig", "lan0"))
    keep = "/proc/%s/fd" % box.pid_of("init", 1)
    opened = sorted(os.listdir(keep))
    case("a task has none of the supervisor's descriptors", opened == ["0", "1", "2"],
         [(fd, os.readlink(f"{keep}/{fd}")) for fd in opened])
    case("the root is left as it was", not os.path.exists(ROOT + "/data/reset"))
    return box


def menu(box):
    head = box.wait(r"(?s)policy     revision(.*?)NOT SET")
    case("the menu knows of no tunnel", head and "tunnels" not in head[1], box.text)
    case("the menu", head and box.wait("choose"), box.text)
    box.type("x")
    case("no such choice", box.wait("there is no 'x'"), box.text)
    box.wait("choose")
    box.type("1")
    box.wait("which interface")
    box.type("lan7")
    case("no such interface", box.wait("there is no interface lan7") and
         box.wait("nothing has changed"), box.text)
    box.wait("choose")
    box.type("1")
    box.wait("which interface")
    box.type("lan0")
    case("the address as it is", box.wait(r"\[192.168.1.1/24\]"), box.text)
    box.type("10.7.0.1/16")
    box.wait("default route")
    box.type("")
    box.wait("make it so")
    box.type("yes")
    case("a new address", box.wait("in force")
         and "10.7.0.1" in box.run("ifconfig", "lan0"), box.text)
    box.wait("choose")
    box.type("4")
    case("undo shows the change", box.wait(r"-interface lan0 .*192.168.1.1"), box.text)
    box.wait("undo it")
    box.type("yes")
    case("undone", box.wait("in force")
         and "192.168.1.1" in box.run("ifconfig", "lan0"), box.text)
    box.wait("choose")
    box.type("3")
    case("why offline", box.wait("wan0: down, and without an address")
         and box.wait("no default route") and box.wait("netkern +ready"), box.text)
    box.wait("choose")
    password(box)


def password(box):
    box.type("2")
    box.wait("new password")
    box.type("secret phrase")
    box.wait("once more")
    box.type("secret phrase")
    case("a password is set, and not shown", box.wait("the password is set")
         and "secret phrase" not in box.text, box.text)
    box.wait("choose")
    os.kill(box.pid_of("console"), signal.SIGKILL)
    case("the menu comes back and asks", box.wait("press Enter"), box.text)
    box.wait(">:")
    box.type("")
    box.wait("password:")
    box.type("wrong phrase")
    case("a wrong password", box.wait("wrong") and box.wait(">:"), box.text)
    box.type("")
    box.wait("password:")
    box.type("secret phrase")
    case("the right one", box.wait("choose"), box.text)


def killed(box):
    os.kill(box.pid_of("netkern"), signal.SIGSEGV)
    case("netkern's end is told", box.wait(r"netkern: killed by signal 11"), box.text)
    case("its successor gets all back",
         box.until("192.168.1.1", "ifconfig", "lan0")
         and box.until("net.policy.wait=0", "sysctl", "net.policy.wait"))
    for name in ("policyd", "iked"):
        os.kill(box.pid_of(name), signal.SIGKILL)
        case(f"{name} is started again", box.wait(name + ": killed by signal 9")
             and box.until(f"{name:<12} ready", "init", "status"), box.run("init", "log"))
    case("all is well again",
         box.until("healthy      no", "init", "status", absent=True))
    os.kill(box.pid_of("init"), signal.SIGKILL)
    case("the supervisor's death starts all anew", box.wait("ready: revision", 20), box.text)
    case("a stop in order", box.stop())
    with open(ROOT + "/data/log/messages") as f:
        log = f.read()
    case("the log is on the disk", "netkern: killed by signal 11" in log
         and log.count("ready: revision") == 2, log)


SEED = """hostname paris
nic wan0 mac 52:54:00:00:00:02
nic lan0 mac 52:54:00:00:00:01
### network.conf
interface wan0 create packet wan0 inet 192.0.2.1/24
interface lan0 create packet lan0 inet 10.1.0.1/24
### iked.conf
ikev2 "lyon" esp from 10.1.0.0/24 to 10.2.0.0/24 local 192.0.2.1 peer 192.0.2.2 \\
    srcid a.example dstid b.example psk "the-key-of-the-tunnel"
"""


def seeds():
    write(ROOT + "/boot/seed.conf", SEED.replace("inet 10", "ine\x1b[2Jtt 10"))
    box = Box()
    case("a bad seed is told with its place", box.wait(r"seed.conf:6:\d+: "), box.text)
    found = box.wait("ine(.*)tt")
    case("and does not steer the terminal", found and found[1] == "?[2J", found and found[1])
    case("and changes nothing", box.wait("refused") and box.wait("ready: revision", 20)
         and "192.168.1.1" in box.run("ifconfig", "lan0"), box.text)
    box.stop()
    box.kill()
    write(ROOT + "/boot/seed.conf", SEED.replace("packet wan0", "packet gone0"))
    box = Box()
    case("a seed that netkern refuses", box.wait("gone0.*No such device")
         and box.wait("nothing of it is in force"), box.text)
    case("makes start again", box.wait("names that cards had before")
         and box.proc.wait(20) is not None, box.text)
    box.kill()
    box = Box()
    case("and is not tried again", box.wait("was refused before")
         and box.wait("gone0.*No such device") and box.wait("ready: revision", 20)
         and "192.168.1.1" in box.run("ifconfig", "lan0")
         and "52:54:00:00:00:02" in box.run("ifconfig", "lan0"), box.text)
    box.stop()
    box.kill()
    write(ROOT + "/boot/seed.conf", SEED)
    box = Box()
    case("a good seed", box.wait("ready: revision", 20)
         and "10.1.0.1" in box.run("ifconfig", "lan0")
         and "52:54:00:00:00:01" in box.run("ifconfig", "lan0"), box.text)
    case("its filter was there before", "pass out on wan0" in box.run("pfctl", "-s", "rules"))
    revision = box.run("ipsecctl", "history").count("\n")
    box.stop()
    box.kill()
    box = Box()
    write(ROOT + "/boot/pass", "a long passphrase\n")
    write(ROOT + "/boot/wrong", "another passphrase\n")
    case("is applied once", box.wait("ready: revision", 20)
         and "has been applied before" in box.run("init", "log")
         and box.run("ipsecctl", "history").count("\n") == revision, box.text)
    case("the cards keep their names", "10.1.0.1" in box.run("ifconfig", "lan0"))
    return box


def generation_of(text):
    found = re.search(r"generation ([0-9a-f]{64})", text)
    return found and found[1]


def backup(box):
    """The seed's policy, password and cards, in a file; its generation."""
    out = box.run("backup", "create", "-P", "/boot/pass", "/boot/paris.backup")
    case("a backup", generation_of(out), out)
    with open(ROOT + "/boot/paris.backup", "rb") as f:
        body = f.read()
    case("has nothing in clear", b"10.1.0.1" not in body and b"paris" not in body)
    with open(ROOT + "/boot/bad.backup", "wb") as f:
        f.write(body[:200] + bytes([body[200] ^ 1]) + body[201:])
    shown = box.run("backup", "show", "-P", "/boot/pass", "/boot/paris.backup")
    case("is the same as here", "the policy is the same as here" in shown
         and "etc/passwd" in shown, shown)
    return generation_of(out)


def restore(box, generation):
    """On a box that was reset."""
    before = box.run("ipsecctl", "history")
    out = box.run("backup", "restore", "-y", "-P", "/boot/wrong", "/boot/paris.backup")
    case("a wrong passphrase is refused", "the passphrase is wrong" in out
         and box.run("ipsecctl", "history") == before, out)
    out = box.run("backup", "restore", "-y", "-P", "/boot/pass", "/boot/bad.backup")
    case("a damaged file is refused", "truncated or damaged" in out
         and box.run("ipsecctl", "history") == before, out)
    out = box.run("backup", "restore", "-y", "-P", "/boot/pass", "/boot/paris.backup")
    case("what would change is shown", re.search(r"^-.*192.168.1.1", out, re.M)
         and re.search(r"^\+.*10.1.0.1", out, re.M), out)
    case("keys are not", "the-key-of-the-tunnel" not in out and "psk *" in out, out)
    case("the same generation is in force", generation_of(out.split("restored")[-1])
         and out.count(generation) == 2 and "the same as in the backup" in out, out)
    case("its addresses too", "10.1.0.1" in box.run("ifconfig"))
    box.stop()
    box.kill()
    box = Box()
    case("and after a restart", box.wait("ready: revision \\d+ " + generation[:16], 20)
         and box.run("ifconfig", "lan0").count("52:54:00:00:00:01") == 1, box.text)
    case("with its password", box.wait("press Enter"), box.text)
    box.stop()
    box.kill()


def reset(box):
    generation = backup(box)
    box.wait(">:")
    box.type("")
    box.wait("password:")
    box.type("secret phrase")
    box.wait("choose")
    box.type("7")
    box.wait("to do it")
    box.type("reset")
    case("a reset wants its words", box.wait("nothing has changed"), box.text)
    box.wait("choose")
    box.type("7")
    box.wait("to do it")
    box.type("factory reset")
    box.proc.wait(20)
    box.kill()
    os.unlink(ROOT + "/boot/seed.conf")
    box = Box()
    case("after a reset", box.wait("factory reset: ") and box.wait("ready: revision", 20)
         and box.wait("NOT SET") and "192.168.1.1" in box.run("ifconfig", "lan0"), box.text)
    restore(box, generation)


def damage():
    with open(ROOT + "/data/db/policy.db", "r+b") as f:
        f.write(os.urandom(16384))
    for end in ("-wal", "-shm"):
        if os.path.exists(ROOT + "/data/db/policy.db" + end):
            os.unlink(ROOT + "/data/db/policy.db" + end)
    box = Box()
    case("a damaged store: the export's policy is in force",
         box.wait("ready: ", 20) and "10.1.0.1" in box.run("ifconfig", "lan0"), box.text)
    box.wait("press Enter")
    box.wait(">:")
    box.type("")
    box.wait("password:")
    box.type("secret phrase")
    box.wait("choose")
    box.type("8")
    case("the menu offers to put it aside", box.wait("damaged") and box.wait("aside"), box.text)
    box.type("yes")
    box.wait("choose")
    case("then it can be changed again",
         box.until("in force", "ipsecctl", "history"), box.text)
    box.stop()
    box.kill()


def grubenv(slot, boot):
    text = f"# GRUB Environment Block\nslot={slot}\nboot={boot}\n"
    write(ROOT + "/boot/grubenv", text + "#" * (1024 - len(text)))


def trial():
    """A slot that is tried: well, and not."""
    write(TMP + "/cmdline", "quiet ravelin.slot=b ravelin.good=a "
          "ravelin.well=2 ravelin.most=4 ravelin.watchdog=off\n")
    grubenv("a", "a")
    box = Box()
    case("a slot that is well becomes the good one",
         box.wait("ready: .* slot b") and box.wait("slot b is good", 20), box.text)
    with open(ROOT + "/boot/grubenv") as f:
        block = f.read()
    case("a word is no time for the watchdog", "no watchdog: /dev/watchdog: " in box.run("init", "log"))
    case("the loader is told", "slot=b\n" in block and "boot=b\n" in block
         and len(block) == 1024, block)
    box.stop()
    box.kill()
    grubenv("a", "a")
    os.rename(ROOT + "/sbin/iked", ROOT + "/sbin/iked.away")
    box = Box()
    case("one that is not gives up", box.wait("slot b has not become well", 20), box.text)
    try:
        box.proc.wait(20)
    except subprocess.TimeoutExpired:
        case("and restarts", False, box.text)
    box.kill()
    with open(ROOT + "/boot/grubenv") as f:
        case("the other slot stays the good one", "slot=a\n" in f.read())
    os.rename(ROOT + "/sbin/iked.away", ROOT + "/sbin/iked")
    os.unlink(TMP + "/cmdline")


def everything():
    box = first_boot()
    menu(box)
    killed(box)
    box.kill()
    reset(seeds())
    damage()
    trial()


def main(make, tests):
    """Makes the root, and runs the tests in a mount namespace of their own."""
    if os.getuid() != 0:
        print("needs root for namespaces")
        return 77
    if os.environ.get("INIT_BOOT_INNER") != "1":
        os.environ["INIT_BOOT_INNER"] = "1"
        os.execvp("unshare", ["unshare", "-m", sys.executable, *sys.argv])
    make()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    subprocess.check_call(["ip", "netns", "add", FAR])
    try:
        tests()
    finally:
        subprocess.call(["ip", "netns", "del", FAR])
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(make_root, everything))
