# SPDX-License-Identifier: GPL-2.0-or-later
"""vsq: a network in one process, under a virtual clock."""
from .errors import InputError, InputErrors, VsqError
from .lab import Lab, LabError, build
from .result import Result
from .scenario import Scenario, load, parse

__all__ = ["InputError", "InputErrors", "Lab", "LabError", "Result", "Scenario", "VsqError",
           "build", "load", "parse"]
