# SPDX-License-Identifier: GPL-2.0-or-later
"""Programs of libvdeplug join a switch in the kernel by its network's name, as they join any."""
import pathlib
import socket
import subprocess

import pytest

from guest import Program
from guest.suite import BUILD, ROOT, missing

needs_guest = pytest.mark.skipif(bool(missing()), reason=missing())

# Makes the networks it is given, and runs the commands it reads on that named first on the line.
KEEPER = r"""
#define IPN_STEALING
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include <net/af_ipn.h>
#include <net/kvde_switch.h>

int main(int argc, char *argv[])
{
    static char line[1024], text[65536];
    struct kvde_command c;
    int s[9];

    for (int i = 1; i < argc; i++) {
        struct sockaddr_un sun = { .sun_family = AF_IPN };

        s[i] = socket(AF_IPN, SOCK_RAW, IPN_VDESWITCH);
        snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", argv[i]);
        if (s[i] < 0 || bind(s[i], (struct sockaddr *)&sun, sizeof(sun)) < 0)
            return perror(argv[i]), 1;
    }
    while (fgets(line, sizeof(line), stdin)) {
        line[strcspn(line, "\n")] = '\0';
        c = (struct kvde_command){ .line = (uintptr_t)line + 2, .line_len = strlen(line + 2),
                                   .text = (uintptr_t)text, .text_len = sizeof(text) };
        if (ioctl(s[line[0] - '0'], KVDE_COMMAND, &c) < 0)
            return perror(line), 1;
        printf("%.*s%d\n", (int)c.text_len, text, c.code);
        fflush(stdout);
    }
    return 0;
}
"""

# A frame of 60 bytes behind its length, as a VDE stream has it, to all; and one to be answered.
SHELL = r"""#!/bin/sh
frame() { printf '\0\074\377\377\377\377\377\377\002\0\0\0\0\013\210\265%046d' $1; }
wait_for() {
	i=0
	until eval "$1"; do
		i=$((i + 1))
		[ $i -lt 200 ] || { echo "# no: $1"; exit 1; }
		sleep 0.05
	done
}
ask() { echo "$1" >&3; wait_for 'tail -n 1 /tmp/said | grep -q "^[0-9]*$"'; }
mkfifo /tmp/asked /tmp/silence
exec 4<>/tmp/silence
keeper /tmp/net /tmp/other </tmp/asked >/tmp/said &
exec 3>/tmp/asked
wait_for '[ -S /tmp/other ]'

# Two plugs pass a frame, each on the port it asked for, with its description.
vde_plug -D 'the ear' '/tmp/net[5]' <&4 >/tmp/heard & ear=$!
wait_for 'grep -q "port=5.*the" /proc/net/ipn'
frame 1 | vde_plug 'vde:///tmp/net[3]' >/dev/null || exit 2
frame 1 >/tmp/wanted
wait_for 'cmp -s /tmp/heard /tmp/wanted'
ask '1 port/print'
grep -q 'the ear user=' /tmp/said || exit 3
kill $ear

# What another program sends comes back from an echo.
vde_plug '/tmp/net[7]' = cat & echo=$!
wait_for 'grep -q "port=7" /proc/net/ipn'
{ frame 2; wait_for '[ -s /tmp/back ]'; } | vde_plug /tmp/net >/tmp/back || exit 4
frame 2 >/tmp/wanted
cmp /tmp/back /tmp/wanted || exit 5
kill $echo

# A filter carries frames from one network to the other.
wirefilter -v '/tmp/net[9]:/tmp/other[9]' <&4 & filter=$!
vde_plug '/tmp/other[2]' <&4 >/tmp/far & far=$!
wait_for '[ $(grep -c "port=[29]" /proc/net/ipn) = 3 ]'
frame 3 | vde_plug /tmp/net >/dev/null || exit 6
frame 3 >/tmp/wanted
wait_for 'cmp -s /tmp/far /tmp/wanted'

# What is taken, or is no port, is refused.
vde_plug '/tmp/other[2]' </dev/null 2>/tmp/why && exit 7
grep -q 'Address already in use' /tmp/why || exit 8
vde_plug '/tmp/other[nobody]' </dev/null 2>/tmp/why && exit 9
grep -q 'Invalid argument' /tmp/why || exit 10

# Who is closed by a command hears of it and ends.
ask '2 port/print 2'
id=$(sed -n 's/.*endpoint ID 0*\([0-9]\).*/\1/p' /tmp/said | tail -n 1)
ask "2 port/epclose 2 $id"
wait_for "! kill -0 $far 2>/dev/null"
kill $filter
exec 3>&-
wait_for '! [ -s /proc/net/ipn ]'
vde_plug /tmp/net </dev/null 2>/tmp/why && exit 11
grep -q 'Connection refused' /tmp/why || exit 12
"""


@needs_guest
def test_plugs_and_filters_join_a_switch_in_the_kernel(guest, tmp_path: pathlib.Path) -> None:
    (tmp_path / "keeper.c").write_text(KEEPER)
    subprocess.run(["gcc", "-static", f"-I{ROOT}/kernel/uapi", "-o", tmp_path / "keeper",
                    tmp_path / "keeper.c"], check=True)
    script = tmp_path / "plug-test"
    script.write_text(SHELL)
    script.chmod(0o755)
    programs = {f"/bin/{name}": BUILD / "bin" / name for name in ("vde_plug", "wirefilter")}
    done = guest(modules=["ipn", "kvde_switch"], programs=[Program(str(script))],
                 files={"/bin/keeper": tmp_path / "keeper", **programs})
    assert done.passed, done.account()


def test_a_socket_that_is_no_switch_is_refused(tmp_path: pathlib.Path) -> None:
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(tmp_path / "s"))
        done = subprocess.run([BUILD / "bin" / "vde_plug", tmp_path / "s"], capture_output=True,
                              text=True, stdin=subprocess.DEVNULL, timeout=60)
    assert done.returncode == 1
    assert done.stderr == f"vde_plug: vde_open {tmp_path}/s: Not a directory\n"
