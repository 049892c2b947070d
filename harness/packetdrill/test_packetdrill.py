# SPDX-License-Identifier: GPL-2.0-or-later
"""Our scripts in packetdrill's language, each for one behaviour, against the shared object."""
from __future__ import annotations

import os
import pathlib
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
SCRIPTS = sorted((HERE / "scripts").glob("*.pkt"))
VERSIONS = ["ipv4", "ipv4-mapped-ipv6", "ipv6"]


def versions(path: pathlib.Path) -> list[str]:
    """A script whose name ends so is for one family."""
    if path.stem.endswith("_v4"):
        return VERSIONS[:2]
    return VERSIONS[2:] if path.stem.endswith("_v6") else VERSIONS


def run(path: pathlib.Path, version: str, *more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, HERE / "run.py", f"--ip_version={version}", *more, path],
                          capture_output=True, text=True, timeout=120,
                          env={k: v for k, v in os.environ.items() if k != "LD_PRELOAD"})


@pytest.mark.parametrize("path,version", [
    pytest.param(path, version, id=f"{path.stem}-{version}")
    for path in SCRIPTS for version in versions(path)])
def test_script(path: pathlib.Path, version: str) -> None:
    done = run(path, version)
    assert done.returncode == 0, done.stderr


def test_a_script_that_expects_something_else_fails(tmp_path: pathlib.Path) -> None:
    text = (HERE / "scripts/handshake.pkt").read_text()
    broken = tmp_path / "broken.pkt"
    broken.write_text(text.replace("mss 1460,sackOK", "mss 1461,sackOK"))
    assert broken.read_text() != text
    done = run(broken, "ipv4")
    assert done.returncode == 1
    assert "broken.pkt:" in done.stderr and "mss" in done.stderr
