# SPDX-License-Identifier: GPL-2.0-or-later
"""The switch in the kernel, on one processor and on two."""
from guest.suite import Suite

QUIET = "echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6"  # no frames but those of the tests


def suite(name: str, processors: int) -> Suite:
    return Suite(name, modules=["ipn", "kvde_switch"], programs=["kvde_test"],
                 order={"smp": processors, "setup": [QUIET]})


test_kvde = suite("kvde", 1).tests()
test_kvde_on_two_processors = suite("kvde_smp", 2).tests()
