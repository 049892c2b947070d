# SPDX-License-Identifier: GPL-2.0-or-later
"""vsq compare: what it makes of its words, of runs, and of metrics; its table, JSON and report."""
import json
import math
import re

import pytest

from vsq import compare, curves, scenario, sweep, table
from vsq.curves import Curve
from vsq.errors import VsqError
from vsq.test_report import Balance
from vsq.test_run import SMALL, vsq


@pytest.fixture
def small(tmp_path):
    path = tmp_path / "small.toml"
    path.write_text(SMALL)
    return path


def compared(small, *assignments, seeds="1..8", metrics=()):
    a, b = compare.variants([str(small)], list(assignments), None)
    return compare.compare(a, b, sweep.seeds(seeds), 1, list(metrics))


# ---- words ----------------------------------------------------------------------------------

@pytest.mark.parametrize("text, found", [
    ("cubic,newreno", ["cubic", "newreno"]), ("5", ["5"]), ("1, 2 ,3", ["1", "2", "3"]),
    ('["a", "b"]', ['["a", "b"]']), ('["a", "b"],["c"]', ['["a", "b"]', '["c"]']),
    ('"1,2",\'3,4\'', ['"1,2"', "'3,4'"]), ("{ a = 1, b = 2 }", ["{ a = 1, b = 2 }"])])
def test_commas_part_values_outside_brackets_and_quotes(text, found):
    assert compare.choices(text) == found


def test_a_setting_with_two_values_makes_two_variants():
    a, b = compare.variants(["x.toml"], ["host.a.cc=cubic,newreno", "cable.0.loss=5"], "3s")
    assert (a.name, b.name) == ("cubic", "newreno")
    assert a.order.assignments == ["host.a.cc=cubic", "cable.0.loss=5"]
    assert b.order.assignments == ["host.a.cc=newreno", "cable.0.loss=5"]
    assert a.order.until == b.order.until == "3s"
    a, b = compare.variants(["x.toml"], ["host.a.cc=cubic,reno", "cable.0.loss=1,2"], None)
    assert (a.name, b.name) == ("cc=cubic loss=1", "cc=reno loss=2")


def test_two_files_are_told_apart_by_their_names():
    assert [v.name for v in compare.variants(["p/x.toml", "q/y.toml"], [], None)] == ["x", "y"]
    assert [v.name for v in compare.variants(["p/x.toml", "q/x.toml"], [], None)] == [
        "p/x.toml", "q/x.toml"]
    assert [v.name for v in compare.variants(["x.toml", "x.toml"], [], None)] == ["A", "B"]


@pytest.mark.parametrize("files, assignments", [
    (["x.toml"], []), (["x.toml"], ["host.a.cc=cubic"]), (["x.toml"], ["host.a.cc=1,2,3"]),
    (["x.toml"], ["host.a.cc=cubic,"]), (["x", "y", "z"], []), (["-"], ["host.a.cc=cubic,reno"])])
def test_what_compares_nothing_is_refused(files, assignments):
    with pytest.raises(VsqError, match="allowed"):
        compare.variants(files, assignments, None)


def test_newreno_is_reno():
    for name in ("cc", "net.ipv4.tcp_congestion_control"):
        plan = scenario.parse(SMALL.replace('[host.bob]', f'[host.bob]\n{name} = "newreno"'))
        assert plan.node("bob").settings[0][1] == "reno"


# ---- metrics --------------------------------------------------------------------------------

@pytest.mark.parametrize("name, way", [
    ("app.0.goodput", 1), ("app.0.done", 1), ("app.1.received", 1), ("app.0.duration", -1),
    ("app.0.rtt.p99", -1), ("app.0.rtt.count", 0), ("app.0.rtt.stddev", -1),
    ("app.2.delay.p50", -1), ("app.0.retransmits_rto", -1), ("app.0.loss", -1),
    ("app.0.failed", -1), ("node.alice.TcpRetransSegs", -1), ("node.alice.TcpOutSegs", 0),
    ("node.alice.drops", -1), ("cable.radio.lr.drop_queue", -1), ("app.0.cwnd", 0),
    ("cable.delay.lr.frames", 0), ("lab.frames", 0), ("lab", 0)])
def test_metrics_know_which_way_is_better(name, way):
    assert compare.better(name) == way


def test_metrics_are_found_by_name_by_application_and_by_pattern():
    apps = [{"name": "bulk"}, {"name": ""}]
    known = ["app.0.goodput", "app.0.rtt.p50", "app.1.rtt.p50", "node.bulk.drops"]
    assert compare.wanted(["app.bulk.goodput"], known, apps) == ["app.0.goodput"]
    assert compare.wanted(["app.*.rtt.p50", "app.0.*"], known, apps) == [
        "app.0.rtt.p50", "app.1.rtt.p50", "app.0.goodput"]
    with pytest.raises(VsqError, match='Did you mean "app.0.goodput"'):
        compare.wanted(["app.bulk.godput"], known, apps)


def metric(name, a, b):
    return compare.Metric(name, name, "number", compare.better(name), list(range(len(a))), a, b,
                          compare.stats.paired(a, b, name))


def test_verdicts_follow_the_interval_and_the_way():
    low, high = [1.0, 2, 3, 4, 5, 6], [3.1, 4, 5.2, 6, 6.9, 8]
    assert metric("app.0.goodput", low, high).verdict == "better"
    assert metric("app.0.goodput", high, low).verdict == "worse"
    assert metric("app.0.rtt.p50", low, high).verdict == "worse"
    assert metric("app.0.rtt.p50", high, low).verdict == "better"
    assert metric("app.0.cwnd", low, high).verdict == "higher"
    assert metric("app.0.cwnd", high, low).verdict == "lower"
    assert metric("app.0.cwnd", low, low[::-1]).verdict == "no difference"
    assert metric("app.0.cwnd", [1.0], [2.0]).verdict == "too few seeds"
    assert metric("app.0.retransmits", [0.0, 0.0], [1.0, 2.0]).relative is None


# ---- curves ---------------------------------------------------------------------------------

def test_a_value_holds_until_the_next():
    assert curves.held([0, 50], [2.0, 4.0], 100, 100, 4) == [2, 2, 4, 4]
    assert curves.held([0, 10, 35], [0.0, 10.0, 4.0], 50, 50, 2) == pytest.approx([6, 6.4])
    found = curves.held([30], [7.0], 100, None, 10)
    assert found[3] == 7 and all(math.isnan(v) for i, v in enumerate(found) if i != 3)
    assert all(math.isnan(v) for v in curves.held([5], [math.nan], 10, None, 4))


def test_a_band_holds_the_middle_and_ends_with_half_of_the_runs():
    runs = [Curve(100 * n, [float(n)] * 10) for n in range(1, 12)]
    band = curves.band(runs, 1100, 11)
    assert band.middle[0] == 6 and (band.low[0], band.high[0]) == (2, 10)
    assert len(band.times) == 6 and band.times[0] == 50	# of eleven runs, six last so long
    assert curves.median_end([run.end for run in runs]) == 600
    assert curves.band([Curve(10, [math.nan] * 3)], 10) is None


# ---- with the engine ------------------------------------------------------------------------

def test_more_loss_is_worse_and_the_same_is_the_same(small):
    found = compared(small, "cable.path.loss=0.5,8")
    told = {one.name: one.verdict for one in found.metrics}
    assert told["app.0.goodput"] == told["app.0.duration"] == told["app.0.retransmits"] == "worse"
    assert not found.failed and found.held(0) == 8
    same = compare.Comparison(found.a, found.a, found.seeds, compare.metrics(
        [(a, a) for a, _ in found.trials], []), found.trials)
    assert not same.telling() and {one.verdict for one in same.metrics} == {"no difference"}
    assert compare.summary(same).startswith("No metric tells")
    compare.render(same, table.Style())
    from vsq import compare_report
    assert "The same in every seed" in compare_report.html(same)


def test_the_command_compares_and_writes_what_it_says(small, tmp_path):
    words = ("compare", small, "--set", "cable.path.loss=1,6", "--seeds", "3..8", "-j", 2)
    done = vsq(*words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.isascii() and "bulk goodput" in done.stdout and "worse" in done.stdout
    out = tmp_path / "vsq-out" / "compare-small-1-6"
    page = (out / "report.html").read_text()
    balance = Balance()
    balance.feed(page)
    assert not balance.wrong and not balance.open
    assert not re.search(r"""(src|href)\s*=\s*["']?\s*(https?:|//)""", page)
    for word in ("Over time", "Seed by seed", "bulk: congestion window", "bulk: goodput",
                 "bulk: round-trip time", "--seed 3"):
        assert word in page
    assert "NaN" not in page.split("<script>")[0]
    kept = json.loads((out / "compare.json").read_text())
    again = vsq(*words, "--json", "--no-out", cwd=tmp_path)
    assert json.loads(again.stdout) == kept	# the same seeds, the same numbers
    assert kept["schema"] == "vsq-compare-1" and len(kept["seeds"]) == 6
    goodput = next(one for one in kept["metrics"] if one["name"] == "app.0.goodput")
    assert goodput["verdict"] == "worse" and goodput["better"] == "more"
    low, high = goodput["interval"]["t"]
    assert low < goodput["difference"]["mean"] < high < 0
    moves = [b - a for a, b in zip(goodput["values"]["a"], goodput["values"]["b"])]
    assert goodput["difference"]["mean"] == pytest.approx(sum(moves) / 6)
    one = kept["seeds"][2]
    digest = vsq("digest", small, "--seed", one["seed"], "--set", "cable.path.loss=6",
                 cwd=tmp_path)
    assert digest.stdout.startswith(one["b"]["digest"])


def test_expectations_that_fail_are_told_and_count_with_check(small, tmp_path):
    words = ("compare", small, "--set", "cable.path.loss=1,60", "--seeds", "1..2", "-j", 1,
             "--until", "3s", "--out", tmp_path / "out")
    done = vsq(*words)
    assert done.returncode == 0 and "seed 1 failed" in done.stdout
    assert "--set cable.path.loss=60 --until 3s" in done.stdout
    assert vsq(*words, "--check").returncode == 1
    assert vsq("compare", small, "--set", "cable.path.loss=1,2", "--seeds", "1..2", "-j", 1,
               "--check", "--no-out").returncode == 0


def test_bad_input_is_two(small, tmp_path):
    other = tmp_path / "other.toml"
    other.write_text(SMALL.replace("bob", "bobby").replace("loss = 2", "loss = 3"))
    both = ("--no-out", "-j", 1, "--seeds", "1..2")
    assert vsq("compare", small, other, *both).returncode == 0
    for words in ((small,), (small, other, small), (small, tmp_path / "none.toml"),
                  (small, "--set", "host.alice.cc=cubic,vegas"),
                  (small, "--set", "host.alise.cc=cubic,reno"),
                  (small, other, "--metric", "app.0.godput"),
                  (small, other, "--seeds", "9..1"), (small, other, "--until", "soon"), ()):
        done = vsq("compare", *words, *both[:3 if "--seeds" in words else 5])
        assert done.returncode == 2 and done.stderr, words


def test_what_users_write_is_text_in_the_page(small):
    evil = '</script><script>alert("x")</script>&'
    found = compared(small, "cable.path.loss=1,6", seeds="1..3")
    found.a.name = found.b.order.file = evil
    for pair in found.trials:
        for trial in pair:
            trial.lab["name"] = trial.lab["about"] = trial.apps[0]["label"] = evil
            trial.outcome.held, trial.outcome.failed = False, [evil]
    found.metrics[0].text = found.metrics[1].text = evil
    from vsq import compare_report
    page = compare_report.html(found)
    assert "alert(" in page and "<script>alert" not in page
