# SPDX-License-Identifier: ISC
"""What a disk goes through, recorded, and what a power cut would leave of it.

QEMU's block driver blklogwrites notes each write and flush of a machine in
the order in which they came (the format is that of Linux's dm-log-writes:
one sector of superblock, then entries of one sector each, with their data
behind them).  A disk may keep what it was told in a cache until it is told to
flush.  So a cut at entry k leaves all that came before the last flush before
k, and of the writes since then any subset, the last of them perhaps torn
between two sectors.  One recording stands for as many cuts as one likes.

The disk is a virtio one, to which Linux says what must be kept by flushes
alone.  To an NVMe disk it says so with the write itself (FUA), which this
driver does not note: such a write would be taken for one that may be lost.
"""

import os
import struct

SECTOR = 512
FLUSH, FUA, DISCARD, MARK = 1, 2, 4, 8


def options(disk, log):
    """QEMU's options: disk as virtio, its writes noted in log."""
    with open(log, "wb"):
        pass
    drives = (f"driver=file,filename={disk},node-name=file", "driver=raw,file=file,node-name=raw",
              f"driver=file,filename={log},node-name=log",
              f"driver=blklogwrites,file=raw,log=log,log-sector-size={SECTOR},node-name=disk")
    return [word for d in drives for word in ("-blockdev", d)] + \
        ["-device", "virtio-blk-pci,drive=disk,serial=1"]


class Log:
    """A recording; entries are (sector, flags, offset of data, sectors)."""

    def __init__(self, path):
        self.path, self.entries = path, []
        size = os.path.getsize(path)
        with open(path, "rb") as f:
            at = SECTOR
            while at + SECTOR <= size:
                f.seek(at)
                sector, count, flags, _ = struct.unpack("<QQQQ", f.read(32))
                body = 0 if flags & (DISCARD | MARK) else count * SECTOR
                if at + SECTOR + body > size:
                    break
                self.entries.append((sector, flags, at + SECTOR, count))
                at += SECTOR + body

    def flushed(self, k):
        """How many entries a cut before entry k cannot take back."""
        return max((i + 1 for i in range(k) if self.entries[i][1] & FLUSH), default=0)

    def cut(self, disk, k, dice):
        """Makes disk, as it was when the recording began, what a cut before entry k leaves."""
        safe = self.flushed(k)
        with open(self.path, "rb") as log, open(disk, "r+b") as out:
            for i, (sector, flags, at, count) in enumerate(self.entries[:k]):
                if i >= safe and not flags & FUA and dice.random() < 0.5:
                    continue
                torn = i == k - 1 and not flags & FUA
                sectors = dice.randint(0, count) if torn else count
                if flags & MARK or not sectors:
                    continue
                log.seek(at)
                out.seek(sector * SECTOR)
                out.write(bytes(sectors * SECTOR) if flags & DISCARD else log.read(sectors * SECTOR))
