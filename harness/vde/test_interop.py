# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's programs on our switch, ours on Debian's: frames cross unchanged, both ways."""
import os
import subprocess

import pytest

from vde_world import (BROADCAST, BUILD, PROGRAM, ROOT, Stream, debian, frame, joined, ours,
                       station, until)

BOTH = ("ours", "debian")
SIZES = (60, 64, 1514, 9000)


@pytest.mark.parametrize("plug", BOTH)
@pytest.mark.parametrize("switch", BOTH)
def test_a_plug_carries_frames_both_ways(world, switch, plug):
    sw = world.switch(switch)
    guest, console = world.guest(sw), world.console(sw)
    stream = Stream(world.start([PROGRAM[plug]("vde_plug"), sw.dir]))
    joined(sw, console, 2)
    # Debian's switch takes no more than 1,518 bytes of a frame.
    for size in [s for s in SIZES if switch == "ours" or s <= 1514]:
        down = frame(BROADCAST, 1, os.urandom(size - 14))
        guest.send(down)
        assert stream.recv_from(1) == down
        up = frame(station(1), 2, os.urandom(size - 14))
        stream.send(up)
        assert guest.recv_from(2) == up


@pytest.mark.parametrize("plug", BOTH)
def test_a_port_can_be_named_in_brackets(world, plug):
    sw = world.switch()
    console = world.console(sw)
    world.start([PROGRAM[plug]("vde_plug"), f"vde://{sw.dir}[7]"])
    joined(sw, console, 1)
    assert "Port 0007 untagged_vlan=0000 ACTIVE" in console.ask("port/print")


@pytest.mark.parametrize("plug", BOTH)
@pytest.mark.parametrize("switch", BOTH)
def test_the_description_says_who_it_is(world, switch, plug):
    sw = world.switch(switch)
    console = world.console(sw)
    process = world.start([PROGRAM[plug]("vde_plug"), "-D", "my machine", sw.dir])
    joined(sw, console, 1)
    assert f": my machine user=root pid={process.pid}\n" in console.ask("port/print")


def test_wirefilter_of_debian_joins_two_of_our_switches(world):
    left, right = world.switch("ours", "a"), world.switch("ours", "b")
    consoles = [world.console(sw) for sw in (left, right)]
    world.start([debian("wirefilter"), "-v", f"{left.dir}:{right.dir}"])
    a, b = world.guest(left), world.guest(right)
    for sw, console in zip((left, right), consoles):
        joined(sw, console, 2)
    sent = frame(BROADCAST, 1, os.urandom(1000))
    a.send(sent)
    assert b.recv_from(1) == sent
    sent = frame(station(1), 2, os.urandom(100))
    b.send(sent)
    assert a.recv_from(2) == sent


@pytest.mark.parametrize("library", BOTH)
@pytest.mark.parametrize("switch", BOTH)
def test_a_cable_of_two_plugs_joins_switches(world, switch, library):
    left, right = world.switch("ours", "a"), world.switch(switch, "b")
    world.start([PROGRAM[library]("vde_plug"), left.dir, right.dir])
    a, b = world.guest(left), world.guest(right)
    for sw in (left, right):
        joined(sw, world.console(sw), 2)
    for _ in range(100):
        sent = frame(BROADCAST, 1, os.urandom(500))
        a.send(sent)
        assert b.recv_from(1) == sent


@pytest.mark.parametrize("dpipe", BOTH)
@pytest.mark.parametrize("plugs", BOTH)
def test_dpipe_makes_a_cable_of_two_plugs(world, dpipe, plugs):
    left, right = world.switch("ours", "a"), world.switch("debian", "b")
    plug = PROGRAM[plugs]("vde_plug")
    world.start([PROGRAM[dpipe]("dpipe"), plug, left.dir, "=", plug, right.dir])
    a, b = world.guest(left), world.guest(right)
    for sw in (left, right):
        joined(sw, world.console(sw), 2)
    for size in SIZES[:3]:
        sent = frame(BROADCAST, 1, os.urandom(size - 14))
        a.send(sent)
        assert b.recv_from(1) == sent


def test_a_plug_serves_a_command(world):
    """vde_plug SWITCH = COMMAND: here the command is another plug, on another switch."""
    left, right = world.switch("ours", "a"), world.switch("ours", "b")
    world.start([ours("vde_plug"), left.dir, "=", debian("vde_plug"), right.dir])
    a, b = world.guest(left), world.guest(right)
    for sw in (left, right):
        joined(sw, world.console(sw), 2)
    sent = frame(BROADCAST, 1, os.urandom(700))
    a.send(sent)
    assert b.recv_from(1) == sent
    sent = frame(station(1), 2, os.urandom(700))
    b.send(sent)
    assert a.recv_from(2) == sent


def test_qemu_boots_on_our_switch(world):
    """A PC without a disk: its boot ROM asks for an address, and the switch's guests hear it."""
    sw = world.switch()
    guest = world.guest(sw)
    world.start(["qemu-system-x86_64", "-accel", "tcg", "-m", "32", "-display", "none",
                 "-nodefaults", "-boot", "n", "-netdev", f"vde,id=n0,sock={sw.dir}", "-device",
                 "e1000,netdev=n0,mac=02:00:5e:10:00:01"])

    def discover(got: bytes) -> bool:
        return (got[:6] == BROADCAST and got[6:12] == bytes.fromhex("02005e100001") and
                got[12:14] == b"\x08\x00" and got[23] == 17 and got[34:38] == b"\0\x44\0\x43")

    while not discover(guest.recv()):
        pass
    assert "vde" in world.console(sw).ask("port/print")


SESSION_C = r"""
#include <errno.h>
#include <libvdeplug.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Two connections on one switch; what is sent on one is heard on the other. */
int main(int argc, char **argv)
{
	struct vde_open_args args = {.port = 3, .group = NULL, .mode = 0700};
	VDECONN *a, *b;
	char frame[64] = "\xff\xff\xff\xff\xff\xff\x02\0\0\0\0\1\x88\xb5payload", got[100];

	(void)argc;
	a = vde_open("/nonexistent", "x", NULL);
	printf("no switch: %p %s\n", (void *)a, strerror(errno));
	a = vde_open("nothing://x", "x", NULL);
	printf("no such url: %p %s\n", (void *)a, strerror(errno));
	a = vde_open_real(argv[1], "x", 2, &args);
	printf("version: %p %s\n", (void *)a, strerror(errno));
	a = vde_open(argv[1], "a", &args);
	b = vde_open(argv[1], "b", NULL);
	if (!a || !b)
		return 1;
	printf("fds: %d\n", vde_datafd(a) >= 0 && vde_ctlfd(a) >= 0);
	for (int i = 0; i < 1000; i++) {
		struct pollfd pfd = {.fd = vde_datafd(b), .events = POLLIN};

		frame[20] = i;
		if (vde_send(a, frame, sizeof(frame), 0) != sizeof(frame))
			return 2;
		if (poll(&pfd, 1, 10000) != 1 ||
		    vde_recv(b, got, sizeof(got), 0) != sizeof(frame) ||
		    memcmp(got, frame, sizeof(frame)))
			return 3;
	}
	printf("null: %zd %zd %d %d %d\n", vde_recv(NULL, got, 1, 0), vde_send(NULL, got, 1, 0),
	       vde_datafd(NULL), vde_ctlfd(NULL), vde_close(NULL));
	printf("close: %d %d\n", vde_close(a), vde_close(b));
	return 0;
}
"""


def build_session(world, *flags) -> str:
    source, program = world.dir / "session.c", world.dir / "session"
    source.write_text(SESSION_C)
    subprocess.run(["cc", "-w", "-o", program, source, *flags], check=True)
    return str(program)


def run_session(world, program: str, switch, library_path: str) -> str:
    answer = subprocess.run([program, str(switch.dir)], capture_output=True, text=True, timeout=60,
                            env={**os.environ, "LD_LIBRARY_PATH": library_path})
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return answer.stdout


@pytest.mark.parametrize("switch", BOTH)
def test_a_program_of_debians_library_runs_with_ours_by_its_path_alone(world, switch):
    sw = world.switch(switch)
    program = build_session(world, "-lvdeplug")
    assert run_session(world, program, sw, "") == run_session(world, program, sw, f"{BUILD}/lib")
    linked = subprocess.run(["ldd", program], capture_output=True, text=True,
                            env={**os.environ, "LD_LIBRARY_PATH": f"{BUILD}/lib"}).stdout
    assert f"libvdeplug.so.2 => {BUILD}/lib/libvdeplug.so.2" in linked


@pytest.mark.parametrize("switch", BOTH)
def test_a_program_of_our_library_plugs_in(world, switch):
    sw = world.switch(switch)
    program = build_session(world, f"-I{ROOT}/core/plug", f"-L{BUILD}/lib", "-lvdeplug")
    assert "close: 0 0" in run_session(world, program, sw, f"{BUILD}/lib")


def test_debians_vde_plug_runs_with_our_library(world):
    sw = world.switch("debian")
    guest = world.guest(sw)
    process = world.start([debian("vde_plug"), sw.dir],
                          env={**os.environ, "LD_LIBRARY_PATH": f"{BUILD}/lib"})
    joined(sw, world.console(sw), 2)
    with open(f"/proc/{process.pid}/maps", encoding="ascii") as maps:
        assert f"{BUILD}/lib/libvdeplug.so.2" in maps.read()
    stream = Stream(process)
    sent = frame(station(1), 2, os.urandom(100))
    stream.send(sent)
    assert guest.recv_from(2) == sent


def test_recv_honours_dontwait(world):
    sw = world.switch()
    source, program = world.dir / "dontwait.c", world.dir / "dontwait"
    source.write_text(r"""
#include <errno.h>
#include <libvdeplug.h>
#include <stdio.h>
#include <sys/socket.h>
int main(int argc, char **argv)
{
	char frame[100];
	VDECONN *conn = vde_open(argv[1], "x", NULL);

	(void)argc;
	return vde_recv(conn, frame, sizeof(frame), MSG_DONTWAIT) == -1 && errno == EAGAIN ? 0 : 1;
}
""")
    subprocess.run(["cc", "-o", program, source, f"-I{ROOT}/core/plug", f"-L{BUILD}/lib",
                    "-lvdeplug"], check=True)
    assert subprocess.run([program, sw.dir], timeout=60,
                          env={**os.environ, "LD_LIBRARY_PATH": f"{BUILD}/lib"}).returncode == 0


@pytest.mark.parametrize("plug", BOTH)
def test_ping_crosses_taps_of_two_namespaces(world, plug):
    """The kernel's own stacks at both ends: a tap of the switch, and a tap behind a plug."""
    near, far = world.namespace(), world.namespace()
    sw = world.switch("ours", "sw", "-t", "vt0", prefix=("ip", "netns", "exec", near))
    world.start(["ip", "netns", "exec", far, PROGRAM[plug]("vde_plug2tap"), "-s", sw.dir, "vt0"])
    joined(sw, world.console(sw), 2)
    for number, name in enumerate((near, far), 1):
        subprocess.run(["ip", "-n", name, "addr", "add", f"10.9.9.{number}/24", "dev", "vt0"],
                       check=True)
        subprocess.run(["ip", "-n", name, "link", "set", "vt0", "up"], check=True)
    answer = subprocess.run(["ip", "netns", "exec", near, "ping", "-c", "5", "-i", "0.05", "-s",
                             "1400", "10.9.9.2"], capture_output=True, text=True, timeout=60)
    assert " 0% packet loss" in answer.stdout, answer.stdout
    until(lambda: "tuntap" in world.console(sw).ask("port/print"), "the tap in the list")
