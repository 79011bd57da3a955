# ruff: noqa: PLC0415, T201 - a script: the path is set first, and atheris must import what it instruments
"""Feed changed executables to the analysis: only an analysis or one of whit's own errors may come out.

    python tests/fuzz/fuzz_analyse.py [SECONDS]

With PyPI's ``atheris`` the changes are guided by coverage; without it they are random, made where headers and tables
stand. A file that breaks the rule is kept in ``build/fuzz`` and named.
"""

from __future__ import annotations

import argparse
import importlib.util
import random
import resource
import sys
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(PROJECT))
CORPUS = PROJECT / "build" / "fuzz" / "analyse-corpus"
FINDINGS = PROJECT / "build" / "fuzz"
LARGEST = 1 << 17
LARGEST_REAL = 4 << 20
SLOW = 2.0
"""Seconds of a processor that no file of this size may take: others may keep the machine busy."""

HANGS = 60
"""Seconds after which libFuzzer takes a file for one that never ends."""

HEAVY = 200 << 10
"""Kilobytes of memory that no file of this size may take."""


def seeds() -> list[bytes]:
    """Small files of every kind that is read: made byte by byte, and by the compilers that are here."""
    from tests.programs.build import ToolchainMissingError, build
    from tests.programs.make_elf import CODE, DYN, EXECUTE, INTERP, NOTE, READ, Elf, Section, Segment, dynamic_segment
    from tests.programs.make_elf import note as elf_note
    from tests.programs.make_go import old_table, table
    from tests.programs.make_wasm import COMPONENT, MODULE, custom, name, producers, section, vector

    code = Segment(CODE, flags=READ | EXECUTE)
    build_info = Segment(b"\xff Go buildinf:\x08\x02" + bytes(16) + b"\x08go1.22.1\x0cpath\ta\nmod\tb")
    module = MODULE + section(2, vector(name("wasi_snapshot_preview1") + name("fd_write") + b"\0\0"))
    module += section(5, vector(b"\1\1\2")) + section(7, vector(name("_start") + b"\0\0"))
    module += producers(language=("Rust", "2021"), processed_by=("rustc", "1.95.0 (abc)")) + custom("name")
    component = COMPONENT + section(1, module) + section(10, vector(b"\0" + name("wasi:cli/run@0.2.0") + b"\5\0"))
    component += section(11, vector(b"\0" + name("wasi:cli/run@0.2.0") + b"\5\2\0"))
    module += section(1, vector(b"\x60\2\x7f\x63\0\2\x7b\x7f", b"\x5f\0")) + section(5, vector(b"\3\1\2", b"\4\1"))
    module += custom("target_features", vector(b"+" + name("simd128"))) + custom("name", b"\0\4" + name("app"))
    nested = COMPONENT + section(4, component) + section(4, COMPONENT + section(1, module))
    libraries = dynamic_segment(
        Elf((code, Segment(b"/lib/ld-musl-x86_64.so.1\0", INTERP)), type=DYN),
        b"\0libc.so\0",
        (1, 1),
        (0x6FFFFFFB, 1 << 27),
    )
    symbols = (
        Section(".symtab", bytes(24) + b"\1\0\0\0\x12\0\1\0" + bytes(16), 2, link=2),
        Section(".strtab", b"\0main\0"),
    )
    comment = Section(".comment", b"rustc version 1.95.0 (59807616e 2026-04-14)\0GCC: (GNU) 9.4.0\0")
    attributes = Section(".ARM.attributes", b"A\x1a\0\0\0aeabi\0\1\x10\0\0\0\5A\0\6\n\x08\1", 0x70000003)
    made = [
        module,
        component,
        nested,
        libraries.build(),
        Elf((code, build_info, Segment(table("1.20", 64, "<")))).build(),
        Elf((code, Segment(old_table(64, "<")))).build(),
        Elf((code, Segment(table("1.16", 32, "<"))), bits=32, machine=3).build(),
        Elf((code, Segment(table("1.18", 64, ">"))), machine=22, order=">").build(),
        Elf((code, Segment(elf_note("GNU", 3, bytes(20)) + elf_note("Go", 4, b"x"), NOTE)), sections=symbols).build(),
        Elf((code, Segment(b"fatal.nim\0SIGINT: Interrupted by Ctrl-C.\0"))).build(),
        Elf(sections=(comment,)).build(),
        Elf(bits=32, machine=40, sections=(attributes,)).build(),
        b"#!/usr/bin/env -S python3 -u\r\n",
    ]
    for language in ("c-musl", "c-dynamic"):
        try:
            made.append(build("hello", language, stripped=True).read_bytes())
        except ToolchainMissingError:
            continue
    return made


def real_programs() -> list[bytes]:
    """Whole programs, as compilers write them: function tables, symbols, relocations and code to be read."""
    from tests.programs.build import ToolchainMissingError, build

    programs = []
    for name, language, options in (
        ("hello", "go", {"stripped": True}),
        ("exec", "go", {"stripped": True, "arch": "arm64"}),
        ("hello", "go", {"stripped": True, "pie": True}),
        ("hello", "c-glibc", {}),
        ("hello", "rust", {"stripped": True}),
        ("hello", "nim", {}),
    ):
        try:
            programs.append(build(name, language, **options).read_bytes())
        except ToolchainMissingError:
            continue
    return [program for program in programs if len(program) <= LARGEST_REAL]


def judge(data: bytes) -> None:
    """The rule that must hold for every file."""
    from whit.packer.executable.analyse import analyse
    from whit.packer.needs import DETAILS, judge_all
    from whit.packer.report.filebytes import sizes_of
    from whit.packer.resolution.advice import advise
    from whit.packer.support.errors import WhitError

    try:
        analysis = analyse(data, DETAILS)
        advise(analysis, {need.name: need for need in judge_all(analysis)})
        sizes = sizes_of(data, analysis)
        if sum(sizes.values()) != len(data) or min(sizes.values()) < 0:
            raise AssertionError("the report's sizes don't add up")
    except WhitError as error:
        message = error.message
    else:
        return
    if not message or "\n" in message:
        raise AssertionError(f"not one line: {message!r}")


def require_quick(seconds: float) -> None:
    """Nothing may be quadratic in the file's size."""
    if seconds > SLOW:
        raise AssertionError(f"took {seconds:.1f} s")


def judge_quickly(data: bytes) -> None:
    started = time.process_time()
    judge(data)
    require_quick(time.process_time() - started)


def require_light() -> None:
    """Counted over the whole process, which holds the corpus too."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    if most > HEAVY:
        raise AssertionError(f"took {most >> 10} MB")


def changed(chance: random.Random, files: list[bytes]) -> bytes:
    """One of ``files`` with some bytes, numbers or pieces changed, most of them near its beginning."""
    data = bytearray(chance.choice(files))
    largest = max(LARGEST, len(data))
    for _ in range(chance.randint(1, 8)):
        near = chance.choice((64, 512, len(data)))
        place = chance.randrange(min(near, len(data))) if data else 0
        kind = chance.randrange(6)
        if kind == 0:
            data[place : place + 1] = bytes([chance.randrange(256)])
        elif kind == 1:
            width = chance.choice((2, 4, 8))
            number = chance.choice(
                (0, 1, 0x7FFFFFFF, 0xFFFFFFFF, 1 << 63, (1 << 64) - 1, len(data), chance.getrandbits(64))
            )
            data[place : place + width] = (number & ((1 << 8 * width) - 1)).to_bytes(
                width, chance.choice(("little", "big"))
            )
        elif kind == 2:
            del data[place : place + chance.randint(1, 64)]
        elif kind == 3:
            data[place:place] = data[place : place + chance.randint(1, 64)]
        elif kind == 4:
            del data[place:]
        else:
            data[place:place] = chance.choice(files)[place : place + 256]
    return bytes(data[:largest])


def fuzz_at_random(seconds: float) -> int:
    """Until the time is over; the exit code."""
    number = random.SystemRandom().getrandbits(32)
    chance, files = random.Random(number), seeds() + real_programs()
    end, count = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        data = changed(chance, files)
        started = time.process_time()
        try:
            judge(data)
            require_quick(time.process_time() - started)
            require_light()
        except Exception:
            FINDINGS.mkdir(parents=True, exist_ok=True)
            kept = FINDINGS / f"analyse-{number}-{count}"
            kept.write_bytes(data)
            print(f"fuzz_analyse: seed {number}, file {count}, kept as {kept}", file=sys.stderr)
            raise
        count += 1
    print(f"fuzz_analyse: {count} files, nothing found")
    return 0


def fuzz_by_coverage(seconds: float) -> None:
    """Hand over to libFuzzer, which ends the process."""
    import atheris

    with atheris.instrument_imports(include=["whit.packer"]):
        import whit.packer.elf.analyse
        import whit.packer.executable.analyse
        import whit.packer.resolution.advice
        import whit.packer.wasm.analyse  # noqa: F401 - imported to be instrumented
    CORPUS.mkdir(parents=True, exist_ok=True)
    for index, seed in enumerate(seeds()):
        (CORPUS / f"seed-{index}").write_bytes(seed[:LARGEST])
    limits = [f"-max_total_time={int(seconds)}", f"-max_len={LARGEST}", f"-timeout={HANGS}", "-rss_limit_mb=512"]
    quiet = ["-verbosity=0", "-print_final_stats=1", f"-artifact_prefix={FINDINGS}/analyse-"]
    atheris.Setup([sys.argv[0], *limits, *quiet, str(CORPUS)], judge_quickly)
    atheris.Fuzz()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("time", nargs="?", type=float, default=30, help="seconds")
    parser.add_argument("--seconds", type=float, help="the same, by name")
    parser.add_argument("--random", action="store_true", help="without atheris even where it is installed")
    options = parser.parse_args()
    seconds = options.seconds or options.time
    if options.random or importlib.util.find_spec("atheris") is None:
        return fuzz_at_random(seconds)
    fuzz_by_coverage(seconds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
