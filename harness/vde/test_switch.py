# SPDX-License-Identifier: GPL-2.0-or-later
"""vde_switch as a program: its directory, its consoles, who may join, and how it ends."""
import json
import os
import pathlib
import pty
import re
import select
import signal
import socket
import subprocess
import time

import pytest

from vde_world import (BROADCAST, PATIENCE, PROGRAM, Console, Guest, Refused, debian, frame, joined,
                       ours, station, until)

BOTH = ("ours", "debian")


def run(*command, stdin: str = "", **options) -> subprocess.CompletedProcess:
    return subprocess.run([str(word) for word in command], input=stdin, capture_output=True,
                          text=True, timeout=60, **options)


# Consoles

def socat(path: pathlib.Path, *lines: str) -> str:
    """Drives a management socket with socat, a line after each prompt, as a script would."""
    process = subprocess.Popen(["socat", "-", f"UNIX-CONNECT:{path}"], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, bufsize=0)
    out = b""

    def read_until(end: bytes) -> None:
        nonlocal out
        deadline = time.monotonic() + PATIENCE
        while not out.endswith(end):
            ready = select.select([process.stdout], [], [], max(deadline - time.monotonic(), 0))[0]
            assert ready, out
            piece = os.read(process.stdout.fileno(), 65536)
            if not piece:
                return
            out += piece

    read_until(b"vde$ ")
    for line in lines:
        process.stdin.write(line.encode() + b"\n")
        out += b"<" + line.encode() + b">"
        read_until(b"vde$ " if line not in ("logout", "shutdown") else b"END OF SESSION")
    process.stdin.close()
    process.stdout.close()
    process.wait()
    return out.decode()


DIALOGUE = ["ds/showinfo", "plugin/list", "plugin/add /nonexistent", "plugin/del x", "nosuch",
            "port/showinfo", "hash/showinfo", "port/print", "port/create 9", "port/setvlan 9 5",
            "vlan/create 5", "port/setvlan 9 5", "port/allprint 9", "vlan/addport 5 1",
            # Not hash/find: Debian's answers the number of the port after the right one.
            "vlan/print", "vlan/allprint 5", "hash/print",
            "port/setuser 9 root", "port/setgroup 9 root", "port/allprint 9", "port/setnumports 16",
            "port/sethub 1", "port/sethub 0", "hash/setexpire 200", "hash/showinfo",
            "debug/add nosuch", "port/remove 9", "vlan/delport 5 1", "vlan/remove 5", "vlan/print",
            "logout"]


def dialogue(world, maker: str) -> str:
    sw = world.switch(maker)
    console = world.console(sw)
    guest = world.guest(sw, port=1, descr="a guest pid=1")
    joined(sw, console, 1)
    guest.send(frame(BROADCAST, 1, b"x" * 46))
    until(lambda: "pkts          1" in console.ask("port/print 1"), "a counted frame")
    text = socat(sw.mgmt, *DIALOGUE)
    guest.close()
    sw.process.terminate()
    sw.process.wait()
    # What rightly differs: who made the switch, numbers of descriptors, ages.
    text = text.split("\n", 2)[2]
    text = re.sub(r"endpoint ID \d+", "endpoint ID N", text)
    text = re.sub(r"Hash: \d+", "Hash: N", text)
    return re.sub(r"age \d+ secs", "age N secs", text)


def test_a_dialogue_is_byte_for_byte_that_of_debians_switch(world):
    assert dialogue(world, "ours") == dialogue(world, "debian")


def test_a_greeting_has_the_form_that_terminals_expect(world):
    greeting = world.console(world.switch()).greeting
    assert re.fullmatch(r"VDE switch V\.[^\n]+\n\(C\) [^\n]+\n\nvde\$ ", greeting)


def test_a_piece_without_a_newline_is_a_command_but_a_line_in_two_is_one(world):
    """vdeterm sends no newline; who types slowly, or whose line is cut on its way, does."""
    console = world.console(world.switch())
    console.socket.sendall(b"vlan/create 7")
    assert console.read() == "1000 Success\n\nvde$ "
    console.socket.sendall(b"vlan/cre")
    console.socket.sendall(b"ate 8\nvlan/remove 7\n")
    answer = console.read()
    answer += console.read() if answer.count("vde$") < 2 else ""
    assert answer == "1000 Success\n\nvde$ " * 2


@pytest.mark.parametrize("terminal", ["unixterm", "vdeterm"])
def test_debians_terminals_drive_the_console(world, terminal):
    sw = world.switch()
    pid, fd = pty.fork()
    if pid == 0:
        os.execv(debian(terminal), [terminal, str(sw.mgmt)])
    out = b""

    def expect(text: bytes) -> None:
        nonlocal out
        deadline = time.monotonic() + PATIENCE
        while text not in out:
            assert select.select([fd], [], [], max(deadline - time.monotonic(), 0))[0], out
            out += os.read(fd, 65536)
        out = out[out.index(text) + len(text):]

    try:
        expect(b"vde")
        os.write(fd, b"ds/showinfo\n")
        expect(f"ctl dir {sw.dir}".encode())
        expect(b"Success")
        os.write(fd, b"vlan/create 7\n")
        expect(b"Success")
        os.write(fd, b"vlan/create 7\n")
        expect(b"File exists")
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(fd)


def test_every_command_answers_json_when_asked(world):
    sw = world.switch()
    world.guest(sw, port=4)
    console = world.console(sw)
    for line in ("ds/showinfo -j", "ds/print -j", "showinfo -j", "port/print -j"):
        answer = console.ask(line)
        assert answer.startswith("0000 DATA END WITH '.'\n"), answer
        json.loads(answer.split("\n")[1])
    endpoints = json.loads(console.ask("ds/print -j").split("\n")[1])["endpoints"]
    assert [e["port"] for e in endpoints] == [4]


def test_a_script_on_standard_input_reads_answers_alone(world):
    script = "ds/showinfo\nnosuch\n\nvlan/create 3\n"
    answer = run(ours("vde_switch"), "-s", world.dir / "sw", stdin=script)
    assert answer.returncode == 0
    assert answer.stdout == (f"0000 DATA END WITH '.'\nctl dir {world.dir}/sw\nstd mode 0600\n.\n"
                             "1000 Success\n1038 Function not implemented\n1000 Success\n")
    assert answer.stderr == "vde_switch: EOF on stdin, cleaning up and exiting\n"


def test_the_console_in_the_foreground_prompts_after_return(world):
    pid, fd = pty.fork()
    if pid == 0:
        os.execv(ours("vde_switch"), ["vde_switch", "-s", str(world.dir / "sw")])
    out = b""
    try:
        until((world.dir / "sw" / "ctl").exists, "a switch")
        assert not select.select([fd], [], [], 0)[0]
        os.write(fd, b"\nshutdown\n")
        while True:
            try:
                out += os.read(fd, 65536)
            except OSError:
                break
    finally:
        _, status = os.waitpid(pid, 0)
        os.close(fd)
    assert b"vde$ " in out and b"9999 END OF SESSION" in out
    assert os.waitstatus_to_exitcode(status) == 0
    assert not (world.dir / "sw").exists()


def test_debug_output_reaches_who_asked_for_it(world):
    sw = world.switch()
    console = world.console(sw)
    assert console.ask("debug/add port").endswith("1000 Success\n\nvde$ ")
    guest = world.guest(sw, port=6)
    deadline = time.monotonic() + PATIENCE
    text = b""
    while b"006" not in text and b"06" not in text:
        assert select.select([console.socket], [], [], max(deadline - time.monotonic(), 0))[0], text
        text += console.socket.recv(4096)
    assert re.match(rb"3\d\d\d ", text), text
    guest.close()


# The directory

def test_the_directory_and_its_sockets_have_the_modes_asked_for(world):
    sw = world.switch("ours", "sw", "-m", "660", "-g", "daemon", "--mgmtmode", "640",
                      "--mgmtgroup", "daemon")
    group = os.stat(sw.dir).st_gid
    guest = world.guest(sw)
    for path, mode in ((sw.dir, 0o42770), (sw.dir / "ctl", 0o140660), (guest.peer, 0o140660),
                       (sw.mgmt, 0o140640)):
        status = os.stat(path)
        assert status.st_mode == mode, path
        assert status.st_gid == group == 1, path
    sw2 = world.switch("ours", "sw2", "--dirmode", "711")
    assert os.stat(sw2.dir).st_mode == 0o40711


@pytest.mark.parametrize("port", [None, 0, 5])
def test_data_sockets_are_named_after_their_port(world, port):
    sw = world.switch()
    guest = world.guest(sw, port=port)
    number = 1 if port is None else port
    assert re.fullmatch(rf"{sw.dir}/{number:03d}\.\d+", guest.peer)


def test_a_live_switch_is_not_pushed_aside(world):
    sw = world.switch()
    guest = world.guest(sw)
    answer = run(ours("vde_switch"), "-s", sw.dir)
    assert answer.returncode == 1
    assert "Address already in use" in answer.stderr and str(sw.dir) in answer.stderr
    other = world.guest(sw)
    guest.send(frame(BROADCAST, 1, b"still here"))
    assert other.recv_from(1)[14:] == b"still here"


def test_a_dead_switch_is_replaced_and_swept_away(world):
    sw = world.switch()
    guest = Guest(sw.dir)
    sw.process.kill()
    sw.process.wait()
    left = {path.name for path in sw.dir.iterdir()}
    assert len(left) == 3, left
    guest.data.close()
    again = world.switch()
    until(lambda: {path.name for path in again.dir.iterdir()} == {"ctl"}, "swept")
    guest.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_it_with_everything_removed(world, number):
    sw = world.switch()
    guest = world.guest(sw)
    sw.process.send_signal(number)
    assert sw.process.wait(PATIENCE) == 0
    assert not sw.dir.joinpath("ctl").exists() and not sw.mgmt.exists()
    assert not os.path.exists(guest.peer)
    assert guest.ctl.recv(1) == b""


def test_shutdown_is_a_command(world):
    sw = world.switch()
    console = world.console(sw)
    console.socket.sendall(b"shutdown\n")
    assert console.read().endswith("9999 END OF SESSION")
    assert sw.process.wait(PATIENCE) == 0
    assert not sw.dir.exists() and not sw.mgmt.exists()


def test_a_daemon_is_at_work_when_its_parent_has_ended(world):
    directory, pid_file = world.dir / "sw", world.dir / "pid"
    answer = run(ours("vde_switch"), "-d", "-p", "pid", "-s", "sw", "-M", "mgmt", cwd=world.dir)
    assert answer.returncode == 0, answer.stderr
    pid = int(pid_file.read_text())
    try:
        guests = [Guest(directory), Guest(directory)]
        guests[0].send(frame(BROADCAST, 1, b"daemon"))
        assert guests[1].recv_from(1)[14:] == b"daemon"
        for guest in guests:
            guest.close()
        assert "pid " + str(pid) in Console(world.dir / "mgmt").ask("showinfo")
    finally:
        os.kill(pid, signal.SIGTERM)
    until(lambda: not pid_file.exists() and not directory.exists(), "cleaned up")


def test_a_daemon_that_cannot_start_says_so_and_fails(world):
    answer = run(ours("vde_switch"), "-d", "-p", "/nonexistent/pid", "-s", world.dir / "sw")
    assert answer.returncode == 1 and "/nonexistent/pid" in answer.stderr
    assert not (world.dir / "sw").exists()


# Options and scripts

@pytest.mark.parametrize("options, what", [
    (["-n", "abc"], "abc"), (["-n", "0"], "0"), (["--numports", "-1"], "-1"),
    (["--hashsize", "x"], "x"), (["--priority", "65536"], "65536"), (["--macaddr", "zz"], "zz"),
    (["--macaddr", "01:00:00:00:00:00"], "01:00"), (["-m", "9"], "9"), (["--dirmode", "x"], "x"),
    (["-g", "nosuchgroup"], "nosuchgroup"), (["--mgmtmode", "888"], "888"),
    (["--nosuchoption"], "nosuchoption"), (["extra"], "extra"), (["-D", "many"], "many"),
    (["-f", "/nonexistent/rc"], "/nonexistent/rc"), (["-M", "/nonexistent/m"], "/nonexistent/m"),
    (["-t", "a-name-that-is-too-long"], "a-name-that-is-too-long"),
])
def test_a_wrong_option_is_named_and_refused(world, options, what):
    answer = run(ours("vde_switch"), "-s", world.dir / "sw", *options)
    assert answer.returncode == 1
    assert what in answer.stderr, answer.stderr
    assert not (world.dir / "sw").exists()


def test_a_file_is_never_taken_for_a_directory(world):
    (world.dir / "file").write_text("keep me")
    answer = run(ours("vde_switch"), "-s", world.dir / "file")
    assert answer.returncode == 1 and "Not a directory" in answer.stderr
    assert (world.dir / "file").read_text() == "keep me"
    answer = run(ours("vde_switch"), "-s", world.dir / "sw", "-M", world.dir / "file")
    assert answer.returncode == 1
    assert (world.dir / "file").read_text() == "keep me"


def test_a_tap_that_is_deleted_leaves_its_port_and_costs_nothing(world):
    """Its descriptor stays ready with an error for ever: who goes on asking it does not sleep."""
    space, tap = world.namespace(), "gone0"
    sw = world.switch("ours", "sw", "-t", tap, prefix=("ip", "netns", "exec", space))
    console = world.console(sw)
    assert f"tuntap      : {tap}" in console.ask("port/print")
    subprocess.run(["ip", "-n", space, "link", "del", tap], check=True)
    until(lambda: tap not in console.ask("port/print"), "end of the endpoint")
    status = pathlib.Path(f"/proc/{sw.process.pid}/status")

    def sleeps() -> int:
        return int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", status.read_text(), re.M)[1])

    # A process that spins is put aside but never sleeps by itself.
    before = sleeps()
    for _ in range(20):
        console.ask("showinfo")
        time.sleep(0.001)
    assert sleeps() - before >= 10
    left, right = world.guest(sw), world.guest(sw)
    left.send(frame(BROADCAST, 1, b"x" * 46))
    assert right.recv_from(1)


def test_out_of_descriptors_guests_and_consoles_are_refused_and_others_served(world):
    sw = world.switch("ours", "sw", prefix=("prlimit", "--nofile=40"))
    console = world.console(sw)
    streams = []
    for path in [sw.dir / "ctl"] * 40 + [sw.mgmt] * 2:
        stream = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        stream.settimeout(PATIENCE)
        stream.connect(str(path))
        streams.append(stream)
        # The first of the refused hears it instead of waiting, and so does a console then.
        if len(streams) >= 40:
            assert stream.recv(100) == b""
    assert "1000 Success" in console.ask("port/showinfo")
    for stream in streams:
        stream.close()
    left, right = world.guest(sw), world.guest(sw)
    left.send(frame(BROADCAST, 1, b"x" * 46))
    assert right.recv_from(1)


def test_a_switch_takes_more_guests_than_the_usual_limit_of_descriptors(world):
    sw = world.switch("ours", "sw", "-n", "600", prefix=("prlimit", "--nofile=256:4096"))
    guests = [world.guest(sw) for _ in range(300)]
    guests[0].send(frame(BROADCAST, 1, b"x" * 46))
    assert guests[-1].recv_from(1)


def test_a_script_runs_before_guests_come(world):
    rc = world.dir / "rc"
    rc.write_text("# a comment\n\nvlan/create 5\nport/create 2\nport/setvlan 2 5\n")
    sw = world.switch("ours", "sw", "-f", rc)
    world.guest(sw, port=2)
    assert "Port 0002 untagged_vlan=0005 ACTIVE" in world.console(sw).ask("port/print")


def test_a_fault_in_a_script_names_its_line(world):
    rc = world.dir / "rc"
    rc.write_text("vlan/create 5\nvlan/create five\n")
    answer = run(ours("vde_switch"), "-s", world.dir / "sw", "-f", rc)
    assert answer.returncode == 1
    assert f"{rc}:2" in answer.stderr, answer.stderr


@pytest.mark.parametrize("name", [".vderc", ".vde2/vde_switch.rc"])
def test_the_users_own_script_is_found(world, name):
    (world.dir / ".vde2").mkdir()
    (world.dir / name).write_text("vlan/create 77\n")
    answer = run(ours("vde_switch"), "-s", world.dir / "sw", stdin="vlan/allprint 77\n",
                 env={**os.environ, "HOME": str(world.dir)})
    assert "VLAN 0077" in answer.stdout


def test_hub_and_numports_are_options_of_old_and_new_spelling(world):
    for options in (["-x", "-n", "8"], ["--hub", "--numports", "8"], ["-hub", "-numports", "8"]):
        answer = run(ours("vde_switch"), "-s", world.dir / "sw", *options, stdin="port/showinfo\n")
        assert "Numports=8\nHUB=true\n" in answer.stdout, answer.stderr


# Who may join

JOIN_AS_OTHER = """
import os, sys
sys.path.insert(0, sys.argv[1])
import pathlib
from vde_world import Guest, Refused
os.setgroups([int(g) for g in sys.argv[4].split(",") if g])
os.setgid(65534)
os.setuid(65534)
try:
    Guest(pathlib.Path(sys.argv[2]), port=int(sys.argv[3]))
except Refused:
    sys.exit(3)
"""


def join_as_nobody(world, sw, port: int, groups: str = "") -> int:
    helper = pathlib.Path(__file__).resolve().parent
    return run("/usr/bin/python3", "-c", JOIN_AS_OTHER, helper, sw.dir, port, groups).returncode


def test_a_port_belongs_to_its_user_and_group(world):
    os.chmod(world.dir, 0o755)
    sw = world.switch("ours", "sw", "-m", "666", "--dirmode", "777")
    console = world.console(sw)
    for port in (1, 2, 3):
        console.ask(f"port/create {port}")
    console.ask("port/setuser 2 daemon")
    console.ask("port/setuser 3 nobody")
    assert join_as_nobody(world, sw, 1) == 0
    assert join_as_nobody(world, sw, 2) == 3
    assert join_as_nobody(world, sw, 3) == 0
    console.ask("port/setgroup 2 nogroup")
    assert join_as_nobody(world, sw, 2) == 0
    world.guest(sw, port=2)


def test_no_port_is_a_refusal(world):
    sw = world.switch("ours", "sw", "-n", "4")
    with pytest.raises(Refused):
        world.guest(sw, port=4)
    with pytest.raises(Refused):
        world.guest(sw, port=0xffffff)
    for _ in range(3):
        world.guest(sw)
    with pytest.raises(Refused):
        world.guest(sw)


def test_several_endpoints_share_a_port_and_do_not_hear_each_other(world):
    sw = world.switch()
    twins = [world.guest(sw, port=3), world.guest(sw, port=3)]
    other = world.guest(sw, port=4)
    other.send(frame(BROADCAST, 1, b"to both"))
    for twin in twins:
        assert twin.recv_from(1)[14:] == b"to both"
    twins[0].send(frame(BROADCAST, 2, b"from one"))
    assert other.recv_from(2)[14:] == b"from one"
    other.send(frame(station(2), 1, b"end"))
    assert twins[1].recv()[14:] == b"end"


def test_closing_an_endpoint_closes_its_connection(world):
    sw = world.switch()
    guest = world.guest(sw, port=3)
    console = world.console(sw)
    number = int(re.search(r"endpoint ID (\d+)", console.ask("port/print"))[1])
    assert "1000 Success" in console.ask(f"port/epclose 3 {number}")
    assert guest.ctl.recv(1) == b""
    until(lambda: not os.path.exists(guest.peer), "the data socket removed")
    world.guest(sw, port=3)


def test_a_guest_that_leaves_frees_its_port(world):
    sw = world.switch("ours", "sw", "-n", "2")
    for _ in range(200):
        guest = Guest(sw.dir)
        guest.close()
        until(lambda: not os.path.exists(guest.peer), "gone")


def test_old_clients_of_uml_switch_are_served(world):
    """version 1 of the request: a type where the version is now."""
    import struct

    from vde_world import MAGIC, sun

    class Old(Guest):
        def request(self, port, descr):
            return (struct.pack("=II6s", MAGIC, 1 if port == 0 else 0, station(9)) +
                    sun(self.path) + descr.encode())

    sw = world.switch()
    old = Old(sw.dir)
    world.things.append(old)
    new = world.guest(sw)
    old.send(frame(BROADCAST, 1, b"old to new"))
    assert new.recv_from(1)[14:] == b"old to new"
