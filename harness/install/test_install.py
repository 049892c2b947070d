# SPDX-License-Identifier: GPL-2.0-or-later
"""What `make install` puts on a system: programs that run there, with man pages that match."""
import gzip
import os
import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = pathlib.Path(os.environ.get("VSQ_BUILD", ROOT / "build")).resolve()
PROGRAMS = ["dpipe", "kmtrace", "kvde_switch", "unixcmd", "unixterm", "vde_plug", "vde_plug2tap",
            "vde_switch", "vdeterm", "vsq", "wirefilter"]


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    root = tmp_path_factory.mktemp("system")
    subprocess.run(["make", "-s", f"B={os.path.relpath(BUILD, ROOT)}", "PREFIX=/usr",
                    f"DESTDIR={root}", "install"], cwd=ROOT, check=True)
    return root


def run(system: pathlib.Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([system / "usr/bin" / command[0], *command[1:]], capture_output=True,
                          text=True, cwd="/", stdin=subprocess.DEVNULL, timeout=60,
                          env={**os.environ, "LD_LIBRARY_PATH": str(system / "usr/lib")})


def man(system: pathlib.Path, program: str) -> str:
    pages = list((system / "usr/share/man").glob(f"man*/{program}.[1-8]*"))
    assert len(pages) == 1, f"{program} has {len(pages)} man pages"
    data = pages[0].read_bytes()
    return (gzip.decompress(data) if pages[0].suffix == ".gz" else data).decode()


def options(text: str) -> set[str]:
    text = text.replace(r"\-", "-").replace(r"\fB", "").replace(r"\fR", "").replace(r"\fI", "")
    return set(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]+", text))


def test_everything_built_is_installed(system: pathlib.Path) -> None:
    assert sorted(p.name for p in (system / "usr/bin").iterdir()) == PROGRAMS
    assert (system / "usr/lib/libvdeplug.so.2").exists()
    assert (system / "usr/lib/libvdeplug.so").is_symlink()
    assert (system / "usr/lib/liblwipv6.so.2").exists()
    assert (system / "usr/include/lwipv6.h").exists()
    assert (system / "usr/lib/pkgconfig/lwipv6.pc").exists()
    assert (system / "usr/share/man/man3/lwipv6.3").exists()
    assert (system / "usr/lib/libvsq.so.0").exists()
    assert (system / "usr/lib/libvsq-packetdrill.so").is_symlink()
    for name in ("ip", "sysctl", "tc"):
        assert os.access(system / "usr/lib/vsq-packetdrill" / name, os.X_OK)
    assert (system / "usr/include/libvdeplug.h").exists()
    assert (system / "usr/include/net/af_ipn.h").exists()


@pytest.mark.parametrize("program", PROGRAMS)
def test_help_says_how_and_succeeds(system: pathlib.Path, program: str) -> None:
    done = run(system, program, "--help")
    assert done.returncode == 0, done.stderr
    assert re.search("usage", done.stdout, re.I)


@pytest.mark.parametrize("program", PROGRAMS)
def test_help_and_man_page_name_the_same_options(system: pathlib.Path, program: str) -> None:
    page = man(system, program)
    said = run(system, program, "--help").stdout
    if program == "vsq":
        for command in ("run", "compare", "replay", "digest", "show", "guest run"):
            said += run(system, program, *command.split(), "--help").stdout
    assert options(said) == options(page)


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_man_page_is_well_formed(system: pathlib.Path, program: str,
                                     tmp_path: pathlib.Path) -> None:
    page = tmp_path / f"{program}.1"
    page.write_text(man(system, program))
    done = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", page], capture_output=True,
                          text=True)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("program", PROGRAMS)
def test_an_unknown_option_is_an_error_that_names_it(system: pathlib.Path, program: str) -> None:
    done = run(system, program, "--no-such-option")
    assert done.returncode not in (0, 139, 134)
    assert "no-such-option" in done.stderr


def test_the_installed_vsq_runs_a_scenario(system: pathlib.Path) -> None:
    done = run(system, "vsq", "digest", str(ROOT / "scenarios" / "radio.toml"))
    assert done.returncode == 0, done.stderr


def test_a_program_builds_against_the_installed_library(system: pathlib.Path,
                                                        tmp_path: pathlib.Path) -> None:
    source = tmp_path / "open.c"
    source.write_text('#include <libvdeplug.h>\n#include <stdio.h>\n'
                      'int main(void)\n{\n\tif (!vde_open("/nowhere", "test", NULL))\n'
                      '\t\tperror("vde_open");\n\treturn 0;\n}\n')
    flags = subprocess.run(["pkg-config", "--cflags", "--libs", "vdeplug"], capture_output=True,
                           text=True, check=True,
                           env={**os.environ, "PKG_CONFIG_SYSROOT_DIR": str(system),
                                "PKG_CONFIG_PATH": str(system / "usr/lib/pkgconfig")}).stdout
    subprocess.run(["cc", "-o", tmp_path / "open", source, f"-I{system}/usr/include",
                    f"-L{system}/usr/lib", *flags.split()], check=True)
    done = subprocess.run([tmp_path / "open"], capture_output=True, text=True,
                          env={**os.environ, "LD_LIBRARY_PATH": str(system / "usr/lib")})
    assert "vde_open: " in done.stderr
