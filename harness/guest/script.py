# SPDX-License-Identifier: GPL-2.0-or-later
"""The guest's init: loads, runs, unloads, and leaves with a status.

It speaks through /dev/kmsg, as KUnit does: a record is one line that the kernel's own messages
cannot cut, is stamped with the guest's time, and is on the console before the next thing happens.
What a program prints is indented, as KTAP nests, so no program can be taken for the kernel.
"""
from __future__ import annotations

import shlex

from .modules import Module
from .order import Order

# isa-debug-exit makes QEMU end with 2v+1.  Both are far from what QEMU says of itself.
PASSED, FAILED, PORT = 0x10, 0x11, 0xf4

HEAD = r"""#!/bin/sh
export PATH=/bin HOME=/ LC_ALL=C
mount -t devtmpfs none /dev
exec </dev/null >/dev/kmsg 2>&1
mkdir -p /dev/pts /dev/shm
mount -t proc none /proc
mount -t sysfs none /sys
mount -t tmpfs none /tmp
mount -t devpts none /dev/pts
mount -t debugfs none /sys/kernel/debug 2>/dev/null
mount -t tracefs none /sys/kernel/tracing 2>/dev/null
echo 20 >/proc/sys/kernel/hung_task_timeout_secs 2>/dev/null
ip link set lo up 2>/dev/null
number=0 failed=0
told() {  # STATUS NAME: one line of KTAP
	number=$((number + 1))
	case $1 in
	0) echo "ok $number - $2" ;;
	4) echo "ok $number - $2 # SKIP" ;;
	*) echo "not ok $number - $2 # status $1"
	   failed=$((failed + 1)) ;;
	esac
}
indent() {
	while IFS= read -r line || [ -n "$line" ]; do
		echo "    ${line:0:900}"
	done
}
program() {  # SECONDS NAME COMMAND...
	seconds=$1 name=$2
	shift 2
	echo "    # Subtest: $name"
	{ timeout -s KILL "$seconds" "$@" 2>&1; echo $? >/run/status; } | indent
	read -r status </run/status
	told "$status" "$name"
}
finish() {
	cd /
	sync
	umount /artefacts 2>/dev/null
	[ "$failed" = 0 ] && status='\020' || status='\021'
	echo "# guest: $failed of $number failed"
	printf "$status" | dd of=/dev/port bs=1 seek=244 2>/dev/null
	echo "# guest: no isa-debug-exit"
	poweroff -f
}
"""

LEAKS = r"""
if [ -e /sys/kernel/debug/kmemleak ]; then
	sleep 6
	echo scan >/sys/kernel/debug/kmemleak
	sleep 1
	echo scan >/sys/kernel/debug/kmemleak
	while IFS= read -r line; do
		echo "kmemleak: $line"
	done </sys/kernel/debug/kmemleak
fi
"""


def init(order: Order, modules: list[Module]) -> bytes:
    """The script, for modules that lie in /modules and programs in /test."""
    own = [module for module in modules if module.own]
    lines = [HEAD]
    quiet = [module for module in modules if not module.own]
    for module in quiet:
        lines.append(f"insmod /modules/{module.name}.ko {module.arguments} || "
                     f"echo '# guest: {module.name} does not load'")
    if order.artefacts is not None:
        lines.append("mount -t 9p -o trans=virtio,version=9p2000.L,msize=131072 artefacts "
                     "/artefacts || echo '# guest: no artefacts'")
    lines += order.setup
    unload = [module for module in reversed(own) if order.unload]
    lines.append("echo 'KTAP version 1'")
    lines.append(f"echo '1..{len(own) + len(order.programs) + len(unload)}'")
    for module in own:
        lines.append(f"insmod /modules/{module.name}.ko {module.arguments}\n"
                     f"told $? 'load {module.name}'\n[ $failed = 0 ] || finish")
    for program in order.programs:
        words = list(program.words)
        if program.file is not None:
            words[0] = f"/test/{program.file.name}"
        lines.append(" ".join(["program", str(program.seconds), shlex.quote(program.name),
                               *map(shlex.quote, words)]))
    for module in unload:
        lines.append(f"rmmod {module.name}\ntold $? 'unload {module.name}'")
    lines.append(LEAKS)
    lines.append("finish")
    return "\n".join(lines).encode()
