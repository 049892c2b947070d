#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""make bench: every benchmark of this folder, each against its peer in the same run.

A benchmark is a module here named *_bench.py with main(build) that prints its figures and returns
0 when it could measure. Figures are for reading; none of them decides a test.
"""
import argparse
import importlib
import pathlib
import platform
import sys

HERE = pathlib.Path(__file__).resolve().parent


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default="build", help="the build to measure")
    parser.add_argument("only", nargs="*", help="the benchmarks to run, as in `lab switch`")
    args = parser.parse_args()
    sys.path.insert(0, str(HERE))
    names = sorted(path.stem for path in HERE.glob("*_bench.py"))
    known = [name.removesuffix("_bench") for name in names]
    for name in args.only:
        if name not in known:
            print(f"no benchmark is called {name}; there are {', '.join(known)}", file=sys.stderr)
            return 2
    print(f"{platform.machine()}, Linux {platform.release()}", flush=True)
    failed = []
    for name in names:
        if args.only and name.removesuffix("_bench") not in args.only:
            continue
        print(f"== {name.removesuffix('_bench')}", flush=True)
        if importlib.import_module(name).main(pathlib.Path(args.build).resolve()):
            failed.append(name)
    for name in failed:
        print(f"{name} could not measure", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
