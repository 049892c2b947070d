# SPDX-License-Identifier: GPL-2.0-or-later
"""The canary of pytest: it must fail, and `make check` says so if it does not."""


def test_one_is_two() -> None:
    assert 1 == 2
