#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs one packetdrill script against libvsq-packetdrill.so, with packetdrill's own options."""
from __future__ import annotations

import argparse
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import driver  # noqa: E402
import script  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("script", type=pathlib.Path)
    parser.add_argument("--ip_version", default="ipv4",
                        choices=["ipv4", "ipv4-mapped-ipv6", "ipv6"])
    parser.add_argument("--so_filename", type=pathlib.Path)
    parser.add_argument("--so_flags", default="")
    parser.add_argument("--local_ip", default="")
    parser.add_argument("--remote_ip", default="")
    parser.add_argument("--mtu", type=int, default=0)
    parser.add_argument("--tolerance_usecs", type=int, default=4000)
    parser.add_argument("-D", "--define", action="append", default=[], metavar="NAME=VALUE")
    args = parser.parse_args()
    build = pathlib.Path(os.environ.get("VSQ_BUILD", ROOT / "build"))
    six = args.ip_version != "ipv4"
    define = {"CMSG_LEVEL_IP": "SOL_IPV6" if six else "SOL_IP",
              "CMSG_TYPE_RECVERR": "IPV6_RECVERR" if six else "IP_RECVERR",
              **dict(d.split("=", 1) for d in args.define)}
    setup = driver.Setup(args.ip_version, args.local_ip, args.remote_ip, args.mtu, args.so_flags,
                         args.tolerance_usecs, define)
    so = args.so_filename or build / "lib/libvsq-packetdrill.so"
    try:
        driver.run(so.resolve(), args.script, setup)
    except (driver.Failed, script.ScriptError) as failure:
        print(failure, file=sys.stderr)
        sys.stderr.flush()
        os._exit(1)  # a call of the script's may wait for ever
    return 0


if __name__ == "__main__":
    sys.exit(main())
