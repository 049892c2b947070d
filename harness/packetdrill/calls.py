# SPDX-License-Identifier: GPL-2.0-or-later
"""A script's system calls: its arguments become C's, and what comes back is compared."""
from __future__ import annotations

import ctypes
import errno
import os
import socket
import struct
import threading
import typing

import script
from library import C, EpollEvent, Iovec, Msghdr, Pollfd

if typing.TYPE_CHECKING:
    from driver import Driver

INFO_FIELDS = [
    ("B", "state ca_state retransmits probes backoff options wscales flags"),
    ("I", "rto ato snd_mss rcv_mss unacked sacked lost retrans fackets last_data_sent"
          " last_ack_sent last_data_recv last_ack_recv pmtu rcv_ssthresh rtt rttvar snd_ssthresh"
          " snd_cwnd advmss reordering rcv_rtt rcv_space total_retrans"),
    ("Q", "pacing_rate max_pacing_rate bytes_acked bytes_received"),
    ("I", "segs_out segs_in notsent_bytes min_rtt data_segs_in data_segs_out"),
    ("Q", "delivery_rate busy_time rwnd_limited sndbuf_limited"),
    ("I", "delivered delivered_ce"),
    ("Q", "bytes_sent bytes_retrans"),
    ("I", "dsack_dups reord_seen rcv_ooopack snd_wnd"),
]
CONSTANTS = {
    "TCP_ESTABLISHED": 1, "TCP_SYN_SENT": 2, "TCP_SYN_RECV": 3, "TCP_FIN_WAIT1": 4,
    "TCP_FIN_WAIT2": 5, "TCP_TIME_WAIT": 6, "TCP_CLOSE": 7, "TCP_CLOSE_WAIT": 8,
    "TCP_LAST_ACK": 9, "TCP_LISTEN": 10, "TCP_CLOSING": 11, "TCP_CA_Open": 0,
    "TCP_CA_Disorder": 1, "TCP_CA_CWR": 2, "TCP_CA_Recovery": 3, "TCP_CA_Loss": 4,
    "TCPI_OPT_TIMESTAMPS": 1, "TCPI_OPT_SACK": 2, "TCPI_OPT_WSCALE": 4, "TCPI_OPT_ECN": 8,
    "TCPI_OPT_ECN_SEEN": 16, "TCPI_OPT_SYN_DATA": 32,
}
MEMINFO = ["RMEM_ALLOC", "RCVBUF", "WMEM_ALLOC", "SNDBUF", "FWD_ALLOC", "WMEM_QUEUED", "OPTMEM",
           "BACKLOG", "DROPS"]


def environment() -> dict[str, str]:
    """What the library has put into C's environment, which Python's copy lacks."""
    getenv = ctypes.CDLL(None).getenv
    getenv.restype = ctypes.c_char_p
    return {name: getenv(name.encode()).decode() for name in
            ("PATH", "LD_PRELOAD", "VSQ_PACKETDRILL_SOCKET") if getenv(name.encode())}


class Calls:
    def __init__(self, driver: Driver) -> None:
        self.driver = driver
        self.library = driver.library
        self.kept: list[typing.Any] = []  # memory that C may still look at
        self.inside = threading.Event()
        self.last_fd = -1

    # Memory.

    def buffer(self, size: int, data: bytes = b"") -> int:
        memory = C.create_string_buffer(max(size, len(data), 1))
        memory[:len(data)] = data
        self.kept.append(memory)
        return C.addressof(memory)

    def address(self, which: str) -> tuple[int, int]:
        d = self.driver
        ip = d.local if which == "local" else d.remote
        version = d.setup.ip_version
        if version == "ipv4":
            data = struct.pack("=H", socket.AF_INET) + struct.pack("!H", 8080) + ip.packed
            return self.buffer(16, data), 16
        packed = ip.packed if ip.version == 6 else b"\0" * 10 + b"\xff\xff" + ip.packed
        data = struct.pack("=H", socket.AF_INET6) + struct.pack("!HI", 8080, 0) + packed
        return self.buffer(28, data), 28

    def fd(self, number: int) -> int:
        if number not in self.driver.fds:
            raise script.ScriptError(f"{number} is no open descriptor of the script's")
        return self.driver.fds[number]

    def vector(self, parts: list[typing.Any]) -> tuple[int, int]:
        array = (Iovec * max(len(parts), 1))()
        for i, part in enumerate(parts):
            array[i] = Iovec(self.buffer(part[1]), part[1])
        self.kept.append(array)
        return C.addressof(array), len(parts)

    # One call.

    def run(self, event: script.Event, call: script.Call,
            ended: typing.Callable[[int], None] | None = None) -> None:
        method = getattr(self, f"do_{call.name}", None)
        if method is None:
            self.driver.fail(event, f"{call.name}() is not known")
        self.event, self.call_, self.ended = event, call, ended
        method(*call.args)

    def do(self, name: str, *arguments: typing.Any, check: bool = True) -> int:
        call, event = self.call_, self.event
        self.inside.set()
        result, error = self.library.call(name, *arguments)
        at = self.library.now_us()
        self.inside.clear()
        expected = call.result
        if check and isinstance(expected, int):
            what = errno.errorcode.get(error, str(error)) if result == -1 else ""
            if result != expected or (call.error and what != call.error):
                self.driver.fail(event, f"{call.name}() gave {result} {what}, expected {expected}"
                                        f" {call.error or ''}")
        if self.ended:
            self.ended(at)
        return result

    def do_new(self, name: str, *arguments: typing.Any) -> int:
        """A call that gives a descriptor."""
        expected = self.call_.result
        result = self.do(name, *arguments, check=isinstance(expected, int) and expected < 0)
        if isinstance(expected, int) and expected >= 0:
            if result < 0:
                self.driver.fail(self.event, f"{self.call_.name}() failed: "
                                             f"{os.strerror(C.get_errno())}")
            self.driver.fds[expected] = result
            self.last_fd = expected
        return result

    def do_socket(self, domain: typing.Any, kind: int, protocol: int) -> None:
        if not isinstance(domain, int):
            domain = socket.AF_INET if self.driver.setup.ip_version == "ipv4" else socket.AF_INET6
        self.do_new("socket", domain, kind, protocol)
        self.driver.live.state = "new"

    def do_bind(self, fd: int, *_: typing.Any) -> None:
        self.do("bind", self.fd(fd), *self.address("local"))

    def do_listen(self, fd: int, backlog: int) -> None:
        self.do("listen", self.fd(fd), backlog)
        self.driver.live.state = "listening"

    def do_accept(self, fd: int, *_: typing.Any) -> None:
        length = C.c_uint(28)
        self.kept.append(length)
        self.do_new("accept", self.fd(fd), self.buffer(28), C.addressof(length))

    def connecting(self, family: typing.Any) -> tuple[int, int]:
        live = self.driver.live
        if isinstance(family, int):
            if family == socket.AF_UNSPEC:
                live.state = "new"
            return self.buffer(28, struct.pack("=H", family)), 28
        if live.state == "new":
            self.driver.live = type(live)("connecting", 8080)
        return self.address("remote")

    def do_connect(self, fd: int, family: typing.Any, *_: typing.Any) -> None:
        self.do("connect", self.fd(fd), *self.connecting(family))

    def do_read(self, fd: int, where: typing.Any, length: int) -> None:
        self.do("read", self.fd(fd), self.place(where, length), length)

    def place(self, where: typing.Any, length: int) -> int | None:
        return None if isinstance(where, int) else self.buffer(length)

    def do_readv(self, fd: int, parts: list[typing.Any], _: int) -> None:
        self.do("readv", self.fd(fd), *self.vector(parts))

    def do_recv(self, fd: int, where: typing.Any, length: int, flags: int) -> None:
        self.do("recv", self.fd(fd), self.place(where, length), length, flags)

    def do_recvfrom(self, fd: int, where: typing.Any, length: int, flags: int,
                    *_: typing.Any) -> None:
        size = C.c_uint(28)
        self.do("recvfrom", self.fd(fd), self.place(where, length), length, flags,
                self.buffer(28), C.addressof(size))

    def do_write(self, fd: int, where: typing.Any, length: int) -> None:
        self.do("write", self.fd(fd), self.place(where, length), length)

    def do_writev(self, fd: int, parts: list[typing.Any], _: int) -> None:
        self.do("writev", self.fd(fd), *self.vector(parts))

    def do_send(self, fd: int, where: typing.Any, length: int, flags: int) -> None:
        self.do("send", self.fd(fd), self.place(where, length), length, flags)

    def do_sendto(self, fd: int, where: typing.Any, length: int, flags: int, family: typing.Any,
                  *_: typing.Any) -> None:
        self.do("sendto", self.fd(fd), self.place(where, length), length, flags,
                *self.connecting(family))

    def message(self, fields: dict[str, typing.Any]) -> Msghdr:
        msg = Msghdr()
        msg.iov, msg.iovlen = self.vector(list(fields.get("msg_iov", [])))
        if fields.get("msg_name") is not None:
            msg.name, msg.namelen = self.connecting(fields["msg_name"])
        msg.control, msg.controllen = self.buffer(512), 512
        self.kept.append(msg)
        return msg

    def do_sendmsg(self, fd: int, fields: dict[str, typing.Any], flags: int) -> None:
        msg = self.message(fields)
        msg.control, msg.controllen = None, 0
        self.do("sendmsg", self.fd(fd), C.addressof(msg), flags)

    def do_recvmsg(self, fd: int, fields: dict[str, typing.Any], flags: int) -> None:
        fields = {**fields}
        fields.pop("msg_name", None)
        msg = self.message(fields)
        self.do("recvmsg", self.fd(fd), C.addressof(msg), flags)
        wanted = fields.get("msg_flags", 0)
        if msg.flags != wanted:
            self.driver.fail(self.event, f"msg_flags {msg.flags:#x}, expected {wanted:#x}")
        if "msg_control" in fields:
            self.compare_control(msg, fields["msg_control"])

    def compare_control(self, msg: Msghdr, wanted: list[dict[str, typing.Any]]) -> None:
        data = C.string_at(msg.control, msg.controllen)
        found = []
        at = 0
        while at + 16 <= len(data):
            length, level, kind = struct.unpack_from("=Qii", data, at)
            found.append((level, kind, data[at + 16:at + length]))
            at += (length + 7) & ~7
        expected = [(c["cmsg_level"], c["cmsg_type"], self.control_data(c["cmsg_data"]))
                    for c in wanted]
        same = len(found) == len(expected) and all(
            f[:2] == e[:2] and self.same_data(f[2], e[2]) for f, e in zip(found, expected))
        if not same:
            self.driver.fail(self.event, f"control messages {found}, expected {expected}")

    @staticmethod
    def control_data(value: typing.Any) -> typing.Any:
        if isinstance(value, dict) and "ee_errno" in value:
            return struct.pack("=IBBBBII", value["ee_errno"], value["ee_origin"],
                               value["ee_type"], value["ee_code"], 0, value["ee_info"],
                               value["ee_data"])
        if isinstance(value, dict) and "scm_sec" in value:
            return value
        return struct.pack("=i", value)

    def same_data(self, found: bytes, wanted: typing.Any) -> bool:
        if isinstance(wanted, dict):
            seconds, nanoseconds = struct.unpack_from("=qq", found)
            at = seconds * 1000000 + nanoseconds // 1000 - self.driver.start_us
            due = wanted["scm_sec"] * 1000000 + wanted["scm_nsec"] // 1000
            return abs(at - due) <= self.driver.tolerance_us
        return found[:len(wanted)] == wanted

    def do_fcntl(self, fd: int, command: int, argument: int = 0) -> None:
        self.do("fcntl", self.fd(fd), command, argument)

    def do_ioctl(self, fd: int, request: int, value: list[int]) -> None:
        number = C.c_int(value[0] if value else 0)
        self.do("ioctl", self.fd(fd), request, C.addressof(number))
        if request != 0x5421 and self.call_.result == 0 and number.value != value[0]:
            self.driver.fail(self.event, f"ioctl() gave {number.value}, expected {value[0]}")

    def do_close(self, fd: int) -> None:
        self.do("close", self.fd(fd))
        del self.driver.fds[fd]

    def do_shutdown(self, fd: int, how: int) -> None:
        self.do("shutdown", self.fd(fd), how)

    @staticmethod
    def option_bytes(value: typing.Any) -> bytes:
        if isinstance(value, bytes):
            return value
        if isinstance(value, dict):  # {onoff=1, linger=0}
            return struct.pack("=ii", value.get("onoff", 0), value.get("linger", 0))
        return struct.pack("=I", value[0] & 0xffffffff)

    def do_setsockopt(self, fd: int, level: int, name: int, value: typing.Any,
                      length: int) -> None:
        data = self.option_bytes(value)
        self.do("setsockopt", self.fd(fd), level, name, self.buffer(length, data), length)

    def do_getsockopt(self, fd: int, level: int, name: int, value: typing.Any,
                      length: list[int]) -> None:
        size = C.c_uint(length[0])
        place = self.buffer(length[0])
        self.do("getsockopt", self.fd(fd), level, name, place, C.addressof(size))
        if self.call_.result or not isinstance(value, (list, bytes, dict)):
            return
        wanted = self.option_bytes(value)
        found = C.string_at(place, length[0])
        if size.value != length[0] or found[:len(wanted)] != wanted:
            self.driver.fail(self.event, f"getsockopt() gave {found!r} ({size.value} bytes), "
                                         f"expected {wanted!r}")

    def do_poll(self, fds: list[dict[str, typing.Any]], count: int, timeout: int) -> None:
        array = (Pollfd * max(count, 1))()
        for i, one in enumerate(fds):
            array[i] = Pollfd(self.fd(one["fd"]), one["events"], 0)
        self.do("poll", C.addressof(array), count, timeout)
        for i, one in enumerate(fds):
            if array[i].revents != one.get("revents", 0):
                self.driver.fail(self.event, f"poll() gave events {array[i].revents:#x}, "
                                             f"expected {one.get('revents', 0):#x}")

    def do_epoll_create(self, size: int) -> None:
        self.do_new("epoll_create", size)

    def epoll_event(self, one: dict[str, typing.Any]) -> EpollEvent:
        data = self.fd(one["fd"]) if "fd" in one else \
            one.get("ptr", one.get("u32", one.get("u64", 0)))
        return EpollEvent(one["events"] & 0xffffffff, data)

    def do_epoll_ctl(self, epfd: int, op: int, fd: int, one: dict[str, typing.Any]) -> None:
        event = self.epoll_event(one)
        self.do("epoll_ctl", self.fd(epfd), op, self.fd(fd), C.addressof(event))

    def do_epoll_wait(self, epfd: int, one: dict[str, typing.Any], count: int,
                      timeout: int) -> None:
        events = (EpollEvent * max(count, 1))()
        wanted = self.epoll_event(one)
        self.do("epoll_wait", self.fd(epfd), C.addressof(events), count, timeout)
        if self.call_.result == 0:
            return
        if (events[0].events, events[0].data) != (wanted.events, wanted.data):
            self.driver.fail(self.event, f"epoll_wait() gave events {events[0].events:#x} of "
                                         f"{events[0].data}, expected {wanted.events:#x}")

    def do_pipe(self, fds: list[int]) -> None:
        pair = (C.c_int * 2)()
        self.do("pipe", C.addressof(pair))
        self.driver.fds.update(zip(fds, pair))

    def do_splice(self, fd_in: int, off_in: int, fd_out: int, off_out: int, length: int,
                  flags: int) -> None:
        offsets = C.c_int64(off_in), C.c_int64(off_out)
        self.do("splice", self.fd(fd_in), C.addressof(offsets[0]), self.fd(fd_out),
                C.addressof(offsets[1]), length, flags)

    def do_open(self, path: bytes, flags: int) -> None:
        self.driver.fds[self.call_.result] = os.open(path, flags)

    def do_sendfile(self, out: int, into: int, offset: list[int], length: int) -> None:
        at = C.c_int64(offset[0])
        sendfile = self.library.so.sendfile
        sendfile.restype = C.c_ssize_t
        sendfile.argtypes = [C.c_int, C.c_int, C.c_void_p, C.c_size_t]
        result = sendfile(self.fd(out), self.fd(into), C.addressof(at), length)
        if result != self.call_.result:
            self.driver.fail(self.event, f"sendfile() gave {result}")

    def do_cap_set(self, *_: typing.Any) -> None:
        """Capabilities mean nothing here."""

    # Code.

    def option(self, fd: int, level: int, name: int, size: int) -> bytes:
        """As packetdrill asks for a code block's values: with libc's getsockopt()."""
        place, length = self.buffer(size), C.c_uint(size)
        if self.library.so.getsockopt(fd, level, name, C.c_void_p(place), C.byref(length)):
            return b""
        return C.string_at(place, length.value)

    def info(self) -> dict[str, int]:
        fd = self.driver.fds.get(self.last_fd, -1)
        found = dict(CONSTANTS)
        data = self.option(fd, socket.IPPROTO_TCP, 11, 280)
        at = 0
        for kind, names in INFO_FIELDS:
            for name in names.split():
                if data:
                    found[f"tcpi_{name}"] = struct.unpack_from("=" + kind, data, at)[0]
                at += struct.calcsize("=" + kind)
        if data:
            found["tcpi_snd_wscale"] = found["tcpi_wscales"] & 15
            found["tcpi_rcv_wscale"] = found["tcpi_wscales"] >> 4
            found["tcpi_delivery_rate_app_limited"] = found["tcpi_flags"] & 1
        memory = self.option(fd, socket.SOL_SOCKET, 55, 36)
        for name, value in zip(MEMINFO, struct.unpack(f"={len(memory) // 4}I", memory)):
            found[f"SK_MEMINFO_{name}"] = value
        return found
