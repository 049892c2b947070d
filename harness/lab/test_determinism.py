# SPDX-License-Identifier: GPL-2.0-or-later
"""A run is scenario, seed and version: no compiler, optimisation or repetition changes a byte."""
import os
import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
VSQ = ROOT / "harness" / "vsq" / "vsq"
RADIO = "scenarios/radio.toml"

BUILDS = {"gcc-O0": ("gcc", "-O0"), "gcc-O3": ("gcc", "-O3"), "clang-O2": ("clang", "-O2")}


def digest(library: pathlib.Path | None = None, *arguments: str) -> str:
    environment = {**os.environ, **({"VSQ_LIB": str(library)} if library else {})}
    done = subprocess.run([VSQ, "digest", RADIO, *arguments], cwd=ROOT, env=environment,
                          capture_output=True, text=True, check=True)
    return done.stdout.split()[0]


def library(name: str) -> pathlib.Path:
    """libvsq from another compiler or optimisation, in a build of its own."""
    compiler, level = BUILDS[name]
    build = pathlib.Path(os.environ.get("VSQ_BUILD", ROOT / "build")).resolve() / name
    target = build / "lib" / "libvsq.so.0"
    subprocess.run(["make", "-s", f"-j{os.cpu_count()}", f"B={build}", f"CC={compiler}",
                    f"O={level}", str(target)], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return target


@pytest.fixture(scope="module")
def reference() -> str:
    value = digest()
    assert len(value) == 32 and set(value) <= set("0123456789abcdef")
    return value


def test_ten_runs_give_one_digest(reference: str) -> None:
    assert {digest() for _ in range(9)} == {reference}


@pytest.mark.parametrize("name", BUILDS)
def test_compilers_and_optimisation_agree(reference: str, name: str) -> None:
    assert digest(library(name)) == reference


def test_another_seed_gives_another_digest(reference: str) -> None:
    assert digest(None, "--seed", "8") != reference
    assert digest(None, "--seed", "9") != digest(None, "--seed", "8")
