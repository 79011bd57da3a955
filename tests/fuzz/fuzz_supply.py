"""Package databases, OSV records, signatures and keys, damaged, for as long as it is let: ``python tests/fuzz/fuzz_supply.py [SECONDS] [SEED]``.

Whatever the bytes are: an answer or one of whit's own errors; nothing takes half a second.
"""

# ruff: noqa: T201 - a script: the path is set first

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.fuzz.rounds import rounds
from tests.unit.packer.supplied import INSTALLED, STATUS
from whit.packer.supply import distro
from whit.packer.supply.components import Component, Sort
from whit.packer.supply.keys import public_key
from whit.packer.supply.osv import findings, parse_vulnerability
from whit.packer.supply.purl import purl
from whit.packer.supply.signing import Payload, parse_payload
from whit.packer.supply.versions import apk, dpkg, semver

if TYPE_CHECKING:
    from collections.abc import Callable

COMPONENT = Component(Sort.LIBRARY, "a", "1.2.3", "pkg:golang/a@1.2.3", ecosystem="Go", source=("a", "1.2.3"))
RECORD = {
    "id": "X-1",
    "aliases": ["Y-1"],
    "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N"}],
    "affected": [
        {
            "package": {"ecosystem": "Go", "name": "a"},
            "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": "1.3.0"}, {"limit": "2.0.0"}]}],
            "versions": ["1.0.0"],
        }
    ],
}
KEY = b"-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE2n/4yiX/rEJ0uoWts4wEHCVDNmiA\nOptkvEermTsyHgbOjJ7Feh08ACNN1pCgWV9/0whNuBT7bW0YL+EYF+TKkw==\n-----END PUBLIC KEY-----\n"


def databases(data: bytes) -> None:
    """dpkg's, apk's, and os-release; and what becomes of what they say."""
    files = dict.fromkeys((distro.DPKG_STATUS, *distro.APK_INSTALLED, *distro.OS_RELEASE), data)
    distro.release_of(files)
    for package in distro.installed(files):
        purl(package.kind, package.name, package.version)


def record(data: bytes) -> None:
    """A vulnerability."""
    found = parse_vulnerability(data, "x")
    if found:
        findings([COMPONENT], [found])


def versions(data: bytes) -> None:
    """Every order."""
    text = data.decode("utf-8", "replace")
    for order in (semver, dpkg, apk):
        order(text)


def signatures(data: bytes) -> None:
    """A payload."""
    parse_payload(data)


def keys(data: bytes) -> None:
    """A public key."""
    public_key(data, "x").verifies(b"", b"")


def main(seconds: float = 60, seed: int = 0) -> None:
    release = b'NAME="Debian"\nID=debian\nVERSION_ID="12"\n'
    known: list[tuple[Callable[[bytes], None], bytes]] = [
        (databases, STATUS), (databases, INSTALLED), (databases, release), (record, json.dumps(RECORD).encode()),
        (versions, b"1:1.2~rc1-1+b1"), (versions, b"1.2b_rc1~0a-r4"), (versions, b"v1.2.3-0.20200101000000-0123456789ab+x"),
        (signatures, Payload("sha256:1", "x", (("a", "b"),)).to_json()), (keys, KEY),
    ]  # fmt: skip
    print(f"{rounds(known, seconds, seed)} records, databases and signatures")


if __name__ == "__main__":
    given = sys.argv[1:]
    main(float(given[0]) if given else 60, int(given[1]) if given[1:] else 0)
