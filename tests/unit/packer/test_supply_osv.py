"""A database of vulnerabilities, what of an image is in it, and how bad that is."""

from __future__ import annotations

import json
import zipfile
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.packer.supplied import add_image, debian_files
from whit.packer.store.store import Store
from whit.packer.supply.cvss import Severity, base_score, severity_of
from whit.packer.supply.database import records
from whit.packer.supply.osv import Affected, Event, findings, is_affected, parse_vulnerability
from whit.packer.supply.reading import inventory_of
from whit.packer.support.errors import InvalidFileError, NotFoundError, WhitError

if TYPE_CHECKING:
    from pathlib import Path

    from whit.packer.supply.components import Inventory


def record(name: str, ecosystem: str, package: str, *events: dict[str, str], **more: Any) -> dict[str, Any]:
    ranges = [{"type": more.pop("type", "SEMVER"), "events": list(events)}] if events else []
    affected = {
        "package": {"ecosystem": ecosystem, "name": package},
        "ranges": ranges,
        "versions": more.pop("versions", []),
    }
    return {"id": name, "affected": [affected], **more}


HIGH = [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H"}]
DATABASE = [
    record("GO-1", "Go", "golang.org/x/text", {"introduced": "0"}, {"fixed": "0.3.8"}, aliases=["CVE-1"], summary="a\nb"),
    record("GHSA-1", "Go", "golang.org/x/text", {"introduced": "0"}, {"fixed": "0.3.8"}, aliases=["CVE-1"], severity=HIGH),
    record("GO-2", "Go", "stdlib", {"introduced": "1.21.0"}, {"fixed": "1.21.9"}, {"introduced": "1.22.0-0"}, {"fixed": "1.22.4"}),
    record("GO-3", "Go", "stdlib", {"introduced": "1.22.0"}, {"fixed": "1.22.3"}),
    record("GO-4", "Go", "github.com/docker/docker", {"introduced": "0"}, {"last_affected": "24.0.1"},
           database_specific={"severity": "MODERATE"}),
    record("GO-5", "Go", "example.org/own", {"introduced": "0"}),
    record("GO-6", "npm", "golang.org/x/text", {"introduced": "0"}),
    record("GO-7", "Go", "golang.org/x/text", {"introduced": "0"}, withdrawn="2024-01-01T00:00:00Z"),
    record("RUSTSEC-1", "crates.io", "time", versions=["0.1.43"]),
    record("DSA-1", "Debian:12", "openssl", {"introduced": "0"}, {"fixed": "3.0.11-1~deb12u1"}, type="ECOSYSTEM"),
    record("DSA-2", "Debian:11", "openssl", {"introduced": "0"}, type="ECOSYSTEM"),
    record("DSA-3", "Debian:12", "libssl3", {"introduced": "0"}, type="ECOSYSTEM"),
    record("DSA-4", "Debian:12", "openssl", {"introduced": "0"}, {"fixed": "3.0.13-1"}, type="ECOSYSTEM"),
]  # fmt: skip


@pytest.fixture(scope="module")
def inventory(tmp_path_factory: pytest.TempPathFactory) -> Inventory:
    store = Store.open(tmp_path_factory.mktemp("root"))
    return inventory_of(store.layout, add_image(store, "me/app:1", debian_files()))


def write(folder: Path, documents: list[dict[str, Any]]) -> Path:
    folder.mkdir(parents=True)
    for document in documents:
        (folder / f"{document['id']}.json").write_text(json.dumps(document))
    return folder


def test_what_is_affected_is_found_once_with_what_mends_it_the_worst_first(
    inventory: Inventory, tmp_path: Path
) -> None:
    names = {component.source[0] for component in inventory.components}
    found = findings(inventory.components, records(write(tmp_path / "db", DATABASE), names))

    told = [(one.component.name, one.vulnerability.id, one.fixed, one.vulnerability.severity) for one in found]
    # 3.0.11-1, the source's version, is after 3.0.11-1~deb12u1.
    assert told == [
        ("golang.org/x/text", "GHSA-1", "0.3.8", Severity.HIGH),
        ("github.com/docker/docker", "GO-4", None, Severity.MEDIUM),
        ("libssl3", "DSA-4", "3.0.13-1", Severity.UNKNOWN),
        ("stdlib", "GO-2", "1.22.4", Severity.UNKNOWN),
        ("time", "RUSTSEC-1", None, Severity.UNKNOWN),
    ]
    assert found[0].component.part_of == "/usr/bin/cmd"
    assert (found[0].vulnerability.score, found[0].vulnerability.aliases) == (7.5, ("CVE-1",))


def test_a_zip_a_folder_and_a_folder_of_zips_say_the_same(tmp_path: Path) -> None:
    folder = write(tmp_path / "db" / "Go", DATABASE)
    archive = tmp_path / "zips" / "all.zip"
    archive.parent.mkdir()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as written:
        for file in sorted(folder.iterdir()):
            written.write(file, f"Go/{file.name}")

    by_folder, by_zip, by_zips = (
        {item.id for item in records(path, {"golang.org/x/text", "openssl"})}
        for path in (folder.parent, archive, archive.parent)
    )

    assert by_folder == by_zip == by_zips == {"GO-1", "GHSA-1", "GO-6", "DSA-1", "DSA-2", "DSA-4"}


def test_a_database_that_cannot_be_read_whole_is_an_error(tmp_path: Path) -> None:
    empty = write(tmp_path / "empty", [])
    with pytest.raises(InvalidFileError, match="holds no JSON files"):
        list(records(empty, ()))
    with pytest.raises(NotFoundError, match="there is no database"):
        list(records(tmp_path / "absent", ()))
    (empty / "x.json").write_text("{")
    with pytest.raises(InvalidFileError, match=r"x\.json is not valid JSON"):
        list(records(empty, ()))
    (tmp_path / "x.zip").write_bytes(b"PK\3\4" + bytes(40))
    with pytest.raises(InvalidFileError, match="is no zip that can be read"):
        list(records(tmp_path / "x.zip", ()))


def test_limits_and_unordered_events_are_as_the_format_has_them() -> None:
    def affected(*events: tuple[str, str]) -> Affected:
        return Affected("Go", "x", frozenset(), (tuple(Event(*event) for event in events),))

    limited = affected(("introduced", "1.0.0"), ("limit", "2.0.0"))
    unordered = affected(("fixed", "1.5.0"), ("introduced", "2.0.0"), ("introduced", "1.0.0"), ("fixed", "2.1.0"))

    assert [is_affected(version, limited) for version in ("0.9.0", "1.0.0", "2.0.0")] == [False, True, False]
    expected = {"0.1.0": False, "1.2.0": True, "1.5.0": False, "2.0.5": True, "2.1.0": False, "text": False}
    assert {version: is_affected(version, unordered) for version in expected} == expected
    assert is_affected("v1.0.0", Affected("Go", "x", frozenset({"1.0.0"}), ()))


@pytest.mark.parametrize(
    ("vector", "score"),
    [  # of the examples to CVSS 3.1 (FIRST)
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N", 6.1),
        ("CVSS:3.0/AV:N/AC:L/PR:L/UI:N/S:C/C:L/I:L/A:N", 6.4),
        ("CVSS:3.1/AV:N/AC:H/PR:N/UI:R/S:U/C:L/I:N/A:N", 3.1),
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", 9.8),
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H", 10.0),
        ("CVSS:3.1/AV:L/AC:L/PR:L/UI:N/S:U/C:N/I:N/A:N", 0.0),
        ("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", None),
        ("CVSS:3.1/AV:N", None),
        ("", None),
    ],
)
def test_scores_are_those_of_the_specification(vector: str, score: float | None) -> None:
    assert base_score(vector) == score


def test_scores_have_words() -> None:
    words = {0.0: Severity.UNKNOWN, 0.1: Severity.LOW, 4.0: Severity.MEDIUM, 7.0: Severity.HIGH, 9.0: Severity.CRITICAL}
    assert {score: severity_of(score) for score in words} == words


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=5),
    lambda inside: st.lists(inside, max_size=3)
    | st.dictionaries(st.sampled_from(["affected", "package", "ranges", "events", "severity", "introduced", "name"]), inside),
    max_leaves=12,
)  # fmt: skip


@given(st.dictionaries(st.sampled_from(["id", "affected", "aliases", "severity", "database_specific"]), json_values))
def test_any_document_is_a_record_or_refused(document: dict[str, Any]) -> None:
    try:
        found = parse_vulnerability(json.dumps({"id": "X"} | document).encode(), "x")
    except WhitError:
        return
    assert found is not None
    assert findings((), [found]) == ()
