# SPDX-License-Identifier: GPL-2.0-or-later
"""dpipe, and vde_plug where no switch of the other maker is needed."""
import os
import pathlib
import signal
import subprocess
import time

import pytest

from vde_world import (BROADCAST, PROGRAM, Stream, frame, joined, ours, station, until)

BOTH = ("ours", "debian")


def run(*command, **options) -> subprocess.CompletedProcess:
    options.setdefault("input", "")
    return subprocess.run([str(word) for word in command], capture_output=True, text=True,
                          timeout=60, **options)


# Each command writes what it read to a file and passes it on with its letter: the order shows.
def relay(world, name: str) -> list[str]:
    return ["sh", "-c", f"read x; echo $x >{world.dir}/{name}; echo ${{x}}{name}"]


def first(world) -> list[str]:
    return ["sh", "-c", f"echo a; read x; echo $x >{world.dir}/a"]


def result(world, name: str) -> str:
    return (world.dir / name).read_text().strip()


@pytest.mark.parametrize("maker", BOTH)
def test_two_commands_hear_each_other(world, maker):
    assert run(PROGRAM[maker]("dpipe"), *first(world), "=", *relay(world, "b")).returncode == 0
    assert (result(world, "b"), result(world, "a")) == ("a", "ab")


@pytest.mark.parametrize("maker", BOTH)
def test_one_way_commands_stand_in_one_pipe(world, maker):
    run(PROGRAM[maker]("dpipe"), *first(world), "=}", *relay(world, "b"), "}=", *relay(world, "c"))
    assert [result(world, n) for n in "bca"] == ["a", "ab", "abc"]


@pytest.mark.parametrize("maker", BOTH)
def test_the_manuals_ring_of_four_runs_in_its_order(world, maker):
    """a =} b }={ c {= d = e: a, b, d, c and back to a; the alternate ends of d are e's."""
    d = ["sh", "-c", f"read x; echo $x >{world.dir}/d; echo ${{x}}d; "
                     "eval \"echo ask >&$ALTERNATE_STDOUT\"; "
                     f"eval \"read y <&$ALTERNATE_STDIN\"; echo $y >{world.dir}/y"]
    run(PROGRAM[maker]("dpipe"), *first(world), "=}", *relay(world, "b"), "}={", *relay(world, "c"),
        "{=", *d, "=", *relay(world, "e"))
    assert [result(world, n) for n in "bdca"] == ["a", "ab", "abd", "abdc"]
    assert (result(world, "e"), result(world, "y")) == ("ask", "aske")


@pytest.mark.parametrize("words, what", [
    ([], "no command"), (["true"], "nothing to connect with"), (["true", "="], "no command"),
    (["=", "true"], "no command"), (["true", "=", "=", "true"], "no command"),
    (["true", "=}", "cat", "=", "true"], "bracket"), (["true", "=}", "cat"], "both pipes"),
    (["--nosuch"], "nosuch"),
])
def test_a_line_that_is_no_ring_is_refused(words, what):
    answer = run(ours("dpipe"), *words)
    assert answer.returncode == 1 and what in answer.stderr, answer.stderr


def test_a_command_that_is_not_there_is_named(world):
    answer = run(ours("dpipe"), "nosuchcommand", "=", "cat")
    assert answer.returncode == 1
    assert "nosuchcommand: No such file or directory" in answer.stderr


def test_a_signal_is_passed_on_however_early_it_comes(world):
    for i in range(100):
        process = world.start([ours("dpipe"), "sleep", "1000", "=", "sleep", "1000"])
        end = time.monotonic() + i * 3e-5
        while time.monotonic() < end:
            pass
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def test_signals_go_to_the_commands_and_files_go_away(world):
    process = world.start([ours("dpipe"), "-p", "pid", "-P", "group", "sleep", "1000", "=", "sleep",
                           "1000"], cwd=world.dir)
    pid_file, group_file = world.dir / "pid", world.dir / "group"
    until(lambda: group_file.exists() and group_file.read_text().endswith("\n"), "the files")
    assert int(pid_file.read_text()) == process.pid
    assert int(group_file.read_text()) == -process.pid
    children = until(lambda: pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children")
                     .read_text().split()[1:] and
                     pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
                     .split(), "two children")
    process.send_signal(signal.SIGTERM)
    process.wait(30)
    assert not pid_file.exists() and not group_file.exists()
    assert not any(pathlib.Path(f"/proc/{child}").exists() for child in children)


def test_without_a_process_of_its_own_the_last_command_is_the_parent(world):
    process = world.start([ours("dpipe"), "-n", "-p", world.dir / "pid", "sleep", "1000", "=",
                           "sleep", "2000"])
    comm = pathlib.Path(f"/proc/{process.pid}/cmdline")
    until(lambda: comm.read_bytes() == b"sleep\0" + b"2000\0", "the last command")
    process.terminate()
    process.wait(30)
    until(lambda: not (world.dir / "pid").exists(), "the pid file removed")
    subprocess.run(["pkill", "-P", "1", "-f", "^sleep 1000$"], check=False)


# vde_plug

def test_a_login_shell_runs_vde_plug_and_nothing_else(world):
    sw = world.switch()
    guest = world.guest(sw)
    for line in ("/bin/sh", "vde_plugx", f"vde_plug {sw.dir} = sh", f"vde_plug -d {sw.dir}",
                 f"vde_plug -p {world.dir}/pid {sw.dir}", ""):
        answer = run(ours("vde_plug"), "-c", line)
        assert answer.returncode == 1, line
    answer = run(ours("vde_plug"), "-c", "ls /")
    assert answer.stderr == ("This is a Virtual Distributed Ethernet (vde) tunnel broker.\n"
                             "This is not a login shell, only vde_plug can be executed\n")
    answer = run("bash", "-c", f"exec -a -vde_plug {ours('vde_plug')}")
    assert "tunnel broker" in answer.stderr and answer.returncode == 1
    stream = Stream(world.start([ours("vde_plug"), "-c", f"vde_plug {sw.dir}"]))
    joined(sw, world.console(sw), 2)
    sent = frame(BROADCAST, 1, b"through the broker")
    guest.send(sent)
    assert stream.recv_from(1) == sent


def test_the_end_of_the_stream_ends_the_plug_after_its_last_frame(world):
    sw = world.switch()
    guest = world.guest(sw)
    stream = Stream(world.start([ours("vde_plug"), sw.dir]))
    for _ in range(50):
        stream.send(frame(BROADCAST, 2, b"last words"))
    stream.process.stdin.close()
    for _ in range(50):
        assert guest.recv_from(2)[14:] == b"last words"
    assert stream.process.wait(30) == 0


def test_a_switch_that_goes_ends_the_plug_with_a_word(world):
    sw = world.switch()
    process = world.start([ours("vde_plug"), sw.dir])
    joined(sw, world.console(sw), 1)
    world.guest(sw).send(frame(BROADCAST, 2, b"joined"))	# the plug has opened: it hears this
    assert Stream(process).recv_from(2)[14:] == b"joined"
    sw.process.terminate()
    assert process.wait(30) == 1
    assert b"the switch has closed the connection" in process.stderr.read()


def test_spurious_bytes_in_the_stream_cost_only_themselves(world):
    sw = world.switch()
    guest = world.guest(sw)
    stream = Stream(world.start([ours("vde_plug"), sw.dir]))
    stream.process.stdin.write(b"Warning: Permanently added 'host' to the list of known hosts.\r\n")
    assert b"no frame" in stream.process.stderr.read(200)
    stream.send(frame(BROADCAST, 2, b"after it"))
    assert guest.recv_from(2)[14:] == b"after it"


@pytest.mark.parametrize("program, options, what", [
    ("vde_plug", ["/nonexistent"], "No such file or directory"),
    ("vde_plug", ["udp://x"], "Protocol not supported"),
    ("vde_plug", ["a", "b", "c"], "'c'"), ("vde_plug", ["="], "="),
    ("vde_plug", ["-m", "9"], "'9'"), ("vde_plug", ["--port", "x"], "'x'"),
    ("vde_plug", ["-", "-"], "-"), ("vde_plug", ["-q"], "q"),
    ("vde_plug2tap", [], "no name"), ("vde_plug2tap", ["a", "b"], "more than one"),
    ("vde_plug2tap", ["-p", "x", "t"], "'x'"),
    ("vde_plug2tap", ["a-name-that-is-too-long"], "File name too long"),
])
def test_a_wrong_line_is_told_and_refused(program, options, what):
    answer = run(ours(program), *options)
    assert answer.returncode == 1 and what in answer.stderr, answer.stderr


def test_the_default_switch_is_the_users_own(world):
    sw = world.switch()
    (world.dir / ".vde2").mkdir()
    (world.dir / ".vde2/default.switch").symlink_to(sw.dir)
    world.start([ours("vde_plug")], env={**os.environ, "HOME": str(world.dir)})
    joined(sw, world.console(sw), 1)


def test_the_stream_of_a_plug2tap_reaches_its_tap(world):
    """vde_plug2tap -s -: one side of dpipe, with a plug at the other."""
    name = world.namespace()
    sw = world.switch()
    guest = world.guest(sw)
    world.start([ours("dpipe"), ours("vde_plug"), sw.dir, "=", "ip", "netns", "exec", name,
                 ours("vde_plug2tap"), "-s", "-", "vt1"])
    until(lambda: subprocess.run(["ip", "-n", name, "link", "set", "vt1", "up"],
                                 capture_output=True).returncode == 0, "the tap")
    subprocess.run(["ip", "-n", name, "addr", "add", "10.8.8.1/24", "dev", "vt1"], check=True)
    joined(sw, world.console(sw), 2)
    # Who has 10.8.8.1? RFC 826.
    guest.send(BROADCAST + station(1) + bytes.fromhex("0806000108000604") + b"\0\1" + station(1) +
               bytes([10, 8, 8, 2]) + bytes(6) + bytes([10, 8, 8, 1]))
    while True:
        got = guest.recv()
        if got[12:14] == b"\x08\x06" and got[20:22] == b"\0\2":
            break
    assert got[28:32] == bytes([10, 8, 8, 1])
