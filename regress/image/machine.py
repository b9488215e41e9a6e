# SPDX-License-Identifier: ISC
"""Appliances in QEMU, by emulation, for the tests of this folder.

A Machine is one process of QEMU with a serial console that a test reads and
types on, a disk of its own, and cards.  How it starts:

    bios, uefi   the whole way: firmware, GRUB, kernel
    direct       kernel and initramfs are handed over; half the time
    woken        direct, and right before init(8); half of that (asleep.py)

Cards are joined by `wire` (two machines, by datagram sockets) or reach a
network namespace (`tap`); QEMU itself writes what passes them into a pcap.
"""

import os
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time

import asleep

TOP = os.environ["TOP"]
TMP = os.environ["TMPDIR"]
QEMU = "qemu-system-x86_64"
OVMF = "/usr/share/OVMF"
QBOOT = "/usr/share/qemu/qboot.rom"
IMAGE = os.path.join(TOP, "obj", "ravelin.img")
PARTS = os.path.join(TOP, "obj", "image", "ravelin-cloud")
LINUX = os.path.join(TOP, "obj", "deps", "image", "kernel-cloud", "vmlinuz")
SKIP = 77


def require():
    """Ends the test as skipped where it cannot run."""
    for reason, missing in (
            (f"the image is for x86_64, this is {os.uname().machine}", os.uname().machine != "x86_64"),
            ("no QEMU here", shutil.which(QEMU) is None),
            ("no UEFI firmware (package ovmf)", not os.path.exists(f"{OVMF}/OVMF_CODE_4M.fd"))):
        if missing:
            print(reason)
            sys.exit(SKIP)


def require_namespaces():
    if os.geteuid() != 0 or not os.path.exists("/dev/net/tun"):
        print("needs root for network namespaces and TAP devices")
        sys.exit(SKIP)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))	# what is made is removed then, too


class Failed(Exception):
    """What a machine should have done and did not."""


class Cases:
    """Counts, and prints what mk/regress.py adds up."""

    def __init__(self):
        self.passed = self.failed = 0

    def check(self, name, good, text=""):
        if good:
            self.passed += 1
            print(f"ok      {name}", flush=True)
        else:
            self.failed += 1
            print(f"FAILED  {name}\n{text}", flush=True)
        return good

    def end(self):
        print(f"{self.passed} passed, {self.failed} failed")
        sys.exit(1 if self.failed else 0)


def disk_copy(name, source=IMAGE, mib=None):
    """A disk of one's own, sparse; mib makes it larger."""
    path = os.path.join(TMP, name)
    subprocess.run(["cp", "--sparse=always", source, path], check=True)
    if mib:
        os.truncate(path, mib << 20)
    return path


def command_line(args):
    """The kernel's, as GRUB gives it, without a screen."""
    with open(os.path.join(TOP, "mk", "image", "grub.cfg"), encoding="utf-8") as f:
        line = next(s for s in f if s.startswith("linux "))
    for name, value in (("console=tty0 ", ""), ("$now", "a"), ("$slot", "a"), ("$args", args), ("$more", "")):
        line = line.replace(name, value)
    return line.split(None, 2)[2].strip()


class Machine:
    """One appliance; sticks are further disks, of (path, read-only?)."""

    all = []

    def __init__(self, name, disk, how="direct", seed=None, memory=320, cards=(), extra=(), args="", cpus=1,
                 sticks=()):
        self.name, self.disk, self.text, self.seen, self.waking = name, disk, "", 0, None
        self.argv = [QEMU, "-name", name, "-accel", "tcg,thread=multi", "-cpu", "max", "-m", str(memory),
                     "-smp", str(cpus), "-display", "none", "-vga", "none", "-monitor", "none",
                     "-serial", "stdio", "-no-reboot", *extra]
        direct = ["-bios", QBOOT, "-kernel", LINUX, "-initrd", f"{PARTS}/initrd", "-append",
                  command_line(args)]
        if how == "woken":
            self.sleep(direct, disk, cards, sticks)
        elif how:
            self.drives(disk, how, sticks)
            self.argv += ["-M", "q35", *direct] if how == "direct" else []
            self.cards(cards)
        if seed is not None:
            path = os.path.join(TMP, f"{name}.seed")
            with open(path, "w", encoding="utf-8") as f:
                f.write(seed)
            self.argv += ["-fw_cfg", f"name=opt/ravelin/seed.conf,file={path}"]
        self.process = self.began = None

    def sleep(self, direct, disk, cards, sticks):
        direct[-1] += asleep.SHELL
        argv = [*self.argv, "-nic", "none", *asleep.MACHINE, *direct]
        argv[argv.index("-name") + 1] = "asleep"
        socket_path = os.path.join(TMP, f"{self.name}.qmp")
        self.argv = argv + ["-incoming", "defer"] + asleep.monitor(socket_path)
        self.waking = (asleep.state(Machine, argv, (LINUX, f"{PARTS}/initrd")), socket_path, disk, cards, sticks)

    def drives(self, disk, how, sticks):
        first = "" if how == "direct" else ",bootindex=0"
        if disk is not None:
            self.argv += ["-drive", f"file={disk},format=raw,if=none,id=disk,cache=writeback",
                          "-device", "nvme,drive=disk,serial=1" + first]
        for path, readonly in sticks:
            self.argv += ["-drive", f"file={path},format=raw,if=virtio,readonly={'on' if readonly else 'off'}"]
        if how == "uefi":
            for unit, file in enumerate(("CODE", "VARS")):
                self.argv += ["-drive", "if=pflash,format=raw,snapshot=on,"
                              f"unit={unit},file={OVMF}/OVMF_{file}_4M.fd"]

    def cards(self, cards):
        for number, (netdev, mac) in enumerate(cards):
            dump = os.path.join(TMP, f"{self.name}{number}.pcap")
            self.argv += ["-netdev", f"{netdev},id=n{number}",
                          "-device", f"virtio-net-pci,netdev=n{number},mac={mac},romfile=",
                          "-object", f"filter-dump,id=f{number},netdev=n{number},file={dump}"]
        if not cards:
            self.argv += ["-nic", "none"]

    def start(self, prefix=()):
        """Power on; prefix is put before QEMU (`ip netns exec NAME`)."""
        self.text, self.seen, self.in_shell = "", 0, False
        self.began = time.monotonic()
        self.process = subprocess.Popen([*prefix, *self.argv], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, bufsize=0)
        Machine.all.append(self)
        if self.waking:
            try:
                asleep.wake(self, *self.waking)
            except (OSError, RuntimeError, ValueError) as e:
                raise Failed(f"{self.name} does not wake: {e}") from e
        return self

    def age(self):
        return time.monotonic() - self.began

    def cpu(self):
        """Seconds of the host's CPU that it took until now."""
        with open(f"/proc/{self.process.pid}/stat", encoding="ascii") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def read(self, seconds):
        """More of the console; False at its end."""
        out = self.process.stdout
        if not select.select([out], [], [], max(seconds, 0))[0]:
            return True
        data = os.read(out.fileno(), 65536)
        self.text += data.decode("utf-8", "replace")
        return bool(data)

    def expect(self, pattern, seconds=60, begin=None):
        """The match of pattern in what the console says after the last one, or after begin."""
        until = time.monotonic() + seconds
        while True:
            found = re.compile(pattern, re.M).search(self.text, self.seen if begin is None else begin)
            if found:
                self.seen = max(self.seen, found.end())
                return found
            left = until - time.monotonic()
            if left <= 0 or not self.read(min(left, 1)):
                why = "did not come" if left <= 0 else "and QEMU ended"
                raise Failed(f"{self.name}: {pattern!r} {why} in {self.age():.0f} s; its console:\n"
                             + self.text[-3000:])

    def send(self, text):
        try:
            self.process.stdin.write(text.encode())
        except BrokenPipeError as e:
            raise Failed(f"{self.name}: QEMU ended; its console:\n{self.text[-3000:]}") from e

    def shell(self, command, seconds=30):
        """Runs a command in the console's shell, which it opens first: (status, output)."""
        if not self.in_shell:
            self.expect(r"choose: ?", 60)
            self.send("0\n")
            self.expect(r"# ")
            self.in_shell = True
        self.send(f"{command}; echo @@$?@@\n")
        begin = self.seen
        found = self.expect(r"@@(\d+)@@", seconds)
        return int(found[1]), self.text[begin:found.start()]

    def kill(self):
        """The power cut."""
        if self.process is None:
            return
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            pipe.close()
        self.process = None

    def ended(self, seconds=30):
        """Waits for the machine to power off, or (with -no-reboot) to reboot."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if not self.read(0.2):
                return self.process.wait() == 0
        return False

    @classmethod
    def kill_all(cls):
        for machine in cls.all:
            machine.kill()


def wire(a, b):
    """Two netdevs, the ends of a cable."""
    pa, pb = (os.path.join(TMP, f"wire-{n}") for n in (a, b))
    return tuple(f"dgram,local.type=unix,local.path={x},remote.type=unix,remote.path={y}"
                 for x, y in ((pa, pb), (pb, pa)))


class Host:
    """A host behind an appliance: a network namespace; its machine's QEMU runs in it."""

    def __init__(self, name, address, gateway):
        self.ns, self.tap = f"rvi{os.getpid()}-{name}", "tap0"
        self.address, self.gateway = address, gateway
        ip = ["ip", "-n", self.ns]
        for argv in (["ip", "netns", "add", self.ns],
                     ["ip", "netns", "exec", self.ns, "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1"],
                     ip + ["tuntap", "add", self.tap, "mode", "tap"],
                     ip + ["address", "add", address + "/24", "dev", self.tap],
                     ip + ["link", "set", "lo", "up"], ip + ["link", "set", self.tap, "up"],
                     ip + ["route", "add", "default", "via", gateway]):
            subprocess.run(argv, check=True)
        self.prefix = ["ip", "netns", "exec", self.ns]

    def netdev(self):
        return f"tap,ifname={self.tap},script=no,downscript=no"

    def run(self, *argv, **kw):
        return subprocess.run([*self.prefix, *argv], capture_output=True, text=True, check=False, **kw)

    def spawn(self, *argv, **kw):
        return subprocess.Popen([*self.prefix, *argv], text=True, **kw)

    def remove(self):
        subprocess.run(["ip", "netns", "del", self.ns], check=False)


def packets(name):
    """The frames of a capture, as bytes."""
    with open(os.path.join(TMP, name), "rb") as f:
        data = f.read()
    at, out = 24, []
    while at + 16 <= len(data):
        length = struct.unpack_from("<I", data, at + 8)[0]
        out.append(data[at + 16:at + 16 + length])
        at += 16 + length
    return out


def describe(frame):
    """What one frame is: (kind, source, destination); kind is arp, esp, ike, udp, fragment, tcp, icmp, other."""
    if frame[12:14] == b"\x08\x06":
        return "arp", "", ""
    if frame[12:14] != b"\x08\x00" or len(frame) < 34:
        return "other", frame[12:14].hex(), ""
    header = (frame[14] & 15) * 4
    source, destination = (socket.inet_ntoa(frame[i:i + 4]) for i in (26, 30))
    kind = {1: "icmp", 6: "tcp", 17: "udp", 50: "esp"}.get(frame[23], f"ip{frame[23]}")
    if kind == "udp" and struct.unpack_from(">H", frame, 20)[0] & 0x1fff:
        kind = "fragment"
    elif kind == "udp":
        ports = struct.unpack_from(">HH", frame, 14 + header)
        if 500 in ports or 4500 in ports:
            kind = "ike"
    return kind, source, destination
