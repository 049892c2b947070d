# SPDX-License-Identifier: GPL-2.0-or-later
"""Networks of Linux hosts, routers and switches with our stack in one place of them: router
discovery, redirects, conflicts, groups, routing in both roles. Times only bound a hang.
"""
import contextlib
import os
import re
import subprocess
import time

import pytest

from linux_lan import HANG, LINUX, OURS, STK_HOST, Lan

FAMILIES = (4, 6)
FAR = {4: "10.8.0.2", 6: "fd08::2"}
GROUP = {4: "239.9.9.9", 6: "ff05::9:9"}
MAC = "02:00:00:00:00:77"  # ours: fe80::ff:fe00:77


class Node(Lan):
    """A namespace without anything in it."""

    def set_up(self) -> None:
        subprocess.run(["ip", "netns", "add", self.name], check=True)
        self.run("ip", "link", "set", "lo", "up")
        for name in ("all", "default"):
            self.sysctl(f"net.ipv6.conf.{name}.accept_dad", 0)
            self.sysctl(f"net.ipv4.conf.{name}.rp_filter", 0)

    def sysctl(self, name: str, value: object) -> None:
        self.run("sysctl", "-qw", f"{name}={value}")

    def forward(self) -> None:
        self.sysctl("net.ipv4.ip_forward", 1)
        self.sysctl("net.ipv6.conf.all.forwarding", 1)

    def address(self, device: str, *addresses: str) -> None:
        self.run("ip", "link", "set", device, "up")
        for address in addresses:
            more = ("nodad",) if ":" in address else ()
            self.run("ip", "addr", "add", address, "dev", device, *more)

    def tap(self, name: str) -> None:
        self.run("ip", "tuntap", "add", "dev", name, "mode", "tap")
        self.run("ip", "link", "set", name, "up")

    def bridge(self, name: str, *ports: str, options: tuple[str, ...] = ()) -> None:
        self.run("ip", "link", "add", name, "type", "bridge", *options)
        for port in ports:
            self.run("ip", "link", "set", port, "master", name, "up")
        self.run("ip", "link", "set", name, "up")

    def cable(self, device: str, other: "Node", its: str) -> None:
        self.run("ip", "link", "add", device, "type", "veth", "peer", "name", its, "netns",
                 other.name)
        self.run("ip", "link", "set", device, "up")

    def host(self, *arguments: str) -> subprocess.Popen:
        """Ours; it serves until it is asked for its counters."""
        process = self.start(STK_HOST, *arguments, "--counters")
        self.wait_for(process, b"ready\n")
        return process

    def until(self, said: bytes, *command: str) -> None:
        """Runs a command until it says something."""
        began = time.monotonic()
        while said not in (out := self.run(*command, check=False).stdout):
            assert time.monotonic() - began < HANG, f"{command} never said {said!r}: {out!r}"
            time.sleep(0.1)


@pytest.fixture
def nodes(tmp_path):
    """Makes namespaces by their names."""
    with contextlib.ExitStack() as stack:
        def make(*names: str) -> list[Node]:
            made = []
            for name in names:
                node = Node(f"vsq-net-{os.getpid()}-{name}", tmp_path)
                stack.callback(node.tear_down)
                node.set_up()
                made.append(node)
            return made
        yield make


def linux_router(make) -> tuple[Node, Node]:
    """Us on t0 of a Linux router, and a Linux host far away."""
    router, far = make("router", "far")
    router.tap("t0")
    router.cable("r1", far, "f0")
    router.forward()
    router.address("t0", f"{LINUX[4]}/24", f"{LINUX[6]}/64")
    router.address("r1", "10.8.0.1/24", "fd08::1/64")
    far.address("f0", f"{FAR[4]}/24", f"{FAR[6]}/64")
    far.run("ip", "route", "add", "default", "via", "10.8.0.1")
    far.run("ip", "-6", "route", "add", "default", "via", "fd08::1")
    return router, far


def at_router(*arguments: str) -> tuple[str, ...]:
    return ("--mac", MAC, "--tap", "t0", "--addr", f"{OURS[4]}/24", "--addr", f"{OURS[6]}/64",
            "--route", f"default,{LINUX[4]}", "--route", f"default,{LINUX[6]}", *arguments)


def test_radvd_gives_us_an_address_and_a_way(nodes, tmp_path):
    router, far = linux_router(nodes)
    router.address("t0", "fd07::1/64")
    config = tmp_path / "radvd.conf"
    config.write_text("""interface t0 {
        AdvSendAdvert on; MinRtrAdvInterval 3; MaxRtrAdvInterval 4; AdvDefaultPreference high;
        prefix fd07::/64 { AdvOnLink on; AdvAutonomous on; };
        route fd06::/48 { };
        RDNSS fd07::53 { };
    };""")
    host = router.host("--mac", MAC, "--set", "net.ipv6.conf.all.accept_ra=1", "--set",
                       "net.ipv6.conf.all.accept_dad=1", "--tap", "t0")
    router.start("radvd", "-n", "-C", config, "-p", tmp_path / "radvd.pid")
    # Nobody told us this address; that answers come from a network away is the default route's.
    far.until(b" 0% packet loss", "ping", "-n", "-c", "2", "-i", "0.2", "-W", "1",
              "fd07::ff:fe00:77")
    assert b"ff:fe00:77" in router.run("ip", "-6", "neigh", "show", "dev", "t0").stdout
    counted = router.counters(host)
    assert "NdInErrors" not in counted


@pytest.mark.parametrize("family", FAMILIES)
def test_we_trace_a_linux_router(nodes, family):
    router, _ = linux_router(nodes)
    out = router.run(STK_HOST, *at_router("--trace", FAR[family])).stdout.decode()
    assert out.split() == ["1", LINUX[family], "2", FAR[family]]


@pytest.mark.parametrize("family", FAMILIES)
def test_big_pings_pass_a_linux_router_both_ways(nodes, family):
    router, far = linux_router(nodes)
    out = router.run(STK_HOST, *at_router("--ping", f"{FAR[family]},3,60000"))
    assert b"3 sent, 3 received, 0 wrong" in out.stdout
    router.host(*at_router())
    out = far.run("ping", "-n", "-c", "3", "-i", "0.1", "-W", "5", "-s", "60000", OURS[family])
    assert b" 3 received, 0% packet loss" in out.stdout


def our_router(make) -> tuple[Node, Node, Node]:
    """Two Linux hosts, a and b, on two bridges with us, a router, in between."""
    middle, a, b = make("middle", "a", "b")
    for tap, bridge, device, node, theirs in (("t0", "br0", "v0", a, "10.9.0.1"),
                                              ("t1", "br1", "v1", b, "10.8.0.2")):
        middle.tap(tap)
        middle.cable(device, node, "e0")
        middle.bridge(bridge, tap, device)
        net = theirs.split(".")[1]
        node.address("e0", f"{theirs}/24", f"fd0{net}::{theirs[-1]}/64")
        node.run("ip", "route", "add", "default", "via", f"10.{net}.0.254")
        node.run("ip", "-6", "route", "add", "default", "via", f"fd0{net}::fe")
    return middle, a, b


def as_router(*arguments: str, far_mtu: int = 1500) -> tuple[str, ...]:
    return ("--forward", "--tap", "t0", "--addr", "10.9.0.254/24", "--addr", "fd09::fe/64",
            "--mtu", str(far_mtu), "--tap", "t1", "--addr", "10.8.0.254/24", "--addr",
            "fd08::fe/64", *arguments)


@pytest.mark.parametrize("family", FAMILIES)
def test_linux_traces_us_as_a_router(nodes, family):
    middle, a, _ = our_router(nodes)
    middle.host(*as_router())
    a.until(b" 0% packet loss", "ping", "-n", "-c", "1", "-W", "5", FAR[family])
    out = a.run("traceroute", "-n", "-q", "1", "-w", "5", "-N", "1", f"-{family}", FAR[family])
    hops = re.findall(rb"^ *\d+  (\S+)", out.stdout, re.MULTILINE)
    assert hops == [(b"10.9.0.254", b"fd09::fe")[family == 6], FAR[family].encode()]
    out = a.run("ping", "-n", "-c", "3", "-i", "0.1", "-W", "5", "-s", "60000", FAR[family])
    assert b" 3 received, 0% packet loss" in out.stdout


@pytest.mark.parametrize("family", FAMILIES)
def test_linux_learns_what_fits_behind_us(nodes, family):
    middle, a, b = our_router(nodes)
    middle.host(*as_router(far_mtu=1300))
    b.run("ip", "link", "set", "e0", "mtu", "1300")
    a.run("ping", "-n", "-c", "1", "-W", "5", "-M", "do", "-s", "1400", FAR[family], check=False)
    assert b"mtu 1300" in a.run("ip", f"-{family}", "route", "get", FAR[family]).stdout
    out = a.run("ping", "-n", "-c", "2", "-i", "0.1", "-W", "5", "-s", "1400", FAR[family])
    assert b" 2 received, 0% packet loss" in out.stdout


@pytest.mark.parametrize("family", FAMILIES)
def test_linux_hears_of_networks_and_hosts_that_are_not_there(nodes, family):
    middle, a, _ = our_router(nodes)
    middle.host(*as_router())
    nowhere = ("198.51.100.1", "2001:db8::1")[family == 6]
    out = a.run("ping", "-n", "-c", "1", "-W", "5", nowhere, check=False).stdout
    assert (b"Destination Net Unreachable", b"No route")[family == 6] in out
    nobody = ("10.8.0.77", "fd08::77")[family == 6]
    out = a.run("ping", "-n", "-c", "1", "-W", "5", nobody, check=False).stdout
    assert (b"Destination Host Unreachable", b"Address unreachable")[family == 6] in out


def test_linux_records_its_route_through_us(nodes):
    middle, a, _ = our_router(nodes)
    middle.host(*as_router())
    out = a.run("ping", "-n", "-R", "-c", "1", "-W", "5", FAR[4]).stdout.decode()
    route = re.search(r"RR:((?:\s+\d+(?:\.\d+){3})+)", out)[1].split()
    assert route == ["10.9.0.1", "10.8.0.254", FAR[4], FAR[4], "10.9.0.254", "10.9.0.1"]


def hub(make) -> tuple[Node, Node, Node, Node]:
    """A bridge with us (t0), a host, and two routers; behind the second one is what is far."""
    lan, host, first, second = make("lan", "host", "r1", "r2")
    lan.tap("t0")
    for n, node in enumerate((host, first, second)):
        lan.cable(f"v{n}", node, "e0")
    lan.bridge("br0", "t0", "v0", "v1", "v2")
    # A redirect comes from a router's first link-local address: there is only one.
    for node in (first, second):
        node.run("ip", "link", "set", "e0", "addrgenmode", "none")
    host.address("e0", "10.9.0.1/24", "fd09::1/64")
    first.address("e0", "10.9.0.11/24", "fd09::11/64", "fe80::11/64")
    second.address("e0", "10.9.0.12/24", "fd09::12/64", "fe80::12/64")
    second.address("lo", f"{FAR[4]}/32", f"{FAR[6]}/128")
    for node in (first, second):
        node.forward()
        node.sysctl("net.ipv4.conf.all.send_redirects", 1)
        node.sysctl("net.ipv4.conf.e0.send_redirects", 1)
    first.run("ip", "route", "add", "10.8.0.0/24", "via", "10.9.0.12")
    first.run("ip", "-6", "route", "add", "fd08::/64", "via", "fe80::12", "dev", "e0")
    return lan, host, first, second


@pytest.mark.parametrize("family", FAMILIES)
def test_we_obey_a_linux_router_that_redirects_us(nodes, family):
    lan, _, first, _ = hub(nodes)
    gateway = ("10.9.0.11", "fe80::11")[family == 6]
    ours = (f"{OURS[family]}/24", f"{OURS[family]}/64")[family == 6]
    before = int(re.search(rb"TX:.*\n\s+\d+\s+(\d+)", first.run(
        "ip", "-s", "link", "show", "e0").stdout)[1])
    out = lan.run(STK_HOST, "--tap", "t0", "--addr", ours, "--route", f"default,{gateway}",
                  "--counters", "--ping", f"{FAR[family]},20,56").stdout
    assert b"20 sent, 20 received" in out
    assert re.search(rb"^IpRedirectsObeyed [1-9]", out, re.MULTILINE)
    after = int(re.search(rb"TX:.*\n\s+\d+\s+(\d+)", first.run(
        "ip", "-s", "link", "show", "e0").stdout)[1])
    # The first router forwards one or two, not all twenty.
    assert after - before < 15


@pytest.mark.parametrize("family", FAMILIES)
def test_linux_obeys_our_redirect(nodes, family):
    lan, host, _, _ = hub(nodes)
    for name in ("all", "e0"):
        host.sysctl(f"net.ipv{family}.conf.{name}.accept_redirects", 1)
    router = lan.host("--mac", MAC, "--forward", "--tap", "t0", "--addr", f"{OURS[4]}/24",
                      "--addr", f"{OURS[6]}/64", "--route", "10.8.0.0/24,10.9.0.12", "--route",
                      "fd08::/64,fe80::12")
    if family == 4:
        host.run("ip", "route", "add", "default", "via", OURS[4])
    else:
        host.run("ip", "-6", "route", "add", "default", "via", "fe80::ff:fe00:77", "dev", "e0")
    out = host.run("ping", "-n", "-c", "5", "-i", "0.2", "-W", "5", FAR[family]).stdout
    assert b" 5 received" in out or b" 5 received, " in out
    better = (b"via 10.9.0.12", b"via fe80::12")[family == 6]
    assert better in host.run("ip", f"-{family}", "route", "get", FAR[family]).stdout
    counted = lan.counters(router)
    assert counted["IcmpOutRedirects"] >= 1
    # Linux went on by itself after that.
    assert counted["IpForwDatagrams"] < 5


@pytest.mark.parametrize("family", FAMILIES)
def test_we_see_that_an_address_is_linuxs(nodes, family):
    lan, = nodes("lan")
    lan.tap("t0")
    lan.address("t0", f"{LINUX[4]}/24", f"{LINUX[6]}/64")
    setting = ("net.ipv4.conf.all.acd", "net.ipv6.conf.all.accept_dad")[family == 6]
    theirs = (f"{LINUX[4]}/24", f"{LINUX[6]}/64")[family == 6]
    out = lan.run(STK_HOST, "--set", f"{setting}=1", "--tap", "t0", "--addr", theirs, "--addr",
                  (f"{OURS[4]}/24", f"{OURS[6]}/64")[family == 6], "--counters", "--ping",
                  f"{LINUX[family]},80,8", check=False).stdout
    counted = dict(re.findall(rb"^(\w+) (\d+)$", out, re.MULTILINE))
    assert counted[b"AddrDuplicates"] == b"1"


def test_linux_and_we_ask_for_one_address_and_one_of_us_yields(nodes):
    lan, = nodes("lan")
    lan.tap("t0")
    lan.address("t0", f"{LINUX[6]}/64")
    lan.sysctl("net.ipv6.conf.t0.accept_dad", 1)
    lan.host("--set", "net.ipv6.conf.all.accept_dad=1", "--tap", "t0", "--addr", f"{OURS[6]}/64")
    lan.until(b" 0% packet loss", "ping", "-n", "-c", "1", "-W", "1", OURS[6])
    lan.run("ip", "addr", "add", f"{OURS[6]}/64", "dev", "t0")
    lan.until(b"dadfailed", "ip", "-6", "addr", "show", "dev", "t0")


LISTENER = """
import socket, struct, sys
family, group = int(sys.argv[1]), sys.argv[2]
s = socket.socket(socket.AF_INET if family == 4 else socket.AF_INET6, socket.SOCK_DGRAM)
s.bind(("", 5000))
index = socket.if_nametoindex(sys.argv[3])
address = socket.inet_pton(s.family, group)
if family == 4:
    s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                 struct.pack("@4s4si", address, bytes(4), index))
else:
    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, struct.pack("@16sI", address, index))
print("ready", flush=True)
data, who = s.recvfrom(100)
print(data.decode(), who[0], flush=True)
"""

SPEAKER = """
import socket, struct, sys, time
family, group = int(sys.argv[1]), sys.argv[2]
s = socket.socket(socket.AF_INET if family == 4 else socket.AF_INET6, socket.SOCK_DGRAM)
index = socket.if_nametoindex(sys.argv[3])
if family == 4:
    s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, struct.pack("@4s4si", bytes(4),
                                                                        bytes(4), index))
else:
    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
s.sendto(b"hello", (group, 5000))
"""


@pytest.mark.parametrize("family", FAMILIES)
def test_linux_hears_what_we_say_to_a_group(lan, family):
    listener = lan.start("/usr/bin/python3", "-c", LISTENER, str(family), GROUP[family], "t0")
    lan.wait_for(listener, b"ready\n")
    assert GROUP[family].encode() in lan.run("ip", "maddr", "show", "dev", "t0").stdout
    lan.our_client("--say", f"{GROUP[family]},5000,moin")
    assert listener.stdout.readline().split() == [b"moin", OURS[family].encode()]


@pytest.mark.parametrize("family", FAMILIES)
def test_we_hear_what_linux_says_to_a_group(lan, family):
    host = lan.our_host("--listen", f"{GROUP[family]},5000", "--listen",
                        f"{GROUP[family]},5001,{LINUX[family]}")
    lan.run("/usr/bin/python3", "-c", SPEAKER, str(family), GROUP[family], "t0")
    assert host.stdout.readline() == f"{GROUP[family]} from {LINUX[family]}: hello\n".encode()


@pytest.mark.parametrize("family", FAMILIES)
def test_a_linux_querier_knows_our_groups_and_sources(nodes, family):
    lan, = nodes("lan")
    lan.tap("t0")
    lan.bridge("br0", "t0", options=(
        "mcast_snooping", "1", "mcast_querier", "1", "mcast_igmp_version", "3",
        "mcast_mld_version", "2", "mcast_query_interval", "100", "mcast_query_response_interval",
        "50", "mcast_membership_interval", "400", "mcast_startup_query_interval", "50"))
    lan.address("br0", f"{LINUX[4]}/24", f"{LINUX[6]}/64")
    host = lan.host("--mac", MAC, "--tap", "t0", "--addr", f"{OURS[4]}/24", "--addr",
                    f"{OURS[6]}/64", "--listen", f"{GROUP[family]},5000,{LINUX[family]}")
    grp = f"grp {GROUP[family]}".encode()
    lan.until(grp, "bridge", "-d", "mdb", "show", "dev", "br0")
    lan.until(LINUX[family].encode(), "bridge", "-d", "mdb", "show", "dev", "br0")
    # Four seconds after the last report the switch forgets; queries keep it.
    deadline = time.monotonic() + 6
    while time.monotonic() < deadline:
        assert grp in lan.run("bridge", "-d", "mdb", "show", "dev", "br0").stdout
        time.sleep(0.25)
    counted = lan.counters(host)
    assert counted["GroupInQueries"] >= 2
    assert counted["GroupOutReports"] >= 3
    assert "GroupInErrors" not in counted


def test_tcpdump_reads_our_reports(lan):
    process = lan.start(STK_HOST, "--set", "net.ipv6.conf.all.mld_own_reports=1", "--tap", "t0",
                        "--addr", f"{OURS[4]}/24", "--addr", f"{OURS[6]}/64", "--listen",
                        f"{GROUP[4]},5000,{LINUX[4]}", "--listen", f"{GROUP[6]},5001")
    lan.wait_for(process, b"ready\n")
    lan.run("ping", "-n", "-c", "1", "-W", "5", OURS[4])  # what was said before is captured
    lan.capture.terminate()
    lan.capture.wait(HANG)
    text = subprocess.run(["tcpdump", "-nvvr", lan.tmp / "t0.pcap"], capture_output=True,
                          text=True, timeout=HANG, check=True).stdout
    assert re.search(r"options \(RA\)\)\s+10\.9\.0\.2 > 224\.0\.0\.22: igmp v3 report, 1 group "
                     rf"record\(s\) \[gaddr {re.escape(GROUP[4])} allow {{ {LINUX[4]} }}\]", text)
    for group in (GROUP[6], "ff02::1:ff00:2"):
        assert re.search(r"> ff02::16: HBH \(rtalert: 0x0000\) \(padn\) \[icmp6 sum ok\] ICMP6, "
                         r"multicast listener report v2, 1 group record\(s\) "
                         rf"\[gaddr {group} to_ex {{ }}\]", text), group
