# SPDX-License-Identifier: GPL-2.0-or-later
from guest.pytest_plugin import *  # noqa: F401,F403
