# SPDX-License-Identifier: GPL-2.0-or-later
"""Back-pressure: nothing is lost while the sender can wait, and nobody waits for ever."""
import json
import select
import struct
import threading

import pytest

from vde_world import BROADCAST, Stream, frame, joined, ours, station, until

COUNT = 20_000


def numbered(to: bytes, source: int, number: int, size: int = 64) -> bytes:
    return frame(to, source, struct.pack("!I", number).ljust(size - 14, b"\0"))


def number_of(got: bytes) -> int:
    return struct.unpack("!I", got[14:18])[0]


def sockets(world, switch) -> dict[int, dict]:
    answer = world.console(switch).ask("ds/print -j")
    return {e["port"]: e for e in json.loads(answer.split("\n")[1])["endpoints"]}


def in_background(work) -> threading.Thread:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


@pytest.mark.parametrize("size", [64, 1514, 9000])
def test_a_sender_faster_than_its_receiver_loses_nothing(world, size):
    sw = world.switch()
    sender, receiver = world.guest(sw, port=1), world.guest(sw, port=2)
    receiver.send(numbered(BROADCAST, 2, 0))
    sender.recv_from(2)
    count = COUNT if size < 9000 else COUNT // 10

    def send():
        for i in range(count):
            sender.send(numbered(station(2), 1, i, size))

    thread = in_background(send)
    # Not read until the sender must be waiting: the switch holds some, the sockets some.
    until(lambda: sockets(world, sw)[2]["held"] > 0, "a full receiver")
    for i in range(count):
        assert number_of(receiver.recv()) == i
    thread.join()
    assert sockets(world, sw)[2]["drop_full"] == 0


def test_a_flood_loses_nothing_on_any_port(world):
    sw = world.switch()
    sender = world.guest(sw, port=1)
    receivers = [world.guest(sw, port=2 + i) for i in range(8)]

    def send():
        for i in range(COUNT // 4):
            sender.send(numbered(BROADCAST, 1, i))

    heard = [0] * 8

    def receive(n):
        for i in range(COUNT // 4):
            if number_of(receivers[n].recv()) == i:
                heard[n] += 1

    threads = [in_background(send)] + [in_background(lambda n=n: receive(n)) for n in range(8)]
    for thread in threads:
        thread.join()
    assert heard == [COUNT // 4] * 8


def test_a_stuck_receiver_delays_the_others_once_and_then_loses_alone(world):
    """One guest never reads. Floods go on for everybody else, and its losses are counted."""
    sw = world.switch()
    sender, good = world.guest(sw, port=1), world.guest(sw, port=2)
    stuck = world.guest(sw, port=3)

    def send():
        for i in range(COUNT):
            sender.send(numbered(BROADCAST, 1, i, 1514))

    thread = in_background(send)
    for i in range(COUNT):
        assert number_of(good.recv()) == i
    thread.join()
    counts = sockets(world, sw)
    assert counts[3]["drop_full"] > 0 and counts[3]["lossy"]
    assert counts[2]["drop_full"] == 0
    # What it gets when it wakes up is the past without holes, then the present; and it recovers.
    stuck_numbers = []
    while select.select([stuck.data], [], [], 0.2)[0]:
        stuck_numbers.append(number_of(stuck.recv()))
    assert stuck_numbers == list(range(len(stuck_numbers)))
    sender.send(numbered(BROADCAST, 1, COUNT))
    assert number_of(stuck.recv()) == COUNT
    assert not sockets(world, sw)[3]["lossy"]


def test_two_guests_that_both_block_in_sending_are_not_made_to_wait_for_each_other(world):
    """Each sends its share before it reads anything: neither could go on if both were held back."""
    sw = world.switch()
    a, b = world.guest(sw, port=1), world.guest(sw, port=2)
    a.send(numbered(BROADCAST, 1, 0))
    b.recv_from(1)
    b.send(numbered(station(1), 2, 0))
    a.recv_from(2)
    done = []

    def work(guest, source, to):
        for i in range(COUNT // 4):
            guest.send(numbered(station(to), source, i))
        done.append(source)

    threads = [in_background(lambda: work(a, 1, 2)), in_background(lambda: work(b, 2, 1))]
    for thread in threads:
        thread.join(30)
    assert sorted(done) == [1, 2]


def test_a_plug_whose_reader_is_slow_holds_the_switch_back(world):
    """Frames for a vde_plug that nobody reads wait in its pipe, the switch, then the sender."""
    sw = world.switch()
    sender = world.guest(sw, port=1)
    stream = Stream(world.start([ours("vde_plug"), f"{sw.dir}[2]"]))
    joined(sw, world.console(sw), 2)

    def send():
        for i in range(COUNT):
            sender.send(numbered(BROADCAST, 1, i, 200))

    thread = in_background(send)
    until(lambda: sockets(world, sw)[2]["held"] > 0, "a full plug")
    for i in range(COUNT):
        assert number_of(stream.recv()) == i
    thread.join()


def test_a_guest_that_dies_while_others_wait_for_it_lets_them_go(world):
    sw = world.switch()
    sender, good = world.guest(sw, port=1), world.guest(sw, port=2)
    stuck = world.guest(sw, port=3)
    stuck.send(numbered(BROADCAST, 3, 0))
    sender.recv_from(3)
    good.recv_from(3)

    def send():
        for i in range(COUNT):
            sender.send(numbered(station(3), 1, i, 1514))
        sender.send(numbered(BROADCAST, 1, COUNT))

    thread = in_background(send)
    until(lambda: sockets(world, sw)[3]["held"] > 0, "a full receiver")
    stuck.close()
    while number_of(good.recv_from(1)) != COUNT:
        pass
    thread.join()
