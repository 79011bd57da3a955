"""Lint's rules for executables, each both ways; and the list of rules as a whole."""

from __future__ import annotations

import dataclasses
import re
import subprocess
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.lint_rules import DOCS, with_rules
from tests.programs.build import build
from tests.unit.packer.analyses import go, native, unstripped, wasm
from whit.packer.executable.analysis import Analysis, BuildInfo, Hardening, Language, Libc, Linkage, Relro
from whit.packer.executable.file import opened
from whit.packer.image.spec import RunConfig
from whit.packer.lint import FAMILIES, RULES, fails, fetch, golang, lint_program
from whit.packer.lint.model import Finding, Level, Place, Program
from whit.packer.lint.present import page
from whit.packer.lint.sarif import document as sarif
from whit.packer.needs import judge_all
from whit.packer.support.errors import WhitError

SAFE = Hardening(Relro.FULL, executable_stack=False, pie=True, stack_protector=True, fortify=True)


def program(analysis: Analysis, **more: Any) -> Program:
    return Program("./server", analysis, judge_all(analysis), **more)


def ids(analysis: Analysis, **more: Any) -> set[str]:
    return {finding.id for finding in lint_program(program(analysis, **more))}


def ids_of_file(name: str, language: str, **options: Any) -> set[str]:
    with opened(str(build(name, language, **options))) as file:
        return {finding.id for finding in lint_program(fetch.program_of(file))}


def hardened(linkage: Linkage = Linkage.DYNAMIC, **changes: Any) -> set[str]:
    analysis = native(libc=Libc.GLIBC, linkage=linkage, hardening=dataclasses.replace(SAFE, **changes))
    return ids(analysis) - {"dynamic"}


def test_a_hardened_program_has_nothing_to_mend() -> None:
    assert hardened() == set()
    assert ids_of_file("buffer", "c-dynamic", stripped=True, flags=("-Wl,-z,now", "-fstack-protector-all")) <= {
        "dynamic",
        "no-fortify",
    }


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"executable_stack": True}, "executable-stack"),
        ({"stack_marked": False}, "stack-not-marked"),
        ({"executable_stack": True, "stack_marked": False}, "executable-stack"),
        ({"writable_code": True}, "writable-code"),
        ({"text_relocations": True}, "text-relocations"),
        ({"relro": Relro.NONE}, "no-relro"),
        ({"relro": Relro.PARTIAL}, "partial-relro"),
        ({"pie": False}, "not-pie"),
        ({"stack_protector": False, "fortify": None}, "no-stack-protector"),
        ({"fortify": False}, "no-fortify"),
        ({"runpath": ("",)}, "open-runpath"),
        ({"runpath": ("lib",)}, "open-runpath"),
        ({"runpath": ("/tmp/lib",)}, "open-runpath"),
        ({"runpath": ("/home/me/build/lib",)}, "builders-runpath"),
        ({"debug_bytes": 1 << 20}, "debug-info"),
        ({"symbol_bytes": 1 << 20}, "symbol-table"),
    ],
)
def test_hardening_and_size(changes: dict[str, Any], rule: str) -> None:
    assert hardened(**changes) == {rule}


@pytest.mark.parametrize(
    "changes",
    [
        {"stack_protector": None},
        {"stack_protector": False},
        {"fortify": None},
        {"runpath": ("/usr/lib/x", "$ORIGIN/../lib", "${ORIGIN}", "/tmpfiles")},
        {"debug_bytes": 2000, "symbol_bytes": 4000},
    ],
)
def test_what_is_good_enough(changes: dict[str, Any]) -> None:
    assert hardened(**changes) == set()


def test_a_loaders_rules_are_for_what_a_loader_loads() -> None:
    assert hardened(Linkage.STATIC, runpath=("", "/home/x")) == set()
    musl = native(libc=Libc.MUSL, hardening=dataclasses.replace(SAFE, relro=Relro.NONE))
    assert ids(musl) == set()
    assert ids(dataclasses.replace(musl, linkage=Linkage.STATIC_PIE)) == {"no-relro"}


def test_go_is_not_asked_for_what_would_harm_it() -> None:
    plain = Hardening(Relro.NONE, executable_stack=False, pie=False, stack_protector=None, fortify=None)
    assert ids(go("os/signal.Notify", hardening=plain)) == {"go-memory-limit"}


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("1.13.4", {"go-unsupported", "go-cpu-limit"}),
        ("1.24.1", {"go-unsupported", "go-cpu-limit"}),
        ("go1.24.1", {"go-unsupported", "go-cpu-limit"}),
        (f"1.{golang.NEWEST - 2}.9", {"go-unsupported"}),
        (f"1.{golang.NEWEST - 1}", set()),
        (f"1.{golang.NEWEST}.1", set()),
        (f"1.{golang.NEWEST + 1}", set()),
        (f"1.{golang.NEWEST}rc1", {"go-prerelease"}),
        ("devel go1.28-abcdef", {"go-prerelease"}),
        ("2.0", set()),
    ],
)
def test_go_releases(version: str, expected: set[str]) -> None:
    found = ids(go("os/signal.Notify", language=Language("go", version)))
    assert found - {"go-memory-limit"} == expected


def test_the_go_that_builds_the_tests_is_known() -> None:
    """Fails when a new release of Go is used: then golang.RELEASES needs a line."""
    shown = subprocess.run(["go", "version"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"go1\.(\d+)", shown)
    assert found
    assert int(found[1]) in golang.RELEASES
    numbers = sorted(golang.RELEASES)
    assert numbers == list(range(numbers[0], numbers[-1] + 1))
    assert list(golang.RELEASES.values()) == sorted(golang.RELEASES.values())


def test_limits_that_something_sees() -> None:
    old = go("os/signal.Notify", language=Language("go", "1.24.0"))
    both = BuildInfo(dependencies=(("go.uber.org/automaxprocs", "v1"), ("github.com/KimMachineGun/automemlimit", "v1")))
    run = RunConfig(env=("GOMAXPROCS=2", "GOMEMLIMIT=100MiB"))
    assert {"go-cpu-limit", "go-memory-limit"} <= ids(old)
    assert ids(dataclasses.replace(old, build=both)) == {"go-unsupported"}
    assert ids(old, run=run) == {"go-unsupported"}


def test_limits_of_webassembly_are_its_hosts() -> None:
    assert ids(dataclasses.replace(wasm(), language=Language("go", "1.20"))) == {"go-unsupported"}


def test_signals() -> None:
    assert "ignores-sigterm" in ids(unstripped(libc=Libc.MUSL))
    assert "ignores-sigterm" in ids(unstripped("sigaction"))
    assert "ignores-sigterm" not in ids(unstripped("sigaction", libc=Libc.MUSL))
    assert "ignores-sigterm" not in ids(unstripped("signal"))
    assert "ignores-sigterm" not in ids(native(libc=Libc.MUSL))
    assert "abrupt-end" in ids(go())
    assert "abrupt-end" not in ids(go("os/signal.NotifyContext"))


@pytest.mark.parametrize("language", ["c-glibc", "c-musl"])
def test_signals_of_real_programs(language: str) -> None:
    assert "ignores-sigterm" in ids_of_file("wait", language)
    assert "ignores-sigterm" not in ids_of_file("wait-handled", language)
    assert "ignores-sigterm" not in ids_of_file("wait", language, stripped=True)


def test_signals_of_rust() -> None:
    assert "may-ignore-sigterm" in ids_of_file("wait", "rust")
    rust = native(language=Language("rust"))
    assert "may-ignore-sigterm" in ids(rust)
    for crate in (b"signal-hook", b"ctrlc-", b"/src/signal/"):
        assert "may-ignore-sigterm" not in ids(dataclasses.replace(rust, strings=((crate, 1),)))


def test_children() -> None:
    assert "no-reaping" in ids(go("os.StartProcess"))
    assert "no-reaping" not in ids(go())
    reaper = BuildInfo(dependencies=(("github.com/hashicorp/go-reap", "v1"),))
    assert "no-reaping" not in ids(go("os.StartProcess", build=reaper))


def test_a_shell_that_is_not_there() -> None:
    with opened(str(build("needs-system", "c-glibc"))) as file:
        alone = fetch.program_of(file)
    inside = dataclasses.replace(alone, run=RunConfig())

    def levels(judged: Program) -> list[Level]:
        return [finding.level for finding in lint_program(judged) if finding.id == "missing-shell"]

    assert levels(inside) == [Level.WARNING]
    assert levels(alone) == []
    assert levels(dataclasses.replace(inside, shell=True)) == []
    assert levels(program(native(b"/bin/sh"), run=RunConfig())) == [Level.NOTE]
    assert levels(program(native(), run=RunConfig())) == []


def test_what_a_static_glibc_does_behind_its_back() -> None:
    assert "static-glibc-names" in ids_of_file("needs-dns", "c-glibc")
    assert "static-glibc-names" not in ids_of_file("needs-dns", "c-musl")
    assert "static-glibc-names" not in ids_of_file("hello", "c-glibc")
    assert "static-iconv" in ids_of_file("needs-iconv", "c-glibc")
    assert "static-iconv" not in ids_of_file("needs-iconv", "c-musl")


def test_libraries_that_a_static_program_loads() -> None:
    assert "static-dlopen" in ids_of_file("needs-dlopen", "c-musl")
    assert "static-dlopen" not in ids_of_file("hello", "c-musl")
    assert "static-dlopen" not in ids_of_file("hello", "c-glibc")
    nim = native(b"libssl.so(", libc=Libc.GLIBC)
    assert "static-dlopen" in ids(nim)
    assert "static-dlopen" not in ids(dataclasses.replace(nim, linkage=Linkage.DYNAMIC))


def test_files_that_it_writes() -> None:
    assert "writes-files" in ids(go("os.CreateTemp"))
    assert "writes-files" not in ids(go())


def test_a_dynamic_program() -> None:
    assert "dynamic" in ids_of_file("hello", "c-dynamic")
    assert "dynamic" not in ids_of_file("hello", "c-musl")


def test_findings_come_worst_first_and_can_be_left_out() -> None:
    analysis = native(libc=Libc.GLIBC, hardening=Hardening(Relro.NONE, True, False, None, None))
    found = lint_program(program(analysis))
    assert [finding.level for finding in found] == [Level.ERROR, Level.WARNING, Level.NOTE]
    assert [finding.id for finding in lint_program(program(analysis), {"no-relro"})] == ["executable-stack", "not-pie"]
    assert all(finding.where == Place("./server") for finding in found)


@pytest.mark.parametrize("level", list(Level))
@pytest.mark.parametrize("threshold", [*Level, None])
def test_which_findings_fail(level: Level, threshold: Level | None) -> None:
    finding = Finding("x", level, "", "", "", "", "", Place())
    order = [Level.ERROR, Level.WARNING, Level.NOTE]
    expected = threshold is not None and order.index(level) <= order.index(threshold)
    assert fails([finding], threshold) is expected
    assert not fails([], threshold)


def test_every_rule_can_be_told_apart_and_says_all_that_it_must() -> None:
    assert len({rule.id for rule in RULES}) == len(RULES) == sum(len(rules) for _, rules in FAMILIES)
    for rule in RULES:
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", rule.id)
        assert rule.program or rule.image
        assert rule.source.startswith("https://")
        assert not rule.title.endswith(".")
        assert rule.why.endswith(".")
        assert rule.cure.endswith(".")


def test_the_list_in_the_docs_is_the_rules() -> None:
    page = DOCS.read_text()
    assert with_rules(page) == page, "python -m tests.lint_rules writes it anew"


BASES = [
    build("needs-dns", "c-glibc").read_bytes(),
    build("hello", "c-dynamic", flags=("-g", "-Wl,-rpath,/tmp/a")).read_bytes(),
    build("hello", "go", stripped=True).read_bytes(),
    build("hello", "wasm-wat").read_bytes(),
]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sampled_from(BASES), st.integers(6, 22), st.lists(st.tuples(st.integers(0), st.binary(min_size=1, max_size=8)))
)
def test_damaged_programs_are_judged_or_refused(base: bytes, reach: int, changes: list[tuple[int, bytes]]) -> None:
    data = bytearray(base)
    for at, value in changes:
        place = at % min(1 << reach, len(base))
        data[place : place + len(value)] = value
    try:
        judged = fetch.judged("./x", bytes(data))
    except WhitError:
        return
    found = lint_program(judged)
    assert list(page("./x", "about", found, 80))
    assert sarif("./x", "file", found, "1")
