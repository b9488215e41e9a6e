# SPDX-License-Identifier: ISC
"""QEMU's monitor for programs (QMP): one JSON object a line, over a socket."""

import json
import socket
import time


class Qmp:
    """Commands to a QEMU that listens at path."""

    def __init__(self, path, seconds=20):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(60)
        until = time.monotonic() + seconds
        while True:
            try:
                self.socket.connect(path)
                break
            except OSError:
                if time.monotonic() >= until:
                    raise
                time.sleep(0.02)
        self.file = self.socket.makefile("rw", encoding="utf-8")
        self.file.readline()		# its greeting
        self.do("qmp_capabilities")

    def do(self, command, **arguments):
        """The answer; RuntimeError if it is refused."""
        self.file.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
        self.file.flush()
        while True:
            answer = json.loads(self.file.readline())
            if "return" in answer:
                return answer["return"]
            if "error" in answer:
                raise RuntimeError(f"{command}: {answer['error']}")

    def wait(self, command, key, states, seconds=60):
        """Until the answer's key is one of states."""
        until = time.monotonic() + seconds
        while self.do(command)[key] not in states:
            if time.monotonic() >= until:
                raise RuntimeError(f"{command}: not {states} in {seconds} s")
            time.sleep(0.02)

    def close(self):
        self.file.close()
        self.socket.close()
