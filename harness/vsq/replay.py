# SPDX-License-Identifier: GPL-2.0-or-later
"""vsq replay: the frames of a capture enter an engine, and what comes out is compared."""
from __future__ import annotations

import ipaddress
import os
from dataclasses import dataclass, field
from pathlib import Path

from . import engine, links, units
from .errors import VsqError, quote

ACCOUNT_SIZE = 1 << 16
INTO = ("switch", "link", "host")


@dataclass
class Replay:
    capture: str
    into: str
    address: str = ""
    settings: list[str] = field(default_factory=list)
    expect: str | None = None
    out: str | None = None
    seed: int = 1
    tolerance: str = "0ns"

    def check(self) -> None:
        """Mistakes that can be told without the engine. VsqError."""
        for path in (self.capture, self.expect):
            if path is not None and not Path(path).is_file():
                raise VsqError(f"{path}: no such capture")
        if self.into == "host":
            if not self.address:
                raise VsqError("--into host needs --address: which host of the capture to replace")
            if self.expect is not None:
                raise VsqError("--expect: a host is compared with the one in the capture itself")
            try:
                ipaddress.ip_address(self.address)
            except ValueError as error:
                raise VsqError(f"--address {self.address} is no address "
                               "(allowed: 10.0.0.1, 2001:db8::1)") from error
        elif self.address:
            raise VsqError(f"--address is for --into host, not {self.into}")

    def lines(self) -> str:
        return "".join(line(self.into, setting) + "\n" for setting in self.settings)

    def tolerance_ns(self) -> int:
        if self.tolerance == "any":
            return -1
        try:
            return units.time_ns(self.tolerance)
        except units.UnitError as error:
            raise VsqError(f"--tolerance: {error} (allowed: any, {error.allowed})") from error


def line(into: str, setting: str) -> str:
    """A --set as the engine reads it: "KEY=VALUE" or "KEY VALUE"; a link's values with units."""
    if "\n" in setting or "\0" in setting or not setting.strip():
        raise VsqError(f"--set {quote(setting)} is no setting")
    head = setting.strip().split(None, 1)[0]
    if "=" in head:
        key, _, value = setting.strip().partition("=")
        setting = f"{key.strip()} {value.strip()}"
    key, _, value = setting.strip().partition(" ")
    if into == "link" and key in links.PARAMETERS:
        try:
            direction, text = links.value(links.PARAMETERS[key], value)
        except units.UnitError as error:
            raise VsqError(f"--set {setting}: {error} (allowed: {error.allowed})") from error
        return " ".join(links.Setting(key, direction, text).command())
    return setting.strip()


def run(order: Replay) -> tuple[int, str]:
    """(0 equal, 1 different; the account). VsqError when it cannot be done."""
    order.check()
    settings, tolerance = order.lines(), order.tolerance_ns()
    ffi, lib = engine.load()
    account = ffi.new("char[]", ACCOUNT_SIZE)

    def path(text: str | None):
        return ffi.NULL if text is None else os.fsencode(text)

    try:
        if order.into == "switch":
            code = lib.vsq_replay_switch(path(order.capture), settings.encode(), path(order.out),
                                         path(order.expect), tolerance, account, ACCOUNT_SIZE)
        elif order.into == "link":
            code = lib.vsq_replay_link(path(order.capture), settings.encode(), order.seed,
                                       path(order.out), path(order.expect), tolerance, account,
                                       ACCOUNT_SIZE)
        else:
            code = lib.vsq_replay_host(path(order.capture), order.address.encode(),
                                       settings.encode(), order.seed, path(order.out), account,
                                       ACCOUNT_SIZE)
    except AttributeError as error:
        raise VsqError(f"this engine cannot replay ({error})") from error
    text = ffi.string(account).decode(errors="replace").rstrip("\n")
    if code < 0:
        raise VsqError(text or f"{order.capture}: {os.strerror(-code)}")
    return code, text
