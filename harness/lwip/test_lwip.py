# SPDX-License-Identifier: GPL-2.0-or-later
"""LWIPv6: two stacks in one process, programs of others, and Linux's stack as the peer."""
import os
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("VSQ_BUILD", ROOT / "build")).resolve()
CHECK = BUILD / "tool" / "lwip_check"
BOUND = 120  # s; bounds a hang and decides nothing else

# In the manner of the book's figure 5.3, with the address of a TAP's other side.
NC = r"""
#include <arpa/inet.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>
#include <lwipv6.h>

int main(int argc, char *argv[])
{
	struct sockaddr_in server = {.sin_family = AF_INET};
	struct stack *stack;
	struct netif *nif;
	struct ip_addr addr, mask;
	char buf[1024];
	int fd, n;

#ifdef LWIPV6DL
	if (!loadlwipv6dl())
		return perror("load"), 1;
#endif
	stack = lwip_stack_new();
	nif = stack && argc == 4 ? lwip_tapif_add(stack, argv[3]) : NULL;
	if (!nif)
		return perror("interface"), 1;
	IP64_ADDR(&addr, 192, 168, 250, 20);
	IP64_MASKADDR(&mask, 255, 255, 255, 0);
	lwip_add_addr(nif, &addr, &mask);
	lwip_ifup(nif);
	server.sin_addr.s_addr = inet_addr(argv[1]);
	server.sin_port = htons(atoi(argv[2]));
	fd = lwip_msocket(stack, PF_INET, SOCK_STREAM, 0);
	if (fd < 0 || lwip_connect(fd, (struct sockaddr *)&server, sizeof(server)) < 0)
		return perror("connect"), 1;
	for (;;) {
		struct pollfd p[] = {{STDIN_FILENO, POLLIN, 0}, {fd, POLLIN, 0}};

		lwip_poll(p, 2, -1);
		if (p[1].revents & POLLIN) {
			if ((n = lwip_read(fd, buf, sizeof(buf))) <= 0)
				return n != 0;
			if (write(STDOUT_FILENO, buf, n) != n)
				return 1;
		}
		if (p[0].revents & POLLIN) {
			if ((n = read(STDIN_FILENO, buf, sizeof(buf))) <= 0)
				return 0;
			if (lwip_write(fd, buf, n) != n)
				return 1;
		}
	}
}
"""


@pytest.fixture(name="switch")
def switch_(tmp_path: pathlib.Path):
    path = tmp_path / "sw"
    with subprocess.Popen([BUILD / "bin" / "vde_switch", "-s", path], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            while not (path / "ctl").exists():
                assert process.poll() is None
                os.sched_yield()
            yield path
        finally:
            process.kill()


def claims() -> list[str]:
    if not CHECK.exists():
        return ["the_program_is_built"]
    return subprocess.run([CHECK], capture_output=True, text=True, check=False).stdout.split()


@pytest.mark.parametrize("claim", claims())
def test_two_stacks(switch: pathlib.Path, claim: str) -> None:
    done = subprocess.run([CHECK, switch, claim], capture_output=True, text=True, timeout=BOUND)
    assert done.returncode == 0, done.stderr


# Header and library that a program is built with.
OURS = ["-I", ROOT / "stack" / "lwip"]
ORIGINS = {"ours": [*OURS, "-L", BUILD / "lib", "-llwipv6"], "debian": ["-llwipv6"],
           "ours, loaded": [*OURS, "-DLWIPV6DL"]}


def build(tmp_path: pathlib.Path, source: str, origin: str) -> pathlib.Path:
    (tmp_path / "nc.c").write_text(source)
    subprocess.run(["cc", "-o", tmp_path / "nc", tmp_path / "nc.c", *ORIGINS[origin],
                    "-lpthread", "-ldl"], check=True)
    return tmp_path / "nc"


SERVER = """
import socket, sys
s = socket.create_server(("192.168.250.1", 9999))
print("ready", flush=True)
c = s.accept()[0]
got = b""
while not got.endswith(b"\\n"):
    got += c.recv(100)
c.sendall(got.upper() * 1000)
"""


@pytest.mark.parametrize("origin", ORIGINS)
def test_the_books_client_talks_to_linux_through_a_tap(tmp_path: pathlib.Path,
                                                       origin: str) -> None:
    """Built with the header and the library of either, the program runs with our library."""
    program = build(tmp_path, NC, origin)
    space = f"lwip-{os.getpid()}"
    inside = ["ip", "netns", "exec", space]
    subprocess.run(["ip", "netns", "add", space], check=True)
    try:
        for command in ("tuntap add t0 mode tap", "addr add 192.168.250.1/24 dev t0",
                        "link set t0 up", "link set lo up"):
            subprocess.run([*inside, "ip", *command.split()], check=True)
        with subprocess.Popen([*inside, sys.executable, "-c", SERVER],
                              stdout=subprocess.PIPE) as server:
            try:
                assert server.stdout is not None and server.stdout.readline() == b"ready\n"
                with subprocess.Popen([*inside, program, "192.168.250.1", "9999", "t0"],
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      env={**os.environ, "LD_LIBRARY_PATH": str(BUILD / "lib")}
                                      ) as client:
                    assert client.stdin is not None and client.stdout is not None
                    client.stdin.write(b"hello, stack\n")
                    client.stdin.flush()
                    said = client.stdout.read()
                    client.stdin.close()
                    assert client.wait(BOUND) == 0
                assert said == b"HELLO, STACK\n" * 1000
            finally:
                server.kill()
    finally:
        subprocess.run(["ip", "netns", "del", space], check=False)


def test_the_library_exports_what_its_header_declares() -> None:
    names = subprocess.run(["nm", "-D", "--defined-only", BUILD / "lib" / "liblwipv6.so.2"],
                           capture_output=True, text=True, check=True).stdout
    exported = {line.split()[-1] for line in names.splitlines()}
    header = (ROOT / "stack" / "lwip" / "lwipv6.h").read_text()
    assert "lwip_msocket" in exported
    for name in exported:
        assert name in header, name
