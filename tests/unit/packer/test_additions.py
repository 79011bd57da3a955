"""Files and folders that a person adds to an image."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from whit.packer.image.spec import EntryKind, HostFile
from whit.packer.resolution.additions import gather
from whit.packer.resolution.choices import Addition
from whit.packer.support.errors import InvalidFileError, NotFoundError, UsageError, WhitError


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "conf"
    (root / "bin").mkdir(parents=True)
    (root / "a.yaml").write_text("a")
    (root / "bin" / "tool").write_text("t")
    (root / "bin" / "tool").chmod(0o4770)
    (root / "a.yaml").chmod(0o600)
    (root / "bin" / "link").symlink_to("../a.yaml")
    (root / ".hidden").write_text("h")
    return root


def modes(*additions: Addition) -> dict[str, tuple[str, int]]:
    return {entry.path: (str(entry.kind), entry.mode) for entry in gather(additions).entries}


def test_a_folder_is_added_with_all_in_it_and_modes_that_owe_nothing_to_this_machine(tree: Path) -> None:
    assert modes(Addition(str(tree), "/etc/app")) == {
        "/etc/app": ("directory", 0o755),
        "/etc/app/.hidden": ("file", 0o644),
        "/etc/app/a.yaml": ("file", 0o644),
        "/etc/app/bin": ("directory", 0o755),
        "/etc/app/bin/link": ("symlink", 0o777),
        "/etc/app/bin/tool": ("file", 0o755),
    }
    assert gather((Addition(str(tree), "/x"),)).folders == (str(tree), f"{tree}/bin")


def test_a_mode_that_is_given_is_every_file_s(tree: Path) -> None:
    found = modes(Addition(str(tree), "/x", 0o400))
    assert found["/x/a.yaml"] == found["/x/bin/tool"] == ("file", 0o400)
    assert found["/x/bin"] == ("directory", 0o755)


def test_a_link_that_is_named_gives_what_it_leads_to(tree: Path) -> None:
    [entry] = gather((Addition(str(tree / "bin" / "link"), "/a"),)).entries
    assert (entry.kind, entry.size) == (EntryKind.FILE, 1)
    assert isinstance(entry.content, HostFile)


def test_a_later_addition_replaces_an_earlier_one(tree: Path) -> None:
    found = modes(Addition(str(tree), "/x"), Addition(str(tree / "bin" / "tool"), "/x/a.yaml", 0o500))
    assert found["/x/a.yaml"] == ("file", 0o500)


def test_one_addition_below_another_that_is_no_folder_is_refused(tree: Path) -> None:
    with pytest.raises(UsageError, match="/x/bin/link/y"):
        gather((Addition(str(tree), "/x"), Addition(str(tree / "a.yaml"), "/x/bin/link/y")))


def test_what_is_no_file_folder_or_link_is_refused_by_name(tree: Path) -> None:
    os.mkfifo(tree / "bin" / "pipe")
    with socket.socket(socket.AF_UNIX) as there:
        there.bind(str(tree / "socket"))
        for source, error in (("none", NotFoundError), ("bin/pipe", InvalidFileError), ("socket", InvalidFileError)):
            with pytest.raises(error, match=source):
                gather((Addition(str(tree / source), "/x"),))
        with pytest.raises(InvalidFileError, match="pipe"):
            gather((Addition(str(tree), "/x"),))


def test_a_name_that_an_image_cannot_hold_is_refused(tree: Path) -> None:
    Path(os.fsdecode(os.fsencode(tree) + b"/\xff")).write_text("")
    with pytest.raises(WhitError, match=r"\\xff"):
        gather((Addition(str(tree), "/x"),))


def test_a_name_that_would_delete_another_file_of_the_image_is_refused(tree: Path) -> None:
    (tree / ".wh.passwd").write_text("")
    with pytest.raises(InvalidFileError, match="deletes a file"):
        gather((Addition(str(tree), "/etc"),))


def test_what_the_kernel_makes_up_has_no_size_to_pack_by() -> None:
    with pytest.raises(InvalidFileError, match="--add /proc/cpuinfo: the kernel makes") as refused:
        gather((Addition("/proc/cpuinfo", "/x"),))
    assert "copy" in (refused.value.hint or "")
