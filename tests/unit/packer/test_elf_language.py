"""The source language and the C library of a real executable, told from evidence that is really there."""

from __future__ import annotations

import json
import subprocess
import zlib
from importlib.util import find_spec

import pytest

from tests.programs.build import build
from tests.programs.make_elf import EXECUTE, NOTE, READ, Elf, Section, Segment, note, without_sections
from whit.packer.executable.analyse import analyse
from whit.packer.executable.analysis import Evidence, EvidenceKind, Libc, Wanted


def judged(data: bytes) -> tuple[str, Libc | None]:
    analysis = analyse(data, Wanted())
    return analysis.language.name, analysis.libc


@pytest.mark.peer("gcc", "musl-gcc", "rustc", "nim")
@pytest.mark.parametrize("form", ["plain", "stripped", "without sections"])
@pytest.mark.parametrize(
    ("language", "name", "libc"),
    [
        ("c-glibc", "c", Libc.GLIBC),
        ("c-musl", "c", Libc.MUSL),
        ("c-dynamic", "c", Libc.GLIBC),
        ("rust", "rust", Libc.GLIBC),
        ("nim", "nim", Libc.GLIBC),
        ("nim-musl", "nim", Libc.MUSL),
    ],
)
def test_language_and_libc_survive_stripping(language: str, name: str, libc: Libc, form: str) -> None:
    data = build("hello", language, stripped=form != "plain").read_bytes()

    assert judged(without_sections(data) if form == "without sections" else data) == (name, libc)


@pytest.mark.skipif(find_spec("ziglang") is None, reason="PyPI's ziglang isn't installed")
@pytest.mark.parametrize("stripped", [False, True])
def test_zig_is_told_by_its_start_code(stripped: bool) -> None:
    analysis = analyse(build("hello", "zig", stripped=stripped).read_bytes(), Wanted())

    assert (analysis.language.name, analysis.libc) == ("zig", None)
    assert EvidenceKind.INSTRUCTION in {evidence.kind for evidence in analysis.language.evidence}


@pytest.mark.peer("go", "gcc")
def test_go_without_cgo_has_no_libc_and_asked_for_by_a_loader_it_has() -> None:
    assert judged(build("hello", "go").read_bytes()) == ("go", None)
    assert judged(build("hello", "go", pie=True).read_bytes()) == ("go", Libc.GLIBC)


@pytest.mark.peer("rustc")
def test_rust_s_version_and_sources_are_evidence() -> None:
    data = build("hello", "rust").read_bytes()
    language = analyse(data, Wanted()).language

    section, string = language.evidence[:2]
    assert section.kind is EvidenceKind.SECTION
    assert f"rustc version {language.version} (" in section.detail
    assert string.kind is EvidenceKind.STRING
    assert string.detail.endswith(".rs")


@pytest.mark.peer("gcc", "nim", "rustc")
@pytest.mark.parametrize("language", ["c-glibc", "nim", "rust"])
def test_evidence_stands_where_it_says(language: str) -> None:
    data = build("hello", language).read_bytes()

    for evidence in analyse(data, Wanted()).language.evidence:
        assert evidence.offset is not None
        if evidence.kind is EvidenceKind.STRING and language == "nim":
            assert data[evidence.offset :].startswith(evidence.detail.encode())


@pytest.mark.parametrize(
    ("interpreter", "libc"),
    [
        ("/lib/ld-musl-x86_64.so.1", Libc.MUSL),
        ("/lib64/ld-linux-x86-64.so.2", Libc.GLIBC),
        ("/nix/store/abc-glibc-2.40/lib/ld-linux-aarch64.so.1", Libc.GLIBC),
        ("/lib/ld64.so.1", Libc.GLIBC),
        ("/lib/ld.so.1", Libc.GLIBC),
        ("/system/bin/linker64", None),
    ],
)
def test_a_dynamic_program_s_libc_is_its_loader_s(interpreter: str, libc: Libc | None) -> None:
    data = Elf().with_segments(Segment(interpreter.encode() + b"\0", 3)).build()

    assert analyse(data, Wanted()).libc is libc


@pytest.mark.parametrize(
    ("texts", "name"),
    [
        ((b"library/core/src/str/mod.rs",), "rust"),
        ((b"fatal.nim", b"SIGINT: Interrupted by Ctrl-C."), "nim"),
        ((b"fatal.nim",), "unknown"),
        ((b"attempt to unwrap error: ", b"ZIG_PROGRESS"), "zig"),
        ((b"ZIG_PROGRESS",), "unknown"),
        ((b"St9exception",), "c++"),
        ((b"No error information",), "c"),
        # A Haskell program: C is what its run-time system is written in.
        ((b"No error information", b"(GHC version %s for %s)", b"unknown RTS option: "), "unknown"),
        ((), "unknown"),
    ],
)
def test_strings_of_a_runtime_tell_a_language_only_when_there_are_enough(texts: tuple[bytes, ...], name: str) -> None:
    data = Elf().with_segments(Segment(b"\0".join(texts) + b"\0")).build()

    assert analyse(data, Wanted()).language.name == name


@pytest.mark.parametrize(
    ("machine", "code", "name", "libc"),
    [
        (62, "4831ed4889e7488d3500000000", "c", Libc.MUSL),
        (62, "31ed4889e74883e4f0", "zig", None),
        (183, "1d0080d21e0080d2e0030091010000d0", "c", Libc.MUSL),
        (183, "31ed4889e74883e4f0", "unknown", None),
    ],
)
def test_start_code_tells_musl_and_zig(machine: int, code: str, name: str, libc: Libc | None) -> None:
    entry = bytes.fromhex(code).ljust(64, b"\x90")

    assert judged(Elf((Segment(entry, flags=READ | EXECUTE),), machine=machine).build()) == (name, libc)


def test_glibc_is_told_by_its_abi_tag_alone() -> None:
    tag = Segment(note("GNU", 1, bytes(16)), NOTE)

    analysis = analyse(Elf().with_segments(tag).build(), Wanted())

    assert (analysis.language.name, analysis.libc) == ("c", Libc.GLIBC)
    (evidence,) = analysis.language.evidence
    assert evidence.kind is EvidenceKind.NOTE


def test_a_compiler_s_comment_is_evidence_for_c_and_no_language_by_itself() -> None:
    comment = Section(".comment", b"GCC: (Debian 12.2.0) 12.2.0\0Debian clang version 14.0.6\0")
    tag = Segment(note("GNU", 1, bytes(16)), NOTE)

    with_libc = analyse(Elf(sections=(comment,)).with_segments(tag).build(), Wanted()).language
    without = analyse(Elf(sections=(comment,)).build(), Wanted()).language

    assert [e.detail for e in with_libc.evidence[1:]] == [
        ".comment: GCC: (Debian 12.2.0) 12.2.0",
        ".comment: Debian clang version 14.0.6",
    ]
    assert (without.name, without.evidence) == ("unknown", ())


def test_rust_is_told_by_its_comment_when_no_path_is_left() -> None:
    comment = Section(".comment", b"GCC: (GNU) 9\0rustc version 1.100.0-nightly (0ef1bc386 2026-11-09)\0")

    language = analyse(Elf(sections=(comment,)).build(), Wanted()).language

    assert (language.name, language.version) == ("rust", "1.100.0-nightly")
    assert language.evidence == (
        Evidence(
            EvidenceKind.SECTION,
            ".comment: rustc version 1.100.0-nightly (0ef1bc386 2026-11-09)",
            language.evidence[0].offset,
        ),
    )


def crates(text: bytes) -> bytes:
    """A Rust program in which cargo-auditable has left ``text``."""
    comment = Section(".comment", b"rustc version 1.95.0 (59807616e 2026-04-14)\0")
    return Elf(sections=(comment, Section(".dep-v0", text))).build()


def test_crates_that_cargo_auditable_wrote_are_dependencies_but_for_the_build_s_own() -> None:
    packages = [
        {"name": "serde", "version": "1.0.219", "source": "registry", "dependencies": [1]},
        {"name": "cc", "version": "1.2.0", "kind": "build"},
        {"name": "server", "version": "0.3.1", "root": True},
    ]

    build_info = analyse(crates(zlib.compress(json.dumps({"packages": packages}).encode())), Wanted()).build

    assert (build_info.module, build_info.module_version) == ("server", "0.3.1")
    assert build_info.dependencies == (("serde", "1.0.219"),)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"not compressed",
        zlib.compress(b"{}")[:-4],
        zlib.compress(b"[" * 100_000),
        zlib.compress(b'{"packages": [1]}'),
        zlib.compress(b'{"packages": [{"name": "x"}]}'),
        zlib.compress(bytes(64 << 20)),
    ],
    ids=["empty", "plain", "cut", "deep", "numbers", "no version", "64 MB of zeros"],
)
def test_what_isn_t_a_list_of_crates_is_no_list(text: bytes) -> None:
    analysis = analyse(crates(text), Wanted())

    assert (analysis.language.name, analysis.build.dependencies) == ("rust", ())


@pytest.mark.peer("rustc")
def test_rust_s_commit_stands_in_paths_of_its_library() -> None:
    said = subprocess.run(["rustc", "--version", "--verbose"], check=True, capture_output=True, text=True).stdout
    [commit] = [line.split()[1] for line in said.splitlines() if line.startswith("commit-hash:")]

    assert analyse(build("hello", "rust").read_bytes(), Wanted()).build.setting("rustc.commit") == commit


@pytest.mark.parametrize(
    ("comment", "name", "version"),
    [
        (b"GCC: (Debian 12.2.0-14+deb12u1) 12.2.0\0", "c", "gcc 12.2.0"),
        (b"GCC: (GNU) 9.4.0\0clang version 22.1.8\0", "c", "clang 22.1.8"),
        (b"Debian clang version 14.0.6\0", "c", "clang 14.0.6"),
        (b"", "c", None),
    ],
)
def test_c_s_version_is_its_compiler_s(comment: bytes, name: str, version: str | None) -> None:
    tag = Segment(note("GNU", 1, bytes(16)), NOTE)
    code = Segment(bytes(64), flags=READ | EXECUTE)

    language = analyse(Elf((code, tag), sections=(Section(".comment", comment),)).build(), Wanted()).language

    assert (language.name, language.version) == (name, version)


@pytest.mark.peer("g++")
@pytest.mark.parametrize("stripped", [False, True])
@pytest.mark.parametrize("language", ["c++", "c++-dynamic"])
def test_c_plus_plus_is_told_by_its_library(language: str, stripped: bool) -> None:
    found = analyse(build("hello", language, stripped=stripped).read_bytes(), Wanted()).language

    assert found.name == "c++"
    assert (found.version or "").startswith("gcc ")


@pytest.mark.skipif(find_spec("ziglang") is None, reason="PyPI's ziglang isn't installed")
def test_zig_is_told_on_arm64_too_where_no_checks_leave_their_words() -> None:
    data = build("hello", "zig", stripped=True, arch="arm64", flags=("-OReleaseSmall",)).read_bytes()

    assert judged(data) == ("zig", None)


@pytest.mark.slow
@pytest.mark.skipif(find_spec("ziglang") is None, reason="PyPI's ziglang isn't installed")
def test_c_by_zig_s_compiler_is_c_with_musl_on_arm64_too() -> None:
    analysis = analyse(build("hello", "c-zig", stripped=True, arch="arm64").read_bytes(), Wanted())

    assert (analysis.language.name, analysis.libc) == ("c", Libc.MUSL)
    assert (analysis.language.version or "").startswith("clang ")


def test_a_language_that_leaves_no_evidence_is_said_to_be_unknown() -> None:
    assert judged(Elf().build()) == ("unknown", None)
