#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Two appliances that know no more than a seed.conf bring up their tunnel."""

import sys

sys.dont_write_bytecode = True
import machine  # noqa: E402
from two import Two  # noqa: E402


def main():
    cases = machine.Cases()
    with Two({"A": "bios"}) as two:
        two.start("B").expect(r"ravelin: ready")
        two.start("A")
        took = two.first_answer()
        cases.check("the first packet crosses the tunnel", took is not None, two.boxes["A"].text[-3000:])
        if took is not None:
            print(f"        {took:.1f} s from power-on, by BIOS, first boot")
            cases.check("ping from host to host", two.ping() == 10)
            cases.check("TCP from host to host", two.tcp(200000))
        kinds, bare = two.wan()
        print(f"        {kinds}")
        cases.check("nothing between the hosts crosses in clear", "esp" in kinds and not bare, bare)
        # ICMP: A, without iked yet, answers B's first try; fragments: a small IKE message, to see if they arrive
        known = {"arp", "ike", "esp", "icmp", "fragment"}
        cases.check("the wire carries nothing but ARP, IKE and ESP",
                    set(kinds) <= known and kinds.get("fragment", 0) <= 8, kinds)
    cases.end()


if __name__ == "__main__":
    main()
