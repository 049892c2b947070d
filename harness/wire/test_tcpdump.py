# SPDX-License-Identifier: GPL-2.0-or-later
"""core/wire reads frames as tcpdump does: addresses, ports, flags, numbers, lengths, targets."""
import os
import pathlib
import re
import subprocess

import pytest
from wire_frames import Maker, address, write_pcap

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / os.environ.get("VSQ_BUILD", "build")
WIRE_PRINT = BUILD / "tool" / "wire_print"
CAPTURES = sorted(p for p in (ROOT / "fixtures").glob("*.pcap*"))

HEX = r"[0-9a-f:.]+"
LINK = re.compile(rf"(?P<src_mac>{HEX}) > (?P<dst_mac>{HEX}), "
                  r"(?:802\.3|ethertype [\w.-]+ \((?P<type>0x\w+)\)), length (?P<frame>\d+): ")
TAG = re.compile(r"vlan (\d+), p (\d)(?:, DEI)?, (?:ethertype [\w.-]+ \((0x\w+)\), )?")
ARP = [re.compile(rf"(?P<op>Request) who-has (?P<target>{HEX}) (?:\({HEX}\) )?tell "
                  rf"(?P<sender>{HEX}), length (?P<arp_length>\d+)"),
       re.compile(rf"(?P<op>Reply) (?P<sender>{HEX}) is-at (?P<mac>{HEX}), "
                  r"length (?P<arp_length>\d+)")]
HOSTS = re.compile(rf"(?P<src>{HEX}) > (?P<dst>{HEX}): ")
# tcpdump puts the ports of a packet with extension headers behind their names.
BEHIND = re.compile(rf"(?P<src>{HEX}) > (?P<dst>{HEX}): (?:(?:HBH|DSTOPT) )+"
                    r"(?P<sport>\d+) > (?P<dport>\d+): ")
TCP = re.compile(r"Flags \[(?P<flags>[\w.]+)\](?:, seq (?P<seq>\d+)(?::(?P<end>\d+))?)?"
                 r"(?:, ack (?P<ack>\d+))?, win (?P<win>\d+)(?:, urg (?P<urg>\d+))?"
                 r"(?:, options \[(?P<options>[^]]*)\])?, length (?P<length>\d+)")
UDP = re.compile(r"UDP, length (?P<length>\d+)")
ICMP_LENGTH = re.compile(r", length (\d+)(?:[,:]|$)")
ICMP = [re.compile(p) for p in (
    r"echo (?P<echo>request|reply), id (?P<id>\d+), seq (?P<seq>\d+)",
    rf"ICMP (?P<what>net|host) (?P<about>{HEX}) unreachable",
    rf"ICMP (?P<about>{HEX}) protocol (?P<proto>\d+) unreachable",
    rf"ICMP (?P<about>{HEX}) (?P<what>tcp|udp) port (?P<port>\d+) unreachable",
    rf"ICMP (?P<about>{HEX}) unreachable - need to frag \(mtu (?P<mtu>\d+)\)",
    r"(?P<what>time exceeded in-transit|reassembly time exceeded)",
    rf"ICMP6, (?P<what>destination unreachable), +unreachable "
    rf"(?P<why>route|prohibited|beyond scope|address|port,) "
    rf"(?P<about>{HEX})(?: udp port (?P<port>\d+))?",
    r"ICMP6, (?P<what>packet too big), mtu (?P<mtu>\d+)",
    rf"ICMP6, (?P<what>time exceeded in-transit).* (?P<about>{HEX}:{HEX})",
    rf"ICMP6, (?P<what>neighbor solicitation), who has (?P<target>{HEX})",
    rf"ICMP6, (?P<what>neighbor advertisement), tgt is (?P<target>{HEX})",
    rf"ICMP6, (?P<what>redirect), (?P<destination>{HEX}) to (?P<target>{HEX})",
    r"ICMP6, (?P<what>router solicitation|router advertisement)",
    rf"ICMP6, (?P<what>multicast listener \w+?)(?:max| |,).*addr: (?P<group>{HEX})",
    r"ICMP6, (?P<what>multicast listener report v2), (?P<records>\d+) group")]
BPDU = re.compile(r"STP 802\.1(?P<kind>\w)(?:, (?:Config|Rapid STP), Flags \[(?P<flags>[^]]*)\], "
                  r"bridge-id (?P<bridge>[\w.:]+)|, (?P<change>Topology Change))")


def named(match: re.Match | None, **rename: str) -> dict[str, str]:
    return {} if match is None else {rename.get(k, k): v for k, v in match.groupdict().items()
                                     if v is not None}


def split_port(text: str) -> tuple[str, str | None]:
    """10.0.0.1.80 and fe80::1.80 have a port; a dot is an IPv6 address's only there."""
    if text.count(".") in (1, 4):
        host, port = text.rsplit(".", 1)
        return host, port
    return text, None


def options(text: str | None) -> set[str]:
    """Options without their order and padding; commas also stand inside none of them."""
    return set((text or "").split(",")) - {"nop", "eol", ""}


def fields(line: str) -> dict:
    """What a line says, by name. Words that only one of the two printers uses are left out."""
    match = LINK.match(line)
    if not match:
        return {}
    found: dict = named(match)
    rest = line[match.end():]
    found["tags"] = []
    while tag := TAG.match(rest):
        found["tags"].append(tag.groups())
        rest = rest[tag.end():]
    for pattern in ARP:
        found |= named(pattern.match(rest))
    if bpdu := BPDU.search(rest):
        found |= named(bpdu)
        # The role is in the flags; tcpdump 4.99 does not say "Designated".
        found["flags"] = set(found.get("flags", "").split(", ")) - {"Designated"}
        return found
    if behind := BEHIND.match(rest):
        found |= named(behind)
        rest = rest[behind.end():]
    elif hosts := HOSTS.match(rest):
        for side in ("src", "dst"):
            host, port = split_port(hosts[side])
            found[side] = host
            if port:
                found[side[0] + "port"] = port
        rest = rest[hosts.end():]
    for key in ("src", "dst"):
        if key in found:
            found[key] = address(found[key])
    if tcp := TCP.match(rest):
        found |= named(tcp)
        found["options"] = options(found.get("options"))
    else:
        found |= named(UDP.match(rest))
        for pattern in ICMP:
            icmp = named(pattern.search(rest))
            if icmp:
                found |= icmp
                if length := ICMP_LENGTH.search(rest):
                    found["length"] = length[1]
                break
    return found


def tcpdump(path: pathlib.Path) -> list[str]:
    done = subprocess.run(["tcpdump", "-n", "-e", "-S", "-t", "-r", path], capture_output=True,
                          text=True, check=True)
    return done.stdout.splitlines()


def ours(path: pathlib.Path) -> list[str]:
    done = subprocess.run([WIRE_PRINT, path], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def compare(path: pathlib.Path, least: int = 5) -> dict[str, int]:
    """Asserts that both say the same of every frame; returns how often each field was said."""
    theirs, mine = tcpdump(path), ours(path)
    assert len(theirs) == len(mine) > 0
    seen: dict[str, int] = {}
    for their, my in zip(theirs, mine):
        said, say = fields(their), fields(my)
        assert len(say) >= least, f"nothing understood in\n{my}"
        # tcpdump decodes some protocols above UDP and says no length then.
        common = {k: v for k, v in say.items() if k in said or k not in ("length",)}
        if "ip-proto" in their:
            common = {k: v for k, v in common.items() if k in said}
        assert common == said, f"tcpdump: {their}\nours:    {my}"
        for key in common:
            seen[key] = seen.get(key, 0) + 1
    return seen


@pytest.mark.parametrize("seed", range(5))
def test_generated_frames(tmp_path: pathlib.Path, seed: int) -> None:
    maker = Maker(seed)
    path = tmp_path / "frames.pcap"
    write_pcap(path, [maker.frame() for _ in range(2000)])
    seen = compare(path)
    for key, often in {"src": 1000, "sport": 500, "seq": 200, "ack": 100, "flags": 300, "mss": 0,
                       "options": 300, "echo": 50, "target": 50, "group": 50, "about": 50,
                       "mtu": 10, "op": 50, "bridge": 50, "change": 10}.items():
        assert seen.get(key, 0) >= often, f"{key} was hardly tested: {seen}"


@pytest.mark.parametrize("seed", range(2))
def test_cut_frames_crash_neither(tmp_path: pathlib.Path, seed: int) -> None:
    maker = Maker(1000 + seed)
    whole = [maker.frame() for _ in range(3000)]
    cut = [f[:maker.r.randrange(0, len(f) + 1)] for f in whole]
    path = tmp_path / "cut.pcap"
    write_pcap(path, cut, [len(f) for f in whole])
    theirs, mine = tcpdump(path), ours(path)
    assert len(mine) == len(cut)
    for frame, line in zip(cut, mine):
        assert line.isascii() and line.isprintable()
        assert "[|" in line or LINK.match(line), line
        if len(frame) < 14:
            assert line == f"[|ether], length {len(frame)}"
    assert len(theirs) > len(cut) // 2  # tcpdump wraps none, but skips none either


def test_noise_crashes_neither(tmp_path: pathlib.Path) -> None:
    maker = Maker(7)
    frames = []
    for _ in range(3000):
        frame = bytearray(maker.frame())
        for _ in range(maker.r.randrange(1, 8)):
            frame[maker.r.randrange(12, len(frame))] = maker.r.getrandbits(8)
        frames.append(bytes(frame))
    path = tmp_path / "noise.pcap"
    write_pcap(path, frames)
    tcpdump(path)
    for line in ours(path):
        assert line.isascii() and line.isprintable()


@pytest.mark.parametrize("path", CAPTURES, ids=lambda p: p.name)
def test_recorded_captures(path: pathlib.Path) -> None:
    compare(path, least=4)


def test_a_file_that_is_no_capture_is_named(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "x"
    path.write_text("hello, hello")
    done = subprocess.run([WIRE_PRINT, path], capture_output=True, text=True)
    assert done.returncode == 2
    assert str(path) in done.stderr and "not a capture" in done.stderr
