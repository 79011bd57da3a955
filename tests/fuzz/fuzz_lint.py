"""Damaged programs and archives under lint, for as long as it is let: ``python tests/fuzz/fuzz_lint.py [SECONDS] [SEED]``.

Whatever the bytes are: findings or one of whit's own errors; a page without control characters; what ``--fix`` would
write loads the same bytes; nothing takes two seconds or writes outside its folder.
"""

# ruff: noqa: T201 - a script: the path is set first

from __future__ import annotations

import contextlib
import random
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import click

from tests.programs.build import build
from tests.unit.packer.images import Members, archive, folder, layer, link, write_layout
from whit.packer.elf.file import parse
from whit.packer.elf.strip import pieces, strip
from whit.packer.lint import fetch, lint_image, lint_program
from whit.packer.lint.present import page
from whit.packer.lint.sarif import document
from whit.packer.store.store import read_image
from whit.packer.support.errors import WhitError

SLOW = 2.0
"""Seconds of processor time."""

HEADER = {1: 52, 2: 64}


def changed(chance: random.Random, base: bytes) -> bytes:
    """The bytes with a few of them changed, most often where headers stand; sometimes cut off."""
    data = bytearray(base)
    for _ in range(chance.randrange(1, 8)):
        reach = chance.choice((64, 1024, len(data)))
        place = chance.randrange(min(reach, len(data)))
        if chance.random() < 0.3:
            place = len(data) - 1 - place
        data[place] = chance.choice((0, 1, 2, 0x7F, 0x80, 0xFF, chance.randrange(256)))
    return bytes(data[: chance.randrange(len(data))] if chance.random() < 0.1 else data)


def one_program(data: bytes) -> None:
    """Judge it, show it, plan to strip it."""
    with contextlib.suppress(WhitError):
        found = lint_program(fetch.judged("./x", data))
        shown = click.unstyle("".join(page("./x", "about", found, 80)))
        assert shown.isprintable()
        assert document("./x", "file", found, "1")
    with contextlib.suppress(WhitError):
        new = b"".join(pieces(data, strip(data, symbols=True)))
        for start, end in parse(data).loaded_spans:
            first = max(start, HEADER[data[4]])
            assert data[first:end] == new[first:end]


def one_archive(data: bytes, place: Path) -> None:
    """Read it and judge what is in it."""
    target = place / "image.tar"
    target.write_bytes(data)
    with contextlib.suppress(WhitError), fetch.layout_of(str(target)) as found:
        if found is not None:
            image = fetch.image_of("x", read_image(found, fetch.only_image(found, "x")), found)
            assert click.unstyle("".join(page("x", "about", lint_image(image), 80))).isprintable()
    assert [path.name for path in place.iterdir()] == ["image.tar"]


def seeds(place: Path) -> tuple[list[bytes], list[bytes]]:
    """Programs and archives to begin from."""
    options = {"flags": ("-g3", "-Wl,--emit-relocs,-rpath,/tmp/x")}
    programs = [
        build("hello", "c-dynamic", **options).read_bytes(),
        build("needs-system", "c-musl").read_bytes(),
        build("hello", "go", stripped=True).read_bytes(),
        build("hello", "wasm-wat").read_bytes(),
    ]
    members: Members = {
        "run": (programs[1], 0o4755),
        "etc": folder(0o777),
        "etc/passwd": b"a:x:0:0::/:\n",
        "l": link("run"),
    }
    layout = write_layout(place, [members, {".wh.etc": b"", "run": (programs[0], 0o755)}], {"Entrypoint": ["/l"]})
    return programs, [archive(layout, place / "seed.tar").read_bytes(), layer(members)]


def main(seconds: float = 60, seed: int = 0) -> None:
    """Report the rounds; a file that breaks the rule is kept in build/fuzz."""
    chance, end, rounds = random.Random(seed), time.monotonic() + seconds, 0
    with tempfile.TemporaryDirectory() as made:
        programs, archives = seeds(Path(made) / "seeds")
    while time.monotonic() < end:
        data = changed(chance, chance.choice(archives if rounds % 4 == 0 else programs))
        start = time.process_time()
        try:
            if rounds % 4 == 0:
                with tempfile.TemporaryDirectory() as place:
                    one_archive(data, Path(place))
            else:
                one_program(data)
            assert time.process_time() - start < SLOW
        except BaseException:
            kept = Path("build/fuzz") / f"lint-{rounds}"
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.write_bytes(data)
            print(f"round {rounds}, kept as {kept}")
            raise
        rounds += 1
    print(f"{rounds} programs and archives, each judged or refused")


if __name__ == "__main__":
    given = sys.argv[1:]
    main(float(given[0]) if given else 60, int(given[1]) if given[1:] else 0)
