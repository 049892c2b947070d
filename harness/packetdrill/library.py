# SPDX-License-Identifier: GPL-2.0-or-later
"""The shared object's structure of calls, in the order of pkd.h."""
from __future__ import annotations

import ctypes
import errno
import os
import pathlib
import typing

C = ctypes
INT, SIZE, POINTER, LONG = C.c_int, C.c_size_t, C.c_void_p, C.c_ssize_t


class Timeval(C.Structure):
    _fields_ = [("sec", C.c_long), ("usec", C.c_long)]


class Iovec(C.Structure):
    _fields_ = [("base", POINTER), ("len", SIZE)]


class Msghdr(C.Structure):
    _fields_ = [("name", POINTER), ("namelen", C.c_uint), ("iov", POINTER), ("iovlen", SIZE),
                ("control", POINTER), ("controllen", SIZE), ("flags", INT)]


class Pollfd(C.Structure):
    _fields_ = [("fd", INT), ("events", C.c_short), ("revents", C.c_short)]


class EpollEvent(C.Structure):
    _pack_ = 1
    _fields_ = [("events", C.c_uint), ("data", C.c_uint64)]


# Name, result, arguments behind userdata.
CALLS: list[tuple[str, typing.Any, list[typing.Any]]] = [
    ("free", None, []),
    ("socket", INT, [INT, INT, INT]),
    ("bind", INT, [INT, POINTER, C.c_uint]),
    ("listen", INT, [INT, INT]),
    ("accept", INT, [INT, POINTER, POINTER]),
    ("connect", INT, [INT, POINTER, C.c_uint]),
    ("read", LONG, [INT, POINTER, SIZE]),
    ("readv", LONG, [INT, POINTER, INT]),
    ("recv", LONG, [INT, POINTER, SIZE, INT]),
    ("recvfrom", LONG, [INT, POINTER, SIZE, INT, POINTER, POINTER]),
    ("recvmsg", LONG, [INT, POINTER, INT]),
    ("write", LONG, [INT, POINTER, SIZE]),
    ("writev", LONG, [INT, POINTER, INT]),
    ("send", LONG, [INT, POINTER, SIZE, INT]),
    ("sendto", LONG, [INT, POINTER, SIZE, INT, POINTER, C.c_uint]),
    ("sendmsg", LONG, [INT, POINTER, INT]),
    ("fcntl", INT, [INT, INT, INT]),
    ("ioctl", INT, [INT, C.c_ulong, POINTER]),
    ("close", INT, [INT]),
    ("shutdown", INT, [INT, INT]),
    ("getsockopt", INT, [INT, INT, INT, POINTER, POINTER]),
    ("setsockopt", INT, [INT, INT, INT, POINTER, C.c_uint]),
    ("poll", INT, [POINTER, C.c_ulong, INT]),
    ("netdev_send", INT, [POINTER, SIZE]),
    ("netdev_receive", INT, [POINTER, POINTER, POINTER]),
    ("usleep", INT, [C.c_uint]),
    ("gettimeofday", INT, [POINTER, POINTER]),
    ("epoll_create", INT, [INT]),
    ("epoll_ctl", INT, [INT, INT, INT, POINTER]),
    ("epoll_wait", INT, [INT, POINTER, INT, INT]),
    ("pipe", INT, [POINTER]),
    ("splice", LONG, [INT, POINTER, INT, POINTER, SIZE, C.c_uint]),
]


class Interface(C.Structure):
    _fields_ = [("userdata", POINTER)] + [
        (name, C.CFUNCTYPE(result, POINTER, *arguments, use_errno=True))
        for name, result, arguments in CALLS]


class Library:
    """One stack. A process has one at a time."""

    def __init__(self, path: pathlib.Path, flags: str) -> None:
        self.so = C.CDLL(str(path), mode=os.RTLD_NOW | os.RTLD_LOCAL | os.RTLD_DEEPBIND)
        self.interface = Interface()
        self.so.packetdrill_interface_init(flags.encode(), C.byref(self.interface))

    def call(self, name: str, *arguments: typing.Any) -> tuple[int, int]:
        """The result and, where it is -1, errno."""
        result = getattr(self.interface, name)(self.interface.userdata, *arguments)
        return result, C.get_errno() if result == -1 else 0

    def free(self) -> None:
        self.interface.free(self.interface.userdata)

    def now_us(self) -> int:
        tv = Timeval()
        self.call("gettimeofday", C.addressof(tv), None)
        return int(tv.sec) * 1000000 + int(tv.usec)

    def send(self, packet: bytes) -> None:
        if self.call("netdev_send", C.cast(C.c_char_p(packet), POINTER), len(packet))[0]:
            raise OSError(errno.EIO, "netdev_send")

    def receive(self) -> tuple[bytes, int] | None:
        """The next packet and its time; None: none can ever come."""
        buffer = C.create_string_buffer(70000)
        length, time = SIZE(len(buffer)), C.c_longlong(0)
        self.call("netdev_receive", C.addressof(buffer), C.addressof(length), C.addressof(time))
        return (buffer.raw[:length.value], time.value) if length.value else None
