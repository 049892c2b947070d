# SPDX-License-Identifier: GPL-2.0-or-later
"""IPN in a guest: each case of its test programs, on one processor and on two."""
from guest.suite import Suite

QUIET = "echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6"  # no frames but those of the tests

test_ipn = Suite("ipn", modules=["veth", "ipn"], order={"setup": [QUIET]}, programs=[
    "ipn_socket_test", "ipn_flow_test", "ipn_netdev_test", "ipn_chrdev_test"]).tests()
test_ipn_on_two_processors = Suite("ipn_smp", modules=["ipn"], programs=["ipn_flow_test"],
                                   order={"smp": 2}).tests()

test_mpegts = Suite("mpegts", modules=["ipn", "mpegts"], programs=["mpegts_test"]).tests()
