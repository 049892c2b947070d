# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs a script against the shared object, through the calls that packetdrill makes and with its
rules: when an event is due, how long it may take, how numbers of a script become those of the wire.
"""
from __future__ import annotations

import ctypes
import dataclasses
import errno
import ipaddress
import os
import pathlib
import subprocess
import textwrap
import threading
import time
import typing

import calls
import packet
import script
import symbols
from library import Library
from packet import Address, Segment

SPIN_US, START_US = 20, 250


class Failed(Exception):
    """The stack did something else than the script says: where, what was expected, what came."""


@dataclasses.dataclass
class Setup:
    """packetdrill's options."""
    ip_version: str = "ipv4"
    local: str = ""
    remote: str = ""
    mtu: int = 0
    flags: str = ""
    tolerance_us: int = 4000
    define: dict[str, str] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        six = self.ip_version == "ipv6"
        self.local = self.local or ("fd3d:fa7b:d17d::1" if six else "192.168.0.2")
        self.remote = self.remote or ("2001:db8::1" if six else "192.0.2.1")
        self.mtu = self.mtu or (1520 if six else 1500)


@dataclasses.dataclass
class Live:
    """The connection that packets belong to: how its numbers differ from the script's."""
    state: str = "new"  # listening, connecting, passive, synack, open
    remote_port: int = 0
    local_port: int = 8080
    local_address: Address | None = None
    isn: int | None = None	 # ours, on the wire
    script_isn: int = 0
    remote_isn: int = 0  # what the script's later numbers count from
    ts: dict[int, int] = dataclasses.field(default_factory=dict)

    def offset(self) -> int:
        return (self.isn or 0) - self.script_isn


class Driver:
    def __init__(self, so: pathlib.Path, path: pathlib.Path, setup: Setup) -> None:
        self.path, self.setup = path, setup
        table = symbols.table()
        for name, value in setup.define.items():
            table[name] = table[value] if value in table else int(value, 0) \
                if value.isdigit() else value  # type: ignore[assignment]
        self.script = script.read(path.read_text(), path.name, table)
        self.table = table
        options = self.script.options
        self.tolerance_us = int(options.get("tolerance_usecs", setup.tolerance_us))
        mtu = int(options.get("mtu", setup.mtu))
        self.local = ipaddress.ip_address(setup.local)
        self.remote = ipaddress.ip_address(setup.remote)
        flags = f"local={setup.local},mtu={mtu}" + (f",{setup.flags}" if setup.flags else "")
        self.library = Library(so, flags)
        self.live = Live()
        self.fds: dict[int, int] = {}
        self.code: list[tuple[int, str, dict[str, int]]] = []
        self.waiter: threading.Thread | None = None
        self.failure: BaseException | None = None
        self.port = 40000
        self.start_us = 0
        self.last: script.Event | None = None
        self.last_us = 0.0
        self.first = True
        self.calls = calls.Calls(self)

    def fail(self, event: script.Event | int, text: str) -> typing.NoReturn:
        line = event if isinstance(event, int) else event.line
        raise Failed(f"{self.path.name}:{line}: {text}")

    # Time, in microseconds of the script.

    def now(self) -> int:
        return self.library.now_us() - self.start_us

    def check_time(self, event: script.Event, time: script.Time, due: float, end: float,
                   actual: float, before: float) -> None:
        tolerance = max(self.tolerance_us, (due - before) * 0.125)
        if time.kind == "any":
            return
        last = end if "range" in time.kind else due
        if not due - tolerance <= actual <= last + tolerance:
            self.fail(event, f"happened at {actual / 1e6:.6f}, expected at {due / 1e6:.6f}"
                             f"..{last / 1e6:.6f} (tolerance {tolerance / 1e6:.6f})")

    def due(self, event: script.Event) -> tuple[float, float, float]:
        """When it starts, the end of the range, and how its times are shifted."""
        time, base = event.time, 0.0
        if time.kind in ("relative", "relative range", "any"):
            anchored = self.last and all(
                isinstance(e.what, script.Packet) and not e.what.out for e in (self.last, event))
            base = self.last_us if anchored else float(self.now())
        return base + time.start * 1e6, base + time.end * 1e6, base

    def wait(self, event: script.Event, due: float, end: float) -> None:
        while True:
            left = due - self.now()
            if left <= 0:
                break
            if left > SPIN_US and not self.first:
                self.library.call("usleep", int(left - SPIN_US))
        if not self.first:
            self.check_time(event, event.time, due, end, self.now(), self.last_us)

    # Packets.

    def inbound(self, event: script.Event, p: script.Packet) -> None:
        live = self.live
        if p.kind == "tcp" and "S" in p.flags and live.state == "listening":
            self.port += 1
            self.live = live = Live("passive", self.port, 8080, self.local)
        if p.kind == "tcp" and live.state == "synack":
            live.state = "open"
        local = live.local_address or self.local
        sport, dport = p.ports or (live.remote_port, live.local_port)
        if p.kind == "icmp":
            assert p.icmp
            quoted = packet.tcp(local, self.remote, live.local_port, live.remote_port,
                                p.seq + live.offset(), 0, ".", 0, [], p.len)
            self.library.send(packet.icmp(self.remote, local, p.icmp,
                                          quoted[:28 if local.version == 4 else 48]))
        elif p.kind == "udp":
            self.library.send(packet.udp(self.remote, local, sport, dport, p.len))
        else:
            options = [self.option_in(name, values) for name, values in p.options or []]
            ack = 0 if p.ack is None else p.ack + live.offset()
            if "S" in p.flags and live.state != "open":
                live.remote_isn = p.seq
            seq = p.seq if "S" in p.flags else p.seq + live.remote_isn & 0xffffffff
            self.library.send(packet.tcp(self.remote, local, sport, dport, seq, ack, p.flags,
                                         p.win or 0, options, p.len, packet.ECN[p.ecn], p.urg))

    def option_in(self, name: str, values: list[typing.Any]) -> packet.Option:
        if name == "sack":
            return name, [(v + self.live.offset()) & 0xffffffff for v in values
                          if isinstance(v, int)]
        if name == "TS":
            numbers = [v for v in values if isinstance(v, int)]
            return name, [numbers[0], self.live.ts.get(numbers[1], numbers[1])]
        if name in ("FO", "FOEXP") and values and values[0] in self.table:
            return name, [self.table[values[0]]]
        return name, values

    def mine(self, s: Segment, event: script.Event) -> bool:
        live = self.live
        if live.state == "syn" and s.protocol == packet.TCP and "S" in s.flags:
            live.local_port, live.local_address = s.sport, s.src
            live.isn = s.seq
        assert isinstance(event.what, script.Packet)
        if event.what.kind == "udp":
            return s.protocol == packet.UDP
        return s.protocol == packet.TCP and s.dport == live.remote_port and \
            s.sport == live.local_port

    def sniff(self, event: script.Event) -> Segment:
        while True:
            received = self.library.receive()
            if received is None:
                self.fail(event, "expected a packet, but none can ever come")
            s = packet.parse(*received)
            if self.mine(s, event):
                return s

    def outbound(self, event: script.Event, p: script.Packet, due: float, end: float) -> None:
        live = self.live
        if live.state == "connecting" and "S" in p.flags:
            live.state, live.script_isn = "syn", p.seq
        if live.state == "passive" and "S" in p.flags:
            live.script_isn = p.seq
        s = self.sniff(event)
        if live.state == "passive" and "S" in s.flags:
            live.state, live.isn = "synack", s.seq
        while len(s.payload) < p.len:
            if not s.payload:
                break
            more = self.sniff(event)
            if more.seq != s.seq + len(s.payload) & 0xffffffff or not more.payload:
                self.fail(event, f"expected {p.len} bytes, got {self.shown(s)} and then "
                                 f"{self.shown(more)}")
            s.payload += more.payload
            s.flags, s.win, s.ack = more.flags, more.win, more.ack
        self.compare(event, p, s)
        self.check_time(event, event.time, due, end, s.time_us - self.start_us, self.last_us)

    def shown(self, s: Segment) -> str:
        relative = dataclasses.replace(s, seq=(s.seq - self.live.offset()) & 0xffffffff)
        return f"{(s.time_us - self.start_us) / 1e6:.6f} {relative}"

    def compare(self, event: script.Event, p: script.Packet, s: Segment) -> None:
        said = []
        if p.kind == "tcp":
            if packet.flag_bits(p.flags) != packet.flag_bits(s.flags):
                said.append(f"flags {p.flags}")
            if (p.seq + self.live.offset()) & 0xffffffff != s.seq:
                said.append(f"sequence number {p.seq}")
            base = 0 if "S" in p.flags else self.live.remote_isn
            if p.ack is not None and p.ack + base & 0xffffffff != s.ack:
                said.append(f"ack {p.ack}")
            if p.win is not None and p.win != s.win:
                said.append(f"win {p.win}")
            if p.urg != s.urg:
                said.append(f"urg {p.urg}")
            said += self.compare_options(p, s)
        if p.len != len(s.payload):
            said.append(f"{p.len} bytes")
        if p.ecn and packet.ECN[p.ecn] != s.ecn and not (p.ecn == "ect01" and s.ecn in (1, 2)):
            said.append(p.ecn)
        if any(s.payload):
            said.append("zeros")
        if said:
            self.fail(event, f"expected {', '.join(said)}; got {self.shown(s)}")

    def compare_options(self, p: script.Packet, s: Segment) -> list[str]:
        if p.options is None:
            return []
        for (name, values), (_, live) in zip(p.options, s.options):
            numbers = [v for v in values if isinstance(v, int)]
            if name == "TS" and live:
                self.live.ts[numbers[0]] = live[0]
        theirs = [self.option_out(*o) for o in p.options]
        ours = [("TS", []) if name == "TS" else (name, v) for name, v in s.options]
        return [] if theirs == ours else [f"options {theirs}"]

    def option_out(self, name: str, values: list[typing.Any]) -> packet.Option:
        if name == "TS":
            return name, []
        if name in ("FO", "FOEXP"):
            value = str(values[0]) if values else ""
            return name, [str(self.setup.define.get(value, value)).lower()]
        base = self.live.remote_isn if name == "sack" else 0
        return name, [v + base for v in values if isinstance(v, int)]

    # Everything else.

    def shell(self, line: int, command: str) -> None:
        done = subprocess.run(["/bin/sh", "-c", command], cwd=self.path.parent, text=True,
                              capture_output=True, timeout=60,
                              env={**os.environ, **calls.environment(),
                                   "PACKETDRILL_PID": str(os.getpid())})
        if done.returncode:
            self.fail(line, f"`{command}` failed: {done.stdout}{done.stderr}")

    def run_call(self, event: script.Event, call: script.Call, due: float, end: float,
                 base: float) -> None:
        self.join()
        if event.time.until is None:
            self.wait(event, due, end)
            self.calls.run(event, call)
            return
        until = base + event.time.until * 1e6 if base else event.time.until * 1e6
        self.wait(event, due, end)
        begun = threading.Event()

        def body() -> None:
            try:
                self.thread = threading.get_native_id()
                begun.set()
                self.calls.run(event, call, lambda at: self.check_time(
                    event, event.time, until, 0, at - self.start_us, due))
            except BaseException as failure:  # noqa: BLE001
                self.failure = failure

        self.waiter = threading.Thread(target=body)
        self.waiter.start()
        begun.wait()
        while self.waiter.is_alive() and not self.asleep():
            time.sleep(0.0005)

    def asleep(self) -> bool:
        """In a futex of the library's, not on its way there."""
        try:
            where = pathlib.Path(f"/proc/self/task/{self.thread}/stat").read_text()
        except FileNotFoundError:
            return True
        return self.calls.inside.is_set() and where.rpartition(")")[2].split()[0] == "S"

    def join(self) -> None:
        if self.waiter:
            self.waiter.join(2)
            if self.waiter.is_alive():
                raise Failed(f"{self.path.name}: a call still waits")
            self.waiter = None
        if self.failure:
            raise self.failure

    def run(self) -> None:
        if self.script.init:
            self.shell(1, self.script.init)
        self.start_us = self.library.now_us() + START_US
        for event in self.script.events:
            due, end, base = self.due(event)
            if isinstance(event.what, script.Packet):
                if event.what.out:
                    self.outbound(event, event.what, due, end)
                else:
                    self.wait(event, due, end)
                    self.inbound(event, event.what)
            elif isinstance(event.what, script.Call):
                self.run_call(event, event.what, due, end, base)
            elif event.kind == "command":
                self.wait(event, due, end)
                self.shell(event.line, event.what)
            else:
                self.wait(event, due, end)
                self.code.append((event.line, event.what, self.calls.info()))
            self.last, self.last_us, self.first = event, due, False
        self.join()
        self.run_code()
        self.library.free()

    def run_code(self) -> None:
        variables: dict[str, typing.Any] = {}
        for line, text, info in self.code:
            variables.update(info)
            try:
                exec(textwrap.dedent(text).strip() + "\n\n", variables)  # the script's own checks
            except Exception as failure:
                self.fail(line, f"{type(failure).__name__}: {failure} in {text.strip()}")


def run(so: pathlib.Path, path: pathlib.Path, setup: Setup | None = None) -> None:
    """Runs a script; Failed or ScriptError tells what is wrong. Once per process."""
    Driver(so, path, setup or Setup()).run()
