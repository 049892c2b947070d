# SPDX-License-Identifier: GPL-2.0-or-later
"""wirefilter between switches, in pipes and at its consoles, next to Debian's."""
import json
import os
import re
import signal
import socket
import statistics
import subprocess
import time

import pytest

from wf_peer import (BIN, OURS, ROOT, Plug, Program, Session, Switch, frame, number_of, wait_for)

DEBIAN = "/usr/bin/wirefilter"


@pytest.fixture(params=["/usr/bin/vde_switch", str(BIN / "vde_switch")], ids=["debian", "ours"])
def switch(request) -> str:
    return request.param


@pytest.fixture
def wire(tmp_path, switch):
    """Two switches, Debian's or ours, and a function that joins them by a wirefilter."""
    programs: list[Program] = []

    def join(*args: str, program: str = OURS) -> Session:
        mgmt = tmp_path / f"mgmt{len(programs)}"
        programs.append(Program(program, "-v", f"{left.path}:{right.path}", "-M", str(mgmt), *args))
        return Session(mgmt)

    with Switch(tmp_path / "left", switch) as left, Switch(tmp_path / "right", switch) as right:
        join.left, join.right, join.programs = left.path, right.path, programs
        try:
            yield join
        finally:
            for program in programs:
                program.__exit__()


def through(sender: Plug, receiver: Plug, number: int) -> None:
    """Sends until it arrives: a switch may still be taking the plug in."""
    wait_for(lambda: sender.send(frame(number)) or
             ((got := receiver.receive(0.2)) and number_of(got) == number), "frame")


def test_frames_cross_both_ways(wire):
    wire()
    with Plug(wire.left) as left, Plug(wire.right) as right:
        through(left, right, 1)
        through(right, left, 2)


def test_jumbo_frames_cross_streams():
    """With plugs a frame is a datagram; in streams it stands after its length."""
    payload = b"".join(len(f).to_bytes(2, "big") + f for f in
                       (frame(n, size) for n, size in enumerate([60, 9000, 1514, 9216, 14, 60])))
    done = subprocess.run([OURS, "-d", "20"], input=payload, capture_output=True, timeout=20)
    assert done.stdout == payload
    assert b"monodirectional" in done.stderr
    assert done.returncode == 0


def measure_delay(join, count: int = 300) -> list[float]:
    """Delays in ms of frames sent at 1,000 a second; clocks are read next to the socket calls."""
    sent: dict[int, float] = {}
    delays = []
    with Plug(join.left) as left, Plug(join.right) as right:
        through(left, right, 0)
        time.sleep(0.3)
        while right.receive(0):
            pass
        start = time.monotonic()
        while len(delays) < count:
            now = time.monotonic()
            if len(sent) < count and now >= start + len(sent) * 0.001:
                number = 1000 + len(sent)
                sent[number] = time.monotonic()
                left.send(frame(number))
            elif (got := right.receive(0.0005)) is not None:
                delays.append((time.monotonic() - sent[number_of(got)]) * 1000)
            assert now < start + 20
    return delays


def test_delay_is_kept_within_a_millisecond(wire):
    """At 1,000 frames/s. Early is wrong whatever the machine does; late is judged by the median,
    and on a machine that is busy with other things by the best of several tries."""
    wire("-d", "100")
    medians = []
    for _ in range(5):
        delays = measure_delay(wire)
        assert min(delays) >= 99.99
        medians.append(statistics.median(delays))
        if medians[-1] <= 101:
            break
    assert min(medians) <= 101, medians


def measure_rate(join, rate: int, window: int) -> float:
    """Bytes per second from the first to the last of 1.5 s worth of frames, window of them on the
    way: what an interface holds back must fit the switch's socket."""
    size, count = 1000, rate * 3 // 2 // 1000
    with Plug(join.left) as left, Plug(join.right) as right:
        through(left, right, 0)
        sent, times = 0, []
        while len(times) < count:
            if sent < count and sent - len(times) < window:
                left.send(frame(1000 + sent, size))
                sent += 1
            elif number_of(right.receive()) >= 1000:
                times.append(time.monotonic())
    return (count - 1) * size / (times[-1] - times[0])


@pytest.mark.parametrize("option, window", [("-b", 50), ("-s", 6)])
def test_bandwidth_and_speed_are_kept_within_two_percent(wire, option, window):
    wire(option, "LR 500000")
    rates = []
    for _ in range(4):
        rates.append(measure_rate(wire, 500000, window))
        if abs(rates[-1] - 500000) <= 10000:
            return
    pytest.fail(f"{rates} instead of 500000")


def test_speed_holds_the_sender_back(wire):
    """Frames that a slow interface has not taken stay where they come from; none is lost."""
    session = wire("-s", "LR 100000")
    with Plug(wire.left) as left, Plug(wire.right) as right:
        through(left, right, 0)
        for number in range(1, 9):
            left.send(frame(number, 1000))
        got = [number_of(right.receive()) for _ in range(8)]
        assert got == list(range(1, 9))
        assert re.search(r"drop_queue +L->R 0 ", session.command("showcounters"))


def test_loss_of_everything_one_way(wire):
    session = wire("-l", "RL100")
    with Plug(wire.left) as left, Plug(wire.right) as right:
        through(left, right, 1)
        right.send(frame(7, source=2))
        wait_for(lambda: json.loads(session.command("showcounters -j").splitlines()[1])
                 ["RL"]["drop_loss"] >= 1, "counted loss")
        assert left.receive(0.1) is None


COMMANDS = """showinfo
loss 20
loss RL 10
delay 100+50N
bandwidth 128+64KN
speed 1G
chanbufsize 64K
noise 0.00001
mtu LR1500
dup LR 7.123456789
lostburst 5
fifo 0
showinfo
markov-numnodes 4
markov-name 0,good
markov-name 2,a b
markov-time 100000
setedge 0,1,0.033333
setedge 0,2,0.005
setedge 1,0,100
showedges 0
showedges 1
showedges 3
showedges 9
showcurrent
loss 10[2]
loss LR20+5N[1]
delay 1234567+5[1]
showinfo 1
showinfo 2
showinfo 9
delay 5[9]
setedge 9,0,5
markov-setnode 2
showcurrent
markov-setnode 8
markov-numnodes 2
showcurrent
showedges
fifo 1
showinfo
nosuchcommand
load /nonexistent/rc"""


def test_answers_are_those_of_the_original_byte_for_byte(wire):
    with wire() as ours, wire(program=DEBIAN) as theirs:
        for command in COMMANDS.splitlines():
            # Where the original refuses it says nothing; we say why before the same last line.
            want, got = theirs.command(command), ours.command(command)
            if not want.startswith("1000") and not want.endswith("1000 Success\n"):
                want, got = want.splitlines()[-1], got.splitlines()[-1]
            assert got == want, command


def test_logout_ends_the_session_and_shutdown_the_program(wire):
    session = wire()
    assert session.command("logout") == "9999 END OF SESSION"
    mgmt = re.search(r"\S*mgmt0$", session.socket.getpeername())[0]
    again = Session(mgmt)
    assert again.command("shutdown") == "9999 END OF SESSION"
    assert wire.programs[0].process.wait(20) == 0
    assert not os.path.exists(mgmt)


def test_node_changes_are_traced_to_the_session_that_asked(wire):
    session = wire()
    for line in ("markov-numnodes 2", "markov-name 1,fade", "markov-time 20", "setedge 0,1,100",
                 "setedge 1,0,100"):
        assert session.command(line).strip() == "1000 Success"
    session.socket.sendall(b"markov-debug 1\n")
    text = ""
    while len(re.findall("^380", text, re.M)) < 5:
        text += session.socket.recv(4096).decode()
    lines = [line for line in text.replace("VDEwf$ ", "").splitlines() if line.startswith("38")]
    assert set(lines) == {'3801 Node 0 "" -> 1 "fade"', '3800 Node 1 "fade" -> 0 ""'}
    assert all(a != b for a, b in zip(lines, lines[1:]))


def test_rc_file_then_options(wire, tmp_path):
    rc = tmp_path / "rc"
    rc.write_text("# a comment\n\nmarkov-numnodes 3\ndelay 5[2]\nloss 3\n")
    session = wire("-f", str(rc), "-l", "LR 4", "-d", "7[2]")
    assert "Loss   L->R 4+0U   R->L 3+0U" in session.command("showinfo 0")
    assert "Delay  L->R 7+0U   R->L 7+0U" in session.command("showinfo 2")


@pytest.mark.parametrize("args, said", [
    (["--nosuch"], "nosuch"),
    (["-v", "x"], "two plugs"),
    (["-v", "/nonexistent:/nonexistent"], "/nonexistent: No such file"),
    (["-v", "-:-"], "only one"),
    (["-l", "abc"], "loss: 'abc'"),
    (["-d", "5[3]"], "node 3"),
    (["-f", "/nonexistent"], "/nonexistent"),
    (["--trace-loss", "/nonexistent"], "/nonexistent: No such file"),
    (["--mgmtmode", "9"], "octal"),
    (["--daemon"], "in use"),
    (["stray"], "stray"),
])
def test_bad_input_is_told_and_ends_it(args, said):
    done = subprocess.run([OURS, *args], input=b"", capture_output=True, timeout=20)
    assert done.returncode == 1
    assert said in done.stderr.decode()


def test_rc_file_with_an_error_names_the_line(tmp_path):
    rc = tmp_path / "rc"
    rc.write_text("loss 5\nlos 5\n")
    done = subprocess.run([OURS, "-f", str(rc)], input=b"", capture_output=True, timeout=20)
    assert done.returncode == 1
    assert f"{rc}:2" in done.stderr.decode() and "los 5" in done.stderr.decode()


def test_help_names_every_option_and_so_does_the_man_page():
    text = subprocess.run([OURS, "--help"], capture_output=True, check=True).stdout.decode()
    man = (ROOT / "core/bin/wirefilter.1").read_text().replace("\\-", "-")
    for option in re.findall(r"--[a-z][a-z-]+", text):
        assert option in man, option


def test_terminal_takes_commands_until_it_ends(tmp_path):
    with Switch(tmp_path / "a") as a, Switch(tmp_path / "b") as b:
        done = subprocess.run([OURS, "-v", f"{a.path}:{b.path}"], input=b"loss 5\nshowinfo\n",
                              capture_output=True, timeout=20)
    assert "Loss   L->R 5+0U   R->L 5+0U" in done.stdout.decode()
    assert done.returncode == 0


def test_daemon_writes_its_pid_and_says_packets_on_blink(wire, tmp_path):
    blink = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    blink.bind(str(tmp_path / "blink"))
    blink.settimeout(20)
    pid_file = tmp_path / "pid"
    subprocess.run([OURS, "-v", f"{wire.left}:{wire.right}", "--daemon", "--pidfile", "pid",
                    "--blink", str(tmp_path / "blink"), "--blinkid", "me", "-M", "mgmt"],
                   check=True, timeout=20, cwd=tmp_path)
    pid = int(wait_for(lambda: pid_file.exists() and pid_file.read_text(), "pid file"))
    try:
        with Plug(wire.left) as left, Plug(wire.right) as right:
            through(left, right, 1)
            assert blink.recv(100) == b"me LR 62\n"
        assert "1000 Success" in Session(tmp_path / "mgmt").command("loss 5")
    finally:
        os.kill(pid, signal.SIGTERM)
    wait_for(lambda: not (tmp_path / "mgmt").exists(), "end of the daemon")


@pytest.mark.parametrize("option, said", [
    (["-M", "/nonexistent/mgmt"], "/nonexistent/mgmt: No such file"),
    (["--pidfile", "/nonexistent/pid"], "/nonexistent/pid: No such file"),
])
def test_a_daemon_that_cannot_start_says_so_and_fails(wire, option, said):
    done = subprocess.run([OURS, "-v", f"{wire.left}:{wire.right}", "--daemon", *option],
                          capture_output=True, timeout=20)
    assert done.returncode == 1
    assert said in done.stderr.decode()


def test_it_joins_a_switch_of_debian_and_ours(tmp_path):
    with Switch(tmp_path / "a") as a, Switch(tmp_path / "b", str(BIN / "vde_switch")) as b, \
            Program(OURS, "-v", f"{a.path}:{b.path}", "-M", str(tmp_path / "m")), \
            Plug(a.path) as one, Plug(b.path) as other:
        Session(tmp_path / "m")
        through(one, other, 1)
        through(other, one, 2)


def test_a_switch_that_goes_ends_it_with_an_error(tmp_path):
    with Switch(tmp_path / "a") as a, Switch(tmp_path / "b") as b:
        with Program(OURS, "-v", f"{a.path}:{b.path}", "-M", str(tmp_path / "m")) as filter_:
            Session(tmp_path / "m")
            b.process.terminate()
            assert filter_.process.wait(20) == 1
            assert b"right switch has closed" in filter_.process.stderr.read()


@pytest.mark.parametrize("plug", ["/usr/bin/vde_plug", str(BIN / "vde_plug")])
@pytest.mark.parametrize("dpipe", ["/usr/bin/dpipe", str(BIN / "dpipe")])
def test_in_a_dpipe_between_two_plugs(tmp_path, dpipe, plug):
    with Switch(tmp_path / "a") as a, Switch(tmp_path / "b") as b, \
            Program(dpipe, plug, a.path, "=", OURS, "-M", str(tmp_path / "m"), "-d", "LR 30", "=",
                    plug, b.path), Plug(a.path) as left, Plug(b.path) as right:
        assert "bidirectional" in Session(tmp_path / "m").command("showinfo")
        through(left, right, 1)
        through(right, left, 2)


def test_a_plug_and_a_stream(tmp_path):
    """-v switch:- next to Debian's vde_plug, as towards a remote network by ssh."""
    with Switch(tmp_path / "a") as a, Switch(tmp_path / "b") as b, \
            Program("/usr/bin/dpipe", OURS, "-v", f"{a.path}:-", "=", "/usr/bin/vde_plug",
                    b.path), \
            Plug(a.path) as left, Plug(b.path) as right:
        through(left, right, 1)
        through(right, left, 2)


def test_debians_wirefilter_and_ours_in_a_row(tmp_path):
    with Switch(tmp_path / "a") as a, Switch(tmp_path / "b") as b, \
            Program("/usr/bin/dpipe", OURS, "-v", f"{a.path}:-", "-d", "5", "=", DEBIAN, "=",
                    "/usr/bin/vde_plug", b.path), \
            Plug(a.path) as left, Plug(b.path) as right:
        through(left, right, 1)
        through(right, left, 2)


def test_capacity_trace_from_a_file(wire, tmp_path):
    """One packet every 50 ms, told from a file at the console."""
    trace = tmp_path / "trace"
    trace.write_text("50\n")
    session = wire()
    assert "1000 Success" in session.command(f"trace-load capacity LR {trace}")
    assert "Trace of capacity" in session.command("showinfo")
    with Plug(wire.left) as left, Plug(wire.right) as right:
        through(left, right, 0)
        times = []
        for number in range(1, 5):
            left.send(frame(number, 1514))
        for _ in range(4):
            while number_of(right.receive()) == 0:
                pass
            times.append(time.monotonic())
    assert times[3] - times[0] > 0.14
    trace.write_text("5\n4\n")
    assert f"{trace}: line 2" in session.command(f"trace-load capacity LR {trace}")


def test_unusual_streams_are_survived():
    """Half a frame, an impossible length, then silence: what is whole goes through."""
    good = frame(1)
    stream = len(good).to_bytes(2, "big") + good
    for bad in (b"", b"\x00", b"\xff\xffgarbage", stream[:20]):
        done = subprocess.run([OURS], input=stream + bad, capture_output=True, timeout=20)
        assert done.stdout == stream
        assert done.returncode == 0
