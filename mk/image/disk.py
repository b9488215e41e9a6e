#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Makes the disk of the image, which boots by BIOS and by UEFI.

usage: disk.py --out FILE --kernel VMLINUZ --initrd INITRD --version TEXT [--mib N]

     0    protective MBR with GRUB's first 440 bytes; GPT behind it
     1 MiB  bios_grub      GRUB for BIOS
     2 MiB  ravelin-boot   FAT, the EFI system partition: GRUB for UEFI,
                           grubenv, a/ (and, after the first upgrade, b/)
    98 MiB  free           init(8) makes ravelin-data here on first boot

GRUB is one file for each firmware, made by grub-mkimage with grub.cfg inside
and no more modules than that needs; there is no menu.  It runs GRUB's plain
parser, which has no `if`: a line that fails prints why, and the next one runs,
which is what the second half of grub.cfg is for.  grubenv may set args and
more, a word of the kernel's command line each.

The file has no host's time, names or random numbers in it, so two runs give
the same bytes: FAT's times are SOURCE_DATE_EPOCH (mtools knows it), and all
identifiers are constants.  They need not be unique: partitions are found by
name, on the disk that the kernel came from.
"""

import argparse
import os
import struct
import subprocess
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
GRUB = "/usr/lib/grub"
SECTOR, MIB = 512, 1 << 20
GRUB_AT, BOOT_AT, BOOT_MIB = 1, 2, 96		# MiB
ENV_SIZE = 1024
BOOT_ID = "52564C4E"				# FAT's volume number

DISK_UUID = "72617665-6c69-4e00-8000-000000000000"
TABLE = f"""label: gpt
label-id: {DISK_UUID}
first-lba: 2048
start={GRUB_AT}MiB, size=1MiB, type=21686148-6449-6E6F-744E-656564454649, \
name=bios_grub, uuid={DISK_UUID[:-1]}1
start={BOOT_AT}MiB, size={BOOT_MIB}MiB, type=U, name=ravelin-boot, uuid={DISK_UUID[:-1]}2
"""

MODULES = "part_gpt fat linux loadenv reboot"
# What boot.img and the first sector of core.img are told (GRUB's own headers
# i386/pc/boot.h and diskboot.S name these places).
BOOT_KERNEL_SECTOR, BOOT_DRIVE_CHECK = 0x5C, 0x66
CORE_LIST, CORE_SEGMENT = 0x1F4, 0x820


def run(*argv, **kw):
    env = dict(os.environ, TZ="UTC", MTOOLSRC="/dev/null")
    env["PATH"] += ":/usr/sbin:/sbin"
    subprocess.run(argv, check=True, env=env, **kw)


def grub_image(target, prefix, extra, out):
    run("grub-mkimage", "-O", target, "-p", prefix, "-c", f"{HERE}/grub.cfg", "-o", out,
        *MODULES.split(), *extra)


def bios_parts(work):
    """(the MBR's 440 bytes, core.img) which find each other by sector."""
    first = GRUB_AT * MIB // SECTOR
    grub_image("i386-pc", "(,gpt2)/", ["biosdisk"], f"{work}/core.img")
    with open(f"{GRUB}/i386-pc/boot.img", "rb") as f:
        mbr = bytearray(f.read(440))
    struct.pack_into("<Q", mbr, BOOT_KERNEL_SECTOR, first)
    mbr[BOOT_DRIVE_CHECK:BOOT_DRIVE_CHECK + 2] = b"\x90\x90"	# trust the BIOS's drive number
    with open(f"{work}/core.img", "rb") as f:
        core = bytearray(f.read())
    rest = (len(core) + SECTOR - 1) // SECTOR - 1
    if len(core) > MIB:
        raise SystemExit("GRUB's core does not fit its partition")
    struct.pack_into("<QHH", core, CORE_LIST, first + 1, rest, CORE_SEGMENT)
    return mbr, core


def environment(**values):
    """A block as grub-editenv makes it."""
    text = "# GRUB Environment Block\n" + "".join(f"{k}={v}\n" for k, v in values.items())
    return text.encode().ljust(ENV_SIZE, b"#")


def boot_partition(args, work):
    """The FAT with everything in it; mtools writes it without mounting."""
    fat = f"{work}/boot.fat"
    with open(fat, "wb") as f:
        f.truncate(BOOT_MIB * MIB)
    grub_image("x86_64-efi", "/", [], f"{work}/BOOTX64.EFI")
    for name, body in (("grubenv", environment(slot="a", boot="a")),
                       ("version", args.version.encode() + b"\n")):
        with open(f"{work}/{name}", "wb") as f:
            f.write(body)
    sectors = BOOT_MIB * MIB // SECTOR
    run("mformat", "-i", fat, "-v", "RAVELIN", "-N", BOOT_ID, "-c", "16", "-T", str(sectors),
        "-h", "64", "-s", "32", "-H", str(BOOT_AT * MIB // SECTOR), "::")
    run("mmd", "-i", fat, "::EFI", "::EFI/BOOT", "::a")
    for source, to in ((f"{work}/BOOTX64.EFI", "EFI/BOOT/BOOTX64.EFI"), (f"{work}/grubenv", "grubenv"),
                       (args.kernel, "a/vmlinuz"), (args.initrd, "a/initrd"),
                       (f"{work}/version", "a/version")):
        run("mcopy", "-i", fat, source, "::" + to)
    return fat


def put(disk, at, body):
    """Writes, but leaves holes where there is nothing: the file is sparse."""
    for start in range(0, len(body), MIB):
        piece = body[start:start + MIB]
        if piece.strip(b"\0"):
            disk.seek(at + start)
            disk.write(piece)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--out", required=True)
    ap.add_argument("--kernel", required=True)
    ap.add_argument("--initrd", required=True)
    ap.add_argument("--version", required=True)
    ap.add_argument("--mib", type=int, default=192)
    args = ap.parse_args()

    new = args.out + ".new"
    with tempfile.TemporaryDirectory() as work:
        mbr, core = bios_parts(work)
        fat = boot_partition(args, work)
        with open(new, "wb") as disk:
            disk.truncate(args.mib * MIB)
        run("sfdisk", "-q", "--no-reread", "--no-tell-kernel", new, input=TABLE.encode())
        with open(new, "r+b") as disk, open(fat, "rb") as boot:
            disk.write(mbr)
            put(disk, GRUB_AT * MIB, bytes(core))
            put(disk, BOOT_AT * MIB, boot.read())
    os.rename(new, args.out)


if __name__ == "__main__":
    main()
