#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""The rules of the house that a program can check.

Files: an ISC licence line first, under 1,000 lines, no line of C or Python
over 120 columns.  Functions: half of them below 17 lines, 95 % under 90.
Words that have no place in the tree: notes to self, shells from C, unbounded
copies.  Lists: each counter is counted.
"""

import os
import re
import statistics
import sys

TOP = os.environ["TOP"]
PARTS = ("sys", "lib", "sbin", "regress", "mk", "etc")
LONGEST_FILE, LONGEST_LINE = 1000, 120
MEDIAN, P95 = 17, 90

# Spelled so that this file does not contain what it looks for.
NOTES = re.compile(r"\b(TO" r"DO|FIX" r"ME|X" r"XX|HA" r"CK)\b|not impl" r"emented")
CALLS = re.compile(r"\b(system|popen|strcpy|strcat|sprintf|gets|alloca|strtok)\s*\(")
TYPEDEF = re.compile(r"^\s*typedef\s+(struct|union)\b")
TABS = 8


def sources(suffixes):
    for part in PARTS:
        for base, dirs, files in os.walk(os.path.join(TOP, part)):
            dirs[:] = sorted(d for d in dirs if d != "corpus")
            for name in sorted(files):
                if name.endswith(suffixes):
                    yield os.path.join(base, name)


def code_only(text):
    """C without comments and strings; line numbers stay."""
    def blank(match):
        return re.sub(r"[^\n]", " ", match[0])
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', blank, text, flags=re.S)


def functions(lines):
    """(name, lines of the body) of each function in house style."""
    for i, line in enumerate(lines):
        if line != "{" or i == 0:
            continue
        name, j = None, i - 1
        while j >= 0 and lines[j] and not lines[j].startswith((" ", "\t")):
            name = re.match(r"(\w+)\(", lines[j]) or name
            j -= 1
        while j >= 0 and name is None and lines[j].startswith((" ", "\t")):
            j -= 1
            name = re.match(r"(\w+)\(", lines[j]) if j >= 0 else None
        end = next((k for k in range(i, len(lines)) if lines[k] == "}"), i)
        if name:
            yield name[1], end - i - 1


class Report:
    passed = failed = 0

    def check(self, good, text):
        if good:
            self.passed += 1
        else:
            self.failed += 1
            print("FAILED " + text)


def check_file(report, path, sizes):
    name = os.path.relpath(path, TOP)
    with open(path, encoding="utf-8") as f:
        text = f.read()
    lines = text.split("\n")
    report.check("SPDX-License-Identifier: ISC" in lines[0] + "".join(lines[1:2]),
                 f"{name}: no licence line")
    report.check(len(lines) <= LONGEST_FILE, f"{name}: {len(lines)} lines")
    wide = [] if path.endswith(".sh") else [i for i, s in enumerate(lines, 1) if len(s.expandtabs(TABS)) > LONGEST_LINE]
    report.check(not wide, f"{name}:{wide[:5]}: over {LONGEST_LINE} columns")
    notes = [i for i, s in enumerate(lines, 1) if NOTES.search(s)]
    report.check(not notes, f"{name}:{notes[:5]}: a note to self")
    if path.endswith((".c", ".h")):
        check_c(report, name, code_only(text).split("\n"), sizes)


def check_c(report, name, lines, sizes):
    calls = [i for i, s in enumerate(lines, 1) if CALLS.search(s)]
    if not name.startswith("regress"):
        report.check(not calls, f"{name}:{calls[:5]}: a call that the house forbids")
    types = [i for i, s in enumerate(lines, 1) if TYPEDEF.match(s)]
    report.check(not types, f"{name}:{types[:5]}: a typedef for a struct")
    if not name.startswith("regress"):
        sizes += [(size, f"{name}: {fn}") for fn, size in functions(lines)]


def check_lists(report):
    """Whatever netstat -s prints, something counts."""
    text = "".join(code_only(open(path, encoding="utf-8").read()) for path in sources((".c", ".h"))
                   if not os.path.relpath(path, TOP).startswith("regress"))
    for path, prefix in (("sys/kern/counter.h", "CNT_"), ("sys/kern/drop.h", "DROP_")):
        with open(os.path.join(TOP, path), encoding="utf-8") as f:
            names = re.findall(r"^\tX\((\w+),", f.read(), re.M)
        idle = [n for n in names if not re.search(rf"\b{prefix}{n}\b", text)]
        report.check(names and not idle, f"{path}: nothing counts {idle}")


def main():
    report, sizes = Report(), []
    for path in sources((".c", ".h", ".y", ".sh", ".py", ".mk")):
        check_file(report, path, sizes)
    check_lists(report)
    if sizes:
        lengths = sorted(size for size, _ in sizes)
        median = statistics.median(lengths)
        p95 = lengths[int(len(lengths) * 0.95)]
        print(f"{len(lengths)} functions: median {median}, 95 % {p95}")
        report.check(median < MEDIAN, f"median function has {median} lines")
        longest = "\n".join(f"    {s} {n}" for s, n in sorted(sizes)[-10:])
        report.check(p95 < P95, f"5 % of functions have {p95} lines and more:\n{longest}")
    print(f"{report.passed} passed, {report.failed} failed")
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main())
