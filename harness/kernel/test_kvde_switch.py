# SPDX-License-Identifier: GPL-2.0-or-later
"""The program kvde_switch in a guest: it makes the switch, its console has the whole tree."""
import pathlib

import pytest

from guest import Program
from guest.suite import BUILD, missing

needs_guest = pytest.mark.skipif(bool(missing()), reason=missing())

SHELL = r"""#!/bin/sh
trap "kill \$(pidof vde_plug kvde_switch) 2>/dev/null" EXIT
wait_for() {
	i=0
	until eval "$1"; do
		i=$((i + 1))
		[ $i -lt 200 ] || { echo "# no: $1"; exit 1; }
		sleep 0.05
	done
}
ask() { unixcmd -s /tmp/mgmt "$@" >/tmp/said; }
printf 'vlan/create 7\nport/create 4\nport/setvlan 4 7\n' >/tmp/rc
mkfifo /tmp/silence
exec 4<>/tmp/silence
kvde_switch -s /tmp/net -M /tmp/mgmt -m 0644 -p /tmp/pid -f /tmp/rc -t kt0 -G v0 -n 16 -d || exit 2
[ "$(stat -c %a /tmp/net) $(stat -c %a /tmp/mgmt)" = '644 600' ] || exit 3
grep -q '^/tmp/net protocol=2 flags=lossy maxports=16 mtu=1518' /proc/net/ipn || exit 4
grep -q 'tap=kt0' /proc/net/ipn && grep -q 'grab=v0' /proc/net/ipn || exit 5

# The console: what the rc file has made, who is there, and what one makes now.
ask port/print && grep -q kt0 /tmp/said || exit 6
ask vlan/print && grep -q 'VLAN 0007' /tmp/said || exit 7
ask vlan/create 9 && ask vlan/print && grep -q 'VLAN 0009' /tmp/said || exit 8
ask vlan/create 9 && exit 9
ask hash/print || exit 10
ask help && grep -q '^port/setvlan  *N VLAN  *set port VLAN' /tmp/said || exit 11
ask showinfo -j && grep -q '"network":"/tmp/net"' /tmp/said || exit 12
ask port/showinfo -j && grep -q '"numports":16' /tmp/said || exit 13
ask vlan/create -j 9 && exit 14
ask no/such && exit 15

# Plugs join it, VLANs are kept apart, and addresses are learnt.
vde_plug '/tmp/net[5]' <&4 >/tmp/heard &
vde_plug '/tmp/net[4]' <&4 >/tmp/apart &
wait_for '[ $(grep -c "port=[45] " /proc/net/ipn) = 2 ]'
printf '\0\074\377\377\377\377\377\377\002\0\0\0\0\013\210\265%046d' 1 >/tmp/wanted
{
	cat /tmp/wanted
	wait_for 'cmp -s /tmp/heard /tmp/wanted'
	ask hash/print # while its port is there: then it is forgotten
} | vde_plug '/tmp/net[3]' >/dev/null || exit 16
cmp /tmp/heard /tmp/wanted || exit 27
[ ! -s /tmp/apart ] || exit 17
grep -qi '02:00:00:00:00:0b' /tmp/said || exit 18

# A live network is refused; a shutdown takes name and interfaces along, and the next one starts.
kvde_switch -s /tmp/net </dev/null 2>/tmp/why && exit 19
grep -q 'Address already in use' /tmp/why || exit 20
ask shutdown
wait_for '! [ -e /tmp/net ] && ! [ -e /tmp/mgmt ] && ! [ -e /tmp/pid ]'
wait_for '! [ -e /sys/class/net/kt0 ]'
kill $(pidof vde_plug)
echo 'vlan/print' | kvde_switch -s /tmp/net >/tmp/said || exit 21
grep -q 'VLAN 0000' /tmp/said && ! grep -q 'VLAN 0007' /tmp/said || exit 22
printf 'vlan/create 5000\n' >/tmp/rc
kvde_switch -s /tmp/net -f /tmp/rc </dev/null 2>/tmp/why && exit 23
grep -q '/tmp/rc:1: vlan/create 5000' /tmp/why || exit 24
kvde_switch -s /tmp/net -G nosuch </dev/null 2>/tmp/why && exit 25
grep -q 'grab nosuch: No such device' /tmp/why && [ ! -e /tmp/net ] || exit 26
wait_for '! [ -s /proc/net/ipn ]'
"""


@needs_guest
def test_the_console_has_the_whole_tree(guest, tmp_path: pathlib.Path) -> None:
    script = tmp_path / "kvde-switch-test"
    script.write_text(SHELL)
    script.chmod(0o755)
    done = guest(modules=["veth", "ipn", "kvde_switch"], programs=[Program(str(script))],
                 setup=["echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6",
                        "ip link add v0 type veth; ip link set v0 up"],
                 files={f"/bin/{name}": BUILD / "bin" / name
                        for name in ("kvde_switch", "vde_plug", "unixcmd")})
    assert done.passed, done.account()
