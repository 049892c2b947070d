# SPDX-License-Identifier: GPL-2.0-or-later
"""The suite of TCP can fail: what README.md says which scenarios see is seen by them."""
from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "harness"))

from faults import plant  # noqa: E402

LISTED = plant.listed()
TRIED = 2	# of the scenarios of a row; plant.py tries them all


def test_every_fault_is_in_the_table_with_a_scenario_and_the_table_has_no_other():
    assert [fault.name for fault in plant.FAULTS] == list(LISTED)
    assert all(LISTED.values())
    assert len(plant.FAULTS) >= 20


def test_every_scenario_is_in_the_readme_with_its_own_words():
    rows = dict(re.findall(r"^\| `([\w-]+)` \| (.*?) \| .*?\|$",
                           plant.README.read_text().partition("\n## Faults\n")[0], re.MULTILINE))
    titles = {path.stem: re.search(r'^name = "(.*)"$', path.read_text(), re.MULTILINE)[1]
              for path in plant.suite()}
    assert rows == titles


@pytest.mark.parametrize("path", plant.suite(), ids=lambda path: path.stem)
def test_a_scenario_begins_with_what_it_guards_and_where_that_is_said(path):
    words = " ".join(line[2:] for line in path.read_text().partition("[lab]")[0].splitlines())
    assert re.search(r"RFC \d{3,4}( \d|,|\.|;| \()", words), words


def test_without_a_fault_the_suite_holds():
    assert plant.seen_by(None, plant.suite()) == []


@pytest.mark.parametrize("fault", plant.FAULTS, ids=lambda fault: fault.name)
def test_a_planted_fault_is_seen(fault):
    named = LISTED.get(fault.name, [])[:TRIED]
    assert named, "run harness/faults/plant.py --write"
    assert plant.seen_by(fault, [plant.SUITE / f"{name}.toml" for name in named]) == sorted(named)
