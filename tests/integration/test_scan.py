"""``whit scan``: a real Go program, and what a database on disk says of the modules in it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.programs.build import build

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import RunWhit

pytestmark = pytest.mark.peer("go")
VECTOR = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H"


def test_the_exit_status_the_table_and_the_document_tell_what_is_found(run_whit: RunWhit, tmp_path: Path) -> None:
    assert run_whit("pack", build("depends", "go"), "-t", "me/app:1").returncode == 0
    database = tmp_path / "db"
    database.mkdir()
    document = {
        "id": "GO-0000-0001",
        "aliases": ["CVE-0000-1"],
        "severity": [{"type": "CVSS_V3", "score": VECTOR}],
        "affected": [
            {
                "package": {"ecosystem": "Go", "name": "example.org/greeting"},
                "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": "1.3.0"}]}],
            }
        ],
    }
    (database / "GO-0000-0001.json").write_text(json.dumps(document))

    found = run_whit("scan", "me/app:1", "--db", database)
    as_json = run_whit("scan", "me/app:1", "--db", database, "--json")
    only_critical = run_whit("scan", "me/app:1", "--db", database, "--fail-on", "critical")
    document["id"], document["withdrawn"] = "GO-0000-0001", "2024-01-01T00:00:00Z"
    (database / "GO-0000-0001.json").write_text(json.dumps(document))
    nothing = run_whit("scan", "me/app:1", "--db", database)

    assert (found.returncode, found.stderr) == (1, "")
    row = found.stdout.splitlines()[1].split()
    assert row == ["example.org/greeting", "v1.2.3", "1.3.0", "GO-0000-0001", "high", "7.5", "/depends"]
    (finding,) = json.loads(as_json.stdout)["findings"]
    assert finding["purl"] == "pkg:golang/example.org/greeting@v1.2.3"
    assert (as_json.returncode, only_critical.returncode, nothing.returncode) == (1, 0, 0)
    assert nothing.stdout == "0 found among 2 components with a version\n"
    assert run_whit("scan", "me/app:1", "--db", tmp_path / "absent").stderr.startswith("whit: there is no database")
