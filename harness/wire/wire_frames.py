# SPDX-License-Identifier: GPL-2.0-or-later
"""Random frames that are valid, of every protocol that core/wire knows; and pcap files of them."""
import ipaddress
import random
import struct
from typing import Callable, Iterable

Frame = bytes


def cksum(data: bytes) -> int:
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


class Maker:
    """Makes frames from a seed."""

    def __init__(self, seed: int) -> None:
        self.r = random.Random(seed)

    def u(self, bits: int) -> int:
        return self.r.getrandbits(bits)

    def mac(self) -> bytes:
        return bytes([2, 0, 0]) + self.r.randbytes(3)

    def port(self) -> int:
        # Ports that tcpdump has no dissector for.
        return self.r.randrange(40000, 45000)

    def payload(self, most: int = 200) -> bytes:
        return bytes([self.r.choice(b"abc\xff\0")]) * self.r.randrange(most)

    def ip4(self) -> bytes:
        return bytes([10, self.u(8), self.u(8), self.r.randrange(1, 255)])

    def ip6(self) -> bytes:
        return bytes.fromhex(self.r.choice(["20010db8", "fe800000", "fd000000"])) + \
            bytes(self.r.choice([0, self.u(8)]) for _ in range(12))

    # Layers, outermost first.

    def ethernet(self, ethertype: int, payload: bytes, dst: bytes | None = None) -> Frame:
        head = (dst or self.mac()) + self.mac()
        tags = self.r.choices([0, 1, 2], [8, 2, 1])[0]
        for _ in range(tags):
            tci = self.r.choice([0, 2, 7]) << 13 | self.r.randrange(1, 4095)
            head += struct.pack("!HH", 0x8100, tci)
        return head + struct.pack("!H", ethertype) + payload

    def ip(self, protocol4: int, protocol6: int,
           upper: Callable[[bytes, int], bytes]) -> Frame:
        """upper makes the payload from the pseudo-header's addresses and its protocol."""
        if self.r.random() < .5:
            src, dst = self.ip4(), self.ip4()
            return self.ethernet(0x0800, self.packet4(src, dst, protocol4,
                                                      upper(src + dst, protocol4)))
        src, dst = self.ip6(), self.ip6()
        return self.ethernet(0x86dd, self.packet6(src, dst, protocol6,
                                                  upper(src + dst, protocol6)))

    def packet4(self, src: bytes, dst: bytes, protocol: int, payload: bytes,
                fragment: int = 0) -> bytes:
        options = self.r.choice([b"", b"", b"", b"\x94\4\0\0", b"\1\1\1\0"])
        head = struct.pack("!BBHHHBBH4s4s", 0x45 + len(options) // 4, self.r.choice([0, 0, 3, 16]),
                           20 + len(options) + len(payload), self.u(16),
                           fragment or self.r.choice([0, 0x4000]), self.r.randrange(1, 256),
                           protocol, 0, src, dst) + options
        return head[:10] + struct.pack("!H", cksum(head)) + head[12:] + payload

    def packet6(self, src: bytes, dst: bytes, protocol: int, payload: bytes,
                extensions: bool = True, hops: int | None = None) -> bytes:
        chain = []
        if extensions and self.r.random() < .3:
            chain = [x for x in [(0, b"\5\2\0\0\1\0"), (60, b"\1\4\0\0\0\0")]
                     if self.r.random() < .6]
        body, following = payload, protocol
        for kind, data in reversed(chain):
            body = bytes([following, 0]) + data + body
            following = kind
        word = 6 << 28 | self.r.choice([0, 0xb8]) << 20 | self.r.choice([0, self.u(20)])
        return struct.pack("!IHBB16s16s", word, len(body), following,
                           hops or self.r.randrange(1, 256), src, dst) + body

    @staticmethod
    def with_cksum(addresses: bytes, protocol: int, data: bytes, at: int) -> bytes:
        pseudo = addresses + (struct.pack("!BBH", 0, protocol, len(data)) if len(addresses) == 8
                              else struct.pack("!II", len(data), protocol))
        value = cksum(pseudo + data)
        return data[:at] + struct.pack("!H", value) + data[at + 2:]

    # Whole frames.

    def arp(self) -> Frame:
        op = self.r.choice([1, 2])
        target = bytes(6) if op == 1 else self.mac()
        return self.ethernet(0x0806, struct.pack("!HHBBH", 1, 0x0800, 6, 4, op) + self.mac() +
                             self.ip4() + target + self.ip4(),
                             b"\xff" * 6 if op == 1 else None)

    def tcp_options(self) -> bytes:
        options = []
        if self.r.random() < .5:
            options.append(struct.pack("!BBH", 2, 4, self.r.randrange(500, 9000)))
        if self.r.random() < .5:
            options.append(b"\4\2")
        if self.r.random() < .6:
            options.append(struct.pack("!BBII", 8, 10, self.u(32), self.u(32)))
        if self.r.random() < .5:
            options.append(struct.pack("!BBB", 3, 3, self.r.randrange(0, 15)))
        if self.r.random() < .3:
            blocks = self.r.randrange(1, 3)
            options.append(struct.pack("!BB", 5, 2 + 8 * blocks) + self.r.randbytes(8 * blocks))
        self.r.shuffle(options)
        data = b""
        for option in options:
            data += self.r.choice([b"", b"\1"])
            if len(data) + len(option) <= 40:
                data += option
        data = data[:40]
        return data + b"\1" * (-len(data) % 4)

    def tcp(self) -> Frame:
        def upper(addresses: bytes, protocol: int) -> bytes:
            options = self.tcp_options()
            flags = self.r.choice([0x02, 0x12, 0x10, 0x18, 0x11, 0x04, 0x14, 0x38, 0xc2, 0x00])
            data = b"" if flags & 6 else self.payload()
            segment = struct.pack("!HHIIBBHHH", self.port(), self.port(), self.u(32), self.u(32),
                                  (20 + len(options)) * 4, flags, self.u(16), 0,
                                  self.u(16) if flags & 0x20 else 0) + options + data
            return self.with_cksum(addresses, protocol, segment, 16)
        return self.ip(6, 6, upper)

    def udp(self) -> Frame:
        def upper(addresses: bytes, protocol: int) -> bytes:
            data = self.payload()
            return self.with_cksum(addresses, protocol, struct.pack(
                "!HHHH", self.port(), self.port(), 8 + len(data), 0) + data, 6)
        return self.ip(17, 17, upper)

    def echo(self) -> Frame:
        def upper(addresses: bytes, protocol: int) -> bytes:
            kind = self.r.choice([8, 0] if protocol == 1 else [128, 129])
            message = struct.pack("!BBHHH", kind, 0, 0, self.u(16), self.u(16)) + self.payload()
            if protocol == 1:
                return message[:2] + struct.pack("!H", cksum(message)) + message[4:]
            return self.with_cksum(addresses, protocol, message, 2)
        return self.ip(1, 58, upper)

    def error4(self) -> Frame:
        src, dst = self.ip4(), self.ip4()
        inner = struct.pack("!HHHH", self.port(), self.port(), 28, 0) + bytes(20)
        quoted = self.packet4(dst, self.ip4(), self.r.choice([6, 17]), inner)
        kind, code = self.r.choice([(3, 0), (3, 1), (3, 2), (3, 3), (3, 4), (11, 0), (11, 1)])
        mtu = self.r.randrange(600, 1500) if (kind, code) == (3, 4) else 0
        message = struct.pack("!BBHHH", kind, code, 0, 0, mtu) + quoted
        message = message[:2] + struct.pack("!H", cksum(message)) + message[4:]
        return self.ethernet(0x0800, self.packet4(src, dst, 1, message))

    def message6(self, message: bytes, dst: bytes | None = None, hops: int = 255) -> Frame:
        src, dst = self.ip6(), dst or self.ip6()
        message = self.with_cksum(src + dst, 58, message, 2)
        return self.ethernet(0x86dd, self.packet6(src, dst, 58, message, False, hops))

    def error6(self) -> Frame:
        inner = struct.pack("!HHHH", self.port(), self.port(), 28, 0) + bytes(20)
        quoted = self.packet6(self.ip6(), self.ip6(), 17, inner, False)
        kind, code = self.r.choice([(1, 0), (1, 1), (1, 3), (1, 4), (2, 0), (3, 0)])
        value = self.r.randrange(1280, 1500) if kind == 2 else 0
        return self.message6(struct.pack("!BBHI", kind, code, 0, value) + quoted)

    def neighbour(self) -> Frame:
        kind = self.r.choice([133, 134, 135, 136, 137])
        body = {133: lambda: bytes(4),
                134: lambda: struct.pack("!BBHII", 64, 0xc0, 1800, 0, 0),
                135: lambda: bytes(4) + self.ip6(),
                136: lambda: bytes([0x60, 0, 0, 0]) + self.ip6(),
                137: lambda: bytes(4) + self.ip6() + self.ip6()}[kind]()
        if self.r.random() < .8:
            body += bytes([2 if kind in (136, 137) else 1, 1]) + self.mac()
        if kind == 134:
            body += struct.pack("!BBHI", 5, 1, 0, 1400)
            body += struct.pack("!BBBBIII", 3, 4, 64, 0xc0, 86400, 3600, 0) + \
                bytes.fromhex("20010db8000000010000000000000000")
        return self.message6(bytes([kind, 0, 0, 0]) + body)

    def listener(self) -> Frame:
        group = bytes.fromhex("ff02000000000000000000") + b"\1\xff" + self.r.randbytes(3)
        return self.message6(bytes([self.r.choice([131, 132]), 0, 0, 0, 0, 0, 0, 0]) + group,
                             group, 1)

    def fragment(self) -> Frame:
        offset = self.r.randrange(1, 180)
        more = self.r.choice([0, 1])
        data = bytes(8 * self.r.randrange(1, 20))
        protocol = self.r.choice([6, 17])
        if self.r.random() < .5:
            return self.ethernet(0x0800, self.packet4(self.ip4(), self.ip4(), protocol, data,
                                                      offset | more << 13))
        head = struct.pack("!BBHI", protocol, 0, offset << 3 | more, self.u(32))
        return self.ethernet(0x86dd, self.packet6(self.ip6(), self.ip6(), 44, head + data, False))

    def bpdu(self) -> Frame:
        kind = self.r.choice([0, 2, 0x80])
        body = struct.pack("!HBB", 0, 2 if kind == 2 else 0, kind)
        if kind != 0x80:
            bridge = struct.pack("!H", self.r.choice([0x8000, 0x1000]))
            body += struct.pack("!B", self.r.choice([0, 1, 0x80] if kind == 0 else [0x3c, 0x0e]))
            body += bridge + self.mac() + struct.pack("!I", self.r.randrange(200000))
            body += bridge + self.mac() + struct.pack("!H", 0x8000 | self.r.randrange(1, 32))
            body += struct.pack("!HHHH", 256, 20 * 256, 2 * 256, 15 * 256)
        if kind == 2:
            body += b"\0"
        llc = b"\x42\x42\x03" + body
        frame = bytes.fromhex("0180c2000000") + self.mac() + struct.pack("!H", len(llc)) + llc
        return frame + bytes(max(0, 60 - len(frame)))

    def frame(self) -> Frame:
        return self.r.choice([self.arp, self.tcp, self.tcp, self.tcp, self.udp, self.udp,
                              self.echo, self.error4, self.error6, self.neighbour, self.listener,
                              self.fragment, self.bpdu])()


def write_pcap(path, frames: Iterable[bytes], whole: Iterable[int] | None = None) -> None:
    """whole: the lengths the frames had before they were cut."""
    frames = list(frames)
    lengths = list(whole) if whole is not None else [len(f) for f in frames]
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 262144, 1))
        for n, (frame, length) in enumerate(zip(frames, lengths)):
            file.write(struct.pack("<IIII", n, 0, len(frame), length) + frame)


def address(text: str) -> str:
    """One spelling for an address, whoever printed it."""
    return str(ipaddress.ip_address(text))
