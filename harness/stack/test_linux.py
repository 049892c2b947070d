# SPDX-License-Identifier: GPL-2.0-or-later
"""Our stack and Linux's, on the two ends of a TAP in a network namespace.

Times only bound a hang.
"""
import os
import re
import time

import pytest

from linux_lan import HANG, LINUX, OURS, STK_HOST, body, host_in_url, iperf3

@pytest.mark.parametrize("family", (4, 6))
@pytest.mark.parametrize("size", (0, 56, 1472, 1473, 60000))
def test_linux_pings_us(lan, family, size):
    host = lan.our_host()
    out = lan.run("ping", "-n", "-c", "5", "-i", "0.05", "-W", "5", "-s", size, OURS[family])
    assert b" 5 received, 0% packet loss" in out.stdout
    counted = lan.counters(host)
    assert counted["IcmpInEchos"] >= 5
    assert "IpReasmFails" not in counted


@pytest.mark.parametrize("family", (4, 6))
@pytest.mark.parametrize("size", (0, 56, 1472, 1473, 60000))
def test_we_ping_linux(lan, family, size):
    out = lan.our_client("--ping", f"{LINUX[family]},5,{size}")
    assert b"5 sent, 5 received, 0 wrong" in out.stdout


def test_link_local_addresses_talk(lan):
    lan.start(STK_HOST, "--mac", "02:00:00:00:00:77", "--tap", "t0")
    lan.run("ping", "-n", "-c", "3", "-i", "0.05", "-w", HANG, "fe80::ff:fe00:77%t0")
    assert b"02:00:00:00:00:77" in lan.run("ip", "-6", "neigh", "show", "dev", "t0").stdout


def test_nobody_at_an_address_is_told(lan):
    out = lan.our_client("--ping", "10.9.0.99,1", "--ping", "fd09::99,1", check=False)
    assert out.returncode == 1
    assert out.stderr.count(b"No route to host") == 2


@pytest.mark.parametrize("family", (4, 6))
def test_duplicate_address_detection_finds_us(lan, family):
    lan.our_host()
    if family == 4:
        out = lan.run("arping", "-D", "-I", "t0", "-c", "1", "-w", "5", OURS[4], check=False)
        assert out.returncode == 1, "somebody must have answered"
    else:
        lan.run("ip", "addr", "add", f"{OURS[6]}/64", "dev", "t0")
        began = time.monotonic()
        while b"dadfailed" not in lan.run("ip", "-6", "addr", "show", "dev", "t0").stdout:
            assert time.monotonic() - began < HANG
            time.sleep(0.05)


@pytest.mark.parametrize("loss", (0, 1, 5))
@pytest.mark.parametrize("family", (4, 6))
def test_curl_gets_our_bytes(lan, family, loss):
    size = 8_000_000 if not loss else 1_000_000
    fault = ("--link", f"loss={loss}") if loss else ()
    lan.our_host(*fault, "--http", "80")
    lan.run("curl", "-sS", "--fail", "-m", HANG, "-o", lan.tmp / "body",
            f"http://{host_in_url(OURS[family])}/bytes/{size}")
    assert (lan.tmp / "body").read_bytes() == body(size)


def test_curl_keeps_its_connection_and_sees_errors(lan):
    lan.our_host("--http", "80")
    url = f"http://{OURS[4]}"
    out = lan.run("curl", "-sS", "-m", HANG, "-w", "%{http_code} %{num_connects}\n", "-o",
                  lan.tmp / "a", f"{url}/bytes/1000", "-o", lan.tmp / "b", f"{url}/nothing", "-o",
                  lan.tmp / "c", f"{url}/bytes/0")
    assert out.stdout.split() == [b"200", b"1", b"404", b"0", b"200", b"0"]


@pytest.mark.parametrize("loss", (0, 2))
@pytest.mark.parametrize("family", (4, 6))
def test_we_get_the_bytes_of_a_server_on_linux(lan, family, loss):
    size = 5_000_000 if not loss else 500_000
    fault = ("--link", f"loss={loss}") if loss else ()
    (lan.tmp / "file").write_bytes(os.urandom(size))
    lan.start("python3", "-m", "http.server", "8000", "--bind", "::", cwd=lan.tmp)
    lan.wait_listening(8000)
    out = lan.our_client(*fault, "--get", f"{LINUX[family]},8000,/file")
    assert out.stdout == (lan.tmp / "file").read_bytes()


@pytest.mark.parametrize("loss", (0, 1))
@pytest.mark.parametrize("reverse", (False, True))
@pytest.mark.parametrize("family", (4, 6))
def test_iperf3_on_linux_talks_to_our_server(lan, family, reverse, loss):
    fault = ("--link", f"loss={loss}") if loss else ()
    lan.our_host(*fault, "--iperf3-server", "5201")
    result = iperf3(lan, "-c", OURS[family], "-t", "1", *(("-R",) if reverse else ()))
    assert "error" not in result
    assert result["end"]["sum_received"]["bytes"] > 100_000


def test_iperf3_moves_parallel_streams(lan):
    lan.our_host("--iperf3-server", "5201")
    result = iperf3(lan, "-c", OURS[6], "-t", "1", "-P", "4")
    assert len(result["end"]["streams"]) == 4
    for stream in result["end"]["streams"]:
        assert stream["receiver"]["bytes"] > 0


@pytest.mark.parametrize("reverse", (False, True))
@pytest.mark.parametrize("family", (4, 6))
def test_our_iperf3_talks_to_a_server_on_linux(lan, family, reverse):
    lan.start("iperf3", "-s", "-1", "-J")
    lan.wait_listening(5201)
    out = lan.our_client("--iperf3", f"{LINUX[family]},5201,1" + (",reverse" if reverse else ""))
    assert int(re.search(rb"(\d+) bytes", out.stdout)[1]) > 1_000_000


@pytest.mark.parametrize("family", (4, 6))
def test_linux_probes_the_unreachable_port_and_is_refused(lan, family):
    lan.our_host("--udp-echo", "7")
    script = ("import socket, sys\n"
              f"s = socket.socket(socket.AF_INET{'6' if family == 6 else ''}, socket.SOCK_DGRAM)\n"
              "s.settimeout(10)\n"
              f"s.connect(('{OURS[family]}', 7))\n"
              "for size in (0, 1, 1400, 9000, 50000):\n"
              "    s.send(b'x' * size)\n"
              "    assert s.recv(65536) == b'x' * size, size\n"
              f"s.connect(('{OURS[family]}', 9))\n"
              "s.send(b'anyone?')\n"
              "try:\n"
              "    s.recv(10)\n"
              "    sys.exit('an answer?')\n"
              "except ConnectionRefusedError:\n"
              "    pass\n")
    lan.run("python3", "-c", script)


@pytest.mark.parametrize("family", (4, 6))
def test_a_refused_connection_is_refused_both_ways(lan, family):
    out = lan.our_client("--get", f"{LINUX[family]},81,/", check=False)
    assert out.returncode == 1 and b"refused" in out.stderr
    lan.our_host()
    out = lan.run("curl", "-sS", "-m", HANG, f"http://{host_in_url(OURS[family])}:81/", check=False)
    assert out.returncode == 7, "curl's code for a refused connection"


@pytest.mark.parametrize("family", (4, 6))
def test_path_mtu_is_learnt_from_a_router(lan, family):
    """Linux is the router; the link behind it, where another host of ours is, carries 1300."""
    far = {4: ("10.8.0.1", "10.8.0.2"), 6: ("fd08::1", "fd08::2")}
    bits = {4: 24, 6: 64}[family]
    lan.run("ip", "tuntap", "add", "dev", "t1", "mode", "tap")
    lan.run("ip", "link", "set", "t1", "mtu", "1300", "up")
    lan.run("sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
    lan.run("ip", "addr", "add", f"{far[family][0]}/{bits}", "dev", "t1",
            *(("nodad",) if family == 6 else ()))
    host = lan.start(STK_HOST, "--tap", "t1", "--addr", f"{far[family][1]}/{bits}", "--route",
                     f"default,{far[family][0]}", "--discard", "9", "--counters")
    lan.wait_for(host, b"ready\n")
    out = lan.our_client("--route", f"default,{LINUX[family]}", "--send",
                         f"{far[family][1]},9,2000000")
    assert b"sent 2000000 bytes" in out.stdout
    assert "IpReasmReqds" not in lan.counters(host)


def test_bad_arguments_say_what_is_wrong(lan):
    for arguments, words in ((["--addr", "10.0.0.1/40"], b"10.0.0.1/40"),
                             (["--set", "net.nothing=1"], b"net.nothing"),
                             (["--ping", "nowhere"], b"nowhere"),
                             (["--link", "loss=lots"], b"loss=lots")):
        out = lan.run(*lan.our_command(), *arguments, check=False)
        assert out.returncode == 2 and words in out.stderr
    lan.our_client("--ping", f"{LINUX[4]},1")
