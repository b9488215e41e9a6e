#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Runs the examples of the manuals.

An example is a literal display (.Bd -literal or -unfilled, up to .Ed) or one
.Dl line.  A comment right before it says what to do with its text:

    .\\" regress: pfctl -nf -       run this command with the text as input
    .\\" regress: ! pfctl -nf -     the same; it must fail
    .\\" regress: sh                run the text; leading `# ` and `$ ` go
    .\\" regress: ! sh              run it; it must fail, as there is no router
    .\\" regress: file pf.conf      keep the text under this name for later

Commands run in an empty folder of the page's own, with our programs first
in PATH and no router that they could reach, and must exit 0.  An example without such a comment is not run.
"""

import os
import re
import subprocess
import sys

TOP, BIN, TMP = (os.environ[n] for n in ("TOP", "BIN", "TMPDIR"))
MARK = re.compile(r'^\.\\" regress: (.*)$')
ESCAPES = {r"\e": "\\", r"\&": "", r"\-": "-", r"\(aq": "'", r"\(dq": '"',
           r"\ ": " ", r"\(ha": "^", r"\(ti": "~", r"\(rs": "\\", r"\(ba": "|"}


def plain(line):
    """One line of an mdoc display as the reader sees it."""
    return re.sub(r"\\(?:\(..|.)", lambda m: ESCAPES.get(m[0], m[0]), line)


def examples(path):
    """Yields (line number, order, text) of each marked example."""
    with open(path, encoding="utf-8") as f:
        lines = f.read().split("\n")
    order, start, text = None, 0, None
    for number, line in enumerate(lines, 1):
        mark = MARK.match(line)
        if mark:
            order, start = mark[1].strip(), number
        elif order and line.startswith(".Dl "):
            yield start, order, plain(line[4:]) + "\n"
            order = None
        elif order and line.startswith(".Bd"):
            text = []
        elif text is not None and line.startswith(".Ed"):
            yield start, order, "".join(text)
            order = text = None
        elif text is not None and not line.startswith(".\\\""):
            text.append(plain(line) + "\n")
    if order:
        raise ValueError(f"{path}:{start}: no example follows")


def run(order, text, folder):
    """None if it did what it should, else what it said."""
    word, _, rest = order.partition(" ")
    if word == "file":
        with open(os.path.join(folder, os.path.basename(rest)), "w") as f:
            f.write(text)
        return None
    want_failure = word == "!"
    command = rest if want_failure else order
    if command == "sh":
        command = "sh -eu"
        text = re.sub(r"(?m)^[#$] ", "", text)
    env = dict(os.environ, PATH=BIN + ":" + os.environ.get("PATH", "/usr/bin:/bin")
               + ":/usr/sbin:/sbin", RAVELIN_RUN=folder, RAVELIN_ETC=folder,
               RAVELIN_DB=os.path.join(folder, "policy.db"))
    child = subprocess.run(["/bin/sh", "-c", command], input=text, text=True,
                           cwd=folder, env=env, timeout=60,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    sanitizer = "Sanitizer" in child.stdout or "runtime error" in child.stdout
    if (child.returncode != 0) == want_failure and not sanitizer:
        return None
    return f"exit status {child.returncode}\n{child.stdout}"


def pages():
    for part in ("sys", "lib", "sbin", "etc"):
        for base, _, files in os.walk(os.path.join(TOP, part)):
            for name in sorted(files):
                if re.search(r"\.[1-9]$", name):
                    yield os.path.join(base, name)


def main():
    passed = failed = 0
    for path in sorted(pages()):
        folder = os.path.join(TMP, os.path.basename(path))
        os.mkdir(folder)
        name = os.path.relpath(path, TOP)
        try:
            for number, order, text in examples(path):
                said = run(order, text, folder)
                if said is None:
                    passed += 1
                    continue
                failed += 1
                print(f"FAILED {name}:{number}: {order}\n{said}\ninput was:\n{text}")
        except (ValueError, subprocess.TimeoutExpired) as e:
            failed += 1
            print(f"FAILED {name}: {e}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
