# SPDX-License-Identifier: GPL-2.0-or-later
"""A network namespace in which Linux's own stack meets ours over a TAP, and what its tests share.

Every test captures what passes, and ends with tcpdump's verdict that no packet, of either side,
has a wrong checksum or is malformed.
"""
import json
import os
import pathlib
import re
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("VSQ_BUILD", ROOT / "build"))
STK_HOST = BUILD / "tool" / "stk_host"

LINUX = {4: "10.9.0.1", 6: "fd09::1"}
OURS = {4: "10.9.0.2", 6: "fd09::2"}
HANG = 60  # seconds
CAPTURE_MAX = "20000"  # packets: the beginning of what iperf3 sends is enough


def body(size: int) -> bytes:
    """What /bytes/N answers and the bulk sender sends."""
    block = bytes(range(251))
    return (block * (size // 251 + 1))[:size]


def host_in_url(address: str) -> str:
    return f"[{address}]" if ":" in address else address


class Lan:
    """A namespace with a TAP: Linux has LINUX on it, and a program of ours opens its other end."""

    def __init__(self, name: str, tmp: pathlib.Path) -> None:
        self.name = name
        self.tmp = tmp
        self.started: list[subprocess.Popen] = []
        self.capture: subprocess.Popen | None = None

    def run(self, *command: str, check: bool = True, **kwargs) -> subprocess.CompletedProcess:
        done = subprocess.run(["ip", "netns", "exec", self.name, *map(str, command)],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=HANG, **kwargs)
        if check and done.returncode:
            raise AssertionError(f"{command} ended with {done.returncode}:\n"
                                 f"{done.stdout.decode(errors='replace')}"
                                 f"{done.stderr.decode(errors='replace')}")
        return done

    def start(self, *command: str, **kwargs) -> subprocess.Popen:
        process = subprocess.Popen(["ip", "netns", "exec", self.name, *map(str, command)],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, **kwargs)
        self.started.append(process)
        return process

    def set_up(self) -> None:
        subprocess.run(["ip", "netns", "add", self.name], check=True)
        self.run("ip", "link", "set", "lo", "up")
        self.run("ip", "tuntap", "add", "dev", "t0", "mode", "tap")
        self.run("ip", "link", "set", "t0", "up")
        self.run("ip", "addr", "add", f"{LINUX[4]}/24", "dev", "t0")
        self.run("ip", "addr", "add", f"{LINUX[6]}/64", "dev", "t0", "nodad")
        self.capture = self.start("tcpdump", "-i", "t0", "-U", "--immediate-mode", "-B", "16384",
                                  "-c", CAPTURE_MAX, "-w", self.tmp / "t0.pcap", "-Z", "root")
        self.wait_for(self.capture, b"listening on")

    def wait_for(self, process: subprocess.Popen, text: bytes) -> None:
        seen = b""
        while text not in seen:
            line = process.stdout.readline()
            assert line, f"ended before it said {text!r}: {seen!r}"
            seen += line

    def our_command(self, *arguments: str) -> list[str]:
        return [STK_HOST, "--tap", "t0", "--addr", f"{OURS[4]}/24", "--addr", f"{OURS[6]}/64",
                *arguments]

    def our_host(self, *arguments: str) -> subprocess.Popen:
        process = self.start(*self.our_command(*arguments, "--counters"))
        self.wait_for(process, b"ready\n")
        return process

    def our_client(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess:
        return self.run(*self.our_command(*arguments), check=check)

    def counters(self, process: subprocess.Popen) -> dict[str, int]:
        """Ends our host and reads what it counted."""
        process.terminate()
        out, _ = process.communicate(timeout=HANG)
        assert process.returncode == 0, out
        return {k: int(v) for k, v in (line.split() for line in out.decode().splitlines())}

    def wait_listening(self, port: int) -> None:
        began = time.monotonic()
        while f":{port} " not in self.run("ss", "-Hltn").stdout.decode():
            assert time.monotonic() - began < HANG, f"nobody listens on {port}"
            time.sleep(0.02)

    def faulty_packets(self) -> list[str]:
        """What tcpdump says against packets of the capture, which ends here."""
        self.capture.terminate()
        self.capture.wait(HANG)
        text = subprocess.run(["tcpdump", "-nvv", "-r", self.tmp / "t0.pcap"],
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True,
                              timeout=HANG).stdout.decode(errors="replace")
        assert text, "nothing was captured"
        return [line for line in text.splitlines()
                if re.search(r"incorrect|bad.{0,6}cksum|bad-|wrong|malformed|\[\|", line)]

    def tear_down(self) -> None:
        for process in self.started:
            if process.poll() is None:
                process.kill()
        for process in self.started:
            process.wait()
            process.stdout.close()
        subprocess.run(["ip", "netns", "del", self.name], check=False)


def iperf3(lan: Lan, *arguments: str) -> dict:
    return json.loads(lan.run("iperf3", "-J", *arguments).stdout)
