#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Builds libvsq with one fault planted, runs scenarios/tcp over it, and says which of them see it.

    plant.py                    the whole table, printed
    plant.py --write            ... and written into scenarios/tcp/README.md
    plant.py FAULT [SCENARIO]   one fault, what its scenarios say
"""
from __future__ import annotations

import argparse
import concurrent.futures
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "harness"))

from faults.faults import FAULTS, Fault  # noqa: E402

SUITE = ROOT / "scenarios" / "tcp"
README = SUITE / "README.md"
BUILD = Path(os.environ.get("VSQ_BUILD", ROOT / "build"))
LIBRARIES = "lab oracle sim pcap_file switch link mgmt stack tcp wire base host replay".split()
FLAGS = ("-std=c11 -fPIC -fvisibility=hidden -fno-strict-aliasing -fno-common -O1 -w -D_GNU_SOURCE "
         '-DVSQ_VERSION="fault"').split()
SHOWN = 6	# scenarios that a row of the table names
HANG = 120	# bounds a hang, which counts as seen


class Stale(Exception):
    """The stack has moved on: a fault's words are not where they were."""


def planted(fault: Fault, tree: Path) -> list[Path]:
    """Copies the stack with the fault in it; the sources that have to be compiled anew."""
    shutil.copytree(ROOT / "stack", tree / "stack",
                    ignore=lambda _, names: [n for n in names if not n.endswith((".c", ".h"))
                                             and "." in n])
    path = tree / "stack" / fault.file
    text = path.read_text()
    if text.count(fault.old) != 1:
        raise Stale(f"{fault.name}: stack/{fault.file} holds {text.count(fault.old)} times what "
                    f"harness/faults/faults.py looks for once:\n{fault.old}")
    path.write_text(text.replace(fault.old, fault.new))
    if path.suffix == ".c":
        return [path]
    return [one for one in sorted(path.parent.glob("*.c"))
            if not one.stem.endswith(("_test", "_fuzz", "_fake"))]


def build(fault: Fault | None, folder: Path) -> Path:
    """The library with the fault, in a folder; None: a copy without."""
    library = folder / "libvsq.so.0"
    archives = [BUILD / "lib" / f"{name}.a" for name in LIBRARIES]
    if fault:
        tree = folder / "tree"
        own = folder / "tcp.a"
        shutil.copy(BUILD / "lib" / "tcp.a", own)
        objects = []
        for source in planted(fault, tree):
            found = folder / f"{source.stem}.o"
            subprocess.run(["cc", *FLAGS, f"-I{tree}", f"-I{ROOT}", "-c", "-o", found, source],
                           check=True)
            objects.append(found)
        subprocess.run(["ar", "r", own, *objects], check=True, stderr=subprocess.DEVNULL)
        archives[archives.index(BUILD / "lib" / "tcp.a")] = own
    subprocess.run(["cc", "-shared", "-fno-lto", "-o", library,
                    f"-Wl,--version-script={ROOT}/harness/lab/libvsq.map", "-Wl,--whole-archive",
                    *archives, "-Wl,--no-whole-archive", "-lpcap", "-lm"], check=True)
    return library


def run(library: Path, scenarios: list[Path]) -> list[str]:
    """The names of those that do not hold, in a process of their own: one may crash or hang."""
    code = ("import sys\n"
            "from vsq.run import Order, run\n"
            "from vsq.errors import VsqError\n"
            "for path in sys.argv[1:]:\n"
            "    print('?', path, flush=True)\n"
            "    try:\n"
            "        held = run(Order(path)).held\n"
            "    except VsqError:\n"
            "        held = False\n"
            "    print('+' if held else '-', path, flush=True)\n")
    failed: list[str] = []
    left = list(scenarios)
    while left:
        try:
            done = subprocess.run([sys.executable, "-c", code, *map(str, left)],
                                  stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                                  timeout=HANG, env={**os.environ, "VSQ_LIB": str(library),
                                                     "PYTHONPATH": str(ROOT / "harness")})
            output = done.stdout
        except subprocess.TimeoutExpired as late:
            output = (late.stdout or b"").decode() if isinstance(late.stdout, bytes) else ""
        verdicts = dict(reversed(line.split(" ", 1)) for line in output.splitlines())
        if not verdicts:
            raise RuntimeError("no scenario could be run")
        failed += [Path(path).stem for path, held in verdicts.items() if held != "+"]
        left = [path for path in left if str(path) not in verdicts]
    return sorted(failed)


def seen_by(fault: Fault | None, scenarios: list[Path]) -> list[str]:
    with tempfile.TemporaryDirectory(prefix="vsq-fault-") as folder:
        return run(build(fault, Path(folder)), scenarios)


def suite() -> list[Path]:
    return sorted(SUITE.glob("*.toml"))


def table(found: dict[str, list[str]]) -> str:
    """Scenarios that see few faults say most: they are named first."""
    weight: dict[str, int] = {}
    for names in found.values():
        for name in names:
            weight[name] = weight.get(name, 0) + 1
    rows = ["| fault | then | seen by |", "| --- | --- | --- |"]
    for fault in FAULTS:
        names = sorted(found[fault.name], key=lambda name: (weight[name], name))
        more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
        rows.append(f"| `{fault.name}` | {fault.what} | "
                    + ", ".join(f"`{name}`" for name in names[:SHOWN]) + more + " |")
    return "\n".join(rows) + "\n"


def listed() -> dict[str, list[str]]:
    """The table as it stands in the README: fault -> the scenarios it names."""
    section = README.read_text().partition("\n## Faults\n")[2]
    return {row[1]: re.findall(r"`([\w-]+)`", row[2])
            for row in re.finditer(r"^\| `([\w-]+)` \|[^|]*\|([^|]*)\|$", section, re.MULTILINE)}


def stale() -> list[str]:
    """Faults whose words are not found once."""
    return [fault.name for fault in FAULTS
            if (ROOT / "stack" / fault.file).read_text().count(fault.old) != 1]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="write the table into the README")
    parser.add_argument("fault", nargs="?", help="only this one")
    parser.add_argument("scenario", nargs="*", help="only these")
    args = parser.parse_args()
    chosen = [SUITE / f"{name}.toml" for name in args.scenario] or suite()
    if args.fault:
        fault = next((one for one in FAULTS if one.name == args.fault), None)
        if not fault:
            parser.error(f"no fault {args.fault!r}: " + ", ".join(f.name for f in FAULTS))
        print("\n".join(seen_by(fault, chosen)))
        return 0
    unsound = seen_by(None, chosen)
    if unsound:
        print("without a fault do not hold: " + ", ".join(unsound))
        chosen = [path for path in chosen if path.stem not in unsound]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        found = dict(zip((fault.name for fault in FAULTS),
                         pool.map(lambda fault: seen_by(fault, chosen), FAULTS)))
    text = table(found)
    print(text)
    unseen = [name for name, names in found.items() if not names]
    if args.write and not unseen:
        before, mark, after = README.read_text().partition("\n## Faults\n")
        words = re.match(r"(.*?)^\|", after, re.DOTALL | re.MULTILINE)
        README.write_text(before + mark + words[1] + text)
    print("seen by nobody: " + ", ".join(unseen) if unseen else "every fault is seen")
    return 1 if unseen else 0


if __name__ == "__main__":
    sys.exit(main())
