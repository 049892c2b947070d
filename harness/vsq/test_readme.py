# SPDX-License-Identifier: GPL-2.0-or-later
"""What the README shows is run as it stands there."""
import pathlib
import re
import subprocess
import textwrap

ROOT = pathlib.Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()


def test_the_scenario_of_the_readme_holds(tmp_path: pathlib.Path) -> None:
    block = re.search(r"((?:^    .*\n|^\n)+)", README[README.index("    [lab]"):], re.MULTILINE)
    scenario = tmp_path / "lossy.toml"
    scenario.write_text(textwrap.dedent(block[1].partition("    build/bin/vsq")[0]))
    done = subprocess.run([ROOT / "harness/vsq/vsq", "run", scenario, "--out", tmp_path / "out"],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "out" / "bob.pcapng").stat().st_size > 1_000_000


def test_the_replay_of_the_readme_agrees() -> None:
    command = re.search(r"build/bin/(vsq replay .*)", README)[1].split()
    done = subprocess.run([ROOT / "harness/vsq" / command[0], *command[1:]], cwd=ROOT,
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_path_that_the_readme_links_exists() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / target).exists(), target
