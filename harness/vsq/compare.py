# SPDX-License-Identifier: GPL-2.0-or-later
"""Two variants of a scenario under the same seeds: which is better, in what, and how sure is that.

A seed gives both variants the same chance wherever they behave alike, so they are compared seed by
seed: what a lucky seed gives to both drops out of the difference.
"""
from __future__ import annotations

import fnmatch
import json
import math
import re
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path

from . import curves, engine, stats, units
from .errors import VsqError, listing, quote, suggest
from .result import label, reproduce
from .run import Order, run
from .sweep import Outcome, spread_out
from .table import Style, grid

SCHEMA = "vsq-compare-1"
CURVES_MAX = 200	# seeds whose series are kept for the report
HEADLINE = re.compile(r"app\.\d+\.(goodput|duration|retransmits|retransmits_rto|loss|"
                      r"(rtt|delay)\.(p50|p99))")
MORE = re.compile(r"goodput|rate|throughput|done|received|bytes_received|bytes_sent|"
                  r"delivered_frames|delivered_bytes|IpInDelivers")
LESS = re.compile(r"duration|elapsed|finished|connect_time|failed|errors|corrupted|lost|loss|"
                  r"retransmits\w*|segments_lost|duplicates|duplicated|reordered|drops|"
                  r"(copy_)?drop_\w+|Tcp(RetransSegs|Timeouts|FastRetrans|SlowStartRetrans|"
                  r"AttemptFails|EstabResets|InErrs|InCsumErrors|OfoDrop|AbortOn\w+|"
                  r"ListenOverflows)|\w+(Errors|Discards|NoRoutes|ReasmFails|FragFails)|queue")
DELAYS = {"rtt", "srtt", "delay", "owd", "jitter", "latency", "rto"}


@dataclass
class Variant:
    name: str
    order: Order

    def command(self, seed: int) -> str:
        return reproduce(self.order.file, seed, self.order.assignments, self.order.until)


@dataclass
class Trial:
    """One seed of one variant."""
    outcome: Outcome
    apps: list[dict] = field(default_factory=list)
    ended: int = 0
    curves: dict[str, curves.Curve] = field(default_factory=dict)
    lab: dict = field(default_factory=dict)


@dataclass
class Metric:
    """A metric of both variants, with what its pairs say."""
    name: str
    text: str			# for people
    quantity: str
    better: int			# 1: more is, -1: less is, 0: neither
    seeds: list[int]
    a: list[float]
    b: list[float]
    found: stats.Paired
    holm: float = 1.0

    @property
    def same(self) -> bool:
        return self.a == self.b

    @property
    def verdict(self) -> str:
        """Of b: better, worse, higher, lower, no difference, or too few seeds."""
        if self.found.n < 2:
            return "too few seeds"
        if not self.found.direction:
            return "no difference"
        if not self.better:
            return "higher" if self.found.direction > 0 else "lower"
        return "better" if self.found.direction == self.better else "worse"

    @property
    def relative(self) -> float | None:
        """The mean difference in percent of a's mean; None of nothing."""
        return 100 * self.found.mean / self.found.mean_a if self.found.mean_a > 0 else None

    @property
    def caution(self) -> str:
        if self.found.n >= 2 and not self.found.ranks_agree:
            return ("ranks do not confirm it" if self.found.direction
                    else "ranks differ, though the mean may be chance")
        return ""


@dataclass
class Comparison:
    a: Variant
    b: Variant
    seeds: range
    metrics: list[Metric]
    trials: list[tuple[Trial, Trial]]

    @property
    def failed(self) -> bool:
        return any(not trial.outcome.held for pair in self.trials for trial in pair)

    def held(self, side: int) -> int:
        return sum(pair[side].outcome.held for pair in self.trials)

    def telling(self) -> list[Metric]:
        return [one for one in self.metrics if not one.same]


# ---- which variants -------------------------------------------------------------------------

def choices(text: str) -> list[str]:
    """The values between commas that stand in no bracket and in no quotes."""
    found, depth, quoted = [""], 0, ""
    for letter in text:
        if quoted:
            quoted = "" if letter == quoted else quoted
        elif letter in "\"'":
            quoted = letter
        elif letter in "[{":
            depth += 1
        elif letter in "]}":
            depth -= 1
        elif letter == "," and not depth:
            found.append("")
            continue
        found[-1] += letter
    return [one.strip() for one in found]


def _names(files: list[str], pairs: list[tuple[str, str, str]]) -> tuple[str, str]:
    if len(files) == 2 and files[0] != files[1]:
        stems = [Path(file).stem for file in files]
        return (stems[0], stems[1]) if stems[0] != stems[1] else (files[0], files[1])
    if len(pairs) == 1:
        return pairs[0][1], pairs[0][2]
    sides = [" ".join(f"{key.rpartition('.')[2]}={pair[side]}" for key, *pair in pairs)
             for side in (0, 1)]
    return (sides[0], sides[1]) if sides[0] != sides[1] else ("A", "B")


def variants(files: list[str], assignments: list[str],
             until: str | None) -> tuple[Variant, Variant]:
    """What the words of the command mean. VsqError."""
    if len(files) > 2:
        raise VsqError(f"{len(files)} scenarios were given (allowed: two, or one with "
                       "--set KEY=A,B)")
    if "-" in files:
        raise VsqError("-: standard input can be read once only, and each run reads the scenario "
                       "(allowed: the names of files)")
    sides: tuple[list[str], list[str]] = ([], [])
    pairs = []
    for one in assignments:
        key, equals, text = one.partition("=")
        values = choices(text) if equals else []
        if len(values) > 2 or len(values) == 2 and not all(values):
            raise VsqError(f"--set {one}: {len(values)} values (allowed: one for both variants, "
                           "or two: KEY=A,B)")
        if len(values) == 2:
            pairs.append((key.strip(), *values))
        for side, kept in enumerate(sides):
            kept.append(f"{key}={values[side]}" if len(values) == 2 else one)
    if len(files) == 1 and not pairs:
        raise VsqError("nothing to compare (allowed: two scenarios, or one with "
                       "--set KEY=A,B, as host.alice.cc=cubic,newreno)")
    names = _names(files, pairs)
    return tuple(Variant(name, Order(file, kept, until))
                 for name, file, kept in zip(names, (files[0], files[-1]), sides))


# ---- the runs -------------------------------------------------------------------------------

def one(work: tuple[Order, int, bool]) -> Trial:
    order, seed, drawn = work
    try:
        result = run(order, seed)
    except VsqError as error:
        return Trial(Outcome(seed, error=str(error)))
    outcome = Outcome(seed, result.held, result.digest, result.failed, result.metrics,
                      [j["metric"] for j in result.judgements if j["metric"]])
    apps = [{"label": label(app), "name": app["name"], "kind": app["kind"], "flow": app["flow"]}
            for app in result.apps]
    return Trial(outcome, apps, result.lab["ended_ns"], curves.of(result) if drawn else {},
                 {"name": result.lab["name"], "about": result.lab["about"]})


def trials(a: Variant, b: Variant, seeds: range, jobs: int) -> list[tuple[Trial, Trial]]:
    work = [(variant.order, seed, seed - seeds[0] < CURVES_MAX)
            for seed in seeds for variant in (a, b)]
    tty = sys.stderr.isatty()
    found: list[Trial] = []
    for trial in spread_out(one, work, jobs):
        if trial.outcome.error:
            name = (a, b)[len(found) % 2].name
            raise VsqError(f"{name}: seed {trial.outcome.seed}: {trial.outcome.error}")
        found.append(trial)
        if tty:
            print(f"\r{len(found)} of {len(work)} runs ", end="", file=sys.stderr, flush=True)
    if tty:
        print("\r" + " " * 40 + "\r", end="", file=sys.stderr, flush=True)
    return list(zip(found[::2], found[1::2]))


# ---- the metrics ----------------------------------------------------------------------------

def better(name: str) -> int:
    """Whether more of a metric is better (1), or less (-1), or neither is known to be (0)."""
    words = name.split(".")
    if words[-1] in ("count", "samples") or len(words) < 2:
        return 0
    if DELAYS & set(words[2:]):
        return -1
    if MORE.fullmatch(words[-1]):
        return 1
    return -1 if LESS.fullmatch(words[-1]) else 0


def _spoken(name: str, apps: list[dict]) -> str:
    prefix, _, rest = name.partition(".")
    number, _, rest = rest.partition(".")
    if prefix == "app" and number.isdigit() and int(number) < len(apps):
        return f"{apps[int(number)]['label']} {rest}"
    return f"{number} {rest}" if prefix in ("node", "cable") else name


def wanted(patterns: list[str], known: list[str], apps: list[dict]) -> list[str]:
    """The metrics that were asked for: by name, or by a pattern with * and ?. VsqError."""
    numbers = {app["name"]: index for index, app in enumerate(apps) if app["name"]}
    found: dict[str, None] = {}
    for pattern in patterns:
        words = pattern.split(".")
        if words[0] == "app" and len(words) > 2 and words[1] in numbers:
            words[1] = str(numbers[words[1]])
        matched = fnmatch.filter(known, ".".join(words))
        if not matched:
            raise VsqError(f"--metric {pattern}: no metric of both variants has this name."
                           f"{suggest('.'.join(words), known)} "
                           f"(allowed: {listing(known, 12)})")
        found.update(dict.fromkeys(sorted(matched, key=known.index)))
    return list(found)


def _usual(pairs: list[tuple[Trial, Trial]], known: dict) -> list[str]:
    expected = {name: None for pair in pairs for trial in pair for name in trial.outcome.expected}
    found = dict.fromkeys(name for name in expected if name in known)
    for name in filter(HEADLINE.fullmatch, known):
        _, index, rest = name.split(".", 2)
        if rest != "duration" or pairs[0][0].apps[int(index)]["flow"] == "tcp":
            found[name] = None
    # What belongs to one application stands together; the rest comes after them.
    return sorted(found, key=lambda name: int(name.split(".")[1])
                  if name.startswith("app.") else math.inf)


def metrics(pairs: list[tuple[Trial, Trial]], patterns: list[str]) -> list[Metric]:
    """VsqError where a pattern finds nothing."""
    known: dict[str, list[tuple[int, float, float]]] = {}
    for a, b in pairs:
        for name, value in a.outcome.metrics.items():
            other = b.outcome.metrics.get(name, math.nan)
            if math.isfinite(value) and math.isfinite(other):
                known.setdefault(name, []).append((a.outcome.seed, value, other))
    apps = pairs[0][0].apps
    names = list(known)
    found = []
    for name in wanted(patterns, names, apps) if patterns else _usual(pairs, known):
        seeds, a, b = map(list, zip(*known[name]))
        found.append(Metric(name, _spoken(name, apps), units.quantity_of(name), better(name),
                            seeds, a, b, stats.paired(a, b, f"{seeds[0]}..{seeds[-1]} {name}")))
    told = [metric for metric in found if not metric.same]
    for metric, holm in zip(told, stats.holm([metric.found.p for metric in told])):
        metric.holm = holm
    return found


def compare(a: Variant, b: Variant, seeds: range, jobs: int,
            patterns: list[str]) -> Comparison:
    """Runs everything. VsqError."""
    for variant in (a, b):
        variant.order.plan()	# mistakes are told once, before any worker starts
    pairs = trials(a, b, seeds, jobs)
    return Comparison(a, b, seeds, metrics(pairs, patterns), pairs)


# ---- what is told ---------------------------------------------------------------------------

def signed(value: float, quantity: str) -> str:
    return ("+" if value > 0 else "") + units.show(value, quantity)


def percent(value: float | None) -> str:
    if value is None:
        return "–"
    digits = 0 if abs(value) >= 99.95 else 1 if abs(value) >= 9.995 else 2
    return f"{value:+,.{digits}f} %"


def spell(chance: float) -> str:
    return "< 0.0001" if chance < 1e-4 else f"{chance:.2g}" if chance < .1 else f"{chance:.2f}"


def summary(found: Comparison) -> str:
    """One sentence for all: what B is against A."""
    count = {word: [one for one in found.metrics if one.verdict == word]
             for word in ("better", "worse", "higher", "lower")}
    moved = sum(map(len, count.values()))
    if not moved:
        return (f"No metric tells {found.b.name} from {found.a.name} over {len(found.seeds)} "
                f"seed{'s' * (len(found.seeds) > 1)}.")
    parts = [f"{word} in {len(ones)}" for word, ones in count.items() if ones]
    return (f"{found.b.name} against {found.a.name}: {', '.join(parts)} of "
            f"{len(found.metrics)} metrics; no difference told in {len(found.metrics) - moved}.")


COLOURS = {"better": "32", "worse": "31;1", "higher": "33", "lower": "33"}


def render(found: Comparison, style: Style) -> str:
    rows = []
    for one in found.telling():
        interval = one.found.interval
        rows.append([
            one.text, units.show(one.found.mean_a, one.quantity),
            units.show(one.found.mean_b, one.quantity), signed(one.found.mean, one.quantity),
            "–" if not interval else " to ".join(signed(end, one.quantity) for end in interval),
            percent(one.relative), spell(one.found.p), spell(one.found.rank_p), one.verdict])
    head = ["metric", f"A: {found.a.name}", f"B: {found.b.name}", "B - A", "95 % interval", "%",
            "p (t)", "p (ranks)", "B is"]
    lines = [grid(head, rows, style)] if rows else []
    same = [one.text for one in found.metrics if one.same]
    if same:
        lines.append(f"the same in every seed: {listing(same, 8)}")
    lines += [f"{one.text}: {one.caution} (p {spell(one.found.rank_p)}, "
              f"{one.found.up} up, {one.found.down} down)" for one in found.metrics if one.caution]
    for side, variant in ((0, found.a), (1, found.b)):
        bad = [pair[side].outcome for pair in found.trials if not pair[side].outcome.held]
        lines.append(f"{'AB'[side]}: {variant.name}: expectations hold in {found.held(side)} of "
                     f"{len(found.seeds)} seeds")
        lines += [f"  seed {one.seed} failed: {'; '.join(one.failed)}\n    "
                  f"{variant.command(one.seed)}" for one in bad[:3]]
        if len(bad) > 3:
            lines.append(f"  ... and {len(bad) - 3} more")
    lines.append(style.paint(summary(found), "1"))
    return style.letters("\n".join(lines))


def _metric(one: Metric) -> dict:
    found = asdict(one.found)
    return {
        "name": one.name, "text": one.text, "quantity": one.quantity,
        "better": {1: "more", -1: "less", 0: None}[one.better], "verdict": one.verdict,
        "caution": one.caution or None, "pairs": one.found.n,
        "a": {"mean": found["mean_a"], "median": found["median_a"]},
        "b": {"mean": found["mean_b"], "median": found["median_b"]},
        "difference": {key: found[key] for key in ("mean", "median", "stddev")}
        | {"percent": one.relative, "up": one.found.up, "down": one.found.down},
        "interval": {"level": stats.LEVEL, "t": found["interval"],
                     "bootstrap": found["bootstrap"], "median": found["median_interval"]},
        "p": {"t": one.found.p, "wilcoxon": one.found.rank_p, "sign": one.found.sign_p,
              "t_holm": one.holm},
        "rank_sum": one.found.rank_sum,
        "values": {"seed": one.seeds, "a": one.a, "b": one.b}}


def document(found: Comparison) -> dict:
    """compare.json as a dictionary (docs/compare.md)."""
    return {
        "schema": SCHEMA, "version": engine.version(), "summary": summary(found),
        "variants": {side: {"name": variant.name, "file": variant.order.file,
                            "assignments": variant.order.assignments,
                            "until": variant.order.until, "held": found.held(number)}
                     for number, (side, variant) in enumerate((("a", found.a), ("b", found.b)))},
        "metrics": [_metric(one) for one in found.metrics],
        "seeds": [{"seed": pair[0].outcome.seed} | {
            side: {"held": trial.outcome.held, "digest": trial.outcome.digest,
                   "failed": trial.outcome.failed, "command": variant.command(trial.outcome.seed)}
            for side, trial, variant in (("a", pair[0], found.a), ("b", pair[1], found.b))}
            for pair in found.trials]}


def write(found: Comparison, out: Path) -> list[Path]:
    """report.html and compare.json into a folder. VsqError."""
    from . import compare_report
    paths = [out / "report.html", out / "compare.json"]
    texts = [compare_report.html(found), json.dumps(document(found), allow_nan=False, indent=1)]
    try:
        out.mkdir(parents=True, exist_ok=True)
        for path, text in zip(paths, texts):
            path.write_text(text + "\n", encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise VsqError(f"--out {error.filename or out}: {error.strerror}") from error
    return paths


def folder(a: Variant, b: Variant) -> Path:
    """Where files go when nothing is said."""
    name = f"{Path(a.order.file).stem}-{a.name}-{b.name}"
    if a.order.file != b.order.file:
        name = f"{Path(a.order.file).stem}-{Path(b.order.file).stem}"
    return Path("vsq-out") / ("compare-" + re.sub(r"[^\w.+-]+", "_", name)[:100])
