# SPDX-License-Identifier: GPL-2.0-or-later
"""`pytest scenarios/`: every scenario is a test."""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "harness"))

from vsq.pytest_plugin import *  # noqa: E402,F401,F403
