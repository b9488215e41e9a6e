#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""
What the programs write as JSON is what the schemas in lib/libctl/schema say:
real outputs of a router without devices, and documents with one fault each, which
must be refused.
"""
import copy
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time

TOP, BIN, TMP = os.environ["TOP"], os.environ["BIN"], os.environ["TMPDIR"]
RUN = os.path.join(TMP, "run")
ENV = dict(os.environ, RAVELIN_RUN=RUN, RAVELIN_DB=os.path.join(TMP, "policy.db"))
TYPES = {"object": dict, "array": list, "string": str, "boolean": bool}
started, passed, failed = [], 0, 0

CONF = """
flow esp from 10.7.0.0/16 to 10.8.0.0/16 peer 192.0.2.2
ikev2 "paris" active esp from 10.1.0.0/24 to 10.2.0.0/24 \\
    peer 203.0.113.2 psk "a-key-of-decent-length"
ikev2 "oslo" passive esp from 10.1.0.0/24 to 10.3.0.0/24 local 192.0.2.1 \\
    peer 192.0.2.3 psk "a-key-of-decent-length"
ikev2 "riga" passive esp from 10.1.0.0/24 to 10.4.0.0/24 local 192.0.2.1 \\
    peer 192.0.2.4 dstid "/C=LV/CN=riga" psk "a-key-of-decent-length"
esp from 192.0.2.1 to 192.0.2.9 spi 0x1000 auth hmac-sha2-256 enc aes \\
    authkey 0x%s enckey 0x%s
""" % ("11" * 32, "22" * 16)


def validate(value, schema, at="document"):
    """The part of JSON Schema that our schemas use; a list of complaints."""
    if "const" in schema:
        return [] if value == schema["const"] else ["%s is not %r" % (at, schema["const"])]
    if "enum" in schema:
        return [] if value in schema["enum"] else ["%s: %r is not allowed" % (at, value)]
    kind = schema["type"]
    if kind in ("integer", "number"):
        ok = isinstance(value, int if kind == "integer" else (int, float))
        if not ok or isinstance(value, bool) or value < schema.get("minimum", value):
            return ["%s: %r is no %s" % (at, value, kind)]
        return []
    if not isinstance(value, TYPES[kind]):
        return ["%s: %r is no %s" % (at, value, kind)]
    if kind == "string" and not re.search(schema.get("pattern", ""), value):
        return ["%s: %r does not match" % (at, value)]
    wrong = []
    if kind == "array":
        for i, v in enumerate(value):
            wrong += validate(v, schema["items"], "%s[%d]" % (at, i))
    if kind == "object":
        wrong += ["%s: %s is missing" % (at, k) for k in schema.get("required", []) if k not in value]
        for k, v in value.items():
            sub = schema.get("properties", {}).get(k, schema.get("additionalProperties", True))
            if sub is False:
                wrong.append("%s: %s is not described" % (at, k))
            elif sub is not True:
                wrong += validate(v, sub, "%s.%s" % (at, k))
    return wrong


def case(name, ok, why=""):
    global passed, failed
    if ok:
        passed += 1
    else:
        failed += 1
        print("FAILED  %s: %s" % (name, why))


def start(*argv):
    log = open(os.path.join(TMP, argv[0] + ".log"), "w")
    started.append(subprocess.Popen([os.path.join(BIN, argv[0]), *argv[1:]], env=ENV,
                                    stdout=log, stderr=log))


def wait_for(what):
    for _ in range(100):
        if what():
            return
        time.sleep(0.1)


def program(*argv):
    p = subprocess.run([os.path.join(BIN, argv[0]), *argv[1:]], env=ENV, capture_output=True,
                       text=True, timeout=60)
    return p.stdout


def exit_code(*argv):
    return subprocess.run([os.path.join(BIN, argv[0]), *argv[1:]], env=ENV, timeout=60,
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode


def stop(name):
    for p in started:
        if os.path.basename(p.args[0]) == name:
            p.terminate()
            p.wait(30)
            started.remove(p)
            return


def schema_of(name):
    with open(os.path.join(TOP, "lib/libctl/schema", name + ".json")) as f:
        return json.load(f)


def faults(doc, schema):
    """The document with one thing wrong, in several ways."""
    for key in schema["required"]:
        d = copy.deepcopy(doc)
        del d[key]
        yield "without " + key, d
    d = copy.deepcopy(doc)
    d["schema_version"] = 2
    yield "of another version", d
    for key, value in doc.items():
        if isinstance(value, list) and value:
            d = copy.deepcopy(doc)
            if isinstance(value[0], dict):
                d[key][0]["surprise"] = 1
                yield "with a member that is not described", d
                d = copy.deepcopy(doc)
                d[key][0] = "text"
                yield "with a string for an object", d
            else:
                d[key][0] = 7
                yield "with a number for a string", d


def check(schema, *argv, lines=False, least=None):
    name = " ".join(argv)
    out = program(*argv)
    try:
        docs = [json.loads(l) for l in out.splitlines()] if lines else [json.loads(out)]
    except ValueError as e:
        case(name, False, "%s: %r" % (e, out[:200]))
        return None
    s = schema_of(schema)
    for d in docs:
        wrong = validate(d, s)
        case(name, not wrong, "; ".join(wrong[:5]))
    if least:
        case(name + ": has " + least, len(docs[0][least]) > 0)
    if schema not in ("document", "ipsecctl-show", "ikectl-stats"):
        for what, d in faults(docs[0], s):
            case("%s, %s, is refused" % (name, what), validate(d, s) != [])
    return docs[0]


def conf(name, text):
    path = os.path.join(TMP, name)
    with open(path, "w") as f:
        f.write(text)
    os.chmod(path, 0o600)
    return path


def revisions():
    """Every command about revisions, when it does what it should and when not."""
    expect = conf("assert.conf", "expect deliver in on em0 proto icmp from 192.0.2.7 to 192.0.2.1\n")
    forbid = conf("pf.conf", "block all\n")
    allow = conf("pf-open.conf", "pass\n")
    new = conf("ipsec2.conf", "flow esp from 10.7.0.0/16 to 10.9.0.0/16 peer 192.0.2.2\n")
    d = check("ipsecctl-result", "ipsecctl", "commit", "-j", "--pf", allow, "--assert", expect)
    case("is committed", d and d["committed"], d)
    d = check("ipsecctl-result", "ipsecctl", "commit", "-j", "--pf", forbid)
    case("is refused", d and not d["committed"] and "1 of 1 assertions" in d["text"], d)
    d = check("ipsecctl-check", "ipsecctl", "check", "-j", "--pf", forbid, "-f", new, least="lines")
    case("tells the failure", d and d["assertions"]["failures"][0]["stages"], d)
    check("ipsecctl-check", "ipsecctl", "check", "-j", "--pf", allow)
    check("ipsecctl-result", "ipsecctl", "commit", "-j", "--confirm", "1h", "-m", "a \"reason\"",
          "-f", new)
    check("ipsecctl-history", "ipsecctl", "history", "-j", least="revisions")
    check("ipsecctl-result", "ipsecctl", "confirm", "-j")
    d = check("ipsecctl-result", "ipsecctl", "confirm", "-j")
    case("nothing waits", d and not d["committed"], d)
    d = check("ipsecctl-diff", "ipsecctl", "diff", "-j", least="parts")
    case("the difference", d and any("+flow" in l for p in d["parts"] for l in p["lines"]), d)
    check("ipsecctl-diff", "ipsecctl", "diff", "-j", "0", "1")
    check("ipsecctl-revision", "ipsecctl", "show", "-j")
    check("ipsecctl-revision", "ipsecctl", "show", "-j", "1")
    d = check("ipsecctl-export", "ipsecctl", "export", "-j")
    name = conf("router.export", d["file"] if d else "")
    case("the file is as without -j", d and program("ipsecctl", "export").splitlines()[:-9] ==
         d["file"].splitlines()[:-9])
    d = check("ipsecctl-import", "ipsecctl", "import", "-n", "-j", name)
    case("a trial says what differs, and from what", d and d["checked"] and not d["committed"] and "diff" in d and
         d["base"] > 0, d)
    d = check("ipsecctl-import", "ipsecctl", "import", "-j", name)
    case("no trial", d and d["committed"] and "diff" not in d, d)
    check("ipsecctl-result", "ipsecctl", "rollback", "-j", "1")
    check("ipsecctl-result", "ipsecctl", "-j", "-f", os.path.join(TMP, "ipsec.conf"))
    parsed(expect)


def parsed(expect):
    """What -n finds in a file, and -f in one that has errors."""
    good = os.path.join(TMP, "ipsec.conf")
    d = check("ipsecctl-parse", "ipsecctl", "-nj", "-f", good, least="rules")
    text = program("ipsecctl", "-nvf", good)
    case("the rules are those of -v", d and d["valid"] and len(d["rules"]) == 6 and
         "".join(r + "\n" for r in d["rules"]) == text, d)
    case("no key is shown", d and "22222222" not in json.dumps(d) and "decent" not in json.dumps(d))
    d = check("ipsecctl-parse", "ipsecctl", "-njkf", good)
    case("unless asked for", d and "22222222" in json.dumps(d))
    d = check("ipsecctl-parse", "ipsecctl", "-nvjf", expect, least="rules")
    case("an assertion", d and d["rules"][0].startswith("expect deliver"), d)
    check("ipsecctl-parse", "ipsecctl", "-njF")
    bad = conf("bad.conf", "flow esp frm 1\nflow esp from 10.1.0.0/24 to 10.2.0.0/24\n" + 25 * "foo\n")
    d = check("ipsecctl-parse", "ipsecctl", "-nj", "-f", bad, least="errors")
    case("the place and the reason", d and not d["valid"] and d["rules"] == [] and
         d["errors"][0]["line"] == 1 and d["errors"][0]["column"] == 10 and
         "'frm'" in d["errors"][0]["text"] and d["more_errors"] == 7, d)
    case("1 as without -j", exit_code("ipsecctl", "-njf", bad) == 1)
    case("and 0", exit_code("ipsecctl", "-njf", good) == 0)
    d = check("ipsecctl-result", "ipsecctl", "-jvf", bad)
    case("errors are no commit", d and not d["committed"] and "27 errors" in d["text"], d)


def monitored():
    """What the key socket says while a policy changes."""
    m = subprocess.Popen([os.path.join(BIN, "ipsecctl"), "-j", "-m"], env=ENV, text=True,
                         stdout=subprocess.PIPE)
    started.append(m)
    time.sleep(0.3)
    program("ipsecctl", "commit", "-f", conf("ipsec3.conf",
            "flow esp from 10.7.0.0/16 to 10.10.0.0/16 peer 192.0.2.2\n"))
    doc, s = json.loads(m.stdout.readline()), schema_of("ipsecctl-event")
    wrong = validate(doc, s)
    case("a message of the key socket", not wrong and "SPD" in doc["type"], (wrong, doc))
    for what, d in faults(doc, s):
        case("a message, %s, is refused" % what, validate(d, s) != [])


def explained():
    """Packets that come to every stage."""
    for words in ("in on em0 proto icmp from 192.0.2.7 to 192.0.2.1",
                  "out proto tcp from 192.0.2.1 to 198.51.100.1 port 80",
                  "out proto udp from 192.0.2.1 to 192.0.2.77 port 53 size 3000",
                  "in on em0 proto tcp from 10.8.0.1 to 10.7.0.1 port 22",
                  "in on em0 proto tcp from 10.1.0.1 to 10.2.0.1 port 22",
                  "in on em0 proto udp from 192.0.2.7 to 192.0.2.1 port 9"):
        check("ipsecctl-explain", "ipsecctl", "explain", *words.split(), "-j")


def main():
    start("netkern", "-d", "-u", "root", "-r", RUN)
    wait_for(lambda: os.path.exists(RUN + "/netkern.sock") and program("ifconfig"))
    program("ifconfig", "em0", "create", "pktgen", "sink")
    program("ifconfig", "em0", "192.0.2.1/24", "up")
    start("policyd", "-d")
    wait_for(lambda: os.path.exists(RUN + "/policy.sock"))
    start("iked", "-d")
    wait_for(lambda: os.path.exists(RUN + "/iked.sock"))
    with open(os.path.join(TMP, "ipsec.conf"), "w") as f:
        f.write(CONF)
    print(program("ipsecctl", "-f", os.path.join(TMP, "ipsec.conf")), end="")
    wait_for(lambda: "paris" in program("ikectl", "status"))
    program("ikectl", "-t", "5", "up", "paris")     # there is no route
    wait_for(lambda: '"reason"' in program("ikectl", "-j", "history"))
    d = check("ikectl-status", "ikectl", "-j", "status", least="tunnels")
    case("all states are words", d and {t["name"] for t in d["tunnels"]} ==
         {"paris", "oslo", "riga"})
    d = check("ikectl-why", "ikectl", "-j", "why", "paris", least="tunnels")
    case("with the last failure", d and "last_failure" in d["tunnels"][0])
    check("ikectl-history", "ikectl", "-j", "history", least="events")
    check("ikectl-stats", "ikectl", "-j", "stats")
    for argv in (("-n", "up", "paris"), ("down", "paris"), ("reset", "oslo")):
        d = check("ikectl-command", "ikectl", "-j", *argv)
        case("%s: the command" % " ".join(argv), d and d["command"] == argv[-2] and
             d["name"] == argv[-1] and d["exit"] == 0)
    out = program("ikectl", "-j", "-t", "5", "up", "paris").splitlines()
    docs = [json.loads(line) for line in out]       # events, then the outcome
    wrong = [w for d in docs[:-1] for w in validate(d, schema_of("ikectl-event"))] + \
        validate(docs[-1], schema_of("ikectl-command"))
    case("events, and the outcome", not wrong and len(docs) > 1 and docs[-1]["exit"] == 1,
         wrong or out[-1])
    for code, argv in ((3, ("up", "riga")), (3, ("rekey", "riga")), (4, ("up", "nowhere")),
                       (1, ("rekey", "oslo")), (1, ("status", "oslo")), (2, ("up",)), (0, ("status",))):
        case("ikectl %s: %d" % (" ".join(argv), code), exit_code("ikectl", *argv) == code)
    busy = sqlite3.connect(ENV["RAVELIN_DB"], isolation_level=None, timeout=60)
    busy.execute("PRAGMA locking_mode = EXCLUSIVE")
    stop("policyd")
    busy.execute("BEGIN EXCLUSIVE")
    busy.execute("PRAGMA user_version")
    case("a history that is locked: 75", exit_code("ikectl", "history") == 75)
    busy.close()
    case("and 0 when it is free", exit_code("ikectl", "history") == 0)
    start("policyd", "-d")
    wait_for(lambda: "paris" in program("ipsecctl", "-s", "flow"))
    check("ipsecctl-show", "ipsecctl", "-j", "-s", "flow", least="flows")
    check("ipsecctl-show", "ipsecctl", "-j", "-s", "sa", least="sas")
    d = check("ipsecctl-show", "ipsecctl", "-j", "-s", "all")
    case("no key is shown", d and "22222222" not in json.dumps(d))
    check("counters", "ipsecctl", "-j", "-s", "stats", least="counters")
    check("counters", "netstat", "-j", "-s", least="counters")
    for argv in (("netstat", "-j", "-i"), ("netstat", "-j", "-irAm"), ("ifconfig", "-j"),
                 ("sysctl", "-j"), ("pfctl", "-j", "-s", "info")):
        check("document", *argv)
    monitored()
    revisions()
    explained()
    m = subprocess.Popen([os.path.join(BIN, "ikectl"), "-j", "monitor", "--since", "0"], env=ENV,
                         stdout=subprocess.PIPE, text=True)
    s = schema_of("ikectl-event")
    wrong = validate(json.loads(m.stdout.readline()), s)
    case("a line of monitor", not wrong, wrong)
    m.kill()
    m.wait()
    text = program("ipsecctl", "-s", "stats")
    case("stats as text", "esp:" in text and "dropped: " in text)


if os.geteuid() != 0:
    print("iked must be started as root")
    sys.exit(77)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
try:
    main()
finally:
    for p in reversed(started):
        p.terminate()
        p.wait(30)
print("%d passed, %d failed" % (passed, failed))
sys.exit(failed != 0)
