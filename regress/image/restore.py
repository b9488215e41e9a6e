#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""A backup of one appliance is restored on another that is as it was shipped:
the same generation.  A wrong passphrase and a damaged file are refused."""

import os
import re
import sys

sys.dont_write_bytecode = True
import machine  # noqa: E402
from closed import SEED  # noqa: E402
from machine import Failed, Machine  # noqa: E402

READY = r"ready: revision (\d+) (\w+),"
CARDS = (("hubport,hubid=1", "52:54:00:00:01:01"), ("hubport,hubid=2", "52:54:00:00:01:02"))
PASS = "echo 'correct horse battery' >/tmp/pass; echo 'wrong horse battery' >/tmp/wrong"


def start(name, stick, how, seed=None):
    """One is woken, the other is not, or they had the same randomness (asleep.py)."""
    return Machine(name, machine.disk_copy(f"{name}.img"), how, seed=seed, cards=CARDS, sticks=[(stick, False)]).start()


def main():
    machine.require()
    cases = machine.Cases()
    stick = os.path.join(machine.TMP, "stick")
    with open(stick, "wb") as f:
        f.truncate(8 << 20)
    try:
        old = start("old", stick, "woken", SEED)
        before = old.expect(READY)[2]
        status, text = old.shell(f"{PASS}; backup create -P /tmp/pass /tmp/backup", 120)
        made = re.search(r"\b[0-9a-f]{16,64}\b", text)
        cases.check("a backup is made, its generation printed", status == 0 and made, text)
        size = int(re.search(r"size=(\d+)", old.shell("echo size=$(wc -c </tmp/backup)")[1])[1])
        old.shell("dd if=/tmp/backup of=/dev/vda bs=512 conv=sync; sync", 60)
        old.kill()

        new = start("new", stick, "direct")
        cases.check("the other one has a policy of its own", new.expect(READY)[2] != before)
        new.shell(f"{PASS}; head -c {size} /dev/vda >/tmp/backup; cp /tmp/backup /tmp/damaged; "
                  f"printf x | dd of=/tmp/damaged bs=1 seek={size // 2} conv=notrunc")
        for name, words in (("a wrong passphrase", "-P /tmp/wrong /tmp/backup"),
                            ("a damaged file", "-P /tmp/pass /tmp/damaged")):
            status, text = new.shell(f"backup restore -y {words}", 120)
            cases.check(f"{name} is refused", status == 1 and "backup:" in text, text)
            print("        " + " ".join(s.strip() for s in text.split("\n") if s.startswith("backup:")))
        status, text = new.shell("backup restore -y -P /tmp/pass /tmp/backup", 120)
        cases.check("the backup is restored", status == 0, text)
        cases.check(f"... the same generation, {made[0][:16]}", made[0] in text, text)
        new.kill()
        after = Machine("again", new.disk, "woken", cards=CARDS).start().expect(READY)[2]
        cases.check(f"... and so it is after a power cut: {after}", after == before, before)
    except Failed as e:
        cases.check("the machines", False, e)
    finally:
        Machine.kill_all()
    cases.end()


if __name__ == "__main__":
    main()
