#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Packs the root of the image: a cpio archive (newc), zstd.

usage: root.py --out FILE --modules TREE --module-list FILE... --release TEXT
               --dir NAME=PATH... LIST

LIST has one entry a line; @NAME@ stands for the folder of --dir NAME=PATH:

    dir   PATH MODE
    link  PATH TARGET
    links PATH TARGET NAME...       a link of each name in the folder
    node  PATH MODE MAJOR MINOR     a character device
    prog  PATH SOURCE               mode 0755, without its symbols
    file  PATH MODE SOURCE
    tree  PATH MODE SOURCE          all files of a folder, not those of its folders

Everything belongs to root and has one time, SOURCE_DATE_EPOCH, so the same
input makes the same bytes, whoever packs it and wherever.
"""

import argparse
import os
import re
import stat
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
import modules  # noqa: E402 (beside this file)

EPOCH = int(os.environ.get("SOURCE_DATE_EPOCH", "0"))


class Archive:
    """Entries by path; the folders above them come by themselves."""

    def __init__(self):
        self.entries = {}

    def add(self, path, mode, body=b"", device=(0, 0)):
        path = path.strip("/")		# the root itself is "."
        above = os.path.dirname(path)
        if above and above not in self.entries:
            self.add(above, stat.S_IFDIR | 0o755)
        self.entries[path] = (mode, body, device)

    def bytes(self):
        out = [self.record(i + 1, path, *entry)
               for i, (path, entry) in enumerate(sorted(self.entries.items()))]
        out.append(self.record(0, "TRAILER!!!", 0, b"", (0, 0)))
        return b"".join(out)

    @staticmethod
    def record(ino, path, mode, body, device):
        name = path.encode() + b"\0"
        links = 2 if stat.S_ISDIR(mode) else 1
        fields = (ino, mode, 0, 0, links, EPOCH, len(body), 0, 0, *device, len(name), 0)
        head = b"070701" + b"".join(b"%08X" % f for f in fields) + name
        return head + b"\0" * (-len(head) % 4) + body + b"\0" * (-len(body) % 4)


def stripped(path):
    with tempfile.NamedTemporaryFile() as out:
        subprocess.run(["strip", "-o", out.name, path], check=True)
        return read(out.name)


def read(path):
    with open(path, "rb") as f:
        return f.read()


def entry(archive, words):
    kind, path, rest = words[0], words[1], words[2:]
    if kind == "dir":
        archive.add(path, stat.S_IFDIR | int(rest[0], 8))
    elif kind == "link":
        archive.add(path, stat.S_IFLNK | 0o777, rest[0].encode())
    elif kind == "links":
        for name in rest[1:]:
            archive.add(f"{path}/{name}", stat.S_IFLNK | 0o777, rest[0].encode())
    elif kind == "node":
        archive.add(path, stat.S_IFCHR | int(rest[0], 8), device=(int(rest[1]), int(rest[2])))
    elif kind == "prog":
        archive.add(path, stat.S_IFREG | 0o755, stripped(rest[0]))
    elif kind == "file":
        archive.add(path, stat.S_IFREG | int(rest[0], 8), read(rest[1]))
    elif kind == "tree":
        for name in sorted(os.listdir(rest[1])):
            if os.path.isfile(f"{rest[1]}/{name}"):
                archive.add(f"{path}/{name}", stat.S_IFREG | int(rest[0], 8), read(f"{rest[1]}/{name}"))
    else:
        raise ValueError(f"{kind}: no such kind of entry")


def read_list(archive, path, folders):
    with open(path, encoding="utf-8") as f:
        for number, line in enumerate(f, 1):
            line = re.sub(r"@(\w+)@", lambda m: folders[m[1]], line.split("#")[0])
            try:
                if line.split():
                    entry(archive, line.split())
            except (OSError, IndexError, ValueError, subprocess.CalledProcessError) as e:
                raise SystemExit(f"{path}:{number}: {e}") from e


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--out", required=True)
    ap.add_argument("--modules", required=True)
    ap.add_argument("--module-list", action="append", default=[])
    ap.add_argument("--release", required=True)
    ap.add_argument("--dir", action="append", default=[])
    ap.add_argument("list")
    args = ap.parse_args()

    archive = Archive()
    read_list(archive, args.list, dict(d.split("=", 1) for d in args.dir))
    chosen, texts = modules.select(args.modules, args.module_list)
    for name, path in chosen.items():
        archive.add(f"lib/modules/{name}.ko", stat.S_IFREG | 0o644, read(path))
    for name, text in texts.items():
        archive.add(f"lib/modules/{name}", stat.S_IFREG | 0o644, text.encode())
    archive.add("etc/release", stat.S_IFREG | 0o644, args.release.replace(" ", "\n").encode() + b"\n")
    body = archive.bytes()
    with open(args.out, "wb") as out:
        subprocess.run(["zstd", "-q", "-12", "-T1"], input=body, stdout=out, check=True)


if __name__ == "__main__":
    main()
