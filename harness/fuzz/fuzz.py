#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs every fuzz target under libFuzzer for a bounded time, from its corpus.

Arguments are FILE_fuzz.c:lib,lib. New inputs stay in build/fuzz/corpus; one that crashes is
written to build/fuzz/crashes, named, and makes the exit status 1. Add it to fixtures/corpus once it
is mended: `make check` replays it for ever.
"""
import argparse
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = "build/fuzz"
SANITIZERS = "address,undefined"


def build(targets: list[tuple[str, list[str]]]) -> None:
    goals = {f"{BUILD}/obj/{source[:-2]}.o" for source, _ in targets}
    goals |= {f"{BUILD}/lib/{lib}.a" for _, libs in targets for lib in libs}
    subprocess.run(["make", f"-j{os.cpu_count()}", f"B={BUILD}", "CC=clang",
                    f"SAN=fuzzer-no-link,{SANITIZERS}", *sorted(goals)], cwd=ROOT, check=True)


def fuzz(source: str, libs: list[str], seconds: int) -> bool:
    name = pathlib.Path(source).stem
    program = ROOT / BUILD / name
    subprocess.run(["clang", "-g", f"-fsanitize=fuzzer,{SANITIZERS}", "-o", program,
                    f"{BUILD}/obj/{source[:-2]}.o", "-Wl,--start-group",
                    *(f"{BUILD}/lib/{lib}.a" for lib in libs), "-Wl,--end-group"],
                   cwd=ROOT, check=True)
    found = ROOT / BUILD / "corpus" / name
    crashes = ROOT / BUILD / "crashes"
    seeds = ROOT / "fixtures" / "corpus" / name.removesuffix("_fuzz")
    found.mkdir(parents=True, exist_ok=True)
    crashes.mkdir(parents=True, exist_ok=True)
    print(f"== {name}: {seconds} s", flush=True)
    done = subprocess.run([program, f"-max_total_time={seconds}", "-timeout=10",
                           "-verbosity=0", f"-artifact_prefix={crashes}/{name}-", found,
                           *([seeds] if seeds.is_dir() else [])], cwd=ROOT)
    if done.returncode:
        print(f"== {name}: FAILED; the input is in {crashes.relative_to(ROOT)}", flush=True)
    return done.returncode == 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=20, help="for each target")
    parser.add_argument("--only", help="the one target to run, as in switch_fuzz")
    parser.add_argument("targets", nargs="*", metavar="FILE_fuzz.c:LIB,LIB")
    args = parser.parse_args()
    targets = [(source, libs.split(",")) for source, libs in
               (target.split(":") for target in args.targets)]
    if args.only:
        targets = [t for t in targets if pathlib.Path(t[0]).stem == args.only]
    if not targets:
        print("no such fuzz target" if args.only else "no fuzz targets", file=sys.stderr)
        return 2
    build(targets)
    failed = [source for source, libs in targets if not fuzz(source, libs, args.seconds)]
    print(f"{len(targets) - len(failed)} passed, {len(failed)} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
