#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""bench: from power-on to the first packet that crosses the tunnel, best of 3.

Firmware, GRUB, kernel, netkern, policy, iked, handshake, and a ping through
it, on a first boot and on one with everything there; the peer is up already.
"""

import sys

sys.dont_write_bytecode = True
from two import Two  # noqa: E402

RUNS = 3


def main():
    print("power-on to the first protected packet, QEMU by emulation with 2 CPUs, seconds of each run:")
    for how in ("bios", "uefi"):
        with Two({"A": how}, cpus=2) as two:
            two.start("B").expect(r"ravelin: ready")
            times = []
            for _ in range(RUNS + 1):
                two.start("A")
                times.append(two.first_answer(120))
                two.boxes["A"].kill()
        if None in times:
            print(f"    {how}: no packet came through: {times}")
            sys.exit(1)
        best = min(times[1:])
        print(f"    {how}: first boot {times[0]:.1f}; then {' '.join(f'{t:.1f}' for t in times[1:])}; "
              f"best {best:.1f} (to beat: 15)")


if __name__ == "__main__":
    main()
