# SPDX-License-Identifier: ISC
"""
The key socket of a netkern(8), asked by a program of its own: it dumps
policies and SAs and shares no code with what is tested.
"""
import os, socket, struct

# RFC 2367 and linux/pfkeyv2.h
DUMP, PROMISC, SPDDELETE, SPDDUMP, DELETE = 10, 11, 15, 18, 4
EXT_SA, EXT_POLICY, EXT_SRC, EXT_DST, EXT_ASK, EXT_STATS = 1, 18, 5, 6, 64, 68


class Key:
    """A program that asks the key socket, private extensions and all."""

    def __init__(self, path):
        self.s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.s.settimeout(20)
        self.s.connect(path)
        self.seq = 0
        self.call(PROMISC, 0, struct.pack("<HHI", 1, EXT_ASK, 0))

    def send(self, kind, satype, exts=b""):
        self.seq += 1
        self.s.send(struct.pack("<BBBBHHII", 2, kind, 0, satype, 2 + len(exts) // 8, 0, self.seq,
                                os.getpid()) + exts)

    def call(self, *args):
        self.send(*args)
        while True:
            m = self.s.recv(8192)
            if m[1] == args[0] and struct.unpack_from("<II", m, 8) == (self.seq, os.getpid()):
                return m[2]

    def dump(self, kind, satype):
        """{ SPI or id: message }, without the numbers that each message has."""
        self.send(kind, satype)
        out = {}
        while True:
            m = self.s.recv(8192)
            if m[1] != kind:
                continue
            if m[2] != 0:
                return out
            e = exts(m)
            at, form = (e[EXT_SA], ">I") if kind == DUMP else (e[EXT_POLICY] + 4, "<I")
            name, = struct.unpack_from(form, m, at + 4)
            out[name] = bytearray(m)
            out[name][8:16] = bytes(8)
            if EXT_STATS in e:
                out[name][e[EXT_STATS] + 32:e[EXT_STATS] + 40] = bytes(8)
            if struct.unpack_from("<I", m, 8)[0] == 0:
                return out

    def all(self):
        return self.dump(SPDDUMP, 0), self.dump(DUMP, 3)


def exts(m):
    at, out = 16, {}
    while at + 4 <= len(m):
        n, kind = struct.unpack_from("<HH", m, at)
        out[kind] = at
        at += n * 8
    return out


def packets(m):
    return struct.unpack_from("<Q", m, exts(m)[EXT_STATS] + 8)[0]
