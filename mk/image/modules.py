# SPDX-License-Identifier: ISC
"""Kernel modules for the image: which, and what init(8) needs to know of them.

A list names modules, one a line.  `boot NAME` is loaded on every boot, in
the order of the file; `device NAME` when a device asks for it (its aliases
are recorded); `folder PATH` is `device` for all modules below that folder of
the kernel's tree.  What a kernel has built in, or does not have, is left out.
"""

import os
import struct


def modinfo(path):
    """The strings of a module's section .modinfo (ELF64, little endian)."""
    with open(path, "rb") as f:
        data = f.read()
    if data[:6] != b"\x7fELF\x02\x01":
        raise SystemExit(f"{path}: no module for this kind of machine")
    offset, = struct.unpack_from("<Q", data, 40)
    size, count, names = struct.unpack_from("<HHH", data, 58)
    sections = [struct.unpack_from("<IIQQQQ", data, offset + i * size) for i in range(count)]
    strings = sections[names][4]
    for name, _, _, _, start, length in sections:
        begin = strings + name
        if data[begin:data.index(b"\0", begin)] == b".modinfo":
            return data[start:start + length].decode("utf-8", "replace").split("\0")
    return []


class Modules:
    """The modules of one kernel's tree."""

    def __init__(self, tree):
        self.tree, self.path, self.info = tree, {}, {}
        for base, _, files in os.walk(tree):
            for name in files:
                if name.endswith(".ko"):
                    self.path[name[:-3].replace("-", "_")] = os.path.join(base, name)

    def values(self, name, key):
        if name not in self.info:
            self.info[name] = modinfo(self.path[name])
        return [s[len(key) + 1:] for s in self.info[name] if s.startswith(key + "=")]

    def needs(self, name):
        """What must be loaded before this module, in order."""
        order = []
        direct = [n for v in self.values(name, "depends") for n in v.split(",") if n]
        for soft in self.values(name, "softdep"):
            words = soft.split()
            if words and words[0] == "pre:":
                direct += [w for w in words[1:] if w.replace("-", "_") in self.path]
        for other in (n.replace("-", "_") for n in direct):
            for n in self.needs(other) + [other]:
                if n not in order:
                    order.append(n)
        return order

    def read(self, lists):
        """(modules of every boot in order, all others) of list files."""
        boot, device = [], []
        for file in lists:
            with open(file, encoding="utf-8") as f:
                rows = [line.split("#")[0].split() for line in f]
            for kind, what in (r for r in rows if r):
                if kind == "folder":
                    device += sorted(n for n, p in self.path.items()
                                     if os.path.relpath(p, self.tree).startswith(what + "/"))
                elif what.replace("-", "_") in self.path:
                    (boot if kind == "boot" else device).append(what.replace("-", "_"))
        return boot, device


def select(tree, lists):
    """({NAME: path}, {file of /lib/modules: its text}) for these lists."""
    modules = Modules(tree)
    boot, device = modules.read(lists)
    chosen = {}
    for name in boot + device:
        for n in modules.needs(name) + [name]:
            chosen[n] = modules.path[n]
    names = sorted(chosen)
    aliases = sorted((alias, n) for n in names for alias in modules.values(n, "alias") if ":" in alias)
    return chosen, {
        "list": "".join(" ".join([n] + modules.needs(n)) + "\n" for n in names),
        "alias": "".join(f"{a} {n}\n" for a, n in aliases),
        "boot": "".join(n + "\n" for n in boot),
    }
