# SPDX-License-Identifier: GPL-2.0-or-later
"""Faults planted in the stack, and the scenarios that see them."""
