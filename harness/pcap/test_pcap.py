# SPDX-License-Identifier: GPL-2.0-or-later
"""What we write, tcpdump and tshark read without complaint; what we read, they read too."""
import os
import pathlib
import struct
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / os.environ.get("VSQ_BUILD", "build")
CAP_COPY = BUILD / "tool" / "cap_copy"
CAPTURES = sorted(p for p in (ROOT / "fixtures").glob("*.pcap*"))


def option(code: int, value: bytes) -> bytes:
    return struct.pack("<HH", code, len(value)) + value + bytes(-len(value) % 4)


def block(kind: int, body: bytes) -> bytes:
    return struct.pack("<II", kind, 12 + len(body)) + body + struct.pack("<I", 12 + len(body))


def sample() -> bytes:
    """Three capture points of different resolutions, comments, directions."""
    data = block(0x0a0d0d0a, struct.pack("<IHHq", 0x1a2b3c4d, 1, 0, -1))
    for name, resolution in ((b"left", b"\x09"), (b"right", b"\x06"), (b"r\xc3\xb6m", b"\x8a")):
        data += block(1, struct.pack("<HHI", 1, 0, 2000) + option(2, name) +
                      option(9, resolution) + option(0, b""))
    frame = bytes.fromhex("020000000002020000000001") + b"\x88\xb5" + bytes(46)
    for n in range(30):
        ticks = [n * 1_000_000_007, n * 1_000_000, n * 1024][n % 3]
        options = b""
        if n % 2:
            options += option(1, f"drop_loss, node fade, {n} \u20ac".encode())
        if n % 5 == 0:
            options += option(2, struct.pack("<I", 1 + n % 2))
        body = struct.pack("<IIIII", n % 3, ticks >> 32, ticks & 0xffffffff, 60, 60) + frame
        data += block(6, body + options + (option(0, b"") if options else b""))
    return data


FIELDS = ["frame.number", "frame.time_epoch", "frame.len", "frame.cap_len", "frame.interface_name",
          "frame.comment", "frame.packet_flags_direction", "eth.src", "eth.dst", "ip.src", "ip.dst",
          "ipv6.src", "tcp.seq_raw", "tcp.len", "udp.length", "arp.opcode"]


def tshark(path: pathlib.Path, fields: list[str]) -> list[str]:
    command = ["tshark", "-n", "-r", str(path), "-T", "fields"]
    for field in fields:
        command += ["-e", field]
    done = subprocess.run(command, capture_output=True, text=True, check=True,
                          env={**os.environ, "TZ": "UTC", "HOME": str(path.parent)})
    complaints = [line for line in done.stderr.splitlines() if "root" not in line]
    assert not complaints, complaints
    return done.stdout.splitlines()


def copy(path: pathlib.Path, out: pathlib.Path) -> None:
    done = subprocess.run([CAP_COPY, path, out], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_names_comments_and_directions_reach_tshark(tmp_path: pathlib.Path) -> None:
    source, out = tmp_path / "in.pcapng", tmp_path / "out.pcapng"
    source.write_bytes(sample())
    copy(source, out)
    lines = tshark(out, FIELDS)
    assert lines == tshark(source, FIELDS)
    assert len(lines) == 30
    assert "drop_loss, node fade, 7 \u20ac" in lines[7] and "\tright\t" in lines[7]
    assert lines[3].split("\t")[1] == "3.000000021"
    assert "\tr\u00f6m\t" in lines[29]


def test_capinfos_finds_the_interfaces_and_their_counts(tmp_path: pathlib.Path) -> None:
    source, out = tmp_path / "in.pcapng", tmp_path / "out.pcapng"
    source.write_bytes(sample())
    copy(source, out)
    said = subprocess.run(["capinfos", out], capture_output=True, text=True, check=True)
    assert not said.stderr
    text = said.stdout
    assert "Number of packets:   30" in text
    assert "Number of interfaces in file: 3" in text
    assert text.count("Number of stat entries = 1") == 3
    assert text.count("Time precision = nanoseconds (9)") == 3


@pytest.mark.parametrize("path", CAPTURES, ids=lambda p: p.name)
def test_recorded_captures_are_copied_faithfully(path: pathlib.Path,
                                                 tmp_path: pathlib.Path) -> None:
    out = tmp_path / "out.pcapng"
    copy(path, out)
    fields = [f for f in FIELDS if f != "frame.interface_name"]
    assert tshark(out, fields) == tshark(path, fields)
    said = [subprocess.run(["tcpdump", "-n", "-e", "-x", "-tttt", "--nano", "-r", p],
                           capture_output=True, text=True) for p in (path, out)]
    assert said[0].returncode == said[1].returncode == 0
    assert said[0].stdout == said[1].stdout and said[0].stdout


@pytest.mark.parametrize("magic", [0xa1b2c3d4, 0xa1b23c4d, 0xd4c3b2a1, 0x4d3cb2a1])
def test_pcap_of_every_byte_order_and_precision(tmp_path: pathlib.Path, magic: int) -> None:
    source, out = tmp_path / "in.pcap", tmp_path / "out.pcapng"
    order = "<" if magic in (0xa1b2c3d4, 0xa1b23c4d) else ">"
    real = magic if order == "<" else struct.unpack(">I", struct.pack("<I", magic))[0]
    frame = bytes.fromhex("020000000002020000000001") + b"\x88\xb5" + bytes(46)
    source.write_bytes(struct.pack(f"{order}IHHiIII", real, 2, 4, 0, 0, 65535, 1) +
                       struct.pack(f"{order}IIII", 5, 123456, 60, 60) + frame)
    copy(source, out)
    lines = tshark(out, ["frame.time_epoch"])
    assert lines == (["5.000123456"] if real == 0xa1b23c4d else ["5.123456000"])


def test_errors_name_the_file_and_what_is_wrong(tmp_path: pathlib.Path) -> None:
    source, out = tmp_path / "in.pcapng", tmp_path / "out.pcapng"
    for data, expected in ((sample()[:-10], "ends inside the block at byte"),
                           (b"hello, this is no capture", "not a capture"),
                           (sample() + b"\xff" * 100, "impossible length"),
                           (b"", "not a capture")):
        source.write_bytes(data)
        done = subprocess.run([CAP_COPY, source, out], capture_output=True, text=True)
        assert done.returncode != 0
        assert f"{source}: " in done.stderr and expected in done.stderr, done.stderr


def test_a_full_disk_is_an_error(tmp_path: pathlib.Path) -> None:
    source = tmp_path / "in.pcapng"
    source.write_bytes(sample())
    done = subprocess.run([CAP_COPY, source, "/dev/full"], capture_output=True, text=True)
    assert done.returncode == 1 and "/dev/full: No space left on device" in done.stderr
