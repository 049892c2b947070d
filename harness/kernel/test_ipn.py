# SPDX-License-Identifier: GPL-2.0-or-later
"""IPN in a guest: each case of its test programs, on one processor and on two."""
import os
import pathlib
import subprocess

import pytest

from guest import image
from guest.suite import BUILD, ROOT, Suite, missing

QUIET = "echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6"  # no frames but those of the tests

test_ipn = Suite("ipn", modules=["veth", "ipn"], order={"setup": [QUIET]}, programs=[
    "ipn_socket_test", "ipn_flow_test", "ipn_netdev_test", "ipn_chrdev_test"]).tests()
test_ipn_on_two_processors = Suite("ipn_smp", modules=["ipn"], programs=["ipn_flow_test"],
                                   order={"smp": 2}).tests()

WIRE = "ip link add v0 type veth; ip link set veth0 name v1; ip link set v0 up; ip link set v1 up"
test_calls_at_random = Suite("ipn_fuzz", modules=["veth", "ipn", "kvde_switch"],
                             programs=["ipn_fuzz_test"],
                             order={"smp": 2, "setup": [QUIET, WIRE]}).tests()

test_mpegts = Suite("mpegts", modules=["ipn", "mpegts"], programs=["mpegts_test"]).tests()

needs_guest = pytest.mark.skipif(bool(missing()), reason=missing())


def script(folder: pathlib.Path, text: str) -> str:
    path = folder / "script"
    path.write_text("#!/bin/sh\nset -e\n" + text)
    path.chmod(0o755)
    return str(path)


@needs_guest
def test_modules_come_and_go_fifty_times(guest, tmp_path) -> None:
    done = guest(modules=["ipn", "kvde_switch", "mpegts"], programs=[script(tmp_path, """
for round in $(seq 50); do
    rmmod mpegts kvde_switch ipn
    insmod /modules/ipn.ko
    insmod /modules/kvde_switch.ko
    insmod /modules/mpegts.ko
done
""")])
    assert done.passed, done.account()


HUB = r"""
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <sys/un.h>
#include <unistd.h>
#include <net/af_ipn.h>

int main(int argc, char *argv[])
{
    int family = AF_IPN;
    struct sockaddr_un sun;
    int s = socket(family, SOCK_RAW, IPN_BROADCAST);
#ifndef IPN_STEALING
    if (s < 0) {
        family = AF_IPN_STOLEN;
        s = socket(AF_IPN_STOLEN, SOCK_RAW, IPN_BROADCAST);
    }
#endif
    strcpy(sun.sun_path, argv[argc - 1]);
    sun.sun_family = family;
    if (s < 0 || bind(s, (struct sockaddr *)&sun, sizeof(sun)) < 0)
        return perror(argv[1]), 1;
    puts("up");
    fflush(stdout);
    pause();
}
"""

JOIN = r"""
#define IPN_STEALING
#include <stdio.h>
#include <sys/un.h>
#include <unistd.h>
#include <net/af_ipn.h>

int main(int argc, char *argv[])
{
    struct sockaddr_un sun = { .sun_family = AF_IPN };
    int s = socket(AF_IPN, SOCK_RAW, IPN_ANY), t = socket(AF_IPN, SOCK_RAW, IPN_ANY);
    char data[10];

    snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", argv[argc - 1]);
    if (connect(s, (struct sockaddr *)&sun, sizeof(sun)) < 0 ||
        connect(t, (struct sockaddr *)&sun, sizeof(sun)) < 0)
        return perror(argv[1]), 1;
    return write(s, "hub", 3) == 3 && read(t, data, sizeof(data)) == 3 ? 0 : 2;
}
"""


def build(folder: pathlib.Path, name: str, text: str, *flags: str) -> pathlib.Path:
    source = folder / f"{name}.c"
    source.write_text(text)
    subprocess.run(["gcc", *flags, f"-I{ROOT}/kernel/uapi", "-o", folder / name, source],
                   check=True)
    return folder / name


@needs_guest
@pytest.mark.parametrize("flags", [[], ["-DIPN_STEALING"]], ids=["tries both", "steals"])
def test_a_hub_of_few_lines_serves_those_who_plug_in(guest, tmp_path, flags: list[str]) -> None:
    hub = build(tmp_path, "minihub", HUB, *flags)
    join = build(tmp_path, "join", JOIN)
    done = guest(modules=["ipn"], files={"/hub": hub, "/join": join}, programs=[
        script(tmp_path, "/hub /tmp/vdetest >/tmp/up &\n"
               "until grep -q up /tmp/up; do sleep 0.1; done\n"
               "/join /tmp/vdetest\nkill $!\nwait || true\n")])
    assert done.passed, done.account()


POLICY = r"""
#include <linux/module.h>
#include <sys/af_ipn.h>

MODULE_LICENSE("GPL");

static int echo_newport(struct ipn_node *newport)
{
    return 0;
}

static int echo_handlemsg(struct ipn_node *from, struct msgpool_item *msgitem)
{
    struct ipn_node *node;

    list_for_each_entry(node, &from->ipn->connectqueue, nodelist)
        ipn_proto_sendmsg(node, msgitem);
    return 0;
}

static int echo_newnet(struct ipn_network *newnet)
{
    return try_module_get(THIS_MODULE) ? 0 : -EINVAL;
}

static void echo_delnet(struct ipn_network *oldnet)
{
    module_put(THIS_MODULE);
}

static struct ipn_protocol echo = {
    .ipn_p_newport = echo_newport,
    .ipn_p_handlemsg = echo_handlemsg,
    .ipn_p_newnet = echo_newnet,
    .ipn_p_delnet = echo_delnet,
};

static int echo_init(void)
{
    return ipn_proto_register(9, &echo);
}

static void echo_exit(void)
{
    ipn_proto_deregister(9);
}

module_init(echo_init);
module_exit(echo_exit);
"""

ECHO = r"""
#define IPN_STEALING
#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>
#include <net/af_ipn.h>

int main(void)
{
    struct sockaddr_un sun = { .sun_family = AF_IPN, .sun_path = "/tmp/echo" };
    int s = socket(AF_IPN, SOCK_RAW, 9);
    char data[10];

    if (bind(s, (struct sockaddr *)&sun, sizeof(sun)) < 0 || connect(s, NULL, 0) < 0)
        return perror("echo"), 1;
    return write(s, "echo", 4) == 4 && read(s, data, 10) == 4 && !memcmp(data, "echo", 4) ? 0 : 2;
}
"""


@needs_guest
def test_a_policy_from_elsewhere_builds_and_serves(guest, tmp_path) -> None:
    release = image.release(image.installed())
    (tmp_path / "mod").mkdir()
    (tmp_path / "mod" / "echo.c").write_text(POLICY)
    (tmp_path / "mod" / "Makefile").write_text(
        f"ccflags-y := -I{ROOT}/kernel/include -I{ROOT}/kernel/uapi -DIPN_STEALING\n"
        "obj-m := echo.o\n")
    clean = {key: value for key, value in os.environ.items() if not key.startswith("MAKE")}
    built = subprocess.run(
        ["make", "-C", f"/lib/modules/{release}/build", f"M={tmp_path / 'mod'}",
         f"KBUILD_EXTRA_SYMBOLS={BUILD / 'kernel' / release / 'Module.symvers'}", "modules"],
        capture_output=True, text=True, env=clean)
    assert built.returncode == 0 and "warning" not in built.stderr, built.stderr
    done = guest(modules=["ipn", str(tmp_path / "mod" / "echo.ko")],
                 programs=[str(build(tmp_path, "echo", ECHO))])
    assert done.passed, done.account()
