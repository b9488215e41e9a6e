# SPDX-License-Identifier: ISC
"""One end of a machine's cable, in this process: it sends the same frames over
and over, answers ARP for its addresses, and keeps what it hears."""

import os
import select
import socket
import struct
import threading
import time

import machine

MAC = bytes.fromhex("525400ffff00")


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def ipv4(source, destination, protocol, body):
    """A packet (RFC 791)."""
    head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(body), 0, 0, 64, protocol, 0,
                       socket.inet_aton(source), socket.inet_aton(destination))
    return head[:10] + struct.pack(">H", checksum(head)) + head[12:] + body


def udp(source, destination, port, body=b"in the clear"):
    """RFC 768, without a checksum."""
    return ipv4(source, destination, 17, struct.pack(">HHHH", port, port, 8 + len(body), 0) + body)


def syn(source, destination, port):
    """The first segment of a connection (RFC 9293)."""
    body = struct.pack(">HHIIBBHHH", 40000, port, 1, 0, 5 << 4, 2, 1024, 0, 0)
    pseudo = socket.inet_aton(source) + socket.inet_aton(destination) + struct.pack(">BBH", 0, 6, len(body))
    return ipv4(source, destination, 6, body[:16] + struct.pack(">H", checksum(pseudo + body)) + body[18:])


def echo(source, destination):
    """An echo request (RFC 792)."""
    body = struct.pack(">BBHHH", 8, 0, 0, 1, 1)
    return ipv4(source, destination, 1, body[:2] + struct.pack(">H", checksum(body)) + body[4:])


class Stub(threading.Thread):
    """name: of the cable; addresses: answered in ARP; packets: sent every tenth of a second to the card mac."""

    def __init__(self, name, mac, addresses, packets):
        super().__init__(daemon=True)
        self.far, self.near = (os.path.join(machine.TMP, f"{name}-{end}") for end in ("far", "near"))
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.near)
        self.addresses = [socket.inet_aton(a) for a in addresses]
        to = bytes.fromhex(mac.replace(":", ""))
        self.frames = [to + MAC + b"\x08\x00" + p for p in packets]
        self.heard, self.sent, self.on = [], 0, True
        self.start()

    def netdev(self):
        return f"dgram,local.type=unix,local.path={self.far},remote.type=unix,remote.path={self.near}"

    def say(self, mac, packet):
        """One packet, once."""
        self.put(bytes.fromhex(mac.replace(":", "")) + MAC + b"\x08\x00" + packet)

    def put(self, frame):
        try:
            self.socket.sendto(frame, socket.MSG_DONTWAIT, self.far)
            self.sent += 1
        except OSError:
            pass		# the machine is off, or does not take any more

    def run(self):
        due = time.monotonic()
        while self.on:
            if select.select([self.socket], [], [], max(0, due - time.monotonic()))[0]:
                self.hear(self.socket.recv(65536))
            if time.monotonic() >= due:
                due += 0.1
                for frame in self.frames:
                    self.put(frame)

    def hear(self, frame):
        self.heard.append((time.monotonic(), frame))
        if frame[12:14] == b"\x08\x06" and frame[20:22] == b"\0\x01" and frame[38:42] in self.addresses:
            self.put(frame[6:12] + MAC + frame[12:20] + b"\0\x02" + MAC + frame[38:42] + frame[22:32])

    def since(self, when, until=float("inf")):
        """(kind, source, destination) of what it heard in that time, each once."""
        return sorted({machine.describe(f) for at, f in list(self.heard) if when <= at < until})

    def end(self):
        self.on = False
        self.join()
        self.socket.close()
