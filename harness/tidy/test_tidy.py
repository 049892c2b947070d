# SPDX-License-Identifier: GPL-2.0-or-later
"""What tidy must catch is planted, one fault at a time, in a small tree of its own."""
import pathlib
import subprocess
import sys

import pytest

TIDY = pathlib.Path(__file__).resolve().parent / "tidy.py"
SPDX = "/* SPDX-License-Identifier: LGPL-2.1-or-later */\n"
CLEAN = SPDX + '#include "core/switch/fdb.h"\n\nint fdb_size(void)\n{\n\treturn 7;\n}\n'
HEADER = SPDX + "#ifndef FDB_H\n#define FDB_H\n\nint fdb_size(void);\n\n#endif\n"


class Tree:
    def __init__(self, root: pathlib.Path) -> None:
        self.root = root
        self.write("core/switch/fdb.h", HEADER)
        self.write("core/switch/fdb.c", CLEAN)

    def write(self, path: str, text: str) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)

    def archive(self) -> str:
        """core/switch/*.c as an archive, as make would build it."""
        objects = []
        for source in sorted((self.root / "core/switch").glob("*.c")):
            objects.append(str(source.with_suffix(".o")))
            subprocess.run(["cc", "-std=c11", "-fPIC", "-fno-common", "-I.", "-c", "-o",
                            objects[-1], str(source)], cwd=self.root, check=True)
        subprocess.run(["ar", "rcs", "switch.a", *objects], cwd=self.root, check=True)
        return str(self.root / "switch.a")

    def tidy(self, *arguments: str) -> tuple[int, str]:
        done = subprocess.run([sys.executable, TIDY, "--root", self.root, *arguments],
                              capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr


@pytest.fixture
def tree(tmp_path: pathlib.Path) -> Tree:
    return Tree(tmp_path)


def test_a_clean_tree_passes(tree: Tree) -> None:
    status, said = tree.tidy("--pure", tree.archive())
    assert status == 0, said


@pytest.mark.parametrize("planted, fault", [
    ("static int calls;\nint fdb_count(void);\nint fdb_count(void)\n{\n\treturn ++calls;\n}\n",
     "hidden state calls in .bss"),
    ("static int calls = 3;\nint fdb_count(void);\nint fdb_count(void)\n{\n\treturn ++calls;\n}\n",
     "hidden state calls in .data"),
    ("int fdb_calls;\n", "hidden state fdb_calls"),
    ("static _Thread_local int n;\nint fdb_n(void);\nint fdb_n(void)\n{\n\treturn ++n;\n}\n",
     "hidden state n in .tbss"),
    ("#include <time.h>\nlong fdb_now(void);\nlong fdb_now(void)\n{\n\treturn time(NULL);\n}\n",
     "pure code calls time()"),
    ("#include <stdlib.h>\nvoid *fdb_m(void);\nvoid *fdb_m(void)\n{\n\treturn malloc(9);\n}\n",
     "pure code calls malloc()"),
    ("#include <string.h>\nchar *fdb_d(void);\nchar *fdb_d(void)\n{\n\treturn strdup(\"a\");\n}\n",
     "pure code calls strdup()"),
])
def test_impurity_is_caught(tree: Tree, planted: str, fault: str) -> None:
    tree.write("core/switch/planted.c", SPDX + planted)
    status, said = tree.tidy("--pure", tree.archive())
    assert status == 1
    assert fault in said


def test_a_constant_table_of_pointers_is_not_state(tree: Tree) -> None:
    tree.write("core/switch/names.c",
               SPDX + 'extern const char *const fdb_names[];\n'
               'const char *const fdb_names[] = {"a", "b"};\n')
    status, said = tree.tidy("--pure", tree.archive())
    assert status == 0, said


@pytest.mark.parametrize("path, text, fault", [
    ("core/base/up.c", '#include "core/switch/fdb.h"\n', "core/base may not include core/switch"),
    ("core/switch/up.c", '#include "core/host/rt.h"\n', "core/switch may not include core/host"),
    ("core/link/up.c", '#include "core/switch/fdb.h"\n', "core/link may not include core/switch"),
    ("stack/tcp/up.c", '#include "core/link/link.h"\n', "stack may not include core/link"),
    ("core/bin/up.c", '#include "harness/lab/vsq.h"\n', "core/bin may not include harness/lab"),
    ("core/bin/near.c", '#include "rt.h"\n', "include by path from the root"),
    ("core/bin/inner.c", '#include "core/switch/fdb_impl.h"\n', "only for its own folder"),
    ("core/odd/new.c", "int x;\n", "its folder has no row"),
])
def test_an_include_in_the_wrong_direction_is_caught(tree: Tree, path: str, text: str,
                                                     fault: str) -> None:
    tree.write(path, SPDX + text)
    status, said = tree.tidy()
    assert status == 1
    assert fault in said


@pytest.mark.parametrize("path, text, fault", [
    ("core/switch/a.h", SPDX + "struct a { uint8_t b; };\n", "does not compile alone"),
    ("core/switch/a.c", "int fdb_a(void);\n", "no SPDX-License-Identifier"),
    ("core/switch/a.c", SPDX + "/* " + "x" * 100 + " */\n", "106 columns"),
    ("core/switch/a.c", SPDX + "int a(void); \n", "blanks at the end"),
    ("core/switch/a.c", SPDX + "#if 0\n#endif\n", "commented out"),
    ("core/switch/a.c", SPDX + "#ifdef SIM\n#endif\n", "do not know the simulation"),
    ("core/switch/b.c", SPDX + '#include <stdint.h>\n', "core/switch/b.h must be included first"),
])
def test_a_fault_of_style_is_caught(tree: Tree, path: str, text: str, fault: str) -> None:
    if path.endswith("b.c"):
        tree.write("core/switch/b.h", SPDX + "int b(void);\n")
    tree.write(path, text)
    status, said = tree.tidy()
    assert status == 1
    assert fault in said


def test_a_long_function_is_a_warning_only(tree: Tree) -> None:
    body = "\ta++;\n" * 80
    tree.write("core/switch/long.c",
               SPDX + f"int fdb_l(int);\nint fdb_l(int a)\n{{\n{body}\treturn a;\n}}\n")
    status, said = tree.tidy()
    assert status == 0
    assert "warning: core/switch/long.c:4: a function of 81 lines" in said


def test_a_library_that_was_not_built_is_an_error(tree: Tree) -> None:
    empty = tree.root / "empty.a"
    subprocess.run(["ar", "rcs", empty], check=True)
    status, said = tree.tidy("--pure", str(empty))
    assert status == 1
    assert "holds no symbols" in said
