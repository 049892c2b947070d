# SPDX-License-Identifier: GPL-2.0-or-later
"""IPN in a guest: each case of its test programs, on one processor and on two."""
from guest.suite import Suite

PROGRAMS = ["ipn_socket_test", "ipn_flow_test"]

test_ipn = Suite("ipn", modules=["ipn"], programs=PROGRAMS).tests()
test_ipn_on_two_processors = Suite("ipn_smp", modules=["ipn"], programs=["ipn_flow_test"],
                                   order={"smp": 2}).tests()
