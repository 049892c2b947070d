# SPDX-License-Identifier: GPL-2.0-or-later
import random
import re
from pathlib import Path

import pytest

from vsq import apps, scenario, source
from vsq.errors import InputErrors, VsqError
from vsq.fields import Table

SCENARIOS = Path(__file__).resolve().parent.parent.parent / "scenarios"
SMALL = """\
[lab]
name = "small"
seed = 3

[host.alice]
addr = ["10.0.0.1/24"]
[host.bob]
addr = "10.0.0.2/24"
cc = "reno"
net.ipv4.tcp_sack = false
[switch.sw]

[[cable]]
join = ["alice", "sw"]
[[cable]]
join = ["sw", "bob"]
loss = 1
delay = "20ms+5msN"
lr.delay = "30ms"
[cable.markov]
nodes = [{ name = "good" }, { name = "fade", loss = 30 }]
edges = [["good", "fade", 2],
         ["fade", "good", 40]]

[[app]]
kind = "tcp-bulk"
from = "alice"
to = "bob"
bytes = "20MB"

[[at]]
time = "30s"
do = ["sw port/setvlan 2 10", "sw-bob delay 100ms"]

[[expect]]
app = 0
goodput = ">= 2Mbit/s"
rtt.p50 = ["> 10ms", "<= 60ms"]
"""


def parse(text=SMALL, *assignments):
    return scenario.parse(text, "lab.toml", list(assignments))


def mistakes(text, *assignments):
    with pytest.raises(InputErrors) as caught:
        parse(text, *assignments)
    return str(caught.value)


def test_a_scenario_says_what_it_says():
    plan = parse()
    assert (plan.name, plan.seed) == ("small", 3)
    assert [node.name for node in plan.nodes] == ["alice", "bob", "sw"]
    assert plan.node("bob").settings == [("cc", "reno"), ("net.ipv4.tcp_sack", "0")]
    assert [cable.ports for cable in plan.cables] == [(0, 1), (2, 0)]
    assert plan.apps[0].text() == "bytes=20000000"
    assert [(e.time, e.command) for e in plan.events] == [
        (30 * 10**9, "sw port/setvlan 2 10"), (30 * 10**9, "sw-bob delay 100")]
    assert [(e.metric, e.relation, e.value) for e in plan.expectations] == [
        ("app.0.goodput", ">=", 2e6), ("app.0.rtt.p50", ">", 1e7), ("app.0.rtt.p50", "<=", 6e7)]


def test_a_cable_speaks_wirefilters_notation_node_by_node():
    assert list(parse().cables[1].link.commands()) == [
        ("markov-numnodes", "2"), ("markov-time", "100"), ("markov-name", "0,good"),
        ("markov-name", "1,fade"), ("markov-setedge", "0,1,2"), ("markov-setedge", "1,0,40"),
        ("loss", "1[0]"), ("loss", "1[1]"), ("delay", "20+5N[0]"), ("delay", "20+5N[1]"),
        ("delay", "LR 30[0]"), ("delay", "LR 30[1]"), ("loss", "30[1]")]


@pytest.mark.parametrize("given, command", [
    ('delay = "20ms+5msN"', ("delay", "20+5N")), ("delay = 20", ("delay", "20")),
    ('delay = "0.5s"', ("delay", "500")), ('delay = "20+5"', ("delay", "20+5")),
    ('delay = "20ms + 500usU"', ("delay", "20+0.5U")), ('delay = "RL 7ms"', ("delay", "RL 7")),
    ('bandwidth = "2Mbit/s"', ("bandwidth", "250000")), ("bandwidth = 1000", ("bandwidth", "1000")),
    ('bandwidth = "128K"', ("bandwidth", "131072")),
    ('capacity = "64kB"', ("chanbufsize", "64000")),
    ('mtu = "1500B"', ("mtu", "1500")), ("noise = 100", ("noise", "100")),
    ("loss = 0.1", ("loss", "0.1")), ("fifo = false", ("fifo", "0")),
    ("lostburst = 5", ("lostburst", "5"))])
def test_units_become_wirefilters_own(given, command):
    text = SMALL.split("[cable.markov]")[0].replace('delay = "20ms+5msN"\nlr.delay = "30ms"\n', "")
    plan = parse(text.replace("loss = 1\n", given + "\n"))
    assert command in list(plan.cables[1].link.commands())


@pytest.mark.parametrize("old, new, line, words", [
    ("seed = 3", "sead = 3", 3, ["lab.sead", 'Did you mean "seed"']),
    ("seed = 3", 'seed = "3"', 3, ["lab.seed", '"3" is a text']),
    ("seed = 3", "seed = -1", 3, ["-1 is out of range"]),
    ("[switch.sw]", "[swich.sw]", 11, ["swich", 'Did you mean "switch"']),
    ('join = ["alice", "sw"]', 'join = ["alise", "sw"]', 14,
     ["cable[0].join[0]", '"alise"', 'Did you mean "alice"', "alice, bob, sw"]),
    ('join = ["alice", "sw"]', 'join = ["alice"]', 14, ["no pair of nodes"]),
    ("loss = 1", "loss = 101", 17, ["cable[1].loss", "above 100"]),
    ('"20ms+5msN"', '"20 parsecs"', 18, ["cable[1].delay", "parsecs"]),
    ("20ms+5msN", "20ms+5msX", 18, ["cable[1].delay"]),
    ('["good", "fade", 2]', '["good", "fale", 2]', 22,
     ["cable[1].markov.edges[0]", '"fale"', 'Did you mean "fade"']),
    ('["fade", "good", 40]', '["fade", "good", 101]', 23, ["cable[1].markov.edges[1]", "share"]),
    ('{ name = "fade", loss = 30 }', '{ name = "fade", los = 30 }', 21,
     ["cable[1].markov.nodes[1].los", 'Did you mean "loss"']),
    ('kind = "tcp-bulk"', 'kind = "tcp-bulge"', 26, ["app[0].kind", 'Did you mean "tcp-bulk"']),
    ('from = "alice"', 'from = "sw"', 27, ["runs no application"]),
    ('bytes = "20MB"', 'bytes = "20"', 29, ["app[0].bytes", "no unit"]),
    ('bytes = "20MB"', "count = 3", 29, ["app[0].count", "unknown key"]),
    ('to = "bob"', 'to = "bob"\nact = "shrink"', 29, ["app[0].act", "unknown key"]),
    ('kind = "tcp-bulk"', 'kind = "tcp-peer"', 28, ["app[0].to", '"bob" is a host, not a peer']),
    ("app = 0", 'app = 0\nerror = "ENOSUCH"', 37, ["expect[0].error", "ENOSUCH", "ETIMEDOUT"]),
    ('time = "30s"', 'time = "30"', 32, ["at[0].time"]),
    ("sw port/setvlan", "ws port/setvlan", 33, ["at[0].do", 'Did you mean "sw"']),
    ("delay 100ms", "delay 100parsec", 33, ["at[0].do", "parsec"]),
    ("app = 0", "app = 1", 36, ["expect[0].app"]),
    (">= 2Mbit/s", ">= 2ms", 37, ["expect[0].goodput", '"ms" is no unit of rate']),
    (">= 2Mbit/s", "=> 2Mbit/s", 37, ["expect[0].goodput"]),
    ('"10.0.0.1/24"', '"10.0.0.1"', 6, ["host.alice.addr", "prefix"]),
    ('[host.bob]', '[host."b b"]', 7, ["no name for a node"]),
    ("loss = 1", 'trace.lr.loss = "nowhere.txt"', 17, ["cable[1].trace.lr.loss", "nowhere.txt"]),
    ("loss = 1", 'capture = "../x.pcapng"', 17, ["cable[1].capture"]),
    ('name = "small"', 'name = "small', 2, ["allowed: TOML"]),
])
def test_a_mistake_names_its_place_and_what_is_allowed(old, new, line, words):
    assert old in SMALL
    text = mistakes(SMALL.replace(old, new, 1))
    assert f"lab.toml:{line}: " in text, text
    for word in words:
        assert word in text, text
    assert "allowed:" in text


def test_all_mistakes_are_told_at_once():
    text = mistakes(SMALL.replace("seed = 3", "sead = 3").replace('cc = "reno"', "cc = []"))
    assert "lab.sead" in text and "host.bob.cc" in text


def test_ports_are_checked():
    twice = SMALL.replace('join = ["alice", "sw"]', 'join = ["alice", "sw"]\nports = [0, 2]') \
        .replace('join = ["sw", "bob"]', 'join = ["sw", "bob"]\nports = [2, 0]')
    assert "port 2 of sw has a cable already" in mistakes(twice)
    assert "sw has no port 2" in mistakes(SMALL.replace("[switch.sw]", "[switch.sw]\nports = 2"))
    assert "is no switch" in mistakes(SMALL.replace('"sw"]', '"sw"]\nports = [1, 0]', 1))


def test_a_vlan_may_name_ports_by_neighbour():
    plan = parse(SMALL.replace(
        "[switch.sw]", '[switch.sw]\nvlan.10 = { untagged = ["alice"], tagged = ["sw-bob", 7] }'))
    assert plan.node("sw").commands == ["vlan/create 10", "port/setvlan 1 10",
                                        "vlan/addport 10 2", "vlan/addport 10 7"]
    assert "no port of sw" in mistakes(SMALL.replace(
        "[switch.sw]", '[switch.sw]\nvlan.10 = { untagged = ["carol"] }'))
    assert "no VLAN" in mistakes(SMALL.replace("[switch.sw]", "[switch.sw]\nvlan.5000 = {}"))


def test_a_routers_interfaces_are_named_by_cable_or_neighbour():
    plan = parse(SMALL + """
[router.r]
addr = { "r-carol" = ["10.1.0.254/24"], sw = ["10.0.0.254/24"] }
[host.carol]
addr = "10.1.0.1/24"
gateway = "10.1.0.254"
[[cable]]
join = ["sw", "r"]
[[cable]]
join = ["r", "carol"]
""")
    assert plan.node("r").addresses == [(2, "10.1.0.254/24"), (1, "10.0.0.254/24")]
    assert plan.node("carol").routes == [("default", "10.1.0.254")]


@pytest.mark.parametrize("assignment, check", [
    ("lab.seed=9", lambda plan: plan.seed == 9),
    ("host.alice.cc=cubic", lambda plan: ("cc", "cubic") in plan.node("alice").settings),
    ("cable.0.loss=5", lambda plan: ("loss", "5") in list(plan.cables[0].link.commands())),
    ("cable.alice-sw.loss=5", lambda plan: ("loss", "5") in list(plan.cables[0].link.commands())),
    ("cable.0.delay=20ms+5msN",
     lambda plan: ("delay", "20+5N") in list(plan.cables[0].link.commands())),
    ("app.0.bytes=1MB", lambda plan: plan.apps[0].text() == "bytes=1000000"),
    ("cable.1.markov.edges.0.2=7",
     lambda plan: ("markov-setedge", "0,1,7") in list(plan.cables[1].link.commands()))])
def test_values_can_be_set_from_outside(assignment, check):
    assert check(parse(SMALL, assignment))


@pytest.mark.parametrize("assignment, words", [
    ("host.alise.cc=x", 'Did you mean "alice"'), ("cable.7.loss=5", 'no "7"'),
    ("cable.0.loss=500", "above 100"), ("cable.0.los=5", "unknown key"), ("nonsense", "assignment"),
    ("lab.seed", "assignment"), ("lab.seed.x=1", "no table"), ("=", "assignment"),
    ("cables.0.loss=1", 'Did you mean "cable"')])
def test_an_assignment_is_checked_like_the_file(assignment, words):
    text = mistakes(SMALL, assignment)
    assert f"--set {assignment}" in text and words in text


def test_every_key_has_its_line():
    text = 'a.b = 1\n# [no]\nx = """\n[no]\n"""\n[t."q.q"]\ny = [\n  1,\n  { z = "}" },\n]\n' \
           "[[s]]\nk = 1\n[[s]]\nk = '#'\n[s.sub]\nm = 2\n"
    lines = source.locate(text)
    assert lines[("a", "b")] == 1 and lines[("x",)] == 3 and lines[("t", "q.q", "y", 1, "z")] == 9
    assert lines[("s", 0, "k")] == 12 and lines[("s", 1, "k")] == 14
    assert lines[("s", 1, "sub", "m")] == 16
    assert source.show(("cable", 1, "markov", "edges", 0)) == "cable[1].markov.edges[0]"


@pytest.mark.parametrize("path", sorted(SCENARIOS.glob("*.toml")), ids=lambda path: path.stem)
def test_shipped_scenarios_are_read(path):
    assert scenario.load(path).nodes


def test_a_file_that_cannot_be_read_is_an_input_error(tmp_path):
    for name, data in (("none.toml", None), ("bytes.toml", b"\xff\xfe"), ("nul.toml", b"a=\0")):
        if data is not None:
            (tmp_path / name).write_bytes(data)
        with pytest.raises(InputErrors):
            scenario.load(tmp_path / name)
    with pytest.raises(InputErrors):
        scenario.load(tmp_path)


WORDS = ["[", "]", "{", "}", '"', "=", ",", ".", "\n", "1", "-1", "1e999", "nan", "inf", "true",
         "[[cable]]", "[host.alice]", "'", '"""', "\\", "\0", "é", "99999999999999999999999", "[]",
         "{}", "1979-05-27", '"20ms"', "0x1f", "#", "loss", "join", '""', "[[[[[[[[[["]


def mutate(rng, text):
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(text) + 1)
        kind = rng.randrange(4)
        if kind == 0:
            text = text[:at] + rng.choice(WORDS) + text[at:]
        elif kind == 1:
            text = text[:at] + text[at + rng.randint(1, 12):]
        elif kind == 2:
            tokens = re.findall(r"[\w.+-]+|\s+|.", text)
            i = rng.randrange(len(tokens)) if tokens else 0
            if tokens:
                tokens[i] = rng.choice(WORDS + tokens)
            text = "".join(tokens)
        else:
            lines = text.split("\n")
            i, j = rng.randrange(len(lines)), rng.randrange(len(lines))
            lines[i], lines[j] = lines[j], lines[i]
            text = "\n".join(lines)
    return text


def test_whatever_is_in_a_file_is_read_or_refused_with_a_sentence():
    rng = random.Random(20)
    read = refused = 0
    for _ in range(3000):
        text = mutate(rng, SMALL)
        try:
            parse(text)
            read += 1
        except VsqError as error:	# anything else is a failure
            refused += 1
            assert str(error) and "Traceback" not in str(error)
    assert read > 50 and refused > 1000


def test_whatever_is_assigned_is_read_or_refused_with_a_sentence():
    rng = random.Random(21)
    keys = ["lab.seed", "cable.0.loss", "cable.1.markov.nodes.0", "host.alice", "app.0.kind",
            "expect.0", "at.0.time", "switch.sw.vlan", "cable.1.markov.edges", "host.bob.addr"]
    for _ in range(2000):
        key, value = mutate(rng, rng.choice(keys)), rng.choice(WORDS + ["[[1]]", "[{}]", "{a=1}"])
        try:
            parse(SMALL, f"{key}={value}")
        except VsqError as error:
            assert str(error)


def documented(heading):
    """The keys in the tables of a section of docs/scenario.md, without what follows a dot."""
    page = (SCENARIOS.parent / "docs" / "scenario.md").read_text()
    section = re.search(rf"^##+ {re.escape(heading)}\n(.*?)(?=^##+ |\Z)", page,
                        re.MULTILINE | re.DOTALL)[1]
    rows = re.findall(r"^\| (`[^|]*?) \|(?:[^|]*\| (`[^|]*) \|$)?", section, re.MULTILINE)
    words = []
    for first, last in rows:
        names = re.findall(r"`([^`]*)`", first)
        if names[0] in apps.KINDS:
            names = re.findall(r"`([^`]*)`", re.sub(r"\(.*?\)", "", last))
        words += [name.split(".")[0] for name in names]
    return set(words) - set(apps.ACTS)


def test_every_act_is_documented_and_known_to_the_engine():
    page = (SCENARIOS.parent / "docs" / "scenario.md").read_text()
    rows = re.search(r"^\| act \|.*?\n\n", page, re.MULTILINE | re.DOTALL)[0].splitlines()
    named = re.findall(r"`([a-z-]+)`", "".join(row.split("|")[1] for row in rows if row))
    assert sorted(named) == sorted(apps.ACTS)
    source = (SCENARIOS.parent / "harness" / "lab" / "peer_act.c").read_text()
    assert re.findall(r'^\t\[LAB_ACT_\w+\] = \{"([\w-]+)"', source, re.MULTILINE) == list(apps.ACTS)


@pytest.mark.parametrize("heading, path", [
    ("[lab]", ("lab",)),
    ("[host.NAME] and [router.NAME]", ("host", "alice")),
    ("[switch.NAME]", ("switch", "sw")),
    ("[[cable]]", ("cable", 1)),
    ("[[app]]", ("app", None)),
])
def test_every_key_is_documented_and_every_documented_key_is_read(monkeypatch, heading, path):
    read = {}
    done = Table.done

    def note_and_do(self):
        place = (self.path[0], None) if self.path[:1] == ("app",) else self.path
        read.setdefault(place, set()).update(self.taken)
        done(self)

    monkeypatch.setattr(Table, "done", note_and_do)
    for kind, known in apps.KINDS.items():
        text = SMALL.replace('"tcp-bulk"', f'"{kind}"').replace('bytes = "20MB"\n', "")
        if known.peer:
            text = re.sub(rf'^{known.peer} = .*', f'{known.peer} = "mallory"', text,
                          flags=re.MULTILINE)
        parse(text + '[peer.mallory]\naddr = "10.0.0.9/24"\n')
    assert read[path] == documented(heading)


def examples():
    """The whole scenarios that the documents show: indented in the README, fenced in the rest."""
    readme = (SCENARIOS.parent / "README.md").read_text()
    blocks = re.findall(r"^    \[lab\]\n(?:(?:    \S.*)?\n)*", readme, re.MULTILINE)
    yield from (re.sub(r"^    ", "", block.split("    build/bin/")[0], flags=re.MULTILINE)
                for block in blocks)
    page = (SCENARIOS.parent / "docs" / "scenario.md").read_text()
    yield from (block for block in re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
                if "[lab]" in block)


def test_the_scenarios_of_the_documents_are_right():
    found = [parse(text) for text in examples()]
    assert len(found) == 2 and all(one.expectations for one in found)
