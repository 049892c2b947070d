# SPDX-License-Identifier: GPL-2.0-or-later
import os

import pytest

from linux_lan import Lan


@pytest.fixture
def lan(tmp_path):
    net = Lan(f"vsq-stk-{os.getpid()}", tmp_path)
    try:
        net.set_up()
        yield net
        assert net.faulty_packets() == []
    finally:
        net.tear_down()
