#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""
Checks scrapes of the Prometheus text format, one a file, in order of time:
the grammar of each line; HELP and TYPE before the samples of a family, which
stand together; no sample twice; counters end in _total and never go down.

    metrics.py scrape...
"""
import re
import sys

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*"'
SAMPLE = re.compile(r"(%s)(?:\{(%s(?:,%s)*)\})? ([0-9]+(?:\.[0-9]+)?)$" % (NAME, LABEL, LABEL))
COMMENT = re.compile(r"# (HELP|TYPE) (%s) (.+)$" % NAME)
wrong = []


def scrape(path):
    kinds, helps, done, samples, now = {}, set(), set(), {}, None
    for number, line in enumerate(open(path).read().splitlines(), 1):
        def bad(what):
            wrong.append("%s:%d: %s: %s" % (path, number, what, line))
        c, s = COMMENT.match(line), SAMPLE.match(line)
        if c:
            word, name, rest = c.groups()
            if word == "HELP":
                if name in helps:
                    bad("HELP twice")
                helps.add(name)
            else:
                if name in kinds or name not in helps:
                    bad("TYPE twice or without HELP")
                if rest not in ("counter", "gauge"):
                    bad("unknown type")
                if (rest == "counter") != name.endswith("_total"):
                    bad("counters, and they alone, end in _total")
                kinds[name] = rest
                if now:
                    done.add(now)
                now = name
        elif s:
            name, labels, value = s.groups()
            if name != now or name in done:
                bad("a sample outside of its family")
            if (name, labels) in samples:
                bad("a sample twice")
            samples[name, labels] = float(value)
        else:
            bad("not a line of the format")
    return kinds, samples


before, grown = None, set()
for path in sys.argv[1:]:
    kinds, samples = scrape(path)
    if not samples:
        wrong.append("%s: empty" % path)
    for key, value in (before or {}).items():
        if kinds.get(key[0]) != "counter":
            continue
        if key not in samples:
            wrong.append("%s: %s%s has gone" % (path, *key))
        elif samples[key] < value:
            wrong.append("%s: %s%s went down: %g, %g" % (path, *key, value, samples[key]))
        elif samples[key] > value:
            grown.add(key[0])
    before = samples
for name in ("ravelin_tunnel_received_bytes_total", "ravelin_tunnel_sent_bytes_total",
             "ravelin_tunnel_rekeys_total"):
    if len(sys.argv) > 2 and name not in grown:
        wrong.append("%s never grew" % name)
print("\n".join(wrong[:20]))
print("%d scrapes, %d samples, %d families grew" % (len(sys.argv) - 1, len(before), len(grown)))
sys.exit(bool(wrong))
