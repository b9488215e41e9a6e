#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""The runner of tests counts, fails and skips as its users rely on.

Each case is a small tree of scripts and a list of tests, given to a copy of
mk/regress.py; what it prints last and its exit status are compared.
"""

import os
import shutil
import subprocess
import sys

TOP, TMP = os.environ["TOP"], os.environ["TMPDIR"]

# name: [(kind, script text, seconds)], last line, exit status, must print
CASES = {
    "all pass": ([("script", "exit 0", 9), ("script", "exit 0", 9)],
                 "2 passed, 0 failed", 0, "ok "),
    "counts of a script are summed": (
        [("script", "echo 5 passed, 0 failed, 1 skipped", 9), ("script", "exit 0", 9)],
        "6 passed, 0 failed, 1 skipped", 0, "ok "),
    "a failing script fails, and the rest runs": (
        [("script", "echo why; exit 3", 9), ("live", "exit 0", 9)],
        "1 passed, 1 failed", 1, "    why\n"),
    "failed cases fail though the status is 0": (
        [("script", "echo 1 passed, 2 failed", 9)],
        "1 passed, 2 failed", 1, "again: make -C regress/x run T=t0"),
    "a bad status fails though no case did": (
        [("script", "echo 4 passed, 0 failed; exit 1", 9)],
        "4 passed, 1 failed", 1, "exit status 1"),
    "death by a signal is a failure": (
        [("script", "kill -SEGV $$", 9)], "0 passed, 1 failed", 1, "exit status -11"),
    "skipped by name": (
        [("script", "echo no such device; exit 77", 9), ("script", "exit 0", 9)],
        "1 passed, 0 failed, 1 skipped", 0, "SKIPPED release x/t0: no such device"),
    "a program cannot skip by its status": (
        [("test", "exit 77", 9)], "0 passed, 1 failed", 1, "exit status 77"),
    "a program must count": (
        [("test", "exit 0", 9)], "0 passed, 1 failed", 1, "without a line"),
    "a harness that finds something fails": (
        [("fuzz", "echo Test unit written to /x/y; exit 77", 9)],
        "0 passed, 1 failed", 1, "FAIL  release x/t0"),
    "one that hangs is stopped": (
        [("script", "sleep 60", 0.5)], "0 passed, 1 failed", 1, "stopped after"),
    "what a script leaves running is killed": (
        [("script", "sleep 61 & exit 0", 9)], "1 passed, 0 failed", 0, "ok "),
    "one that is not there fails": (
        [("script", None, 9)], "0 passed, 1 failed", 1, "not built"),
    "a live test and another run at once": (
        [("live", "touch $TOP/live; until [ -e $TOP/other ]; do sleep 0.1; done", 9),
         ("script", "touch $TOP/other; until [ -e $TOP/live ]; do sleep 0.1; done", 9)],
        "2 passed, 0 failed", 0, "ok "),
    "two live tests do not": (
        [("live", "mkdir $TOP/one && sleep 0.3 && rmdir $TOP/one", 9)] * 2,
        "2 passed, 0 failed", 0, "ok "),
    "who runs beside a live test is nice": (
        [("live", "nice >$TOP/n; mv $TOP/n $TOP/live; until [ -e $TOP/other ]; do sleep 0.1; done",
          9),
         ("script", "until [ -e $TOP/live ]; do sleep 0.1; done; touch $TOP/other; "
                    "[ $(nice) -gt $(cat $TOP/live) ]", 9)],
        "2 passed, 0 failed", 0, "ok "),
    "nothing to run is no success": ([], "0 passed, 0 failed", 1, ""),
}


def tree(name, tests):
    root = os.path.join(TMP, name.replace(" ", "-"))
    folder, out = os.path.join(root, "regress/x"), os.path.join(root, "obj/release/regress/x")
    for path in (folder, out, os.path.join(root, "mk")):
        os.makedirs(path)
    shutil.copy(os.path.join(TOP, "mk/regress.py"), os.path.join(root, "mk"))
    open(os.path.join(folder, "Makefile"), "w").close()
    with open(os.path.join(out, "tests"), "w") as lists:
        for i, (kind, text, seconds) in enumerate(tests):
            lists.write(f"{kind} t{i} {seconds}\n")
            if text is not None:
                place = {"test": os.path.join(out, f"t{i}"),
                         "fuzz": os.path.join(out, f"fuzz-t{i}")}
                script(place.get(kind, os.path.join(folder, f"t{i}.sh")), text)
    return root


def script(path, text):
    with open(path, "w") as f:
        f.write("#!/bin/sh\n" + text + "\n")
    os.chmod(path, 0o755)


def main():
    passed = failed = 0
    for name, (tests, last, status, shows) in CASES.items():
        root = tree(name, tests)
        child = subprocess.run(
            ["/usr/bin/python3", os.path.join(root, "mk/regress.py"),
             "--mode", "release", "--jobs", "2", "regress"],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)
        lines = child.stdout.rstrip("\n").split("\n")
        good = lines[-1] == last and child.returncode == status and shows in child.stdout
        good = good and lines[-1] not in lines[:-1]
        passed, failed = passed + good, failed + (not good)
        if not good:
            print(f"FAILED {name}: exit status {child.returncode}\n{child.stdout}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
