#!/bin/sh
# SPDX-License-Identifier: ISC
#
# run.sh IMAGE DISK KEEP : boots the image in QEMU, by emulation, with the
# serial console here and two cards: the first reaches the network through
# QEMU (its DHCP server gives 10.0.2.15), the second is a LAN without hosts.
# FIRMWARE=uefi boots by UEFI, SEED=FILE hands over a seed.conf, NET="..."
# replaces the two cards by options of your own.

set -eu
image=$1 disk=$2 keep=$3
if [ -z "$keep" ] || [ ! -f "$disk" ]; then
	cp --sparse=always "$image" "$disk"
	truncate -s 1G "$disk"
fi
[ -n "$keep" ] || trap 'rm -f "$disk"' EXIT

set -- -accel tcg,thread=multi -cpu max -m "${MEMORY:-512}" -smp 2 \
    -display none -monitor none -serial mon:stdio -vga none \
    -drive "file=$disk,format=raw,if=virtio"
ovmf=/usr/share/OVMF
if [ "${FIRMWARE:-bios}" = uefi ]; then
	set -- "$@" -drive "if=pflash,format=raw,readonly=on,file=$ovmf/OVMF_CODE_4M.fd" \
	    -drive "if=pflash,format=raw,snapshot=on,file=$ovmf/OVMF_VARS_4M.fd"
fi
[ -z "${SEED:-}" ] || set -- "$@" -fw_cfg "name=opt/ravelin/seed.conf,file=$SEED"
net=${NET:--netdev user,id=wan -device virtio-net-pci,netdev=wan,romfile=
    -netdev hubport,id=lan,hubid=1 -device virtio-net-pci,netdev=lan,romfile=}
echo 'Ctrl-A x ends the machine.'
qemu-system-x86_64 "$@" $net
[ -z "$keep" ] || echo "kept: $disk (KEEP=1 goes on with it)"
