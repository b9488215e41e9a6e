#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Runs tests that mk/regress.mk built, and counts.

usage: regress.py --mode MODE... [--only NAME] [--fuzz SECONDS | --bench]
                  [--builds FILE] DIR...

Each DIR (below the top of the tree) is searched for folders whose build left
a list of tests in obj/MODE/DIR/tests.  Two run at a time: a live test, which
mostly waits, and beside it another with less claim to the processor; two of
those when no live test is left.  A failing thing is shown with its
output and the command that repeats it; the rest still runs.  FILE names
builds that failed, one a line; each counts as a failure.  The last line is

    N passed, N failed          or      N passed, N failed, N skipped

in cases, not programs.  The exit status is 0 only if nothing failed.
"""

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
COUNTS = re.compile(r"^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$")
SMOKE_SECONDS = 3	# of each fuzz harness within `make test`
SKIP_STATUS = 77	# of a script; libFuzzer means a crash by it, unless told
BESIDE = 15		# how nice a test is beside a live one
PATIENCE = 3		# and how much longer it may take

running = set()		# process groups, for an interrupt
lock = threading.Lock()


class Test:
    """One thing to run: a program or a script in one build."""

    def __init__(self, mode, folder, kind, name, seconds):
        self.mode, self.folder, self.kind = mode, folder, kind
        self.name, self.seconds = name, float(seconds)
        self.passed = self.failed = self.skipped = 0
        self.output, self.took = "", 0.0
        self.notes = []		# lines that are printed even on success

    def label(self):
        return f"{self.mode:<7} {self.folder.removeprefix('regress/')}/{self.name}"

    def again(self):
        crash = re.search(r"Test unit written to (\S+)", self.output)
        if self.kind == "fuzz" and crash:
            return " ".join(os.path.relpath(p, TOP) for p in (self.program(), crash[1]))
        check = " CHECK=1" if self.mode.startswith("check") else ""
        verb = "fuzz" if self.kind == "fuzz" else "run"
        portable = " VECTOR=no" if self.mode.endswith("-portable") else ""
        return f"make -C {self.folder} {verb} T={self.name}{check}{portable}"

    def source(self):
        for suffix in ("", ".sh", ".py"):
            path = os.path.join(TOP, self.folder, self.name + suffix)
            if os.path.isfile(path) and (suffix or os.access(path, os.X_OK)):
                return path
        return None

    def program(self):
        prefix = "fuzz-" if self.kind == "fuzz" else ""
        return os.path.join(TOP, "obj", self.mode, self.folder, prefix + self.name)


def command(test, fuzz_seconds):
    """The argument vector, or None if the thing does not exist."""
    if test.kind in ("script", "live") or (test.kind == "bench" and test.source()):
        path = test.source()
        if path is None:
            return None
        if path.endswith(".py"):
            return ["/usr/bin/python3", path]
        return [path] if os.access(path, os.X_OK) else ["/bin/sh", path]
    if not os.access(test.program(), os.X_OK):
        return None
    if test.kind != "fuzz":
        return [test.program()]
    return fuzz_command(test, fuzz_seconds)


def fuzz_command(test, seconds):
    """In a short run the dice are the same every time: it says whether a change broke something.
    `make fuzz` and `make soak` look for what nobody knows yet."""
    found = os.path.join(TOP, "obj", "corpus", test.name)
    os.makedirs(found, exist_ok=True)
    argv = [test.program(), f"-max_total_time={int(seconds)}", "-timeout=10",
            "-rss_limit_mb=1024", "-max_len=8192", "-verbosity=0",
            "-error_exitcode=1", f"-seed={1 if seconds < 10 else 0}",
            f"-artifact_prefix={found}.crash-", found]
    here = os.path.join(TOP, test.folder)
    seeds = os.path.join(here, "corpus", test.name)
    if os.path.isdir(seeds):
        argv.append(seeds)
    words = os.path.join(here, test.name + ".dict")
    if os.path.exists(words):
        argv.append(f"-dict={words}")
    return argv


def environment(test, tmp):
    obj = os.path.join(TOP, "obj", test.mode)
    env = dict(os.environ, TOP=TOP, OBJ=obj, BIN=os.path.join(obj, "bin"),
               O=os.path.join(obj, test.folder), TMPDIR=tmp, LC_ALL="C.UTF-8",
               MODE=test.mode.split("-")[0])
    for name in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "CHECK"):
        env.pop(name, None)
    env.setdefault("ASAN_OPTIONS", "detect_stack_use_after_return=1")
    env.setdefault("UBSAN_OPTIONS", "print_stacktrace=1")
    return env


def kill(pgid):
    try:
        os.killpg(pgid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def be_nice(pid):
    """To its group, where a session has a share of the processor of its own."""
    try:
        with open(f"/proc/{pid}/autogroup", "w") as f:
            f.write(str(BESIDE))
    except OSError:
        pass


def execute(test, argv, seconds, stream, beside):
    """Runs argv; returns (exit status or None on timeout, output)."""
    tmp = tempfile.mkdtemp(prefix="regress-")
    if beside:
        argv = ["nice", "-n", str(BESIDE), *argv]
    with tempfile.TemporaryFile() as out:
        child = subprocess.Popen(
            argv, cwd=os.path.join(TOP, test.folder), env=environment(test, tmp),
            stdin=subprocess.DEVNULL, stdout=None if stream else out,
            stderr=subprocess.STDOUT if not stream else None,
            start_new_session=True)
        if beside:
            be_nice(child.pid)
        with lock:
            running.add(child.pid)
        try:
            status = child.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            # A script may have things to remove: ask before killing.
            os.killpg(child.pid, signal.SIGTERM)
            try:
                child.wait(timeout=10)
            except subprocess.TimeoutExpired:
                pass
            status = None
        kill(child.pid)
        child.wait()
        with lock:
            running.discard(child.pid)
        out.seek(0)
        text = out.read().decode("utf-8", "replace")
    shutil.rmtree(tmp, ignore_errors=True)
    return status, text


def judge(test, status):
    """Counts of one run from its exit status and its last line."""
    lines = test.output.rstrip("\n").split("\n")
    counts = COUNTS.match(lines[-1].strip()) if lines else None
    for line in lines:
        word, _, rest = line.partition(" ")
        if word in ("SKIPPED", "DISABLED"):
            test.notes.append(f"{word} {test.label()}: {rest}")
    if counts:
        test.passed, test.failed = int(counts[1]), int(counts[2])
        test.skipped = int(counts[3] or 0)
    if status is None:
        test.output += f"\nstopped after {test.seconds:.0f} seconds\n"
        test.failed += 1
    elif status == SKIP_STATUS and test.kind in ("script", "live") and not counts:
        test.skipped = 1
        test.notes = [f"SKIPPED {test.label()}: {lines[-1] or 'no reason given'}"]
    elif status != 0:
        if test.failed == 0:
            test.output += f"\nexit status {status}\n"
            test.failed = 1
    elif not counts:
        if test.kind == "test":
            test.output += "\nexited 0 without a line `N passed, N failed`\n"
            test.failed = 1
        else:
            test.passed = 1


def run(test, fuzz_seconds, stream=False, beside=False):
    argv = command(test, fuzz_seconds)
    if argv is None:
        test.failed, test.output = 1, "not built, or no such script\n"
        report(test)
        return
    seconds = test.seconds
    if test.kind == "fuzz":
        seconds = fuzz_seconds * 2 + 60
    if beside:
        seconds *= PATIENCE
    test.seconds = seconds
    begin = time.monotonic()
    status, test.output = execute(test, argv, seconds, stream, beside)
    test.took = time.monotonic() - begin
    judge(test, status)
    report(test)


def report(test):
    with lock:
        if test.failed:
            print(f"FAIL  {test.label()}")
            body = test.output.strip("\n")
            if len(body) > 16000:
                body = body[:8000] + "\n[...]\n" + body[-8000:]
            for line in body.split("\n"):
                print("    " + line)
            print(f"  again: {test.again()}")
        elif test.skipped and not test.passed:
            pass
        else:
            print(f"ok    {test.label()} ({test.passed}, {test.took:.1f} s)")
        for note in test.notes:
            print(note)
        sys.stdout.flush()


def collect(modes, folders, only):
    tests = []
    for folder in folders:
        for base, dirs, files in os.walk(os.path.join(TOP, folder)):
            dirs.sort()
            if "Makefile" not in files:
                continue
            rel = os.path.relpath(base, TOP)
            for mode in modes:
                tests += read_list(mode, rel, only)
    return tests


def read_list(mode, folder, only):
    path = os.path.join(TOP, "obj", mode, folder, "tests")
    try:
        with open(path) as f:
            rows = [line.split() for line in f]
    except FileNotFoundError:
        return []
    return [Test(mode, folder, *r) for r in rows if only in (None, r[1])]


def failed_builds(path):
    """Each line `command<TAB>log` of a build that failed."""
    if not path or not os.path.exists(path):
        return []
    with open(path) as f:
        return [line.strip() for line in f if line.strip()]


def run_all(tests, seconds, jobs):
    """One lane takes the live tests before it helps the others with the rest."""
    live = deque(t for t in tests if t.kind == "live")
    rest = deque(sorted((t for t in tests if t.kind != "live"), key=lambda t: t.kind == "fuzz"))
    going = threading.Event()	# a live test is or will be running
    if live:
        going.set()

    def drain(queue, beside):
        while True:
            try:
                test = queue.popleft()
            except IndexError:
                return
            run(test, seconds, beside=beside())

    def lane(number):
        if number == 0:
            drain(live, lambda: False)
            going.clear()
        drain(rest, going.is_set)

    with ThreadPoolExecutor(max_workers=jobs) as pool:
        for _ in pool.map(lane, range(jobs)):
            pass


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--mode", action="append", required=True)
    ap.add_argument("--only")
    ap.add_argument("--fuzz", type=float)
    ap.add_argument("--bench", action="store_true")
    ap.add_argument("--builds")
    ap.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1))
    ap.add_argument("folders", nargs="+")
    args = ap.parse_args()

    tests = collect(args.mode, args.folders, args.only)
    if args.bench:
        tests = [t for t in tests if t.kind == "bench"]
    elif args.fuzz is not None:
        tests = [t for t in tests if t.kind == "fuzz"]
    elif args.only is None:
        tests = [t for t in tests if t.kind != "bench"]
    seconds = args.fuzz if args.fuzz is not None else SMOKE_SECONDS

    if args.bench:
        for t in tests:
            run(t, seconds, stream=True)
        return 1 if any(t.failed for t in tests) else 0

    try:
        run_all(tests, seconds, args.jobs)
    except KeyboardInterrupt:
        with lock:
            for pgid in running:
                kill(pgid)
        raise

    return summary(tests, failed_builds(args.builds))


def summary(tests, builds):
    passed = sum(t.passed for t in tests)
    failed = sum(t.failed for t in tests) + len(builds)
    skipped = sum(t.skipped for t in tests)
    for b in builds:
        print(f"FAIL  build\n  again: {b}")
    bad = [t for t in tests if t.failed]
    if bad:
        print("failed:")
        for t in bad:
            print(f"    {t.again()}")
    line = f"{passed} passed, {failed} failed"
    print(line + (f", {skipped} skipped" if skipped else ""))
    return 1 if failed or passed == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
