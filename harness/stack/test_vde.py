# SPDX-License-Identifier: GPL-2.0-or-later
"""Hosts of our stack on VDE switches, ours and Debian's: no privileges and no kernel in between."""
import os
import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("VSQ_BUILD", ROOT / "build"))
STK_HOST = BUILD / "tool" / "stk_host"
HANG = 60  # seconds
SWITCHES = {"ours": str(BUILD / "bin" / "vde_switch"), "debian": "/usr/bin/vde_switch"}


@pytest.fixture(params=sorted(SWITCHES))
def switch(tmp_path, request):
    """The path of a switch's socket; the switch and what starts() started end with the test."""
    path = tmp_path / "sw"
    process = subprocess.Popen([SWITCHES[request.param], "-s", path], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        while not (path / "ctl").exists():
            assert process.poll() is None, process.stdout.read()
        yield path
    finally:
        process.kill()
        process.wait()


def command(switch: pathlib.Path, number: int, *arguments: str) -> list[str]:
    return [STK_HOST, "--mac", f"02:00:00:00:00:{number:02x}", "--vde", switch, "--addr",
            f"10.7.0.{number}/24", "--addr", f"fd07::{number}/64", *arguments]


def test_hosts_talk_through_a_switch(switch):
    server = subprocess.Popen(command(switch, 1, "--http", "80", "--discard", "9"),
                              stdout=subprocess.PIPE)
    try:
        assert server.stdout.readline() == b"ready\n"
        for address in ("10.7.0.1", "fd07::1"):
            out = subprocess.run(command(switch, 2, "--get", f"{address},80,/bytes/3000000"),
                                 stdout=subprocess.PIPE, check=True, timeout=HANG).stdout
            assert out == (bytes(range(251)) * 12000)[:3000000]
            out = subprocess.run(command(switch, 3, "--ping", f"{address},3,20000", "--send",
                                         f"{address},9,1000000"),
                                 stdout=subprocess.PIPE, check=True, timeout=HANG).stdout
            assert b"3 sent, 3 received, 0 wrong" in out and b"sent 1000000 bytes" in out
    finally:
        server.kill()
        server.wait()


def test_host_without_a_switch_says_so(tmp_path):
    done = subprocess.run(command(tmp_path / "none", 1), stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=HANG)
    assert done.returncode == 2
    assert str(tmp_path / "none").encode() in done.stderr
