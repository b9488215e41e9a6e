#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""The web pages and SSH of an appliance, from its inner side: the password of the
seed logs in to the pages and its key to SSH, a backup is made, a file that is no
upgrade is refused, and the machine is restarted."""

import os
import subprocess
import sys
import time

sys.dont_write_bytecode = True
import machine  # noqa: E402
from machine import Failed, Machine  # noqa: E402

sys.path.insert(0, os.path.join(machine.TOP, "regress", "web"))
from client import Client  # noqa: E402

PORT = 20000 + os.getpid() % 20000
SSH_PORT = PORT + 20000
PASSWORD = "a password of the seed"
CARDS = (("user,restrict=on", "52:54:00:00:01:01"),
         (f"user,net=192.168.1.0/24,host=192.168.1.2,hostfwd=tcp:127.0.0.1:{PORT}-192.168.1.1:443,"
          f"hostfwd=tcp:127.0.0.1:{SSH_PORT}-192.168.1.1:22",
          "52:54:00:00:01:02"))
KEY = os.path.join(machine.TMP, "key")
SEED = """password-hash "{}"
ssh on
ssh-key "{}"
nic wan0 mac 52:54:00:00:01:01
nic lan0 mac 52:54:00:00:01:02
### network.conf
interface wan0 create nic wan0 inet 192.0.2.1/24
interface lan0 create nic lan0 inet 192.168.1.1/24
interface host0 create tap rvl0,host
interface host0 up
### pf.conf
block log all
pass on lan0 inet
"""


def seed():
    passwd = os.path.join(machine.TMP, "passwd")
    subprocess.run([os.path.join(os.environ["BIN"], "webadmin"), "-p", "admin"], input=PASSWORD + "\n", text=True,
                   env=dict(os.environ, RAVELIN_PASSWD=passwd, RAVELIN_WEB_STATE=machine.TMP), check=True)
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "anna@office", "-f", KEY], check=True)
    with open(passwd, encoding="ascii") as f, open(KEY + ".pub", encoding="ascii") as key:
        return SEED.format(f.read().strip().split(":", 1)[1], key.read().strip())


def login(client, seconds=30):
    """The server comes a moment after the gateway."""
    until = time.monotonic() + seconds
    while True:
        try:
            return client.login("admin", PASSWORD)
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.3)


def pages(box, cases):
    c = Client(PORT)
    a = login(c)
    if not cases.check(f"the password of the seed logs in, {box.age():.1f} s after power on", a.status == 303,
                       a.body[-800:]):
        return
    token = dict(c.get("/backup").page().forms[0]["fields"])["csrf"]
    a = c.post("/backup", {"csrf": token, "action": "create", "passphrase": "a long passphrase",
                           "again": "a long passphrase", "password": PASSWORD})
    cases.check("a backup is made", a.status == 200 and a.raw.startswith(b"RAVELIN BACKUP"), a.body[-800:])
    cases.check("... and dated", "last_backup" in c.get("/json/").json())
    c.upload("/upload/upgrade", [("csrf", token)], b"no upgrade" * 100)
    j = c.get("/json/upgrade").json()
    cases.check("what is no upgrade is refused", not j["found"]["ok"] and "no upgrade file" in str(j["found"]), j)
    cases.check("one slot runs, the other is empty", [s["runs"] for s in j["slots"]] == [True, False], j)
    a = c.post("/upgrade", {"csrf": token, "action": "restart"})
    cases.check("the page restarts the machine", a.status == 303 and box.ended(60), box.text[-800:])


def ssh(*command):
    done = subprocess.run(["ssh", "-F", "/dev/null", "-i", KEY, "-o", "IdentitiesOnly=yes", "-o", "IdentityAgent=none",
                           "-o", "StrictHostKeyChecking=accept-new", "-o", f"UserKnownHostsFile={KEY}.known",
                           "-o", "BatchMode=yes", "-o", "ConnectTimeout=10", "-p", str(SSH_PORT), "admin@127.0.0.1",
                           *command], capture_output=True, text=True, timeout=60, check=False)
    return done.stdout + done.stderr


def by_ssh(cases):
    said = ssh("ifconfig", "lan0")
    cases.check("the key of the seed lets in by SSH", "192.168.1.1" in said and "nic" in said, said)
    said = ssh("cat", "/etc/ravelin.passwd", "/data/db/policy.db")
    cases.check("... shows it nothing that is kept", said.count("No such file") == 2, said)
    said = ssh("cat", "/proc/sys/kernel/yama/ptrace_scope")
    cases.check("... and nobody traces the processes of another session", said.endswith("2\n"), said)


def main():
    machine.require()
    cases = machine.Cases()
    try:
        box = Machine("web", machine.disk_copy("web.img"), seed=seed(), cards=CARDS).start()
        box.expect(r"ready: revision", 120)
        by_ssh(cases)
        pages(box, cases)
    except (Failed, OSError) as e:
        cases.check("the machine", False, e)
    finally:
        Machine.kill_all()
    cases.end()


if __name__ == "__main__":
    main()
