# SPDX-License-Identifier: GPL-2.0-or-later
"""Inline tables may span lines; whatever was TOML before is read as it was."""
import tomllib

import pytest

from vsq import inline

SPREAD = '''
[[cable]]
join = ["a", "b"]
markov = { time = "100ms",   # the chain
           nodes = [{ name = "good", loss = 0.1 },
                    { name = "{fa#de}", loss = 30, },   # a } in a comment
           ],
           edges = [["good", "{fa#de}", 2], ["{fa#de}", "good", 40]],
}
name = "x"
'''


def test_an_inline_table_may_span_lines() -> None:
    cable = inline.loads(SPREAD)["cable"][0]
    assert cable["name"] == "x"
    assert cable["markov"]["time"] == "100ms"
    assert cable["markov"]["nodes"] == [{"name": "good", "loss": 0.1},
                                        {"name": "{fa#de}", "loss": 30}]
    assert cable["markov"]["edges"][1] == ["{fa#de}", "good", 40]


@pytest.mark.parametrize("text", ['a = "{\\n"', "a = '''{\n}'''", 'a = """x\n"{"\n"""',
                                  "# {\na = 1", "a = [\n1,\n2,\n]", "a = { b = [\n1,\n] }"])
def test_what_was_toml_is_read_as_it_was(text: str) -> None:
    assert inline.loads(text) == tomllib.loads(text)
    assert tomllib.loads(inline.joined(text)) == tomllib.loads(text)


@pytest.mark.parametrize("text", ["a = {\n", "a = { b = 1\nc = 2 }", "a = }", "a = {,\n}", '"',
                                  "a = {b = 1,,\n}", "{{{"])
def test_what_is_no_toml_keeps_its_error(text: str) -> None:
    with pytest.raises(tomllib.TOMLDecodeError) as ours:
        inline.loads(text)
    with pytest.raises(tomllib.TOMLDecodeError) as theirs:
        tomllib.loads(text)
    assert str(ours.value) == str(theirs.value)
