#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""
One change among very many tunnels touches exactly one.

    gen0 (pktgen: 3 packets to each tunnel)       out0 (pktgen: forgets them)
              \\                                   /
               netkern: MANUAL flows with an SA each, which are used,
                        IKEV2 ikev2 rules, each a flow out and a flow in

A commit changes one rule.  SPD and SAD are dumped before and after by a
program of its own: every message but those of the rule is the same to the
byte, with its id or SPI, dates and counters (but for the date of last use, which
is told by a clock that may be a second off).  So it is when another program
has deleted an entry of policyd's, which then comes back.
"""
import hashlib, os, signal, struct, subprocess, sys, time

sys.dont_write_bytecode = True
from keysock import DELETE, EXT_DST, EXT_POLICY, EXT_SA, EXT_SRC, SPDDELETE, SPDDUMP, DUMP, Key  # noqa: E402
from keysock import exts, packets  # noqa: E402

BIN, TMP = os.environ["BIN"], os.environ["TMPDIR"]
MANUAL, IKEV2 = int(os.environ.get("MANUAL", 4000)), int(os.environ.get("IKEV2", 10000))
PACKETS = 3
started = []
passed = failed = 0


def end(*args):
    for p in started:
        if p.poll() is None:
            p.kill()
    if args:
        os._exit(1)


signal.signal(signal.SIGTERM, end)


def check(ok, what):
    global passed, failed
    if ok:
        passed += 1
    else:
        failed += 1
        print("FAILED ", what)


def run(*args):
    p = subprocess.run([f"{BIN}/{args[0]}", *args[1:]], capture_output=True, text=True,
                       env={**os.environ, "RAVELIN_RUN": TMP, "RAVELIN_DB": f"{TMP}/policy.db"})
    if p.returncode != 0:
        raise SystemExit(f"{args}: {p.stdout}{p.stderr}")
    return p.stdout


def spawn(name, *args):
    started.append(subprocess.Popen([f"{BIN}/{name}", *args], stderr=open(f"{TMP}/{name}.log", "w")))


def differences(a, b):
    """Entries that went, came, or are not the same to the byte."""
    return (sorted(a.keys() - b.keys()), sorted(b.keys() - a.keys()),
            sorted(k for k in a.keys() & b.keys() if a[k] != b[k]))


# ---- the policy ----

def host(i):
    return f"10.{1 + (i >> 16)}.{i >> 8 & 255}.{i & 255}"


def peer(i):
    return f"198.18.{i >> 8}.{i & 255}"


def key(i, n):
    return "0x" + hashlib.sha512(f"{i}".encode()).hexdigest()[:2 * n]


def manual(changed=()):
    """A flow and an SA each; one of `changed` has another key."""
    return "".join(f"flow esp out from {host(i)} to 172.16.0.0/12 local 192.0.2.1 peer {peer(i)}\n"
                   f"esp from 192.0.2.1 to {peer(i)} spi 0x{0x10000 + i:x} auth hmac-sha2-256 "
                   f"enc aes authkey {key(i, 32)} "
                   f"enckey {key(-i if i in changed else i, 16)}\n" for i in range(1, MANUAL + 1))


def ikev2(changed=()):
    return "".join(f'ikev2 "t{i}" passive esp from 10.{200 if i in changed else 100}.{i >> 8}.'
                   f'{i & 255} to 172.31.0.0/16 peer 198.19.{i >> 8}.{i & 255} '
                   f'psk "the secret of tunnel {i}"\n' for i in range(IKEV2))


def commit(**texts):
    args = ["ipsecctl", "commit"]
    for part, text in texts.items():
        with open(f"{TMP}/{part}.conf", "w") as f:
            f.write(text)
        args += [f"--{part}", f"{TMP}/{part}.conf"]
    begun = time.monotonic()
    run(*args)
    return (time.monotonic() - begun) * 1000


def one(name, key, gone, come, changed, **texts):
    """A commit; (SPD, SAD) entries that go, come and change are so many."""
    before = key.all()
    ms = commit(**texts)
    after = key.all()
    spd, sad = differences(before[0], after[0]), differences(before[1], after[1])
    is_ = tuple((len(spd[i]), len(sad[i])) for i in range(3))
    same = len(after[0].keys() & before[0].keys()) + len(after[1].keys() & before[1].keys()) \
        - len(spd[2]) - len(sad[2])
    print(f"{name}: {ms:.0f} ms; policies and SAs: gone {is_[0]}, come {is_[1]}, changed {is_[2]}, "
          f"the same to the byte {same}")
    check(is_ == (gone, come, changed), f"{name}: {is_} and not {(gone, come, changed)}")
    return before, after, spd, sad


def traffic(key):
    """PACKETS packets through each of the manual SAs."""
    run("ifconfig", "out0", "create", "pktgen", "sink")
    run("ifconfig", "out0", "192.0.2.1/24", "up")
    run("route", "add", "default", "192.0.2.254")
    run("ifconfig", "gen0", "create", "pktgen", f"src={host(1)},srcs={MANUAL},flows={MANUAL},"
        f"dst=172.16.0.1,count={PACKETS * MANUAL}")
    run("ifconfig", "gen0", "10.255.0.1/32", "up")
    for _ in range(100):
        sad = key.dump(DUMP, 3)
        if sum(packets(m) for m in sad.values()) == PACKETS * MANUAL:
            break
        time.sleep(0.1)
    check(len(sad) == MANUAL and all(packets(m) == PACKETS for m in sad.values()),
          f"each SA has carried {PACKETS} packets")


def main():
    spawn("netkern", "-d", "-r", TMP, "-u", "root")
    spawn("policyd", "-dv", "-r", TMP, "-D", f"{TMP}/policy.db")
    for _ in range(200):
        if all(os.path.exists(f"{TMP}/{s}.sock") for s in ("key", "policy", "netkern")):
            break
        time.sleep(0.05)
    print(f"{MANUAL} manual tunnels and {IKEV2} ikev2 rules: "
          f"{commit(ipsec=manual(), iked=ikev2()):.0f} ms")
    key = Key(f"{TMP}/key.sock")
    traffic(key)
    spd = key.dump(SPDDUMP, 0)
    check(len(spd) == MANUAL + 2 * IKEV2, f"{len(spd)} policies")

    one("the same again", key, (0, 0), (0, 0), (0, 0), ipsec=manual(), iked=ikev2())
    one("one ikev2 rule has another network", key, (2, 0), (2, 0), (0, 0), iked=ikev2({777}))
    one("and back", key, (2, 0), (2, 0), (0, 0), iked=ikev2())
    # a new key is a new SA of the same SPI, which has carried nothing
    before, after, _, sad = one("one manual SA has another key", key, (0, 0), (0, 0), (0, 1),
                                ipsec=manual({999}))
    check(sad[2] == [0x10000 + 999], f"it is the SA of that rule: {sad[2]}")
    check(all(packets(after[1][s]) == 0 for s in sad[2]) and
          all(packets(m) == PACKETS for s, m in after[1].items() if s not in sad[2]),
          "the other SAs go on counting where they were")
    one("its flow goes", key, (1, 1), (0, 0), (0, 0), ipsec="".join(
        line + "\n" for line in manual({999}).splitlines() if f"{peer(999)} " not in line + " "))
    one("and is there again", key, (0, 0), (1, 1), (0, 0), ipsec=manual())

    # another program deletes what policyd has put there: the next commit sees it
    spd, sad = key.all()
    m = next(iter(spd.values()))
    e = exts(m)
    part = lambda k: m[e[k]:e[k] + 8 * struct.unpack_from("<H", m, e[k])[0]]
    policy = bytearray(part(EXT_POLICY)[:16])
    policy[:2] = struct.pack("<H", 2)
    check(key.call(SPDDELETE, 0, part(EXT_SRC) + part(EXT_DST) + bytes(policy)) == 0, "SPDDELETE")
    one("another program has deleted a policy", key, (0, 0), (1, 0), (0, 0), iked=ikev2())
    m = next(iter(sad.values()))
    e = exts(m)
    check(key.call(DELETE, 3, part(EXT_SA) + part(EXT_SRC) + part(EXT_DST)) == 0, "DELETE")
    one("another program has deleted an SA", key, (0, 0), (0, 1), (0, 0), iked=ikev2())


try:
    main()
finally:
    end()
print(f"{passed} passed, {failed} failed")
sys.exit(failed != 0)
