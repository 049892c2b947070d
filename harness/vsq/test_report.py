# SPDX-License-Identifier: GPL-2.0-or-later
import html.parser
import json
import re
import xml.etree.ElementTree

import pytest

from vsq import fake_result, picture, plots, report, scenario, table
from vsq.result import Result
from vsq.topology import Graph, text


@pytest.fixture(scope="module")
def result():
    return fake_result.make()


@pytest.fixture(scope="module")
def page(result):
    return report.html(result)


class Balance(html.parser.HTMLParser):
    VOID = {"meta", "path", "rect", "circle", "polyline"}

    def __init__(self):
        super().__init__()
        self.open, self.wrong = [], []

    def handle_starttag(self, tag, attrs):
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_endtag(self, tag):
        if tag in self.VOID:
            return
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)


def test_a_report_is_one_whole_file(page):
    assert not re.search(r"""(src|href)\s*=\s*["']?\s*(https?:|//)""", page)
    assert "@import" not in page and "url(" not in page
    balance = Balance()
    balance.feed(page)
    assert not balance.wrong and not balance.open


def test_a_report_of_40_megabytes_stays_small(page):
    assert len(page.encode()) < 3_000_000


def test_a_report_shows_every_panel_and_verdict(page, result):
    for word in ("Goodput", "Round-trip time", "State of radio", "bulk6: sequence numbers",
                 "bulk4: window", "slow-start threshold", "acknowledged", "Losses by cause",
                 "Percentiles", f"--seed {result.seed}", result.digest):
        assert word in page, word
    for one in result.judgements:
        if one["metric"] and one["expected"] != "== 1":
            assert one["expected"].replace(">", "&gt;").replace("<", "&lt;") in page


def test_a_failed_check_is_the_first_thing_said():
    result = fake_result.make()
    result.judgements[1]["held"] = False
    page = report.html(result)
    assert f"1 of {len(result.judgements)} checks failed" in page
    assert "FAILED" in result.table() and not result.held


def test_what_users_write_is_text_in_the_page():
    result = fake_result.make()
    evil = '</script><script>alert("x")</script>&'
    result.lab["name"] = result.lab["about"] = result.lab["file"] = evil
    result.scenario = result.apps[0]["name"] = result.cables[1]["name"] = evil
    result.judgements[0]["why"] = result.judgements[-1]["text"] = evil
    result.nodes[0]["name"] = result.cables[0]["left"] = evil
    page = report.html(result)
    assert "alert(" in page and "<script>alert" not in page


def test_a_run_without_applications_has_a_report():
    result = fake_result.make()
    bare = Result(**{**vars(result), "apps": [], "series": {}, "cables": [], "judgements": [],
                     "metrics": {}, "events": [], "captures": []})
    assert "Nothing was expected" in report.html(bare)
    assert "simulated 60.000 s" in bare.table()


def test_paths_hold_the_data(result):
    times, values = result.series["app.0.tcp.cwnd"]
    axis = plots.Axis(60 * 10**9)
    d = plots.path(times, values, axis.unit, 1, False)
    numbers = list(map(int, re.findall(r"-?\d+", d)))
    x = y = 0
    for i in range(0, len(numbers), 2):
        x, y = x + numbers[i], y + numbers[i + 1]
    assert x == round(times[-1] / axis.unit) and y == round(values[-1])


def test_thinning_keeps_the_extremes():
    times = list(range(100_000))
    values = [float(i % 97) for i in times]
    values[54_321] = 1e6
    values[12_345] = -1e6
    t, v = plots.thin(times, values, 3000)
    assert len(t) <= 3000 and t == sorted(t)
    assert (54_321, 1e6) in zip(t, v) and (12_345, -1e6) in zip(t, v)
    assert t[0] == 0 and t[-1] == 99_999


def test_a_step_keeps_its_value_until_the_next():
    assert plots.steps_of([0, 5, 7, 9], [1.0, 3.0, 3.0, 2.0]) == (
        [0, 5, 5, 9, 9], [1.0, 1.0, 3.0, 3.0, 2.0])
    assert plots.steps_of([0, 5, 9], [1.0, 3.0, 3.0]) == ([0, 5, 5, 9], [1.0, 1.0, 3.0, 3.0])


@pytest.mark.parametrize("low, high", [(0, 1), (0, 60), (3, 5.5), (0, 2.5e7), (1e6, 1.00001e6)])
def test_ticks_are_round_and_inside(low, high):
    found = plots.ticks(low, high, 8)
    assert 2 <= len(found) <= 12
    assert all(low - 1e-6 <= tick <= high * (1 + 1e-9) for tick in found)


def test_states_fill_the_whole_time():
    found = plots.spans([5, 9, 9, 20], [1, 2, 0, 1], 30)
    assert found == [(0, 5, 0), (5, 9, 1), (9, 20, 0), (20, 30, 1)]


def test_a_result_survives_its_file(result, tmp_path):
    result.write(tmp_path / "result.json")
    found = json.loads((tmp_path / "result.json").read_text())
    assert found["schema"] == "vsq-result-1"
    for key in ("lab", "seed", "version", "digest", "metrics", "apps", "cables", "judgements",
                "series", "held", "nodes", "timing"):
        assert key in found
    again = Result.read(tmp_path / "result.json")
    assert again.table() == result.table()


def star(hosts, switches):
    lines = ["[lab]", 'name = "star"']
    lines += [f"[switch.s{i}]\nports = 64" for i in range(switches)]
    lines += [f"[host.h{i}]" for i in range(hosts)]
    lines += [f'[[cable]]\njoin = ["s{(i - 1) // 2}", "s{i}"]' for i in range(1, switches)]
    lines += [f'[[cable]]\njoin = ["h{i}", "s{i % switches}"]' for i in range(hosts)]
    return scenario.parse("\n".join(lines))


@pytest.mark.parametrize("hosts, switches", [(1, 1), (2, 1), (7, 2), (35, 5), (200, 9)])
def test_boxes_do_not_overlap_and_pictures_are_whole(hosts, switches):
    graph = Graph.of_plan(star(hosts, switches))
    tiles, _ = graph.tiles()
    for boxes in (graph.boxes, tiles):
        for i, a in enumerate(boxes):
            for b in boxes[i + 1:]:
                assert (abs(a.x - b.x) >= (a.width + b.width) / 2
                        or abs(a.y - b.y) >= (a.height + b.height) / 2), (a, b)
    root = xml.etree.ElementTree.fromstring(picture.standalone(graph))
    names = {node.text for node in root.iter("{http://www.w3.org/2000/svg}text")}
    assert {box.name for box in graph.boxes} <= names
    cables = {node.text for node in root.iter("{http://www.w3.org/2000/svg}title")}
    assert {edge.name for edge in graph.edges} <= cables


def test_hosts_of_a_large_topology_stand_on_the_card_of_their_switch():
    graph = Graph.of_plan(star(200, 9))
    assert len(graph.cards) == 9
    for card in graph.cards:
        hub = graph.boxes[card.hub]
        assert hub.kind == "switch" and len(card.members) in (22, 23)
        for i in (*card.members, card.hub):
            box = graph.boxes[i]
            assert int(box.name[1:]) % 9 == int(hub.name[1:])
            assert card.left <= box.x - box.width / 2 and box.x + box.width / 2 <= (
                card.left + card.width)
            assert card.top <= box.y - box.height / 2 and box.y + box.height / 2 <= (
                card.top + card.height)


def test_nodes_joined_to_the_same_two_share_a_card_and_its_cables_are_counted():
    lines = ["[switch.a]\nports = 64", "[switch.b]\nports = 64"]
    for i in range(30):
        lines += [f"[switch.d{i}]", f'[[cable]]\njoin = ["d{i}", "a"]',
                  f'[[cable]]\njoin = ["b", "d{i}"]']
    lines.append('[[cable]]\njoin = ["d0", "d0"]')
    plan = scenario.parse("\n".join(lines))
    graph = Graph.of_plan(plan)
    assert [(card.hub, len(card.members)) for card in graph.cards] == [(None, 30)]
    drawn = picture.standalone(graph)
    assert drawn.count(">30 cables<") == 2 and ">a<" in drawn and "<title>d0-d0" in drawn


def test_a_picture_is_the_same_every_time():
    assert picture.standalone(Graph.of_plan(star(20, 3))) == picture.standalone(
        Graph.of_plan(star(20, 3)))


def test_parts_that_are_not_joined_have_a_place():
    plan = scenario.parse("[host.a]\n[host.b]\n[host.c]\n[[cable]]\njoin = ['a', 'b']\n")
    assert len({(box.x, box.y) for box in Graph.of_plan(plan).boxes}) == 3
    assert "joined to nothing" in text(plan)


def test_boxes_are_drawn_for_terminals_only(result):
    assert "┌" in table.render(result, table.Style(boxes=True))
    plain = table.render(result, table.Style())
    assert plain.isascii() and "bulk6" in plain


@pytest.mark.parametrize("columns", [40, 72, 80, 100, 200])
def test_tables_are_no_wider_than_the_terminal_and_lose_no_column(result, columns):
    shown = table.render(result, table.Style(columns=columns))
    grids = [line for line in shown.splitlines() if line[:1] in "+|"]
    assert max(map(len, grids)) <= columns
    for word in ("goodput", "timeout", "p99", "queue", "lost in all"):
        assert word in shown, word


def test_a_cable_from_a_switch_to_itself_is_drawn():
    drawn = picture.standalone(Graph.of_plan(scenario.parse(
        "[switch.s]\n" + '[[cable]]\njoin = ["s", "s"]\n' * 3)))
    assert "nan" not in drawn and drawn.count('class="cable"') == 3


def test_ports_of_parallel_cables_are_written_apart():
    drawn = picture.standalone(Graph.of_plan(scenario.parse(
        "[switch.s]\n[switch.t]\n" + '[[cable]]\njoin = ["s", "t"]\n' * 3)))
    places = re.findall(r'class="port halo" x="([^"]+)" y="([^"]+)"', drawn)
    assert len(set(places)) == len(places) == 6


def test_a_report_says_why_a_segment_left_again_and_in_which_phase(result):
    seen = fake_result.make()
    seen.series["app.0.tcp.resent.rack"] = ([2_000_000_000, 3_000_000_000], [1448.0, 2896.0])
    seen.series["app.0.tcp.resent.frto"] = ([4_000_000_000], [4344.0])
    seen.series["app.0.tcp.phase"] = ([500_000_000, 2 * 10**9, 25 * 10**8, 4 * 10**9],
                                      [0.0, 3.0, 0.0, 4.0])
    seen.series["app.0.tcp.state"] = ([500_000_000, 5 * 10**9], [4.0, 10.0])
    page = report.html(seen)
    assert page.count(": phase</h3>") == 1
    figure = re.search(r'data-states="open\|disorder.*?</figure>', page, re.DOTALL)[0]
    # From 0.5 s to the end at 5 s: open for 3 of 4.5 s, recovery for 0.5, loss for 1.
    for phase, share in (("open", "66.7"), ("recovery", "11.1"), ("loss", "22.2")):
        assert f"{phase} <b>{share} %</b>" in figure
    assert "disorder <b>" not in figure
    assert ">RACK<" in page and ">timeout, F-RTO<" in page and ">resend<" in page
    assert 'class="marks square r-frto"' in page and 'class="marks r-rack"' in page
    assert ">RACK<" not in report.html(result)
