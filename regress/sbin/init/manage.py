#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""How the appliance is managed: SSH, time servers, what its kernel says.

    ssh, a time server (192.168.1.2) --- lan0 --- init, netkern, dropbear, ntpd
    somebody outside    (192.0.2.2)  --- wan0 ---'      (192.168.1.1, 192.0.2.1)

The machine's clock stays as it is: nothing here has the right to set it.
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

sys.dont_write_bytecode = True
import boot  # noqa: E402 (beside this file)
from boot import FAR, ROOT, TMP, case, write  # noqa: E402

DEPS = os.path.join(os.environ["TOP"], "obj/deps/release/bin")
boxes = []
PASSWORD = "a phrase of some length"
MORE = r"""
mknod $R/dev/ptmx c 5 2; chmod 666 $R/dev/ptmx
mkfifo $R/dev/kmsg
ip link set lo up
"""
SEED = """hostname paris
{statements}
### network.conf
interface wan0 create packet wan0 inet 192.0.2.1/24
interface lan0 create packet lan0 inet 192.168.1.1/24
interface host0 create tap rvl0,host
interface host0 up
"""


def make_root():
    boot.BOOT = boot.BOOT.replace("consoles=", MORE + "consoles=").replace(
        "exec chroot", "exec setpriv --bounding-set -sys_time chroot")
    boot.make_root()
    small = (("busybox", f"bin/{p}") for p in ("sh", "cat", "ls", "id"))
    for name, at in (("dropbear", "sbin/dropbear"), ("openntpd", "sbin/ntpd"), *small):
        os.makedirs(os.path.join(ROOT, os.path.dirname(at)), exist_ok=True)
        shutil.copy(os.path.join(DEPS, name), os.path.join(ROOT, at))
    for tool in ("ifconfig", "netstat"):
        shutil.copy(os.path.join(os.environ["BIN"], tool), ROOT + "/sbin")
    with open(ROOT + "/etc/passwd", "a") as f:
        f.write("admin:x:73:73::/run/ravelin-ssh:/sbin/console\n_ntp:x:74:74::/var/empty:/sbin/nologin\n")
    with open(ROOT + "/etc/group", "a") as f:
        f.write("admin:x:73:\n_ntp:x:74:\n")
    write(ROOT + "/etc/shells", "/sbin/console\n", 0o644)
    write(ROOT + "/etc/services", "ntp 123/udp\n", 0o644)
    write(ROOT + "/etc/release", "version=0\nserial=4102444800\n", 0o644)
    for name in ("key", "other"):
        subprocess.check_call(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name + "@test",
                               "-f", f"{TMP}/{name}"])


def start():
    boxes.append(boot.Box())
    return boxes[-1]


def public(name):
    with open(f"{TMP}/{name}.pub") as f:
        return f.read().strip()


def far(*argv, **more):
    return subprocess.run(["ip", "netns", "exec", FAR, *argv], capture_output=True, text=True, **more)


def wires():
    """Our ends of the cards, as soon as there are any."""
    end = time.monotonic() + 5
    while subprocess.call(["ip", "-n", FAR, "link", "show", "far1"], stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL) != 0 and time.monotonic() < end:
        time.sleep(0.05)
    for dev, addr in (("far0", "192.0.2.2/24"), ("far1", "192.168.1.2/24")):
        subprocess.check_call(["ip", "-n", FAR, "addr", "replace", addr, "dev", dev])
        subprocess.check_call(["ip", "-n", FAR, "link", "set", dev, "up"])


def connects(address, seconds=1):
    """open, refused or silent: what port 22 of an address is."""
    code = ("import socket\n"
            f"try: socket.create_connection(('{address}', 22), {seconds}); print('open')\n"
            "except ConnectionRefusedError: print('refused')\n"
            "except OSError: print('silent')")
    return far(sys.executable, "-c", code).stdout.strip()


def comes_to(state, address, seconds=10):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if connects(address) == state:
            return True
        time.sleep(0.1)
    return False


def ssh_argv(key, *options):
    return ["ssh", "-F", "/dev/null", "-i", f"{TMP}/{key}", "-o", "IdentitiesOnly=yes", "-o", "IdentityAgent=none",
            "-o", "StrictHostKeyChecking=accept-new", "-o", f"UserKnownHostsFile={TMP}/known", "-o", "ConnectTimeout=5",
            *options, "admin@192.168.1.1"]


def ssh(key, *command, options=()):
    done = far(*ssh_argv(key, "-o", "BatchMode=yes", *options), *command, timeout=20)
    return done.stdout + done.stderr


class Terminal:
    """ssh with a terminal of its own."""

    def __init__(self, key):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execvp("ip", ["ip", "netns", "exec", FAR, *ssh_argv(key)])
        self.text = ""

    def wait(self, pattern, seconds=10):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            found = re.search(pattern, self.text)
            if found:
                self.text = self.text[found.end():]
                return True
            if select.select([self.fd], [], [], 0.1)[0]:
                try:
                    self.text += os.read(self.fd, 65536).decode("utf-8", "replace")
                except OSError:
                    time.sleep(0.05)
        return False

    def type(self, line):
        os.write(self.fd, line.encode() + b"\n")

    def ended(self, seconds=10):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.wait("$.", 0.1)
            if os.waitpid(self.pid, os.WNOHANG)[0] != 0:
                return True
        return False

    def kill(self):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


def menu(box, *lines):
    """Answers of one choice of the menu on the console."""
    for line in lines:
        box.type(line)
        time.sleep(0.05)
    return box.wait(r"(?s)(.*?)choose: ")[1]


def switching_on(box):
    case("SSH is off at first", connects("192.168.1.1") == "refused")
    box.wait("choose: ")
    box.type("s")
    box.wait("add or remove")
    case("not without a password", "no password is set" in menu(box, "on"), box.text)
    menu(box, "2", PASSWORD, PASSWORD)
    case("not without a key", "no key" in menu(box, "s", "on"))
    case("half a key is none", "damaged" in menu(box, "s", "add", public("key")[:50]))
    case("a key", "added: SHA256:" in menu(box, "s", "add", public("key")))
    menu(box, "s", "on")
    found = box.wait(r"SSH is on, key (SHA256:\S{43})")
    case("on, with its key on the console", found, box.text)
    case("the inner side reaches it", comes_to("open", "192.168.1.1"), box.run("init", "log"))
    case("the outer side does not", connects("192.0.2.1") == "silent")
    return found[1]


def looking(box, host):
    """A key, and nothing else."""
    shown = ssh("key", "ifconfig", "lan0")
    case("who has a key may look", "inet 192.168.1.1" in shown, shown)
    known = far("ssh-keygen", "-l", "-f", f"{TMP}/known").stdout
    case("the host's key is the one of the console", host in known, known)
    shown = ssh("key", "id -u; echo shells: $(cat /etc/shells) secret: $(cat /data/etc/passwd) $(ls /boot)")
    case("but sees nothing that is kept", "73\nshells: /sbin/console secret:\n" in shown, shown)
    shown = ssh("key", "ifconfig lan0 down; ipsecctl rollback; init reboot; echo done")
    case("and changes nothing", "done" in shown and "stopping" not in shown
         and "192.168.1.1" in box.run("ifconfig", "lan0"), shown)
    kept = ROOT + "/data/etc/ssh.keys"
    with open(kept, encoding="ascii") as f:
        mine = f.read()
    write(kept, mine + f'no-pty {public("other")}\n')
    time.sleep(1.2)
    case("another key does not get in, not even one that the menu does not show",
         "Permission denied (publickey)" in ssh("other", "true") and "inet" in ssh("key", "ifconfig", "lan0"))
    write(kept, mine)
    shown = ssh("key", "true", options=("-o", "PreferredAuthentications=password,keyboard-interactive"))
    case("nor a password", "Permission denied (publickey)" in shown, shown)
    shown = ssh("key", "-N", options=("-o", "ExitOnForwardFailure=yes", "-R", "9999:127.0.0.1:1"))
    case("nothing is forwarded", "forwarding failed" in shown, shown)
    pid = box.pid_of("dropbear")
    with open(f"/proc/{pid}/status") as f:
        status = dict(line.strip().split(":\t", 1) for line in f if ":\t" in line)
    case("the server is not root, and may only listen", status["Uid"].split() == ["73"] * 4
         and int(status["CapBnd"], 16) == int(status["CapEff"], 16) == 1 << 10 and status["NoNewPrivs"] == "1", status)


def the_menu(box):
    first = Terminal("key")
    case("over SSH the menu asks for the password", first.wait("password: "), first.text)
    first.type("not this one")
    case("a wrong one", first.wait("wrong") and first.wait("password: "), first.text)
    first.type(PASSWORD)
    case("the right one opens it", first.wait(r"(?s)paris.*choose: "), first.text)
    first.type("0")
    first.wait("[#$] ")
    first.type("echo I am $((6 * 7)); ipsecctl history | head -n 1; exit")
    case("with a shell", first.wait("I am 42") and first.wait("choose: "), first.text)
    second = Terminal("key")
    second.wait("password: ")
    case("the log tells who came", box.until("the menu is open", "init", "log")
         and "Pubkey auth succeeded for 'admin'" in box.run("init", "log"))
    os.kill(box.pid_of("dropbear"), signal.SIGKILL)
    case("a server that dies comes back", box.wait("SSH: the server has ended")
         and box.wait("SSH is on") and comes_to("open", "192.168.1.1"), box.text)
    first.kill()
    third = Terminal("key")
    third.wait("password: ")
    fourth = Terminal("key")
    fourth.wait("password: ")
    case("each terminal has its menu", menus(6))
    fourth.kill()
    case("which ends with its connection", menus(4))
    box.wait("press Enter", 0.1)
    menu(box, "s", "off")
    case("off, from the console", box.wait("SSH is off") and comes_to("refused", "192.168.1.1"), box.text)
    case("ends who is on", third.ended() and second.ended())
    case("and leaves no process but the console's menu", box.pid_of("dropbear") is None and menus(1))


def menus(wanted):
    """Do so many processes of console(8) run, within 5 seconds?"""
    end = time.monotonic() + 5
    while time.monotonic() < end:
        n = 0
        for p in (int(d) for d in os.listdir("/proc") if d.isdigit()):
            try:
                n += os.readlink(f"/proc/{p}/exe").endswith(f"{os.path.basename(TMP)}/root/sbin/console")
            except OSError:
                pass
        if n == wanted:
            return True
        time.sleep(0.1)
    print(n, "processes")
    return False


def fake_time(offset):
    """A time server whose clock is so far ahead."""
    code = f"""
import socket, struct, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(('192.168.1.2', 123))
def stamp():
    t = time.time() + {offset} + 2208988800
    return struct.pack('!II', int(t), int(t % 1 * 2**32))
while True:
    q, who = s.recvfrom(512)
    now = stamp()
    s.sendto(struct.pack('!BBbb', 0x24, 1, 6, -20) + bytes(8) + b'TEST' + now + q[40:48] + now + stamp(), who)
"""
    return subprocess.Popen(["ip", "netns", "exec", FAR, sys.executable, "-c", code], start_new_session=True)


def no_password():
    """A seed may switch SSH on, and nobody has set a password."""
    os.unlink(ROOT + "/data/etc/passwd")
    write(ROOT + "/boot/seed.conf", SEED.format(statements=f'ssh on\nssh-key "{public("key")}"'))
    box = start()
    case("on without a password: it waits", box.wait("SSH waits until a password is set", 20), box.text)
    case("and says so in the menu", box.wait("(?s)NOT SET.*ssh        on"), box.text)
    wires()
    case("meanwhile nothing listens", connects("192.168.1.1") == "refused" and box.pid_of("dropbear") is None)
    box.stop()
    box.kill()


def seeded(host):
    """A seed alone: key, password, time server."""
    done = subprocess.run([os.environ["BIN"] + "/seed", "hash"], input=PASSWORD + "\n", capture_output=True, text=True)
    write(ROOT + "/boot/seed.conf", SEED.format(
        statements=f'{done.stdout}ssh on\nssh-key "{public("other")}"\nntp 192.168.1.2'))
    write(ROOT + "/data/etc/clock", "4102444860\n")
    box = start()
    wires()
    server = fake_time(5000)
    case("the clock does not begin before the last run",
         box.wait(r"CLOCK-01 .*2\d\d\d-\d\d-\d\d.*cannot be set"), box.text)
    found = box.wait(r"SSH is on, key (SHA256:\S{43})", 20)
    case("a seed switches SSH on", found, box.text)
    case("the machine's key is the same after a restart", found and found[1] == host)
    case("its key gets in, the former one does not", comes_to("open", "192.168.1.1")
         and "inet 192.168.1.1" in ssh("other", "ifconfig") and "Permission denied" in ssh("key", "true"))
    case("a time server is asked, and the clock would be set",
         box.until("settimeofday: Operation not permitted", "init", "log", seconds=45), box.run("init", "log"))
    os.killpg(server.pid, signal.SIGKILL)
    server.wait()
    box.stop()
    box.kill()
    write(ROOT + "/boot/seed.conf", SEED.format(statements='ssh off\nntp off'))
    box = start()
    case("and off again", box.wait("ready: revision", 20) and box.until("ssh", "init", "status"), box.text)
    wires()
    time.sleep(1)
    case("nothing listens, nobody asks for the time", connects("192.168.1.1") == "refused"
         and box.pid_of("dropbear") is None and box.pid_of("ntpd") is None)
    box.stop()
    box.kill()


def kernel(box):
    with open(f"/proc/{box.inside()}/root/dev/kmsg", "w", encoding="ascii") as f:
        f.write("6,1,99999999999999,-;eth9: the cable is in\n SUBSYSTEM=net\n")
        f.flush()
        case("what the kernel says is in the log", box.until("kernel: eth9: the cable is in\n", "init", "log"))
        f.write("".join(f"6,{n},99999999999999,-;chatter {n}\n" for n in range(3000)))
        f.write("3,4000,99999999999999,-;disk: an error\n")
        f.flush()
        box.until("an error", "init", "log")
    state = os.stat(ROOT + "/data/log/messages")
    case("the web pages may read the log", (state.st_mode & 0o777, state.st_gid) == (0o640, 101), state)
    log = box.run("init", "log")
    case("a chatty one does not fill it", log.count("chatter") <= 110 and "messages left out" in log
         and "kernel: disk: an error" in log and "ready: revision" in log, log.count("chatter"))


def everything():
    try:
        write(ROOT + "/boot/seed.conf", SEED.format(statements=""))
        box = start()
        case("ready", box.wait("ready: revision", 20), box.text)
        wires()
        host = switching_on(box)
        looking(box, host)
        the_menu(box)
        kernel(box)
        box.stop()
        box.kill()
        no_password()
        seeded(host)
    finally:
        for box in boxes:
            if box.proc.poll() is None:
                box.kill()


if __name__ == "__main__":
    sys.exit(boot.main(make_root, everything))
