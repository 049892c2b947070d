# SPDX-License-Identifier: GPL-2.0-or-later
"""With the engine: the command, sweeps, the Python interface and the pytest plugin."""
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from vsq import Lab, LabError, VsqError, cli, engine, replay
from vsq.errors import InputErrors

ROOT = Path(__file__).resolve().parent.parent.parent
LAUNCHER = Path(__file__).resolve().parent / "vsq"
SMALL = """\
[lab]
name = "small"
seed = 3
until = "20s"
stop = "app.bulk.done"
[host.alice]
addr = "10.0.0.1/24"
[host.bob]
addr = "10.0.0.2/24"
[[cable]]
name = "path"
join = ["alice", "bob"]
delay = "10ms"
loss = 2
capture = "path.pcapng"
[[app]]
name = "bulk"
kind = "tcp-bulk"
from = "alice"
to = "bob"
bytes = "500kB"
[[expect]]
app = "bulk"
done = true
"""


@pytest.fixture
def small(tmp_path):
    path = tmp_path / "small.toml"
    path.write_text(SMALL)
    return path


def vsq(*words, cwd=None, stdin=None):
    done = subprocess.run([sys.executable, str(LAUNCHER), *map(str, words)], cwd=cwd, input=stdin,
                          capture_output=True, text=True, timeout=300)
    assert "Traceback" not in done.stderr, done.stderr
    return done


def test_the_engine_is_bound_from_its_header():
    ffi, lib = engine.load()
    header = (ROOT / "harness/lab/vsq.h").read_text()
    names = re.findall(r"^VSQ_API [^;(]*?(\w+)\(", header, re.MULTILINE)
    assert len(names) > 30
    for name in names:
        assert getattr(lib, name)


def test_declarations_survive_every_kind_of_preprocessing():
    text = engine.declarations('#ifndef X\n#define X\\\n  1\n/* a\n#b */\nVSQ_API int f(void); '
                               '__attribute__((x(1)))\n#endif\n')
    assert text.split() == "int f(void);".split()


def test_a_run_holds_and_leaves_its_files(small, tmp_path):
    done = vsq("run", small, "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert "bulk done: yes" in done.stdout and "digest" in done.stdout
    assert done.stdout.isascii() and not done.stderr
    found = json.loads((tmp_path / "out/result.json").read_text())
    assert found["held"] and found["metrics"]["app.0.bytes_received"] == 500_000
    assert len(found["series"]["app.0.tcp.seq"]["time_ns"]) > 300
    assert (tmp_path / "out/report.html").stat().st_size < 3_000_000
    assert (tmp_path / "out/path.pcapng").read_bytes()[:4] == b"\x0a\x0d\x0d\x0a"


def test_a_failed_expectation_exits_with_1_and_says_how_to_repeat_it(small):
    done = vsq("run", small, "--no-out", "--set", 'expect.0.goodput="> 1Gbit/s"')
    assert done.returncode == 1
    assert "FAILED" in done.stdout and "--seed 3" in done.stderr and "--set" in done.stderr


def test_bad_input_exits_with_2(small, tmp_path):
    for words in (["run", tmp_path / "none.toml"], ["run", small, "--set", "cable.0.los=1"],
                  ["run", small, "--until", "soon"], ["run", small, "--seeds", "9..1"],
                  ["run", small, "--set", "cable.0.mtu=abc"], ["digest", tmp_path],
                  ["show", small, "--svg", tmp_path / "no/where.svg"], ["run"], ["fly"], [],
                  ["run", small, "--set", "app.0.to=alise"], ["run", small, "--seed", "-1"],
                  ["run", small, "--set", "host.alice.nonsense=1"],
                  ["run", small, "--set", "host.alice.net.nonsense=1"],
                  ["run", small, "--set", "expect.0.gootput=1"],
                  ["run", small, "--seed", "1", "--seeds", "1..2"]):
        done = vsq(*words, cwd=tmp_path)
        assert done.returncode == 2, (words, done)
        assert done.stderr.strip(), words


def test_a_metric_that_does_not_exist_is_told_before_the_run(small):
    done = vsq("run", small, "--no-out", "--set", "expect.0.gootput=1")
    assert 'no metric "app.0.gootput". Did you mean "app.0.goodput"?' in done.stderr


def test_the_same_seed_gives_the_same_digest_and_another_does_not(small):
    lines = [vsq("digest", small, *words).stdout.split()[0]
             for words in ([], [], ["--seed", "3"], ["--seed", "4"])]
    assert lines[0] == lines[1] == lines[2] != lines[3]
    assert re.fullmatch("[0-9a-f]{32}", lines[0])


def test_a_capture_does_not_change_the_digest(small):
    without = small.with_name("without.toml")
    without.write_text(SMALL.replace('capture = "path.pcapng"\n', ""))
    assert vsq("digest", small).stdout.split()[0] == vsq("digest", without).stdout.split()[0]


def test_json_is_the_only_output(small, tmp_path):
    done = vsq("run", small, "--json", cwd=tmp_path)
    assert json.loads(done.stdout)["schema"] == "vsq-result-1"
    assert (tmp_path / "vsq-out/small/result.json").is_file()


def test_standard_input_is_a_scenario():
    assert vsq("digest", "-", stdin=SMALL).returncode == 0


def test_a_sweep_names_the_seeds_that_fail_and_each_fails_alone(small):
    wanted = ["--set", 'expect.0.duration="< 3s"']
    done = vsq("run", small, "--seeds", "1..12", "-j", 2, *wanted)
    failing = re.findall(r"^seed (\d+) failed", done.stdout, re.MULTILINE)
    assert done.returncode == (1 if failing else 0)
    assert f"12 seeds, {12 - len(failing)} held, {len(failing)} failed" in done.stdout
    assert "bulk goodput" in done.stdout
    again = vsq("run", small, "--seeds", "1..12", "-j", 1, *wanted)
    assert again.stdout == done.stdout
    for seed in failing[:2]:
        assert vsq("run", small, "--no-out", "--seed", seed, *wanted).returncode == 1


def test_a_sweep_as_json_has_every_seed_and_the_spread(small):
    found = json.loads(vsq("run", small, "--seeds", "5..8", "-j", 1, "--json").stdout)
    assert [one["seed"] for one in found["seeds"]] == [5, 6, 7, 8]
    spread = found["metrics"]["app.0.goodput"]
    assert spread["min"] <= spread["p5"] <= spread["p50"] <= spread["p95"] <= spread["max"]
    assert len({one["digest"] for one in found["seeds"]}) == 4


def test_help_and_the_manual_page_agree():
    page = (Path(__file__).parent / "vsq.1").read_text().replace("\\-", "-")
    for command in cli.COMMANDS:
        assert f".B vsq {command}" in page
        text = vsq(command, "--help").stdout
        for option in set(re.findall(r"(--[a-z-]+)", text)) :
            assert option in page, (command, option)


def test_a_replay_that_cannot_be_is_refused_with_a_sentence(small, tmp_path):
    for words in (["none.pcap", "--into", "link"], [small, "--into", "host"],
                  [small, "--into", "switch", "--address", "10.0.0.1"],
                  [small, "--into", "host", "--address", "10.0.0"],
                  [small, "--into", "host", "--address", "10.0.0.1", "--expect", small],
                  [small, "--into", "link", "--set", "delay=20parsec"],
                  [small, "--into", "link", "--tolerance", "soon"], [small, "--into", "hub"],
                  [small, "--into", "link"]):
        done = vsq("replay", *words, cwd=tmp_path)
        assert done.returncode == 2 and done.stderr.strip(), (words, done)


def test_a_replays_settings_may_have_units():
    assert replay.line("link", "delay=20ms+5msN") == "delay 20+5N"
    assert replay.line("link", "loss LR 10%") == "loss LR 10"
    assert replay.line("switch", "vlan/create 10") == "vlan/create 10"
    assert replay.line("host", "net.ipv4.tcp_sack=0") == "net.ipv4.tcp_sack 0"


def test_names_that_are_no_text_are_survived(small, tmp_path):
    odd = tmp_path / os.fsdecode(b"\xff.toml")
    odd.write_text(SMALL)
    name = "lab.name=" + os.fsdecode(b"\xfe")
    done = vsq("run", odd, "--set", name, "--out", tmp_path / os.fsdecode(b"\xfd"))
    assert done.returncode == 0, done.stderr
    assert vsq("show", odd, "--set", name, "--svg", tmp_path / "x.svg").returncode == 0
    assert vsq("run", tmp_path / os.fsdecode(b"none\xff")).returncode == 2


def test_the_version_is_the_engines():
    assert vsq("--version").stdout == f"vsq {engine.version()}\n"


def test_a_lab_is_a_few_lines_of_python():
    with Lab("two hosts", seed=7) as lab:
        alice = lab.host("alice", addr="10.0.0.1/24")
        bob = lab.host("bob", addr="10.0.0.2/24", cc="reno")
        lab.cable(alice, bob, delay="20ms+5msN", loss=1)
        bulk = lab.app("tcp-bulk", alice, bob, bytes="1MB")
        lab.expect(f"{bulk}.goodput", ">= 100kbit/s", why="one percent")
        assert lab.advance("60s", f"{bulk}.done >= 1")
        lab.finish()
        assert lab.metric(f"{bulk}.bytes_received") == 1_000_000
        times, values = lab.series(f"{bulk}.tcp.seq")
        assert len(times) == len(values) > 600 and times == sorted(times)


def test_a_lab_can_be_watched_and_changed_while_it_runs():
    with Lab(seed=1) as lab:
        lab.switch("sw", ports=4)
        for index, name in enumerate(("a", "b")):
            lab.host(name, addr=f"10.0.0.{index + 1}/24")
            lab.cable(name, "sw", name=f"cable-{name}")
        ping = lab.app("ping", "a", "b", interval="100ms")
        lab.at("1s", "cable-b loss 100%")
        lab.advance("1s")
        before = lab.metric(f"{ping}.received")
        lab.advance("2s")
        assert 9 <= before <= lab.metric(f"{ping}.received") <= before + 1
        lab.command("cable-b loss 0")
        lab.advance("3s")
        assert lab.metric(f"{ping}.received") >= before + 9
        assert "Port" in lab.command("sw port/print")
        assert lab.now == 3 * 10**9


def test_mistakes_in_python_are_sentences():
    with Lab() as lab:
        lab.host("a", addr="10.0.0.1/24")
        with pytest.raises(InputErrors, match="dela.*Did you mean"):
            lab.cable("a", "a", dela=1)
        with pytest.raises(InputErrors, match='no node "b"'):
            lab.cable("a", "b")
        with pytest.raises(VsqError):
            lab.host("a")
        with pytest.raises(LabError):
            lab.command("a nonsense")
        with pytest.raises(LabError, match="no metric"):
            lab.metric("app.9.goodput")


def test_progress_is_told_and_can_stop_a_run():
    with Lab() as lab:
        lab.host("a", addr="10.0.0.1/24")
        lab.host("b", addr="10.0.0.2/24")
        lab.cable("a", "b", delay="1ms")
        lab.app("ping", "a", "b", interval="1ms")

        def boom(now):
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            lab.advance("3600s", progress=boom)
        assert lab.now < 3600 * 10**9


def test_pytest_runs_a_scenario_and_a_failing_one_says_how_to_repeat_it(tmp_path, small):
    (tmp_path / "conftest.py").write_text("from vsq.pytest_plugin import *\n")
    (tmp_path / "bad.toml").write_text(SMALL.replace("done = true", 'goodput = "> 9Gbit/s"'))
    (tmp_path / "wrong.toml").write_text(SMALL.replace("seed = 3", "sead = 3"))
    (tmp_path / "other.toml").write_text("[tool]\nx = 1\n")
    done = subprocess.run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider",
                           str(tmp_path)], cwd=tmp_path, capture_output=True, text=True,
                          env={**os.environ, "PYTHONPATH": str(ROOT / "harness")}, timeout=300)
    assert "1 passed" in done.stdout and "2 failed" in done.stdout, done.stdout
    again = re.search(r"again: (.*vsq/vsq run bad\.toml --seed 3)", done.stdout)[1]
    assert subprocess.run(again, shell=True, cwd=tmp_path, capture_output=True).returncode == 1
    assert "lab.sead" in done.stdout and "Traceback" not in done.stdout


def test_the_demo_leaves_a_report_a_result_and_a_capture_of_each_end():
    build = Path(os.environ.get("VSQ_BUILD", ROOT / "build"))
    done = subprocess.run([ROOT / "ci/demo", str(build)], capture_output=True, text=True,
                          timeout=300, env={**os.environ, "PYTHON": sys.executable})
    assert done.returncode == 0, done.stderr
    for word in ("goodput", "RTT p50", "resent", "burst", "simulated", "digest", "report.html"):
        assert word in done.stdout, word
    assert {path.name for path in (build / "demo").iterdir()} == {
        "report.html", "result.json", "alice.pcapng", "bob.pcapng"}
    found = json.loads((build / "demo/result.json").read_text())
    assert [app["metrics"]["bytes_received"] for app in found["apps"][:2]] == [20_000_000] * 2
    assert len(found["cables"][1]["markov"]["nodes"]) == 3
    assert (build / "demo/report.html").stat().st_size < 3_000_000


def test_what_the_engine_refuses_when_it_starts_names_the_file(small):
    done = vsq("run", small, "--no-out", "--set", "app.bulk.family=6")
    assert done.returncode == 2
    assert "small.toml" in done.stderr and "no IPv6 addresses in common" in done.stderr
