# SPDX-License-Identifier: GPL-2.0-or-later
"""Every setting of a host is documented, as it is, and can be set from a scenario."""
import json
import os
import pathlib
import re
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("VSQ_BUILD", ROOT / "build"))
STK_HOST = BUILD / "tool" / "stk_host"
PAGE = ROOT / "docs" / "settings.md"
HANG = 60  # seconds
TEXTS = {"net.ipv4.tcp_congestion_control": "reno",
         "net.ipv6.conf.all.stable_secret": "2001:db8::5ec",
         "net.ipv4.tcp_fastopen_key": "00112233-44556677-8899aabb-ccddeeff"}
READ_ONLY = {"net.ipv4.tcp_available_congestion_control"}


def spelled(name: str) -> list[str]:
    """The names that a row of the page stands for."""
    names = [name]
    if "ipv*" in name:
        names = [name.replace("ipv*", f"ipv{n}") for n in (4, 6)]
    if ".*." in name:
        return [each.replace(".*.", f".{which}.") for each in names for which in ("all", "default")]
    return names


def rows() -> dict[str, tuple[str, str, str]]:
    """Least, most and default of each setting on the page."""
    found = {}
    for line in PAGE.read_text().splitlines():
        match = re.fullmatch(r"\| `(net\.[^`]+)` \| .+ \| (.*?) ?\| (.*?) ?\| (.*?) ?\|", line)
        if match:
            for name in spelled(match[1]):
                found[name] = (match[2], match[3], match[4])
    return found


def engine(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run([STK_HOST, *arguments, "--settings"], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=HANG)


def values(*arguments: str) -> dict[str, str]:
    done = engine(*arguments)
    assert done.returncode == 0, done.stderr
    return {name: " ".join(value.split()) for name, value in
            (line.split(" = ", 1) for line in done.stdout.splitlines())}


def extreme(row: tuple[str, str, str], which: int) -> str:
    """A bound as a value: "1000 ×3" is three numbers."""
    times = row[1].partition(" ×")[2]
    return " ".join([row[which].partition(" ")[0]] * int(times or 1))


# Names that are one thing in the engine would overwrite each other's value, so one of them is set.
def chosen(name: str) -> bool:
    return ".default." not in name or "neigh" in name


def test_page_lists_every_setting_with_its_default():
    page, there = rows(), values()
    assert set(page) == set(there)
    for name, (_, _, default) in page.items():
        if name != "net.ipv4.tcp_fastopen_key":  # chance, from the seed
            assert default == there[name], name


@pytest.mark.parametrize("bound", (0, 1))
def test_bounds_are_those_of_the_page(bound):
    asked = {name: extreme(row, bound) for name, row in rows().items() if row[bound]}
    arguments = [part for name, value in asked.items() for part in ("--set", f"{name}={value}")]
    got = values(*arguments)
    assert {name: got[name] for name in asked} == asked


def test_what_is_beyond_a_bound_is_refused():
    for name, row in rows().items():
        if not row[1] or not chosen(name):
            continue
        many = extreme(row, 1).count(" ") + 1
        outside = [int(row[1].partition(" ")[0]) + 1, int(row[0]) - 1]
        wrong = [" ".join([str(number)] * many) for number in outside] + ["x", ""]
        for value in wrong:
            done = engine("--set", f"{name}={value}")
            assert done.returncode == 2, f"{name}={value} was taken"
            assert name in done.stderr


def scenario(tmp_path: pathlib.Path, settings: dict[str, str]) -> subprocess.CompletedProcess:
    lines = ["[lab]", 'name = "settings"', 'until = "1s"', "[host.a]", 'addr = "10.0.0.1/24"',
             "[host.b]", 'addr = "10.0.0.2/24"', "[host.a.settings]"]
    lines += [f"{json.dumps(name)} = {json.dumps(value)}" for name, value in settings.items()]
    lines += ["[[cable]]", 'join = ["a", "b"]', "[[app]]", 'kind = "ping"', 'from = "b"',
              'to = "a"', "count = 1"]
    path = tmp_path / "settings.toml"
    path.write_text("\n".join(lines) + "\n")
    return subprocess.run([sys.executable, "-m", "vsq", "run", str(path), "--out",
                           str(tmp_path / "out")], cwd=ROOT / "harness", timeout=HANG,
                          env={**os.environ, "VSQ_BUILD": str(BUILD)},
                          capture_output=True, text=True)


@pytest.mark.parametrize("bound", (0, 1))
def test_each_setting_is_taken_from_a_scenario(tmp_path, bound):
    settings = {name: TEXTS[name] if name in TEXTS else extreme(row, bound)
                for name, row in rows().items() if name not in READ_ONLY}
    done = scenario(tmp_path, settings)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_scenario_names_the_setting_that_is_wrong(tmp_path):
    done = scenario(tmp_path, {"net.ipv4.ip_default_ttl": "256"})
    assert done.returncode != 0
    assert "net.ipv4.ip_default_ttl" in done.stderr + done.stdout
