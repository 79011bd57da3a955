# ruff: noqa: PLC0415, T201 - a script: the path is set first
"""Feed changed libraries, loaders, caches and programs to the search for libraries: only its own errors may come out.

    python tests/fuzz/fuzz_closure.py [SECONDS]

Each time one file of a small system in memory is changed. One that breaks the rule is kept in ``build/fuzz`` and named.
"""

from __future__ import annotations

import random
import sys
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(PROJECT))
FINDINGS = PROJECT / "build" / "fuzz"
LOADER = "/lib64/ld-linux-x86-64.so.2"
FOLDER = "/lib/x86_64-linux-gnu"
MUSL_LOADER = "/lib/ld-musl-x86_64.so.1"


def system() -> dict[str, bytes]:
    """A loader of each kind, libraries with all that is read of them, a cache, and two programs."""
    from tests.unit.packer.test_closure_cache import new_format
    from tests.unit.packer.test_closure_hostile import made, program

    libc = Path(f"{FOLDER}/libc.so.6")
    note = b'[{"soname": ["b.so"], "priority": "required"}]'
    return {
        LOADER: made(soname="ld-linux-x86-64.so.2"),
        MUSL_LOADER: made(),
        "/etc/ld.so.cache": new_format(entries=(("c.so", "/opt/c.so", 0x0303, 0),)),
        "/etc/ld-musl-x86_64.path": b"/lib:/opt\n",
        f"{FOLDER}/a.so": made("b.so", "a.so", "libc.so.6", soname="a.so", rpath="$ORIGIN:/x:${LIB}"),
        f"{FOLDER}/b.so": made("c.so", soname="b.so", runpath="/opt", dlopens=note),
        "/opt/c.so": made("a.so"),
        f"{FOLDER}/libc.so.6": libc.read_bytes() if libc.exists() else made(soname="libc.so.6"),
        "/app": program("a.so", "/opt/c.so", "libc.so.6", runpath="$ORIGIN/../lib"),
    }


def judge(files: dict[str, bytes]) -> None:
    """The rule that must hold for every system."""
    from whit.packer.closure.closing import close
    from whit.packer.closure.judging import judge_with
    from whit.packer.executable.analyse import analyse
    from whit.packer.executable.analysis import Wanted
    from whit.packer.resolution.model import Program
    from whit.packer.store.filetree import MemoryTree
    from whit.packer.support.errors import WhitError

    tree = MemoryTree(files)
    file = tree.file("/app")
    if file is None:
        raise AssertionError
    try:
        analysis = analyse(files["/app"], Wanted())
        found = close(analysis, Program(file, "/app"), tree, tree)
        judge_with(analysis, found.imports)
    except WhitError as error:
        if not error.message:
            raise AssertionError from error
        return
    places = [library.image_path for library in found.libraries]
    if len(set(places)) < len(places) or not all(place.startswith("/") for place in places):
        raise AssertionError(places)


def main() -> int:
    from tests.fuzz.fuzz_analyse import changed, require_quick

    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 30
    number = random.SystemRandom().getrandbits(32)
    chance, whole = random.Random(number), system()
    end, count = time.monotonic() + seconds, 0
    while (started := time.monotonic()) < end:
        path = chance.choice(sorted(whole))
        data = changed(chance, [whole[path]])
        try:
            judge({**whole, path: data})
            require_quick(time.monotonic() - started)
        except Exception:
            FINDINGS.mkdir(parents=True, exist_ok=True)
            kept = FINDINGS / f"closure-{number}-{count}"
            kept.write_bytes(data)
            print(f"fuzz_closure: seed {number}, system {count}, {path} kept as {kept}", file=sys.stderr)
            raise
        count += 1
    print(f"fuzz_closure: {count} systems, nothing found")
    return 0


if __name__ == "__main__":
    sys.exit(main())
