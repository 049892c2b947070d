# SPDX-License-Identifier: GPL-2.0-or-later
"""The vsq command. Exit codes: 0 all expectations hold, 1 one failed, 2 bad input."""
from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

from guest import cli as guest_cli

from . import compare, engine, replay, scenario, sweep, table
from .errors import VsqError
from .run import Order, publish, run, shown

HELD, FAILED, BAD = 0, 1, 2


def _common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="a scenario (TOML); -: standard input")
    parser.add_argument("--set", metavar="KEY=VALUE", action="append", default=[],
                        dest="assignments",
                        help="change a value, as host.alice.cc=reno or cable.0.loss=5")


def _number(text: str) -> int:
    if not text.isdigit() or int(text) >= 2**63:
        raise argparse.ArgumentTypeError(f"{text!r} is no seed (allowed: 0 to 2^63-1)")
    return int(text)


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog="vsq", description="Runs networks of hosts, switches and lossy cables in one "
        "process, under a virtual clock: the same seed gives the same packets.",
        epilog="Exit status: 0 all expectations hold, 1 one failed, 2 bad input. "
        "The language of scenarios: docs/scenario.md.")
    top.add_argument("--version", action="store_true", help="print the version and exit")
    commands = top.add_subparsers(dest="command", metavar="COMMAND")

    one = commands.add_parser("run", help="run a scenario",
                              description="Runs a scenario, prints a table, and writes captures, "
                              "result.json and report.html.")
    _common(one)
    group = one.add_mutually_exclusive_group()
    group.add_argument("--seed", metavar="N", type=_number, help="instead of the scenario's")
    group.add_argument("--seeds", metavar="A..B", help="a sweep over seeds, both included")
    one.add_argument("-j", "--jobs", metavar="N", type=int, default=os.cpu_count() or 1,
                     help="worker processes of a sweep (default: one per processor)")
    one.add_argument("--until", metavar="TIME", help="instead of the scenario's, as 10s")
    one.add_argument("--out", metavar="DIR", type=Path,
                     help="where captures, result.json and report.html go "
                     "(default: vsq-out/NAME; not in a sweep)")
    one.add_argument("--no-out", action="store_true", help="write no files")
    one.add_argument("--json", action="store_true", help="print result.json, not the table")

    one = commands.add_parser(
        "replay", help="play a capture into an engine and compare what comes out",
        description="The frames of a capture (pcap or pcapng) enter a switch, a link or a host at "
        "their own times, and what comes out is compared with what was expected; a host with the "
        "one it replaces. Exit status: 0 nothing differs, 1 something does, 2 bad input.")
    one.add_argument("capture", metavar="CAPTURE")
    one.add_argument("--into", choices=replay.INTO, required=True, help="what it is played into")
    one.add_argument("--address", metavar="ADDR", default="",
                     help="with host: the address of the captured host that ours replaces")
    one.add_argument("--set", metavar="SETTING", action="append", default=[], dest="settings",
                     help="a management command of the switch, a parameter of the link "
                     "(delay=20ms), or a setting of the host (net.ipv4.tcp_sack=0, mtu=1400)")
    one.add_argument("--expect", metavar="FILE", help="the capture that should come out")
    one.add_argument("--tolerance", metavar="TIME", default="0ns",
                     help="how far times may differ: any, or as 1ms (default: not at all)")
    one.add_argument("--seed", metavar="N", type=_number, default=1, help="of all chance")
    one.add_argument("--out", metavar="FILE", help="keep what came out (pcapng)")

    one = commands.add_parser(
        "compare", help="compare two variants under the same seeds",
        description="Runs two scenarios, or one with two values of a setting, under the same "
        "seeds, and says for each metric whether the second is better, worse, or not told apart. "
        "Writes compare.json and report.html. Exit status: 0 compared, 1 with --check an "
        "expectation failed, 2 bad input.")
    one.add_argument("files", metavar="FILE", nargs="+", help="one scenario or two (TOML)")
    one.add_argument("--set", metavar="KEY=A,B", action="append", default=[],
                     dest="assignments",
                     help="change a value: one for both variants, or two, as "
                     "host.alice.cc=cubic,newreno")
    one.add_argument("--seeds", metavar="A..B", default="1..30",
                     help="both included (default: 1..30)")
    one.add_argument("-j", "--jobs", metavar="N", type=int, default=os.cpu_count() or 1,
                     help="worker processes (default: one per processor)")
    one.add_argument("--metric", metavar="NAME", action="append", default=[], dest="metrics",
                     help="what to compare, as app.bulk.goodput or app.*.rtt.p99 (default: what "
                     "expectations are about, and each application's headline metrics)")
    one.add_argument("--until", metavar="TIME", help="instead of the scenario's, as 10s")
    one.add_argument("--out", metavar="DIR", type=Path,
                     help="where compare.json and report.html go (default: vsq-out/compare-NAMES)")
    one.add_argument("--no-out", action="store_true", help="write no files")
    one.add_argument("--json", action="store_true", help="print compare.json, not the table")
    one.add_argument("--check", action="store_true",
                     help="exit with 1 when an expectation failed in any run")

    one = commands.add_parser("digest", help="run a scenario and print its digest",
                              description="Prints the hash over every frame on every cable "
                              "with its virtual time, and the seed.")
    _common(one)
    one.add_argument("--seed", metavar="N", type=_number, help="instead of the scenario's")
    one.add_argument("--until", metavar="TIME", help="instead of the scenario's")

    one = commands.add_parser("show", help="show a scenario's topology",
                              description="Shows what is joined to what, without running it.")
    _common(one)
    one.add_argument("--svg", metavar="OUT", type=Path, help="draw it into an SVG file too")
    guest_cli.add(commands)
    return top


def _out(arguments: argparse.Namespace) -> Path | None:
    if arguments.no_out:
        return None
    if arguments.out:
        return arguments.out
    stem = "stdin" if arguments.file == "-" else Path(arguments.file).stem
    return Path("vsq-out") / stem


def _run(arguments: argparse.Namespace) -> int:
    order = Order(arguments.file, arguments.assignments, arguments.until)
    if arguments.seeds:
        if arguments.out:
            raise VsqError("--out: a sweep writes no files; run the seed that interests you")
        return sweep.sweep(order, sweep.seeds(arguments.seeds), max(1, arguments.jobs),
                           arguments.json)
    out = _out(arguments)
    result = run(order, arguments.seed, out, progress=True)
    if arguments.json:
        json.dump(result.document(), sys.stdout, allow_nan=False)
        print()
    else:
        table.show(result)
    if out is not None:
        paths = publish(result, out)
        if not arguments.json:
            print("\n" + "\n".join(shown(path) for path in paths))
    if not result.held:
        print(f"vsq: {len(result.failed)} of {len(result.judgements)} expectations failed; "
              f"again: {result.command()}", file=sys.stderr)
    return HELD if result.held else FAILED


def _digest(arguments: argparse.Namespace) -> int:
    result = run(Order(arguments.file, arguments.assignments, arguments.until), arguments.seed)
    print(f"{result.digest}  seed {result.seed}  {arguments.file}")
    return HELD


def _show(arguments: argparse.Namespace) -> int:
    from . import picture, topology
    plan = scenario.load(arguments.file, arguments.assignments)
    print(topology.text(plan))
    if arguments.svg:
        try:
            arguments.svg.write_text(picture.standalone(topology.Graph.of_plan(plan)),
                                     encoding="utf-8", errors="backslashreplace")
        except OSError as error:
            raise VsqError(f"--svg {arguments.svg}: {error.strerror}") from error
    return HELD


def _compare(arguments: argparse.Namespace) -> int:
    a, b = compare.variants(arguments.files, arguments.assignments, arguments.until)
    found = compare.compare(a, b, sweep.seeds(arguments.seeds), max(1, arguments.jobs),
                            arguments.metrics)
    if arguments.json:
        json.dump(compare.document(found), sys.stdout, allow_nan=False, indent=1)
        print()
    else:
        print(compare.render(found, table.Style.of(sys.stdout)))
    if not arguments.no_out:
        paths = compare.write(found, arguments.out or compare.folder(a, b))
        if not arguments.json:
            print("\n" + "\n".join(shown(path) for path in paths))
    return FAILED if arguments.check and found.failed else HELD


def _replay(arguments: argparse.Namespace) -> int:
    code, account = replay.run(replay.Replay(
        arguments.capture, arguments.into, arguments.address, arguments.settings,
        arguments.expect, arguments.out, arguments.seed, arguments.tolerance))
    if account:
        print(account)
    return FAILED if code else HELD


COMMANDS = {"run": _run, "compare": _compare, "replay": _replay, "digest": _digest, "show": _show,
            "guest": guest_cli.main}


def main(words: list[str] | None = None) -> int:
    for stream in (sys.stdout, sys.stderr):	# names of files may be no text
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    arguments = parser().parse_args(words)
    try:
        if arguments.version:
            print(f"vsq {engine.version()}")
            return HELD
        if not arguments.command:
            parser().print_usage(sys.stderr)
            return BAD
        return COMMANDS[arguments.command](arguments)
    except VsqError as error:
        for line in str(error).splitlines():
            print(f"vsq: {line}", file=sys.stderr)
        return BAD
    except KeyboardInterrupt:
        print("vsq: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return HELD
