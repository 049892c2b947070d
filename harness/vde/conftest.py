# SPDX-License-Identifier: GPL-2.0-or-later
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from vde_world import World  # noqa: E402


@pytest.fixture
def world():
    made = World()
    try:
        yield made
    finally:
        made.close()
