# SPDX-License-Identifier: GPL-2.0-or-later
"""vsq replay with the captures of real programs in fixtures/."""
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
FIXTURES = ROOT / "fixtures"
LAUNCHER = Path(__file__).resolve().parent / "vsq"


def vsq(*words):
    done = subprocess.run([sys.executable, str(LAUNCHER), "replay", *map(str, words)],
                          capture_output=True, text=True, timeout=300)
    assert "Traceback" not in done.stderr, done.stderr
    return done


@pytest.mark.parametrize("into", ["switch", "link"])
def test_what_came_out_once_comes_out_again(into, tmp_path):
    first = vsq(FIXTURES / "curl-v6.pcap", "--into", into, "--out", tmp_path / "a.pcapng")
    assert first.returncode == 0 and "0 dropped" in first.stdout
    again = vsq(FIXTURES / "curl-v6.pcap", "--into", into, "--expect", tmp_path / "a.pcapng")
    assert again.returncode == 0 and "as expected" in again.stdout


def test_a_link_that_delays_differs_unless_that_is_tolerated(tmp_path):
    vsq(FIXTURES / "dig.pcap", "--into", "link", "--out", tmp_path / "a.pcapng")
    words = [FIXTURES / "dig.pcap", "--into", "link", "--set", "delay=10ms", "--expect",
             tmp_path / "a.pcapng"]
    late = vsq(*words)
    assert late.returncode == 1 and "10000000 ns later than expected" in late.stdout
    assert vsq(*words, "--tolerance", "10ms").returncode == 0
    assert vsq(*words, "--tolerance", "any").returncode == 0


def test_a_link_that_loses_is_told_apart(tmp_path):
    vsq(FIXTURES / "ping.pcap", "--into", "link", "--out", tmp_path / "a.pcapng")
    done = vsq(FIXTURES / "ping.pcap", "--into", "link", "--set", "loss=50%", "--expect",
               tmp_path / "a.pcapng", "--tolerance", "any")
    assert done.returncode == 1 and done.stdout


@pytest.mark.parametrize("capture, address", [
    ("curl-v4", "10.9.0.1"), ("curl-v4", "10.9.0.2"), ("dig", "10.9.0.2"), ("ping", "10.9.0.2"),
    ("lossy-client", "10.9.0.2")])
def test_our_host_answers_as_the_captured_one_did(capture, address):
    done = vsq(FIXTURES / f"{capture}.pcap", "--into", "host", "--address", address)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "the same as captured" in done.stdout


def test_a_host_with_another_setting_is_told_apart():
    done = vsq(FIXTURES / "curl-v4.pcap", "--into", "host", "--address", "10.9.0.2", "--set",
               "net.ipv4.tcp_sack=0")
    assert done.returncode == 1 and "SACK" in done.stdout.upper(), done.stdout


def test_a_wrong_setting_is_bad_input():
    for words in (["--into", "switch", "--set", "vlan/fly 10"],
                  ["--into", "link", "--set", "los=1"],
                  ["--into", "host", "--address", "10.9.0.2", "--set", "net.nonsense=1"],
                  ["--into", "host", "--address", "10.9.9.9"]):
        done = vsq(FIXTURES / "ping.pcap", *words)
        assert done.returncode == 2 and done.stderr.strip(), (words, done)
