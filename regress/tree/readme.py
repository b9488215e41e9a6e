#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""README tells the truth about the tree.

Each function that it names, name(), is defined in sys/, lib/ or sbin/; each
file or folder that it names in backquotes exists; each `make TARGET` is a
target of the Makefile; each display marked <!-- regress: ... --> does
what the mark says (as in manual-examples).
"""

import glob
import os
import re
import subprocess
import sys

TOP, BIN, TMP = (os.environ[n] for n in ("TOP", "BIN", "TMPDIR"))
TREE = ("sys", "lib", "sbin", "etc", "mk", "regress")


def definitions():
    """Every function defined in house style: its name begins a line."""
    names = set()
    for part in ("sys", "lib", "sbin"):
        for path in glob.glob(os.path.join(TOP, part, "**", "*.[chy]"), recursive=True):
            with open(path, encoding="utf-8") as f:
                names.update(re.findall(r"(?m)^(\w+)\([^;]*?\)\n\{", f.read()))
    return names


def claims(text):
    """Yields (what is claimed, whether it holds)."""
    defined = definitions()
    for name in sorted(set(re.findall(r"\b([a-z]\w+)\(\)", text))):
        yield f"{name}() is defined in the tree", name in defined
    for path in sorted(set(re.findall(r"`((?:%s)/[^`\s]*)`" % "|".join(TREE), text))):
        yield f"{path} exists", bool(glob.glob(os.path.join(TOP, path)))
    with open(os.path.join(TOP, "Makefile"), encoding="utf-8") as f:
        makefile = f.read()
    for target in sorted(set(re.findall(r"\bmake ([a-z]+)\b", text))):
        yield f"make {target} exists", bool(re.search(rf"(?m)^{target}:", makefile))


def displays(text):
    """Yields (command, text) of each marked block of indented lines."""
    for mark in re.finditer(r"<!-- regress: (.*?) -->\n\n((?:(?: {4}|\t).*\n|\n)+)", text):
        body = re.sub(r"(?m)^(?: {4}|\t)", "", mark[2])
        yield mark[1], body.strip("\n") + "\n"


def main():
    with open(os.path.join(TOP, "README"), encoding="utf-8") as f:
        text = f.read()
    failed = passed = 0
    for claim, holds in claims(text):
        passed, failed = passed + holds, failed + (not holds)
        if not holds:
            print(f"FAILED {claim}")
    for command, body in displays(text):
        child = subprocess.run(
            ["/bin/sh", "-c", command], input=body, text=True, cwd=TMP, timeout=60,
            env=dict(os.environ, PATH=f"{BIN}:{os.environ['PATH']}", RAVELIN_RUN=TMP),
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        good = child.returncode == 0
        passed, failed = passed + good, failed + (not good)
        if not good:
            print(f"FAILED {command}:\n{child.stdout}\ninput was:\n{body}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
