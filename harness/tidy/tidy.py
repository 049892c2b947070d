#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The house style as a test: what a machine can check, no reviewer has to.

Errors: pure libraries with hidden state or calls to the outside; headers that do not compile alone;
includes that point upwards; sources without a licence line, with lines over 100 columns, trailing
blanks or code that is commented out. Warnings: long functions and long files.
"""
import argparse
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import layers  # noqa: E402

COLUMNS, LINES_FUNCTION, LINES_FILE = 100, 70, 600

# What pure code may call: memory, strings, vsnprintf, our assertion, the compiler's own helpers.
ALLOWED = re.compile(r"(mem|str)[a-z]+|v?snprintf|vs_assert_failed|_GLOBAL_OFFSET_TABLE_"
                     r"|__\w+[dt]i[234]|__stack_chk_fail|__(asan|ubsan|tsan|sanitizer|gcov)_\w+")
FORBIDDEN = {"strdup", "strndup", "strerror", "strtok", "strsignal", "strftime", "strptime"}

# Constant tables of pointers live here until they are relocated; nothing else may be writable.
CONSTANT_SECTIONS = (".data.rel.ro",)
WRITABLE_SECTIONS = (".data", ".bss", ".tdata", ".tbss", "*COM*")
COMMENTED_OUT = re.compile(r"^\s*#\s*if\s+0\b|(^|\s)//.*[;{]\s*$")
GENERATED = re.compile(r"Made by \S+: do not edit")


class Report:
    def __init__(self) -> None:
        self.errors: list[str] = []
        self.warnings: list[str] = []


def symbols(library: str) -> list[tuple[str, str, bool]]:
    """(name, section, defined globally or locally) of every symbol of an archive."""
    out = subprocess.run(["objdump", "-t", library], capture_output=True, text=True, check=True)
    found = []
    for line in out.stdout.splitlines():
        match = re.match(r"[0-9a-f]{8,16} (.{7}) (\S+)\t[0-9a-f]+ +(?:\.hidden )?(\S+)$", line)
        if match and "d" not in match[1] and "f" not in match[1][6:]:
            found.append((match[3], match[2], match[2] != "*UND*"))
    return found


def check_pure(libraries: list[str], report: Report) -> None:
    tables = {library: symbols(library) for library in libraries}
    known = {name for table in tables.values() for name, _, defined in table if defined}
    for library, table in tables.items():
        name = pathlib.Path(library).name
        if not table:
            report.errors.append(f"{library}: holds no symbols; was it built?")
        for symbol, section, defined in table:
            if not defined:
                if symbol not in known and (symbol in FORBIDDEN or not ALLOWED.fullmatch(symbol)):
                    report.errors.append(f"{name}: pure code calls {symbol}()")
            elif section.startswith(WRITABLE_SECTIONS) and \
                    not section.startswith(CONSTANT_SECTIONS):
                report.errors.append(f"{name}: hidden state {symbol} in {section}")


def check_header(root: pathlib.Path, path: str) -> list[str]:
    """A header compiles alone, as the first thing a file includes."""
    done = subprocess.run([os.environ.get("CC", "cc"), "-std=c11", "-D_GNU_SOURCE", "-I.",
                           "-fsyntax-only", "-x", "c", "-include", path, "/dev/null"],
                          cwd=root, capture_output=True, text=True)
    if done.returncode == 0:
        return []
    why = next((l for l in done.stderr.splitlines() if "error" in l), "")
    return [f"{path}: does not compile alone: {why}"]


def is_test(path: str) -> bool:
    """Tests, fuzz targets, and what is only for them."""
    return re.search(r"(_(test|fuzz|fake)(_\w+)?|/test_\w+)\.[ch]$", path) is not None


def check_includes(root: pathlib.Path, path: str, lines: list[str], report: Report) -> None:
    folder = path.rpartition("/")[0]
    layer = layers.row(folder)
    own = path[:-2] + ".h"
    first = True
    if layer is None:
        report.errors.append(f"{path}: its folder has no row in harness/tidy/layers.py")
        return
    for number, line in enumerate(lines, 1):
        match = re.match(r'\s*#\s*include\s+(["<])([^">]+)[">]', line)
        if not match:
            continue
        target = match[2]
        if match[1] == '"':
            if "/" not in target:
                report.errors.append(f"{path}:{number}: include by path from the root: {target}")
            target_folder = target.rpartition("/")[0]
            allowed = [*layer[1], layer[0]] + (["core/host"] if is_test(path) else [])
            if not any(layers.inside(target_folder, a) for a in allowed):
                report.errors.append(f"{path}:{number}: {layer[0]} may not include {target}")
            if target.endswith("_impl.h") and \
                    not layers.inside(folder, target_folder) and not is_test(path):
                report.errors.append(f"{path}:{number}: {target} is only for its own folder")
        if path.endswith(".c") and first and not is_test(path) and \
                (root / own).exists() and target != own:
            report.errors.append(f"{path}:{number}: {own} must be included first")
        first = False


def check_source(root: pathlib.Path, path: str, report: Report) -> None:
    text = (root / path).read_text(encoding="utf-8", errors="replace")
    lines = text.splitlines()
    if not lines or "SPDX-License-Identifier:" not in "\n".join(lines[:2]):
        report.errors.append(f"{path}:1: no SPDX-License-Identifier")
    if path.endswith((".c", ".h", ".py")) and not GENERATED.search("\n".join(lines[:4])):
        if len(lines) > LINES_FILE:
            report.warnings.append(f"{path}: {len(lines)} lines; a file is one idea")
        for number, line in enumerate(lines, 1):
            width = len(line.expandtabs(8))
            if width > COLUMNS:
                report.errors.append(f"{path}:{number}: {width} columns")
            if line != line.rstrip():
                report.errors.append(f"{path}:{number}: blanks at the end")
            if path[-2:] in (".c", ".h") and COMMENTED_OUT.search(line):
                report.errors.append(f"{path}:{number}: code that is commented out")
            if path[-2:] in (".c", ".h") and re.search(r"^\s*#\s*if.*\bSIM\b", line):
                report.errors.append(f"{path}:{number}: engines do not know the simulation")
    if path.endswith((".c", ".h")):
        check_includes(root, path, lines, report)
        start = None
        for number, line in enumerate(lines, 1):
            if line == "{":
                start = number
            elif line == "}" and start:
                if number - start - 1 > LINES_FUNCTION:
                    report.warnings.append(
                        f"{path}:{start}: a function of {number - start - 1} lines")
                start = None


def tracked(root: pathlib.Path) -> list[str]:
    """Every source of the tree that is not built."""
    found = []
    for top in sorted(p.name for p in root.iterdir() if p.is_dir()):
        if top in ("build", ".git", "LICENSES", "fixtures"):
            continue
        for path in sorted((root / top).rglob("*")):
            if path.suffix in (".c", ".h", ".py", ".sh") and \
                    "__pycache__" not in path.parts:
                found.append(str(path.relative_to(root)))
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", default=".", help="the tree to look at")
    parser.add_argument("--pure", nargs="*", default=[], metavar="ARCHIVE",
                        help="archives that may hold no state and call nothing outside")
    args = parser.parse_args()
    report = Report()
    root = pathlib.Path(args.root)
    check_pure(args.pure, report)
    files = tracked(root)
    for path in files:
        check_source(root, path, report)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        # What only kernel code includes is compiled by kbuild, with the kernel's headers.
        headers = [path for path in files if path.endswith(".h") and
                   (not path.startswith("kernel/") or
                    path.startswith(("kernel/uapi/", "kernel/test/")))]
        for errors in pool.map(lambda path: check_header(root, path), headers):
            report.errors += errors
    for warning in report.warnings:
        print(f"  warning: {warning}")
    for error in report.errors:
        print(f"  error: {error}")
    print(f"  tidy: {len(args.pure)} pure libraries, {len(files)} sources, "
          f"{len(report.errors)} errors, {len(report.warnings)} warnings")
    return 1 if report.errors else 0


if __name__ == "__main__":
    sys.exit(main())
