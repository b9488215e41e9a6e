#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""The image boots by BIOS and by UEFI, and comes back from a slot that does not."""

import os
import subprocess
import sys

sys.dont_write_bytecode = True
import machine  # noqa: E402
from machine import Machine  # noqa: E402

CARDS = (("hubport,hubid=1", "52:54:00:00:01:01"), ("hubport,hubid=2", "52:54:00:00:01:02"))
READY = r"ready: revision \d+ \w+, slot (\w), memory used (\d+) MB"
MEMORY = 96


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
    found = box.start().expect(READY)
    cases.check("... and then the good slot comes up", found[1] == "a", found[0])
    cases.check(f"memory in use when idle: {found[2]} MB, at most {MEMORY}", int(found[2]) <= MEMORY)
    print(f"        {box.age():.1f} s to the console, first boot ({box.cpu():.1f} s of CPU)")
    box.kill()


def by_uefi(cases):
    disk = machine.disk_copy("uefi.img")
    environment(disk, slot="a", boot="b")
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
    box.kill()


def main():
    machine.require()
    cases = machine.Cases()
    for case in (by_bios, by_uefi):
        try:
            case(cases)
        except machine.Failed as e:
            cases.check(case.__name__, False, e)
        finally:
            Machine.kill_all()
    cases.end()


if __name__ == "__main__":
    main()
