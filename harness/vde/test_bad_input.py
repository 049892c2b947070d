# SPDX-License-Identifier: GPL-2.0-or-later
"""What guests and consoles should not send: dropped, counted or closed, and the switch goes on."""
import json
import os
import random
import socket
import struct

import pytest

from vde_world import (BROADCAST, MAGIC, PATIENCE, Console, Guest, Refused, frame, station, sun,
                       until)


@pytest.fixture
def sw(world):
    """A switch that must still carry frames and answer at the end, and lose no memory for it."""
    made = world.switch()
    yield made
    assert made.process.poll() is None, made.process.stderr.read()
    a, b = world.guest(made), world.guest(made)
    a.send(frame(BROADCAST, 1, b"still alive"))
    assert b.recv_from(1)[14:] == b"still alive"
    assert "1000 Success" in world.console(made).ask("port/print")


def raw(sw, data: bytes, end: bool = True) -> bytes:
    """Writes bytes on the control socket; what the switch answers before it closes."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as ctl:
        ctl.settimeout(PATIENCE)
        ctl.connect(str(sw.dir / "ctl"))
        answer = b""
        try:
            ctl.sendall(data)
            if end:
                ctl.shutdown(socket.SHUT_WR)
            while piece := ctl.recv(4096):
                answer += piece
        except (ConnectionResetError, BrokenPipeError):
            pass
        return answer


def request(path, magic=MAGIC, version=3, kind=0, descr=b"x") -> bytes:
    return struct.pack("=III", magic, version, kind) + sun(path) + descr


def endpoints(world, sw) -> list[dict]:
    answer = world.console(sw).ask("ds/print -j")
    return json.loads(answer.split("\n")[1])["endpoints"]


def test_a_request_cut_anywhere_is_no_guest(world, sw):
    whole = request(str(sw.dir / ".1-1"), descr=b"")
    for size in range(len(whole)):
        assert raw(sw, whole[:size]) == b""
    assert endpoints(world, sw) == []


def test_a_request_in_pieces_is_a_request(world, sw):
    class Slow(Guest):
        def request(self, port, descr):
            whole = super().request(port, "")
            for at in range(len(whole) - 1):
                self.ctl.sendall(whole[at:at + 1])
            return whole[-1:]

    world.things.append(Slow(sw.dir))
    assert len(endpoints(world, sw)) == 1


@pytest.mark.parametrize("data", [
    request("/tmp/x", magic=0xDEADBEEF), request("/tmp/x", version=2), request("/tmp/x", version=4),
    request("/tmp/x", version=0xFFFFFFFF), request("/tmp/x", kind=2), request("/tmp/x", kind=0xFF),
    request("/nonexistent/socket"), request("relative"), request(b"\0abstract"),
    request(b"/" * 108),
    request("/dev/null"), request("/etc/passwd"), request("/tmp"), request(""),
    request("/tmp/x", kind=0xFFFFFF00), b"GET / HTTP/1.0\r\n\r\n", b"\n" * 300, b"\0" * 300,
])
def test_a_wrong_request_is_closed_without_an_answer(world, sw, data):
    assert raw(sw, data, end=False) == b""
    assert endpoints(world, sw) == []


def test_chance_on_the_control_socket_is_no_guest(world, sw):
    chance = random.Random(2)
    for _ in range(200):
        data = bytearray(chance.randbytes(chance.randrange(1, 400)))
        if chance.random() < 0.7:
            data[0:4] = struct.pack("=I", MAGIC)
        if chance.random() < 0.5 and len(data) > 8:
            data[4:8] = struct.pack("=I", chance.randrange(5))
        raw(sw, bytes(data))
    assert endpoints(world, sw) == []


def test_noise_after_the_request_is_ignored(world, sw):
    guest, other = world.guest(sw), world.guest(sw)
    guest.ctl.sendall(os.urandom(5000))
    guest.send(frame(BROADCAST, 1, b"on"))
    assert other.recv_from(1)[14:] == b"on"


def test_a_description_is_one_line_of_text(world, sw):
    world.guest(sw, descr="two\nlines\x1b[2J\x01")
    world.guest(sw, descr="x" * 500)
    answer = world.console(sw).ask("port/print")
    assert "two?lines?[2J?" in answer and "\x1b" not in answer
    assert "x" * 127 + "\n" in answer


def test_a_guest_cannot_point_the_switch_at_anothers_socket(world, sw):
    """The data socket must belong to who asks; here root's is named by nobody."""
    os.chmod(world.dir, 0o755)
    open_switch = world.switch("ours", "open", "-m", "666", "--dirmode", "777")
    victim = world.guest(open_switch)
    pid = os.fork()
    if pid == 0:
        try:
            os.setgid(65534)
            os.setuid(65534)
            os._exit(0 if raw(open_switch, request(victim.path), end=False) == b"" else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_frames_of_every_length_are_carried_or_counted(world, sw):
    a, b = world.guest(sw), world.guest(sw)
    # 9216 bytes behind the header; in transit behind a tag too, which the switch takes off here.
    for size in [*range(14, 80), 1514, 1518, 1791, 1792, 1793, 1794, 2048, 9000, 9229, 9230]:
        sent = frame(BROADCAST, 1, os.urandom(size - 14))
        a.send(sent)
        assert b.recv() == sent, size
    a.send(frame(BROADCAST, 1, os.urandom(9217)))  # fits in a datagram, not in the switch's MTU
    for size in [*range(0, 14), 9235, 9236, 20000, 65000]:
        a.send(os.urandom(size))
    a.send(frame(BROADCAST, 1, b"end"))
    assert b.recv_from(1)[14:] == b"end"
    counts = json.loads(world.console(sw).ask("ds/print -j").split("\n")[1])
    assert (counts["runt"], counts["oversize"]) == (14, 4)


def test_chance_as_frames_crashes_nothing(world, sw):
    chance = random.Random(1)
    a, b = world.guest(sw), world.guest(sw)
    b.data.setblocking(False)
    for i in range(5000):
        head = chance.choice([BROADCAST, station(2), chance.randbytes(6)]) + chance.randbytes(6)
        kind = chance.choice([b"\x81\x00", b"\x08\x00", b"\x86\xdd", b"\x08\x06",
                              chance.randbytes(2)])
        a.send(head + kind + chance.randbytes(chance.randrange(0, 200)))
        if i % 16 == 0:
            try:
                while True:
                    b.data.recv(70000)
            except BlockingIOError:
                pass
    b.close()


def test_nobody_else_can_send_into_a_guests_socket(world, sw):
    guest, other = world.guest(sw), world.guest(sw)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as stranger:
        with pytest.raises(OSError):
            stranger.sendto(frame(BROADCAST, 66, b"forged"), guest.peer)
    guest.send(frame(BROADCAST, 1, b"genuine"))
    assert other.recv()[14:] == b"genuine"


def test_garbage_on_the_management_socket_is_answered_with_errors(world, sw):
    chance = random.Random(3)
    for data in (b"\0" * 100 + b"\n", b"\xff\xfe\n", b"x" * 100_000 + b"\n", b"\n" * 1000,
                 b"port/setvlan 1 99999999999999999999\n", b"port/setvlan -1 -1\n", b"/\n", b"//\n",
                 b"port/\n", b"hash/find zz\n", b"vlan/create 4096\n", b"\x04\x03\n",
                 chance.randbytes(5000) + b"\n"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as mgmt:
            mgmt.settimeout(PATIENCE)
            mgmt.connect(str(sw.mgmt))
            try:
                mgmt.sendall(data)
                mgmt.shutdown(socket.SHUT_WR)
                while mgmt.recv(65536):
                    pass
            except (ConnectionResetError, BrokenPipeError):
                pass


def test_a_console_that_never_reads_costs_nobody_else(world, sw):
    deaf = Console(sw.mgmt)
    deaf.socket.setblocking(False)
    try:
        while True:
            deaf.socket.send(b"help\n" * 500)
    except (BlockingIOError, ConnectionResetError, BrokenPipeError):
        pass
    assert "1000 Success" in world.console(sw).ask("showinfo")
    deaf.close()


def test_many_consoles_and_guests_come_and_go(world, sw):
    for _ in range(50):
        guest, console = Guest(sw.dir), Console(sw.mgmt)
        console.socket.sendall(b"port/pri")
        guest.close()
        console.close()
    until(lambda: endpoints(world, sw) == [], "all gone")


def test_64_consoles_are_served_and_one_more_is_told_so(world):
    sw = world.switch()
    consoles = [world.console(sw) for _ in range(64)]
    refused = Console(sw.mgmt)
    assert refused.greeting == "1024 Too many open files (all consoles are taken)\n"
    assert "1000 Success" in consoles[-1].ask("showinfo")
    consoles[0].close()
    # The place is free once the switch has seen the end.
    until(lambda: world.console(sw).greeting.endswith("vde$ "), "a place")
    refused.close()
    sw.process.terminate()
    assert b"vde_switch: console refused: all consoles are taken\n" in sw.process.stderr.read()


def test_a_guest_names_a_socket_and_no_way_to_one(world, sw):
    """Through a link frames could be sent into somebody else's socket."""
    victim, link = world.dir / "victim", sw.dir / ".1-1"
    link.symlink_to(victim)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as data:
        data.bind(str(victim))
        for name in (link, world.dir, "/dev/null"):
            assert raw(sw, request(str(name))) == b"", name
        assert raw(sw, request(str(victim))) != b""
    link.unlink()


def test_a_refused_guest_hears_it_at_once(world, sw):
    for _ in range(31):
        world.guest(sw)
    with pytest.raises(Refused):
        world.guest(sw)
    for thing in list(world.things):
        thing.close()
