#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""The image boots by BIOS and by UEFI, on the serial line and on the screen,
and comes back from a slot that does not, or that crashes, or that hangs."""

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

sys.dont_write_bytecode = True
import machine  # noqa: E402
import asleep  # noqa: E402
from machine import Machine  # noqa: E402
from qmp import Qmp  # noqa: E402

CARDS = (("hubport,hubid=1", "52:54:00:00:01:01"), ("hubport,hubid=2", "52:54:00:00:01:02"))
READY = r"ready: revision \d+ \w+, slot (\w), memory used (\d+) MB"
MEMORY = 96
WATCHDOG = 10		# seconds, here


def fat(disk, tool, *argv, **kw):
    """mtools on the partition of the slots; `::` is its root."""
    env = dict(os.environ, MTOOLSRC="/dev/null", MTOOLS_SKIP_CHECK="1")
    return subprocess.run([tool, "-i", f"{disk}@@2M", *argv], env=env, capture_output=True, check=True, **kw)


def environment(disk, **values):
    """What GRUB is told; without values: what stands there."""
    if not values:
        text = fat(disk, "mtype", "::grubenv").stdout.decode()
        return dict(line.split("=", 1) for line in text.split("\n") if "=" in line)
    text = "# GRUB Environment Block\n" + "".join(f"{k}={v}\n" for k, v in values.items())
    fat(disk, "mcopy", "-o", "-", "::grubenv", input=text.ljust(1024, "#").encode())
    return values


def screen(box):
    """The text on the screen, which the serial line's shell reads."""
    return box.shell("cat /dev/vcs1; echo")[1]


def on_screen(cases, box, monitor):
    """The menu is there, too, and obeys the keyboard that is plugged in there."""
    text = screen(box)
    cases.check("the screen shows the menu", "choose" in text, text)
    qmp = Qmp(monitor)
    for key in ("0", "ret", "i", "d", "ret"):
        qmp.do("send-key", keys=[{"type": "qcode", "data": key}])
        time.sleep(0.3)
    qmp.close()
    until = time.monotonic() + 15
    while "uid=0" not in text and time.monotonic() < until:
        text = screen(box)
    cases.check("... and its keyboard acts: a shell, and a command in it", "uid=0" in text, text)


def crashes(cases, disk):
    """The kernel of a slot that is tried panics when all is up."""
    fat(disk, "mcopy", "-o", os.path.join(machine.PARTS, "initrd"), "::b/initrd")
    environment(disk, slot="a", boot="b")
    box = Machine("crash", disk, "bios", cards=CARDS).start()
    found = box.expect(READY, 120)
    cases.check("BIOS: another slot is tried", found[1] == "b", found[0])
    box.shell("true")
    box.send("echo c >/proc/sysrq-trigger\n")
    cases.check("... its kernel panics, and restarts by itself", box.ended(60), box.text[-2000:])
    box.kill()
    now = environment(disk)
    cases.check("... and the slot is not tried again", (now["slot"], now["boot"]) == ("a", "a"), now)


def hangs(cases, box):
    """The supervisor stands still: the watchdog, which it feeds, restarts the machine."""
    said = box.shell("sleep 9; init log | grep watchdog:")[1]
    cases.check("a watchdog runs, and is fed", "s" in said and box.process.poll() is None, said)
    print("        " + " ".join(w for w in said.split("\n")[-2:] if w).strip())
    box.send("kill -STOP $(awk '$4 == 1 && $2 == \"(init)\" { print $1 }' /proc/[0-9]*/stat)\n")
    begin = time.monotonic()
    cases.check("a supervisor that hangs: the machine restarts", box.ended(60), box.text[-2000:])
    print(f"        after {time.monotonic() - begin:.0f} s, its time being {WATCHDOG} s")


def by_bios(cases):
    disk = machine.disk_copy("bios.img")
    bad = os.path.join(machine.TMP, "bad")
    with open(bad, "wb") as f:
        f.write(b"no initramfs" * 1000)
    fat(disk, "mmd", "::b")
    fat(disk, "mcopy", machine.LINUX, "::b/vmlinuz")
    fat(disk, "mcopy", bad, "::b/initrd")
    environment(disk, slot="a", boot="b", args="panic=1")
    box = Machine("bios", disk, "bios", cards=CARDS).start()
    cases.check("BIOS: a kernel that does not reach init reboots", box.ended(60), box.text[-2000:])
    now = environment(disk)
    cases.check("... and is not tried again", (now["slot"], now["boot"]) == ("a", "a"), now)
    box.kill()
    crashes(cases, disk)
    monitor = os.path.join(machine.TMP, "bios.qmp")
    box = Machine("bios", disk, "bios", cards=CARDS, extra=["-vga", "std", *asleep.monitor(monitor)])
    found = box.start().expect(READY, 120)
    cases.check("... and then the good slot comes up", found[1] == "a", found[0])
    cases.check(f"memory in use when idle: {found[2]} MB, at most {MEMORY}", int(found[2]) <= MEMORY)
    print(f"        {box.age():.1f} s to the console, the second boot ({box.cpu():.1f} s of CPU)")
    on_screen(cases, box, monitor)
    box.kill()


def by_uefi(cases):
    disk = machine.disk_copy("uefi.img")
    environment(disk, slot="a", boot="b", args=f"ravelin.watchdog={WATCHDOG}")
    box = Machine("uefi", disk, "uefi", cards=CARDS, extra=("-rtc", "base=1970-01-01")).start()
    found = box.expect(READY)
    cases.check("UEFI: instead of a slot that cannot be read, the good one", found[1] == "a", found[0])
    print(f"        {box.age():.1f} s to the console, first boot ({box.cpu():.1f} s of CPU)")
    now = environment(disk)
    cases.check("... and it is not tried again", (now["slot"], now["boot"]) == ("a", "a"), now)
    cases.check("a clock without a battery begins when the image was made",
                "CLOCK-01 the clock said 1970-01-01 " in box.text and "; now 2" in box.text, box.text[-2000:])
    shown = box.shell("env sh -c 'ifconfig lan0'")[1]
    cases.check("no command of the shell hides one of the router's", "lladdr" in shown, shown)
    hangs(cases, box)


def main():
    machine.require()
    cases = machine.Cases()

    def run(case):
        try:
            case(cases)
        except machine.Failed as e:
            cases.check(case.__name__, False, e)

    try:
        with ThreadPoolExecutor(max_workers=2) as pool:
            list(pool.map(run, (by_bios, by_uefi)))
    finally:
        Machine.kill_all()
    cases.end()


if __name__ == "__main__":
    main()
