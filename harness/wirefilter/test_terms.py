# SPDX-License-Identifier: GPL-2.0-or-later
"""unixterm, vdeterm and unixcmd: a person at a terminal (a pty) and scripts, with Debian's
vde_switch, ours, and wirefilter as peers."""
import fcntl
import os
import pathlib
import pty
import re
import select
import signal
import socket
import struct
import subprocess
import termios
import threading
import time

import pytest

from wf_peer import BIN, OURS, PATIENCE, ROOT, Program, Switch, listens, wait_for

VDETERM, UNIXTERM, UNIXCMD = (str(BIN / name) for name in ("vdeterm", "unixterm", "unixcmd"))
SWITCHES = ["/usr/bin/vde_switch", str(BIN / "vde_switch")]


class Screen:
    """A program on a pty, and what of its output a person would see: cursor moves are obeyed."""

    def __init__(self, *args: str) -> None:
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            # Wide enough that no line wraps: rows() knows no margins.
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 250, 0, 0))
            os.environ.update(TERM="xterm", HOME="/nonexistent", LC_ALL="C.UTF-8")
            os.execv(args[0], args)
        self.raw = b""
        self.status: int | None = None

    def __enter__(self) -> "Screen":
        return self

    def __exit__(self, *_: object) -> None:
        if self.status is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.fd)

    def type(self, text: str) -> None:
        os.write(self.fd, text.encode())

    def read(self, seconds: float) -> bool:
        if not select.select([self.fd], [], [], seconds)[0]:
            return False
        try:
            got = os.read(self.fd, 65536)
        except OSError:
            got = b""
        self.raw += got
        return bool(got)

    def rows(self) -> list[str]:
        rows, row, column = [""], 0, 0
        for match in re.finditer(r"\x1b\[(\d*)([A-Za-z])|([\s\S])", self.raw.decode()):
            number, action, char = match.groups()
            if action == "A":
                row = max(0, row - int(number or 1))
            elif action == "G":
                column = int(number or 1) - 1
            elif action == "C":
                column += int(number or 1)
            elif action == "D":
                column -= int(number or 1)
            elif action == "K":
                rows[row] = rows[row][:column]
            elif action == "J":
                rows[row:] = [rows[row][:column]]
            elif action == "P":
                rows[row] = rows[row][:column] + rows[row][column + int(number or 1):]
            elif char == "\r":
                column = 0
            elif char == "\n":
                row += 1
                rows += [""] * (row + 1 - len(rows))
            elif char == "\b":
                column = max(0, column - 1)
            elif char and char >= " ":
                rows[row] = rows[row].ljust(column)[:column] + char + rows[row][column + 1:]
                column += 1
        return rows

    def expect(self, last: str, *others: str) -> None:
        """Waits until the last row is this and the others stand above it, in their order."""
        end = time.monotonic() + PATIENCE
        while True:
            rows = [row.rstrip() for row in self.rows()]
            above = iter(rows[:-1])
            if rows[-1] == last.rstrip() and all(any(o == row for row in above) for o in others):
                return
            assert time.monotonic() < end, f"{last!r} below {others!r} is not in {rows!r}"
            self.read(0.1)

    def wait(self) -> int:
        while self.read(PATIENCE):
            pass
        self.status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self.status


@pytest.fixture(params=SWITCHES, ids=["debian", "ours"])
def mgmt(request, tmp_path):
    """The management socket of a switch, which has a plug's worth of ports."""
    path = tmp_path / "mgmt"
    with Switch(tmp_path / "switch", request.param, "-M", str(path)):
        wait_for(lambda: listens(path), "management socket")
        yield str(path)


@pytest.fixture
def filter_mgmt(tmp_path):
    """The management socket of our wirefilter."""
    path = tmp_path / "wf"
    with Switch(tmp_path / "a") as a, Switch(tmp_path / "b") as b, \
            Program(OURS, "-v", f"{a.path}:{b.path}", "-M", str(path)):
        wait_for(lambda: listens(path), "management socket")
        yield str(path)


def test_vdeterm_shows_data_and_words_but_no_codes(mgmt):
    prompt = f"vde[{mgmt}]: "
    with Screen(VDETERM, mgmt) as screen:
        screen.expect(prompt)
        screen.type("hash/showinfo\r")
        screen.expect(prompt, prompt + "hash/showinfo", "Hash size 128", "Success")
        screen.type("nonsense\r")
        screen.expect(prompt, prompt + "nonsense", "Function not implemented")
        assert not re.search(r"\b[01]0\d\d ", "\n".join(screen.rows()))
        screen.type("logout\r")
        assert screen.wait() == 0


def test_unixterm_shows_the_protocol_as_it_is(mgmt):
    with Screen(UNIXTERM, mgmt) as screen:
        screen.expect("vde$ ")
        screen.type("hash/showinfo\r")
        screen.expect("vde$ ", "vde$ hash/showinfo", "0000 DATA END WITH '.'", "Hash size 128", ".",
                      "1000 Success")
        screen.type("logout\r")
        assert screen.wait() == 0


@pytest.mark.parametrize("program", [VDETERM, UNIXTERM])
def test_tab_completes_what_the_peer_offers(mgmt, program):
    prompt = f"vde[{mgmt}]: " if program == VDETERM else "vde$ "
    with Screen(program, mgmt) as screen:
        screen.expect(prompt)
        screen.type("po\t")
        screen.expect(prompt + "port/")
        screen.type("se\t")
        screen.expect(prompt + "port/set")
        screen.type("\t")
        screen.expect(prompt + "port/set")
        wait_for(lambda: screen.read(0.1) or any("port/setvlan  " in r for r in screen.rows()),
                 "list of continuations")
        screen.type("vl\t")
        screen.expect(prompt + "port/setvlan")
        screen.type("1 0\r")
        screen.expect(prompt, prompt + "port/setvlan 1 0")


def test_history_comes_back_and_is_edited(mgmt):
    prompt = f"vde[{mgmt}]: "
    with Screen(VDETERM, mgmt) as screen:
        screen.expect(prompt)
        screen.type("hash/showinfo\r")
        screen.expect(prompt, "Success")
        screen.type("\x1b[A")
        screen.expect(prompt + "hash/showinfo")
        screen.type("\x01" + "\x0b" + "hash/setexpire 55\r")
        screen.expect(prompt, prompt + "hash/setexpire 55", "Success")
        screen.type("\x10\x10\r")
        screen.expect(prompt, prompt + "hash/showinfo", "GC expire 55 secs", "Success")


def test_messages_do_not_break_the_line_being_edited(filter_mgmt):
    """Changes of node arrive while a command is being typed, and completed."""
    prompt = f"VDEwf[{filter_mgmt}]: "
    with Screen(VDETERM, filter_mgmt) as screen, Screen(UNIXTERM, filter_mgmt) as other:
        screen.expect(prompt)
        other.expect("VDEwf$ ")
        screen.type("markov-numnodes 3\rmarkov-debug 1\r")
        screen.expect(prompt, "Success", "Success")
        screen.type("show\x1b[D")
        screen.expect(prompt + "show")
        for node in (1, 2, 0):
            other.type(f"markov-setnode {node}\r")
            screen.expect(prompt + "show", f'Node {(node + 2) % 3} "" -> {node} ""')
        screen.type("\x05c\t")
        screen.expect(prompt + "showc")
        screen.type("ur\t\r")
        screen.expect(prompt, prompt + "showcurrent", 'Current Markov Node 0 "" (0,..,2)',
                      "Success")


def test_a_peer_that_goes_ends_the_terminal(mgmt, tmp_path):
    with Screen(VDETERM, mgmt) as screen:
        screen.expect(f"vde[{mgmt}]: ")
        subprocess.run([UNIXCMD, "-s", mgmt, "shutdown"], timeout=PATIENCE, check=True)
        assert screen.wait() == 1
        assert "session has ended" in screen.raw.decode()


def run(program: str, path: str, script: str) -> subprocess.CompletedProcess:
    return subprocess.run([program, path], input=script, capture_output=True, text=True,
                          timeout=PATIENCE)


def test_scripts_get_data_errors_and_a_status(mgmt):
    good = run(VDETERM, mgmt, "# a comment\n\nhash/setexpire 77\nhash/showinfo")
    assert good.stdout.splitlines()[2] == "GC expire 77 secs"
    assert len(good.stdout.splitlines()) == 4
    assert (good.stderr, good.returncode) == ("", 0)
    bad = run(VDETERM, mgmt, "nonsense 5\nhash/showinfo\nlogout\n")
    assert bad.stderr == "vdeterm: nonsense: Function not implemented\n"
    assert "Hash size 128" in bad.stdout and bad.returncode == 1
    raw = run(UNIXTERM, mgmt, "hash/showinfo\nnonsense\n")
    lines = raw.stdout.splitlines()
    assert lines[0] == "0000 DATA END WITH '.'"
    assert lines[-2:] == ["1000 Success", "1038 Function not implemented"]
    assert raw.returncode == 1
    ended = run(VDETERM, mgmt, "shutdown\n")
    assert ended.returncode == 0


def test_unixcmd_answers_data_and_the_error_as_its_status(mgmt):
    def command(*args: str) -> subprocess.CompletedProcess:
        return subprocess.run([UNIXCMD, "-s", mgmt, *args], capture_output=True, text=True,
                              timeout=PATIENCE)

    good = command("hash/showinfo")
    assert (good.stdout.splitlines()[0], good.returncode) == ("Hash size 128", 0)
    bad = command("nonsense")
    assert (bad.stdout, bad.returncode) == ("", 38)
    assert "Function not implemented" in bad.stderr
    assert command("hash/setexpire", "33").returncode == 0
    assert "GC expire 33 secs" in command("hash/showinfo").stdout


def test_long_answers_come_whole(filter_mgmt):
    done = run(VDETERM, filter_mgmt, "markov-numnodes 1000\n" +
               "".join(f"setedge 0,{n},0.05\n" for n in range(1, 1000)) + "showedges 0\n")
    assert (done.stderr, done.returncode) == ("", 0)
    assert len(done.stdout.splitlines()) == 1000


def test_unixterm_copies_through_to_a_peer_without_a_protocol(tmp_path):
    path = str(tmp_path / "echo")
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    server.bind(path)
    server.listen()

    def echo() -> None:
        client = server.accept()[0]
        while data := client.recv(4096):
            client.sendall(data.upper())
        client.close()

    thread = threading.Thread(target=echo)
    thread.start()
    done = run(UNIXTERM, path, "one\ntwo\n")
    thread.join()
    assert (done.stdout, done.returncode) == ("ONE\nTWO\n", 0)


@pytest.mark.parametrize("program", [VDETERM, UNIXTERM])
def test_bad_use_is_told(program, tmp_path):
    name = pathlib.Path(program).name
    gone = run(program, str(tmp_path / "nobody"), "")
    assert gone.returncode == 2
    assert gone.stderr == f"{name}: {tmp_path}/nobody: No such file or directory\n"
    assert subprocess.run([program], capture_output=True, timeout=PATIENCE).returncode == 2
    usage = subprocess.run([program, "--help"], capture_output=True, text=True, timeout=PATIENCE)
    assert usage.stdout.startswith(f"Usage: {name} SOCKET") and usage.returncode == 0


@pytest.mark.parametrize("name", ["vdeterm", "unixterm", "unixcmd"])
def test_man_pages_name_the_options_of_help(name):
    usage = subprocess.run([str(BIN / name), "--help"], capture_output=True, text=True).stdout
    man = (ROOT / f"core/bin/{name}.1").read_text().replace("\\-", "-")
    for option in re.findall(r"(?<= )--?[a-z-]+", usage):
        assert option in man, option


@pytest.mark.parametrize("debian", ["/usr/bin/unixterm", "/usr/bin/vdeterm"])
def test_debians_terminals_drive_our_wirefilter(filter_mgmt, debian):
    with Screen(debian, filter_mgmt) as screen:
        wait_for(lambda: screen.read(0.1) or "VDEwf" in screen.raw.decode(), "prompt")
        screen.type("delay 7\rshowinfo\r")
        wait_for(lambda: screen.read(0.1) or "Delay  L->R 7+0U   R->L 7+0U" in screen.raw.decode(),
                 "answer")
        screen.type("logout\r")
        assert screen.wait() == 0


def test_socat_drives_our_wirefilter(filter_mgmt):
    done = subprocess.run(["socat", "-t", "5", "-", f"UNIX-CONNECT:{filter_mgmt}"],
                          input="loss 5\nshowinfo\nlogout\n", capture_output=True, text=True,
                          timeout=PATIENCE)
    assert "Loss   L->R 5+0U   R->L 5+0U" in done.stdout
    assert done.stdout.endswith("9999 END OF SESSION")
