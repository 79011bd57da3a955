"""The processes of a container are those of its cgroups, whatever comes and goes while one looks."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from whit.runtime.oci.listing import members


@pytest.fixture
def cgroup(tmp_path: Path) -> Path:
    """A cgroup with two below it, the last of which has gone."""
    for name, text in ((".", "0\n12\n7\n"), ("below", "9\n12\n")):
        (tmp_path / name).mkdir(exist_ok=True)
        (tmp_path / name / "cgroup.procs").write_text(text)
    (tmp_path / "gone").mkdir()
    return tmp_path


def test_those_of_all_cgroups_below_are_told_once_and_no_foreign_one(cgroup: Path) -> None:
    assert members(cgroup) == (7, 9, 12)
    assert members(cgroup / "never") == ()


@pytest.mark.parametrize(("error", "raised"), [(errno.ENODEV, False), (errno.EIO, True)])
def test_a_cgroup_that_goes_after_it_was_opened_has_none(
    cgroup: Path, monkeypatch: pytest.MonkeyPatch, error: int, raised: bool
) -> None:
    whole = Path.read_text

    def read_text(path: Path) -> str:
        if path.parent.name == "below":
            raise OSError(error, os.strerror(error))
        return whole(path)

    monkeypatch.setattr(Path, "read_text", read_text)
    if raised:
        with pytest.raises(OSError, match="Input/output"):
            members(cgroup)
    else:
        assert members(cgroup) == (7, 12)
