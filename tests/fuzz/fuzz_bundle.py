"""Feed changed heads of bundles to the launcher's bundle_check and to all that reads them; and any words to its flags.

``fuzz_bundle.py SECONDS``: builds the libFuzzer target with ASan and UBSan, and starts from heads with all that there is in them.
What was found, and the corpus, stay in build/fuzz/bundle.
"""

from __future__ import annotations

import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.fuzz.target import Target
from tests.unit.runtime.plans import real_plans
from whit.runtime.bundle.form import Entry, Head, Place, encode_head
from whit.runtime.encode import encode

if TYPE_CHECKING:
    from collections.abc import Iterator

TARGET = Target(
    Path(__file__).with_suffix(".c"), ("bundle_file.c", "bundle_sum.c", "bundle_wishes.c", "plan.c", "util.c"), 65536
)
ENTRIES = (
    Entry(b"bin", stat.S_IFDIR | 0o755),
    Entry(b"bin/a", stat.S_IFREG | 0o755, 1, 2, 3, content=Place(4096, 5000, 77)),
    Entry(b"bin/b", stat.S_IFREG | 0o755, target=b"bin/a"),
    Entry(b"bin/c", stat.S_IFLNK | 0o777, target=b"../x"),
    Entry(b"pipe", stat.S_IFIFO | 0o600),
)
SETTINGS = (b"memory=64m", b"volume=/a:/b:ro", b"env=A=1", b"env=B", b"network=host", b"writable=1")
WORDS = (
    b"--whit-memory\x0064m\0--whit-volume=/a:/b\0--whit-env=A\0--\0x\0",
    b"--whit\0--whit-cpus=0.5\0",
    b"1.5gib\x000.25\0max\0",
)


def seeds() -> Iterator[tuple[str, bytes]]:
    """Heads and words to begin with."""
    plan = encode(real_plans()[0])
    page = Place(100, 200, 3)
    yield "head", encode_head(Head((plan,) * 4, SETTINGS, 1, ENTRIES, page, page, Place(300, 4096)))
    yield "small", encode_head(Head((b"", b"", b"", b""), SETTINGS, 0, ENTRIES, page, page))
    yield "empty", encode_head(Head((b"", b"", b"", b""), (), 0, (), Place(), Place()))
    for number, words in enumerate(WORDS):
        yield f"words-{number}", words


def main(seconds: int) -> int:
    """Build and run; the status of libFuzzer."""
    return TARGET.run(seconds, seeds())


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 60))
