# SPDX-License-Identifier: GPL-2.0-or-later
"""Linux's stack and ours with our cable between them: loss, delay, reordering, duplication.

Each role, each family; what arrives is compared with what was sent by its SHA-256, or byte by byte
where we know it in advance. Time bounds a hang and nothing else. VSQ_LONG=1 (make check-linux) adds
faults and sizes.
"""
import hashlib
import os
import re
import subprocess

import pytest

from linux_lan import LINUX, OURS, body, host_in_url, iperf3

LONG = bool(os.environ.get("VSQ_LONG"))
FAULTS = {
    "loss-5": ("loss=5", "delay=5"),
    "delay-50": ("delay=50",),
    "reorder": ("reorder=10", "reorder-delay=3", "delay=5"),
    "many": ("loss=1", "delay=20+5N", "fifo=off", "dup=2"),
}
if LONG:
    FAULTS |= {
        "none": ("delay=0",),
        "loss-1": ("loss=1", "delay=5"),
        "loss-1-delay-50": ("loss=1", "delay=50"),
        "loss-5-delay-50": ("loss=5", "delay=50"),
        "loss-from-linux": ("loss=LR 5", "delay=5"),
        "loss-from-us": ("loss=RL 5", "delay=5"),
        "bursts": ("loss=2", "lostburst=4", "delay=10"),
        "jitter": ("delay=10+5", "fifo=off"),
        "dup": ("dup=10", "delay=2"),
        "noise-from-linux": ("noise=LR 5", "delay=2"),  # rarely two bits in one frame: sums see one
        "slow": ("bandwidth=2Mbit/s", "delay=20", "capacity=20kB"),
        "asymmetric": ("bandwidth=LR 20Mbit/s", "bandwidth=RL 1Mbit/s", "delay=10"),
        "reorder-loss": ("reorder=10", "reorder-delay=10", "delay=20", "loss=1"),
    }
SIZE = 2_000_000 if LONG else 300_000


def cable(fault: str) -> list[str]:
    return [word for parameter in FAULTS[fault] for word in ("--link", parameter)]


faults = pytest.mark.parametrize("fault", sorted(FAULTS))
families = pytest.mark.parametrize("family", (4, 6))


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@faults
@families
def test_nc_gets_back_what_it_sends(lan, family, fault):
    lan.our_host(*cable(fault), "--echo", "7")
    (lan.tmp / "sent").write_bytes(os.urandom(SIZE))
    lan.run("sh", "-c", f"nc -N {OURS[family]} 7 < {lan.tmp}/sent > {lan.tmp}/received")
    assert digest((lan.tmp / "received").read_bytes()) == digest((lan.tmp / "sent").read_bytes())


@faults
@families
def test_curl_gets_what_we_serve(lan, family, fault):
    lan.our_host(*cable(fault), "--http", "80")
    lan.run("curl", "-sS", "--fail", "-m", "50", "-o", lan.tmp / "body",
            f"http://{host_in_url(OURS[family])}/bytes/{SIZE}")
    assert digest((lan.tmp / "body").read_bytes()) == digest(body(SIZE))


@faults
@families
def test_we_get_what_linux_serves(lan, family, fault):
    (lan.tmp / "file").write_bytes(os.urandom(SIZE))
    lan.start("python3", "-m", "http.server", "8000", "--bind", "::", cwd=lan.tmp)
    lan.wait_listening(8000)
    out = lan.our_client(*cable(fault), "--get", f"{LINUX[family]},8000,/file")
    assert digest(out.stdout) == digest((lan.tmp / "file").read_bytes())


@faults
@families
def test_nc_receives_what_we_send(lan, family, fault):
    nc = lan.start("sh", "-c", f"exec nc -{family} -N -l 9 > {lan.tmp}/received")
    lan.wait_listening(9)
    out = lan.our_client(*cable(fault), "--send", f"{LINUX[family]},9,{SIZE}")
    assert f"sent {SIZE} bytes".encode() in out.stdout
    assert nc.wait(50) == 0
    assert digest((lan.tmp / "received").read_bytes()) == digest(body(SIZE))


# When a datagram of iperf3's greeting is lost it gives up, and a copy of it counts as data.
CALM = sorted(fault for fault in FAULTS
              if "loss" not in " ".join(FAULTS[fault]) and "dup" not in " ".join(FAULTS[fault]))
TCP = ((), ("-R",), ("-P", "3"), ("-P", "3", "-R"))
UDP = (("-u", "-b", "5M"), ("-u", "-b", "5M", "-R"), ("-u", "-b", "2M", "-P", "3"),
       ("-u", "-b", "2M", "-P", "3", "-R"))


@pytest.mark.parametrize("fault", sorted(FAULTS) if LONG else ("many",))
@pytest.mark.parametrize("arguments", TCP if LONG else TCP[2:], ids=" ".join)
@families
def test_iperf3_streams_come_through(lan, family, arguments, fault):
    lan.our_host(*cable(fault), "--iperf3-server", "5201")
    result = iperf3(lan, "-c", OURS[family], "-t", "1", *arguments)
    assert "error" not in result
    assert len(result["end"]["streams"]) == (3 if "-P" in arguments else 1)
    for stream in result["end"]["streams"]:
        assert stream["receiver"]["bytes"] > 0


@pytest.mark.parametrize("fault", CALM if LONG else ("reorder",))
@pytest.mark.parametrize("arguments", UDP if LONG else UDP[2:], ids=" ".join)
@families
def test_iperf3_datagrams_come_through(lan, family, arguments, fault):
    lan.our_host(*cable(fault), "--iperf3-server", "5201")
    result = iperf3(lan, "-c", OURS[family], "-t", "1", *arguments)
    assert "error" not in result
    assert len(result["end"]["streams"]) == (3 if "-P" in arguments else 1)
    total = result["end"]["sum"]
    assert total["packets"] > 0
    if fault not in ("slow", "asymmetric", "noise-from-linux"):
        # What the end of the test overtakes confuses its count of the lost.
        assert abs(total["lost_packets"]) <= total["packets"] / 20


OURS_TCP = ("", ",reverse", ",parallel=3", ",parallel=3,reverse")
OURS_UDP = tuple(f"{options},udp,rate=2000000" for options in OURS_TCP)


@pytest.mark.parametrize("options", OURS_TCP + OURS_UDP if LONG else OURS_TCP[2:] + OURS_UDP[2:])
@families
def test_our_iperf3_moves_streams_to_and_from_linux(lan, family, options):
    udp = "udp" in options
    fault = "reorder" if udp else "many"
    lan.start("iperf3", "-s", "-1", "-J")
    lan.wait_listening(5201)
    out = lan.our_client(*cable(fault), "--iperf3",
                         f"{LINUX[family]},5201,1{options}")
    assert int(re.search(rb"(\d+) bytes", out.stdout)[1]) > 10_000
    if udp:
        assert b" 0 of " in out.stdout


@pytest.mark.parametrize("fault", ("delay-50", "reorder"))
@families
def test_fragments_of_a_large_ping_come_back_together(lan, family, fault):
    host = lan.our_host(*cable(fault))
    out = lan.run("ping", "-n", "-c", "5", "-i", "0.05", "-W", "5", "-s", "60000", OURS[family])
    assert b" 5 received, 0% packet loss" in out.stdout
    assert lan.counters(host)["IpReasmOKs"] >= 5
    out = lan.our_client(*cable(fault), "--ping", f"{LINUX[family]},5,60000")
    assert b"5 sent, 5 received, 0 wrong" in out.stdout


FAR = {4: ("10.8.0.1", "10.8.0.2"), 6: ("fd08::1", "fd08::2")}  # a namespace behind Linux


@pytest.fixture
def far(lan):
    """Linux becomes a router, and another Linux is behind it."""
    other = f"{lan.name}-far"
    subprocess.run(["ip", "netns", "add", other], check=True)
    try:
        lan.run("ip", "link", "add", "v0", "type", "veth", "peer", "name", "v1", "netns", other)
        lan.run("sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
        lan.run("ip", "link", "set", "v0", "up")
        inside = ["ip", "-n", other]
        lan.run(*inside, "link", "set", "lo", "up")
        lan.run(*inside, "link", "set", "v1", "up")
        for family, (near, address) in FAR.items():
            bits, nodad = {4: (24, ()), 6: (64, ("nodad",))}[family]
            lan.run("ip", "addr", "add", f"{near}/{bits}", "dev", "v0", *nodad)
            lan.run(*inside, "addr", "add", f"{address}/{bits}", "dev", "v1", *nodad)
            lan.run(*inside, f"-{family}", "route", "add", "default", "via", near)
        yield lambda *command: lan.run("ip", "netns", "exec", other, *command)
    finally:
        subprocess.run(["ip", "netns", "del", other], check=False)


@families
def test_through_a_linux_router(lan, far, family):
    routes = ("--route", f"default,{LINUX[4]}", "--route", f"default,{LINUX[6]}")
    lan.our_host(*routes, *cable("many"), "--http", "80", "--echo", "7", "--iperf3-server", "5201")
    far("curl", "-sS", "--fail", "-m", "50", "-o", lan.tmp / "body",
        f"http://{host_in_url(OURS[family])}/bytes/{SIZE}")
    assert digest((lan.tmp / "body").read_bytes()) == digest(body(SIZE))
    (lan.tmp / "sent").write_bytes(os.urandom(SIZE))
    far("sh", "-c", f"nc -N {OURS[family]} 7 < {lan.tmp}/sent > {lan.tmp}/received")
    assert digest((lan.tmp / "received").read_bytes()) == digest((lan.tmp / "sent").read_bytes())
    result = far("iperf3", "-c", OURS[family], "-t", "1", "-R", "-J")
    assert b'"error"' not in result.stdout


# UDP to closed ports, echo requests, and SYNs to a closed port.
@pytest.mark.parametrize("probe", ("default", "icmp", "tcp"))
@families
def test_traceroute_finds_us_behind_a_linux_router(lan, far, family, probe):
    lan.our_host("--route", f"default,{LINUX[4]}", "--route", f"default,{LINUX[6]}")
    out = far("traceroute", f"-{family}", "-n", "-M", probe, "-q", "1", "-w", "5", "-N", "1",
              "-m", "4", OURS[family]).stdout.decode()
    hops = [line.split()[1] for line in out.splitlines()[1:]]
    assert hops == [FAR[family][0], OURS[family]]
