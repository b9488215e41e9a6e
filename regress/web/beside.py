# SPDX-License-Identifier: ISC
#
# What says the same beside the web server: the pages' program asked by itself, and
# the console's menu on a terminal.
import os
import pty
import select
import subprocess
import time

BIN = os.environ['BIN']


class Pages:
    """Pages of the gateway whose folder this is, for the session of a cookie."""

    def __init__(self, folder, cookie, **more):
        self.env = dict(RAVELIN_RUN=folder + '/run', RAVELIN_WEB_STATE=folder + '/web',
                        RAVELIN_WEB_ROOT=folder + '/www', RAVELIN_PASSWD=folder + '/passwd', HTTPS='on',
                        HTTP_HOST='127.0.0.1:8443', REMOTE_ADDR='127.0.0.1', REQUEST_METHOD='GET',
                        HTTP_COOKIE=cookie, **more)

    def ask(self, path):
        out = subprocess.run([BIN + '/webadmin'], env=dict(self.env, REQUEST_URI=path), capture_output=True,
                             timeout=30).stdout.decode()
        head, body = out.split('\r\n\r\n', 1)
        assert head.startswith('Status: 200'), head[:100]
        return body


def console(env):
    """What "why offline?" of the menu shows, on a terminal."""
    pid, fd = pty.fork()
    if pid == 0:
        os.execve(BIN + '/console', ['console'], env)
    seen, asked, end = b'', 0, time.time() + 20
    while time.time() < end and seen.count(b'choose: ') < 2:
        if select.select([fd], [], [], 0.2)[0]:
            try:
                seen += os.read(fd, 65536)
            except OSError:
                break
        if asked == 0 and b'choose: ' in seen:
            asked = os.write(fd, b'3\r')
    os.close(fd)
    os.waitpid(pid, 0)
    return seen
