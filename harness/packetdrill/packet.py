# SPDX-License-Identifier: GPL-2.0-or-later
"""Packets as bytes: what a script's line describes, and what a stack has sent."""
from __future__ import annotations

import dataclasses
import ipaddress
import struct
import typing

TCP, UDP, ICMP, ICMP6 = 6, 17, 1, 58
FLAGS = "FSRP.UEWA"
ECN = {None: 0, "noecn": 0, "ect1": 1, "ect0": 2, "ect01": 2, "ce": 3}
Address = typing.Union[ipaddress.IPv4Address, ipaddress.IPv6Address]
Option = tuple[str, list[typing.Any]]

ICMP4_CODES = {"net_unreachable": 0, "host_unreachable": 1, "protocol_unreachable": 2,
               "port_unreachable": 3, "frag_needed": 4, "source_route_failed": 5,
               "net_unknown": 6, "host_unknown": 7, "source_host_isolated": 8,
               "net_prohibited": 9, "host_prohibited": 10, "packet_filtered": 13}
ICMP6_CODES = {"no_route": 0, "net_unreachable": 0, "admin_prohibited": 1,
               "host_unreachable": 3, "address_unreachable": 3, "addr_unreachable": 3,
               "port_unreachable": 4, "frag_needed": 0}


def checksum(data: bytes) -> int:
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def pseudo(src: Address, dst: Address, protocol: int, length: int) -> bytes:
    if src.version == 4:
        return src.packed + dst.packed + struct.pack("!BBH", 0, protocol, length)
    return src.packed + dst.packed + struct.pack("!II", length, protocol)


def with_ip(src: Address, dst: Address, protocol: int, payload: bytes, ecn: int = 0) -> bytes:
    if src.version == 6:
        return struct.pack("!IHBB", 6 << 28 | ecn << 20, len(payload), protocol, 64) + \
            src.packed + dst.packed + payload
    head = struct.pack("!BBHHHBBH", 0x45, ecn, 20 + len(payload), 0, 0x4000, 64, protocol, 0) + \
        src.packed + dst.packed
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


def options_bytes(options: list[Option]) -> bytes:
    out = b""
    for name, values in options:
        v = [x for x in values if isinstance(x, int)]
        if name == "nop":
            out += b"\1"
        elif name == "eol":
            out += b"\0"
        elif name == "mss":
            out += struct.pack("!BBH", 2, 4, v[0])
        elif name == "wscale":
            out += bytes([3, 3, v[0]])
        elif name == "sackOK":
            out += b"\4\2"
        elif name == "sack":
            out += bytes([5, 2 + 4 * len(v)]) + struct.pack(f"!{len(v)}I", *v)
        elif name == "TS":
            out += struct.pack("!BBII", 8, 10, *v)
        elif name in ("FO", "FOEXP"):
            cookie = bytes.fromhex(values[0].replace(" ", "") if values and values[0] else "")
            head = b"" if name == "FO" else b"\xf9\x89"
            out += bytes([34 if name == "FO" else 254, 2 + len(head) + len(cookie)]) + head + cookie
        else:
            raise ValueError(f"TCP option {name}")
    return out + b"\0" * (-len(out) % 4)


def parse_options(data: bytes) -> list[Option]:
    found: list[Option] = []
    at = 0
    while at < len(data):
        kind = data[at]
        if kind < 2:
            found.append(("nop" if kind else "eol", []))
            at += 1
            continue
        length = data[at + 1]
        body = data[at + 2:at + length]
        if kind == 2:
            found.append(("mss", [struct.unpack("!H", body)[0]]))
        elif kind == 3:
            found.append(("wscale", [body[0]]))
        elif kind == 4:
            found.append(("sackOK", []))
        elif kind == 5:
            found.append(("sack", list(struct.unpack(f"!{len(body) // 4}I", body))))
        elif kind == 8:
            found.append(("TS", list(struct.unpack("!II", body))))
        elif kind == 34:
            found.append(("FO", [body.hex()]))
        elif kind == 254 and body[:2] == b"\xf9\x89":
            found.append(("FOEXP", [body[2:].hex()]))
        else:
            found.append((f"kind{kind}", [body.hex()]))
        at += length
    return found


@dataclasses.dataclass
class Segment:
    """A packet that has left, read."""
    src: Address
    dst: Address
    protocol: int
    ecn: int
    time_us: int
    sport: int = 0
    dport: int = 0
    seq: int = 0
    ack: int = 0
    flags: str = ""
    win: int = 0
    urg: int = 0
    options: list[Option] = dataclasses.field(default_factory=list)
    payload: bytes = b""

    def __str__(self) -> str:
        words = " ".join(f"{name} {' '.join(map(str, values))}".strip()
                         for name, values in self.options)
        return (f"{self.flags} {self.seq}:{self.seq + len(self.payload)}({len(self.payload)})"
                f" ack {self.ack} win {self.win} <{words}> ecn {self.ecn}")


def tcp(src: Address, dst: Address, sport: int, dport: int, seq: int, ack: int, flags: str,
        win: int, options: list[Option], length: int, ecn: int = 0, urg: int = 0) -> bytes:
    opts = options_bytes(options)
    bits = flag_bits(flags)
    head = struct.pack("!HHIIHHHH", sport, dport, seq & 0xffffffff, ack & 0xffffffff,
                       (5 + len(opts) // 4) << 12 | bits, win, 0, urg) + opts
    body = head + b"\0" * length
    total = checksum(pseudo(src, dst, TCP, len(body)) + body)
    return with_ip(src, dst, TCP, body[:16] + struct.pack("!H", total) + body[18:], ecn)


def flag_bits(flags: str) -> int:
    values = {"F": 1, "S": 2, "R": 4, "P": 8, ".": 16, "U": 32, "E": 64, "W": 128, "A": 256}
    return sum(values[f] for f in flags if f != "-")


def udp(src: Address, dst: Address, sport: int, dport: int, length: int) -> bytes:
    body = struct.pack("!HHHH", sport, dport, 8 + length, 0) + b"\0" * length
    total = checksum(pseudo(src, dst, UDP, len(body)) + body)
    return with_ip(src, dst, UDP, body[:6] + struct.pack("!H", total) + body[8:])


def icmp(src: Address, dst: Address, what: tuple[str, str, int], quoted: bytes) -> bytes:
    """An error about quoted, a packet from dst."""
    kind, code, mtu = what
    if src.version == 4:
        number = {"unreachable": 3, "time_exceeded": 11, "source_quench": 4}[kind]
        body = struct.pack("!BBHI", number, ICMP4_CODES.get(code, 0), 0, mtu) + quoted
        return with_ip(src, dst, ICMP, body[:2] + struct.pack("!H", checksum(body)) + body[4:])
    number = {"unreachable": 1, "packet_too_big": 2, "time_exceeded": 3}[kind]
    if code == "frag_needed":
        number = 2
    body = struct.pack("!BBHI", number, ICMP6_CODES.get(code, 0), 0, mtu) + quoted
    total = checksum(pseudo(src, dst, ICMP6, len(body)) + body)
    return with_ip(src, dst, ICMP6, body[:2] + struct.pack("!H", total) + body[4:])


def parse(data: bytes, time_us: int) -> Segment:
    if data[0] >> 4 == 4:
        length = (data[0] & 15) * 4
        if checksum(data[:length]):
            raise ValueError("a wrong IPv4 checksum")
        s = Segment(ipaddress.IPv4Address(data[12:16]), ipaddress.IPv4Address(data[16:20]),
                    data[9], data[1] & 3, time_us)
        body = data[length:struct.unpack("!H", data[2:4])[0]]
    else:
        s = Segment(ipaddress.IPv6Address(data[8:24]), ipaddress.IPv6Address(data[24:40]),
                    data[6], data[1] >> 4 & 3, time_us)
        body = data[40:40 + struct.unpack("!H", data[4:6])[0]]
    if s.protocol != ICMP and checksum(pseudo(s.src, s.dst, s.protocol, len(body)) + body):
        raise ValueError("a wrong checksum")
    if s.protocol == UDP:
        s.sport, s.dport = struct.unpack("!HH", body[:4])
        s.payload = body[8:]
    elif s.protocol == TCP:
        s.sport, s.dport, s.seq, s.ack, bits, s.win, _, s.urg = struct.unpack("!HHIIHHHH",
                                                                              body[:20])
        s.flags = "".join(f for f in "SFRPUEWA." if bits & flag_bits(f))
        s.options = parse_options(body[20:(bits >> 12) * 4])
        s.payload = body[(bits >> 12) * 4:]
    return s
