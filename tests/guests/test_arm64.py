"""Filters made for AArch64, in a kernel of that machine: programs run under theirs, and what isn't theirs is refused.

A launcher compiled for it runs a bundle there too. Slow: ``make guests``.
"""

from __future__ import annotations

import errno as numbers
import os
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.integration.compiled import compiled
from tests.integration.sanitized import launcher_made_by
from tests.programs.build import LANGUAGES, build
from tests.vm.cases import run_cases
from tests.vm.guest import ARM64
from whit.packer.executable.file import opened
from whit.packer.image.callsclaim import Calls, Refusal
from whit.packer.store.store import Store
from whit.packer.syscalls.analyse import find
from whit.packer.syscalls.names import syscall_names, syscall_numbers
from whit.runtime.bundle import writing
from whit.runtime.bundle.making import ready, settings
from whit.runtime.request import Words
from whit.runtime.seccomp.bpf import compile_filter
from whit.runtime.seccomp.profile import default_filter
from whit.runtime.seccomp.proven import proven_filter

if TYPE_CHECKING:
    from pathlib import Path

    from tests.vm.cases import Case
    from whit.runtime.seccomp.model import Filter

pytestmark = [pytest.mark.peer("qemu-system-aarch64", "guest-kernel-arm64", "busybox-arm64")]

START = 9
"""The descriptor by which tests/programs/c/under-filter.c executes a program."""

KILLED = 128 + signal.SIGSYS
NEW_NAMESPACE, CRYPTO = 0x1000_0000, 38
PROGRAMS = (
    ("c", "hello", "c-zig", True),
    ("c-stripped", "fresh-words", "c-zig", True),
    ("zig", "hello", "zig", True),
    ("go", "hello", "go", True),
    ("go-stripped", "everything", "go", True),
    ("rust", "needs-temp", "rust-arm64", False),
    ("rust-stripped", "needs-exec", "rust-arm64", False),
)
"""Name, program, language, whether its builder is told the machine."""

FEW = frozenset({"write", "writev", "ioctl", "fstat", "getpid", "mount", "socket", "clone3"})
"""What tests/programs/c/under-filter.c makes when it makes calls by number, and some."""

ASKED = (
    *(("getpid", ()), ("openat", (0, 0)), ("mount", ()), ("unshare", (NEW_NAMESPACE,))),
    *(("socket", (2, 1, 0)), ("socket", (CRYPTO, 5, 0)), ("clone3", ())),
)


def _built(name: str, language: str, *, told: bool, stripped: bool = False) -> Path:
    options = {"arch": "arm64"} if told else {}
    return compiled(lambda: build(name, language, stripped=stripped, **options))


def _calls(program: Path) -> frozenset[str]:
    with opened(str(program)) as file:
        found = file.look(find)
    names = syscall_names("arm64")
    assert found.complete
    return frozenset(names[number] for number in found.numbers if number in names)


def _words() -> str:
    known = syscall_numbers("arm64")
    return " ".join(",".join(map(str, (known[name], *arguments))) for name, arguments in ASKED) + " 9999"


def _filters(programs: dict[str, Path]) -> dict[str, Filter]:
    return {
        "default": default_filter("arm64"),
        "few": proven_filter(Calls(FEW), "arm64"),
        "few-kill": proven_filter(Calls(FEW, Refusal.KILL), "arm64"),
        **{
            name: proven_filter(Calls(_calls(program), Refusal.KILL), "arm64", start=START)
            for name, program in programs.items()
        },
    }


def _bundle(folder: Path, program: Path, whit: Path) -> Path:
    """A bundle of an image for arm64 that tells its calls, with a launcher for arm64."""
    compiler = LANGUAGES["c-zig"].tool()
    flags = ("-target", "aarch64-linux-musl", "-Os", "-static", "-fno-pie", "-s")
    launcher = launcher_made_by("arm64", (*compiler, *flags))
    root, target = folder / "root", folder / "bundled.run"
    pack: list[str | Path] = [whit, "pack", "--seccomp", "auto:kill", program, "-t", "bundled"]
    subprocess.run(pack, check=True, capture_output=True, env={**os.environ, "WHIT_ROOT": str(root)})
    words, store = Words("bundled"), Store(root)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(writing, "find_launcher", lambda: launcher)
        patch.setattr(writing, "architecture", lambda: "arm64")
        image, options = ready(words, store)
        writing.write_bundle(target, writing.Order(image, options, settings(words, writable=False)), store)
    return target


def _script(programs: dict[str, Path]) -> str:
    lines = [
        "case_of machine uname -m",
        *(
            f"case_of usual-{name} /p/{name}\ncase_of default-{name} /under /f/default exec /p/{name}"
            for name in programs
        ),
        *(f"case_of proven-{name} /under /f/{name} exec /p/{name}" for name in programs),
        "/under /f/net exec /p/net serve 7000 >/tmp/served 2>&1 &",
        "until_so grep -q listening /tmp/served",
        "case_of asked /under /f/net exec /p/net ask 127.0.0.1:7000 end",
        "wait",
        "case_of served cat /tmp/served",
        f"case_of calls-default /under /f/default call {_words()}",
        f"case_of calls-few /under /f/few call {_words()}",
        f"case_of calls-killed /under /f/few-kill call {syscall_numbers('arm64')['openat']}",
        "case_of foreign /p/foreign",
        "case_of foreign-refused /under /f/default exec /p/foreign",
        "case_of bundled /bundled.run",
        "case_of bundled-user su user -s /bin/sh -c /bundled.run",
    ]
    return "\n".join(lines)


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory, whit: Path) -> dict[str, Case]:
    """All that happened, in one boot."""
    folder = tmp_path_factory.mktemp("arm64")
    programs = {
        label: _built(name, language, told=told, stripped=label.endswith("stripped"))
        for label, name, language, told in PROGRAMS
    }
    files = {f"/p/{name}": program for name, program in programs.items()}
    files["/p/net"] = _built("net", "rust-arm64", told=False)
    files["/p/foreign"] = compiled(
        lambda: build("bare", "c-zig", arch="arm", flags=("-nostdlib", "-marm", "-ffreestanding"))
    )
    files["/under"] = _built("under-filter", "c-zig", told=True)
    files["/bundled.run"] = _bundle(folder, programs["go"], whit)
    for name, filter_ in _filters({**programs, "net": files["/p/net"]}).items():
        (folder / name).write_bytes(compile_filter(filter_, "arm64"))
        files[f"/f/{name}"] = folder / name
    return run_cases(_script(programs), files, timeout=600, machine=ARM64)


def test_the_machine_is_what_the_filters_are_for(cases: dict[str, Case]) -> None:
    assert cases["machine"].lines == ["aarch64"]


@pytest.mark.parametrize("name", [name for name, *_ in PROGRAMS])
def test_a_program_does_the_same_under_the_default_filter_and_under_that_of_its_own_calls(
    name: str, cases: dict[str, Case]
) -> None:
    """Where any other call ends it at once."""
    usual = cases[f"usual-{name}"]

    assert usual.status != KILLED
    assert usual.said
    assert cases[f"default-{name}"] == usual
    assert cases[f"proven-{name}"] == usual


def test_a_server_and_its_client_have_their_sockets(cases: dict[str, Case]) -> None:
    assert cases["asked"].said == "dne\n"
    assert cases["served"].lines[0].startswith("listening on")


def test_calls_are_refused_as_the_filter_says(cases: dict[str, Case]) -> None:
    """By the kernel, as the default filter and one of a few calls have it, and numbers without a name too."""
    absent, forbidden, unsupported = numbers.ENOSYS, numbers.EPERM, numbers.EAFNOSUPPORT

    default = [int(line) for line in cases["calls-default"].lines]
    few = [int(line) for line in cases["calls-few"].lines]

    assert default == [0, numbers.EFAULT, forbidden, forbidden, 0, unsupported, absent, absent]
    assert few == [0, absent, forbidden, absent, 0, unsupported, absent, absent]


def test_a_call_that_is_not_the_programs_ends_it(cases: dict[str, Case]) -> None:
    assert cases["calls-killed"].status == KILLED


def test_a_32_bit_program_runs_on_that_machine_and_not_under_a_filter_for_64_bits(cases: dict[str, Case]) -> None:
    assert cases["foreign"].said == "bare\n"
    assert cases["foreign-refused"].status == KILLED


@pytest.mark.parametrize("name", ["bundled", "bundled-user"])
def test_a_bundle_with_a_launcher_for_that_machine_runs_there(name: str, cases: dict[str, Case]) -> None:
    """As root and as a user; the program says what it says without."""
    assert cases[name] == cases["usual-go"]
