# SPDX-License-Identifier: ISC
"""A machine that is woken where it has fallen asleep: right before init(8).

What a machine does before init is the same every time, reads no disk, and
takes as long as all that comes after.  So one that has neither disk nor cards
is started once, to a shell in place of init, and its state written to a file
(QEMU's migration); the next one is that state, with disk and cards plugged
in, and the shell becomes init.  The file stays in the folder of this folder's
outputs until kernel, initrd or command line are others.

Every machine that is woken has the same randomness: no two of them may talk
to each other or be held for different.
"""

import fcntl
import glob
import hashlib
import os
import re
import time

from qmp import Qmp

FOLDER = os.environ.get("O", os.environ["TMPDIR"])
MACHINE = ("-M", "pc")			# whose slots of PCI take cards while it runs
SHELL = " rdinit=/bin/sh"
DISK_AT, STICK_AT, CARD_AT = 0x8, 0x9, 0x10
# The devices are there: then nothing is left of the shell.
GO = ("/bin/busybox mkdir /tmp/s; /bin/busybox mount -t sysfs s /tmp/s; "
      "for d in {devices}; do until [ -e /tmp/s/bus/pci/devices/0000:00:$d.0 ]; do /bin/busybox sleep 0.05; done; "
      "done; until [ -e /tmp/s/class/block/nvme0n1 ]; do /bin/busybox sleep 0.05; done; "
      "/bin/busybox umount /tmp/s; /bin/busybox rmdir /tmp/s; exec /sbin/init\n")


def monitor(path):
    return ["-qmp", f"unix:{path},server=on,wait=off"]


def state(machine_class, argv, inputs):
    """The file with the state that argv leads to; made if there is none."""
    mark = hashlib.sha256("\0".join(argv).encode())
    for path in inputs:
        with open(path, "rb") as f:
            mark.update(hashlib.sha256(f.read()).digest())
    path = os.path.join(FOLDER, f"asleep-{mark.hexdigest()[:16]}")
    with open(os.path.join(FOLDER, "asleep.lock"), "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.exists(path):
            for old in glob.glob(os.path.join(FOLDER, "asleep-*")):
                os.unlink(old)
            make(machine_class, argv, path)
    return path


def make(machine_class, argv, path):
    socket = os.path.join(os.environ["TMPDIR"], f"asleep{os.getpid()}.qmp")
    box = machine_class("asleep", None, how=None)
    box.argv = argv + monitor(socket)
    box.start().expect(r"# ", 120)
    time.sleep(0.2)			# the prompt is out, the processor idle
    qmp = Qmp(socket)
    qmp.do("stop")
    qmp.do("migrate", uri=f"exec:cat >'{path}.new'")
    qmp.wait("query-migrate", "status", ("completed",))
    qmp.close()
    box.kill()
    os.rename(path + ".new", path)


def options(netdev):
    """`type,key=value,...` as QMP wants it."""
    kind, *words = netdev.split(",")
    out = {"type": kind}
    for key, value in (w.split("=", 1) for w in words):
        inner = out
        *above, last = key.split(".")
        for name in above:
            inner = inner.setdefault(name, {})
        inner[last] = int(value) if re.fullmatch(r"\d+", value) else value
    return out


def plug(qmp, disk, cards, sticks):
    """All that a machine has; the addresses of its devices."""
    drives = [(disk, False, "nvme", DISK_AT)] + [(path, readonly, "virtio-blk-pci", STICK_AT + i)
                                                 for i, (path, readonly) in enumerate(sticks)]
    for i, (path, readonly, driver, at) in enumerate(drives):
        qmp.do("blockdev-add", **{"driver": "raw", "node-name": f"drive{i}", "read-only": readonly,
                                  "file": {"driver": "file", "filename": path, "read-only": readonly}})
        more = {"serial": "1"} if driver == "nvme" else {}
        qmp.do("device_add", driver=driver, drive=f"drive{i}", id=f"device{i}", addr=hex(at), **more)
    for i, (netdev, mac) in enumerate(cards):
        qmp.do("netdev_add", id=f"n{i}", **options(netdev))
        qmp.do("device_add", driver="virtio-net-pci", netdev=f"n{i}", mac=mac, id=f"card{i}", addr=hex(CARD_AT + i))
    return [at for *_, at in drives] + [CARD_AT + i for i in range(len(cards))]


def wake(box, path, socket, disk, cards, sticks):
    """box.start() has begun; it returns when init is about to run."""
    qmp = Qmp(socket)
    qmp.do("migrate-incoming", uri=f"exec:cat '{path}'")
    qmp.wait("query-status", "status", ("paused", "running"))
    devices = plug(qmp, disk, cards, sticks)
    qmp.do("cont")
    qmp.close()
    box.send(GO.format(devices=" ".join(f"{at:02x}" for at in devices)))
