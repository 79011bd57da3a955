"""A lone source file: what beside it belongs to the program, and when nobody can tell."""

from __future__ import annotations

import pytest

from tests.unit.toolchains.kits import FakeKit
from whit.toolchains.lonefile import Lone, parts_of
from whit.toolchains.model import Language, Project

NAMED: dict[str, tuple[Language, dict[str, str], tuple[str, ...]]] = {
    "C: headers, and what these include": (
        Language.C,
        {
            "m.c": '#include <stdio.h>\n#include "a.h"\n',
            "a.h": '#  include "sub/b.h"\n',
            "sub/b.h": '#include "../c.h"\n',
            "c.h": "",
            "other.c": "",
            "stdio": "",
        },
        ("a.h", "c.h", "m.c", "sub/b.h"),
    ),
    "C: bytes of a file": (
        Language.C,
        {"m.c": '__asm__(".incbin \\"data.bin\\"");\n#embed "more.bin"\n', "data.bin": "", "more.bin": ""},
        ("data.bin", "m.c", "more.bin"),
    ),
    "Zig": (
        Language.ZIG,
        {"m.zig": 'const a = @import("lib/a.zig");\nconst t = @embedFile("t.txt");', "lib/a.zig": "", "t.txt": "", "b.zig": ""},
        ("lib/a.zig", "m.zig", "t.txt"),
    ),
    "Rust: modules, theirs, and text": (
        Language.RUST,
        {
            "m.rs": 'mod a;\n#[cfg(unix)] pub(crate) mod b;\nconst T: &str = include_str!("t.txt");\n// mod no;\n',
            "a.rs": "mod deep;\n",
            "a/deep.rs": "",
            "b/mod.rs": "",
            "t.txt": "",
            "no.rs": "",
        },
        ("a.rs", "a/deep.rs", "b/mod.rs", "m.rs", "t.txt"),
    ),
    "Nim: imports in all their forms, and its configuration": (
        Language.NIM,
        {
            "m.nim": 'import std/os,\n  one, sub/[two, three]\nfrom four import x\ninclude "five.nim"\nconst t = staticRead("t.txt")\n',
            **{f"{name}.nim": "" for name in ("one", "sub/two", "sub/three", "four", "five", "unrelated")},
            "t.txt": "",
            "nim.cfg": "",
            "m.nim.cfg": "",
        },
        ("five.nim", "four.nim", "m.nim", "m.nim.cfg", "nim.cfg", "one.nim", "sub/three.nim", "sub/two.nim", "t.txt"),
    ),
    "Go: what is embedded": (
        Language.GO,
        {"m.go": 'package main\n\nimport _ "embed"\n\n//go:embed t.txt\nvar t string\n', "t.txt": "", "other.go": ""},
        ("m.go", "t.txt"),
    ),
}  # fmt: skip


def lone(language: Language, files: dict[str, str], **variables: str) -> Lone:
    kit = FakeKit({f"/p/{name}": text for name, text in files.items()})
    first = next(iter(files))
    return parts_of(Project(language, "/p", "/p", "m", files=(first,), is_lone=True), variables, kit)


@pytest.mark.parametrize("case", NAMED)
def test_what_a_file_names_beside_it_belongs_to_it_and_nothing_else(case: str) -> None:
    language, files, wanted = NAMED[case]
    assert lone(language, files) == Lone(tuple(f"/p/{name}" for name in wanted))


UNCLEAR: dict[str, tuple[Language, dict[str, str], str]] = {
    "a macro": (Language.C, {"m.c": "#define H <a.h>\n#include H\n"}, "“#include H” in m.c doesn't say which files"),
    "a header's macro": (
        Language.C,
        {"m.c": '#include "a.h"\n', "a.h": "#include X\n"},
        "“#include X” in a.h doesn't say which files",
    ),
    "a constant": (Language.ZIG, {"m.zig": "@embedFile(name)"}, "“@embedFile(n” in m.zig doesn't say which files"),
    "a module in another": (Language.RUST, {"m.rs": "mod a {\n    mod b;\n}\n"}, "“mod b;” in m.rs doesn't say which files"),
    "a macro's module": (Language.RUST, {"m.rs": "mod $name;\n"}, "“mod $” in m.rs doesn't say which files"),
    "a program": (Language.NIM, {"m.nim": 'const x = staticExec("ls")'}, "“staticExec” in m.nim doesn't say which files"),
    "a pattern": (Language.GO, {"m.go": "//go:embed *.txt\n"}, "“//go:embed *” in m.go doesn't say which files"),
    "a folder": (Language.GO, {"m.go": "//go:embed files\n", "files/a": ""}, "“//go:embed files” in m.go may be a folder"),
}  # fmt: skip


@pytest.mark.parametrize("case", UNCLEAR)
def test_where_nobody_can_tell_it_is_the_folder_with_the_reason(case: str) -> None:
    language, files, reason = UNCLEAR[case]
    assert lone(language, files) == Lone((), reason)


def test_options_may_name_more() -> None:
    assert lone(Language.C, {"m.c": ""}, CFLAGS="-Iinclude") == Lone((), "options may name more")
    assert lone(Language.C, {"m.c": ""}, CFLAGS="-O2") == Lone(("/p/m.c",))
