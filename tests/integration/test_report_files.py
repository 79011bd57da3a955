"""``whit inspect --html`` of whatever one may give it, and to wherever: a whole page, or one line and a hint and nothing changed."""

from __future__ import annotations

import bz2
import gzip
import json
import shutil
from typing import TYPE_CHECKING

import pytest
import zstandard

from tests.programs.build import build
from tests.programs.make_wasm import COMPONENT, MODULE, section

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import RunWhit


@pytest.fixture
def program() -> Path:
    return build("exit", "c-musl")


@pytest.fixture
def archive(run_whit: RunWhit, tmp_path: Path, program: Path) -> Path:
    made = tmp_path / "image.tar"
    assert run_whit("pack", program, "-o", made).returncode == 0
    return made


def test_modules_and_components_have_a_page(run_whit: RunWhit, tmp_path: Path) -> None:
    for name, data in (("a.wasm", MODULE), ("b.wasm", COMPONENT + section(1, MODULE))):
        (tmp_path / name).write_bytes(data)
        done = run_whit("inspect", "--html", "-", tmp_path / name)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith("<!doctype html>")
        assert done.stdout.endswith("</html>\n")


def test_a_dynamic_program_has_its_libraries_with_who_asks_for_them(run_whit: RunWhit) -> None:
    done = run_whit("inspect", "--html", "-", "/bin/ls")
    assert (done.returncode, done.stderr) == (0, "")
    assert "libc.so.6</th><td>" in done.stdout
    assert "ls and what it needs; the table below tells the same" in done.stdout


@pytest.mark.parametrize("pressed", [gzip.compress, bz2.compress, zstandard.ZstdCompressor().compress])
def test_a_compressed_archive_is_read_as_the_plain_one(
    run_whit: RunWhit, archive: Path, pressed: Callable[[bytes], bytes]
) -> None:
    plain = run_whit("inspect", "--html", "-", archive)
    smaller = archive.with_name("image.tar.any")
    smaller.write_bytes(pressed(archive.read_bytes()))
    done = run_whit("inspect", "--html", "-", smaller)
    assert done.returncode == 0, done.stderr
    assert done.stdout.replace("image.tar.any", "image.tar") == plain.stdout


def test_of_several_platforms_this_machines_is_shown(run_whit: RunWhit, tmp_path: Path, program: Path) -> None:
    both = tmp_path / "both"
    manifests = []
    for architecture, packed in (("amd64", program), ("arm64", build("exit", "c-musl", stripped=True))):
        one = tmp_path / architecture
        assert run_whit("pack", packed, "-o", f"{one}/").returncode == 0
        shutil.copytree(one, both, dirs_exist_ok=True)
        entry = json.loads((one / "index.json").read_text())["manifests"][0]
        entry.pop("annotations", None)
        manifests.append({**entry, "platform": {"os": "linux", "architecture": architecture}})
    (both / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": manifests}))
    shown = run_whit("inspect", "--html", "-", both)
    alone = run_whit("inspect", "--html", "-", tmp_path / "amd64")
    assert shown.returncode == 0, shown.stderr
    assert len(shown.stdout) == pytest.approx(len(alone.stdout), abs=300)


@pytest.mark.parametrize("cut", [600, -1500])
def test_an_archive_that_ends_early_is_told_by_its_name(run_whit: RunWhit, archive: Path, cut: int) -> None:
    archive.write_bytes(archive.read_bytes()[:cut])
    done = run_whit("inspect", "--html", archive.with_name("page.html"), archive)
    assert done.returncode == 1
    first, second = done.stderr.splitlines()
    assert first.startswith(f"whit: {archive}")
    assert second.startswith("hint: ")
    assert not archive.with_name("page.html").exists()


def test_what_is_read_is_not_written_over(run_whit: RunWhit, tmp_path: Path, program: Path) -> None:
    copy = tmp_path / "server"
    shutil.copy(program, copy)
    (tmp_path / "link").symlink_to(copy)
    for words in ([copy, copy], [tmp_path / "link", copy], [copy, "--diff", copy, program]):
        done = run_whit("inspect", "--html", *words)
        assert done.returncode == 2
        assert "is what is to be read" in done.stderr
        assert copy.read_bytes() == program.read_bytes()


def test_an_image_that_is_not_there_is_not_pulled_and_the_hint_says_what_pulls(run_whit: RunWhit) -> None:
    done = run_whit("inspect", "--html", "-", "registry.invalid/team/app:1")
    assert done.returncode == 1
    assert done.stdout == ""
    assert "whit pull registry.invalid/team/app:1" in done.stderr


def test_an_option_in_the_page_s_place_is_no_name_of_a_page(run_whit: RunWhit, tmp_path: Path, program: Path) -> None:
    done = run_whit("inspect", "--html", "--surface", program, cwd=tmp_path)
    assert done.returncode == 2
    first, second = done.stderr.splitlines()
    assert "'--surface'" in first
    assert second == "hint: a file of that name: ./--surface"
    assert not (tmp_path / "--surface").exists()


@pytest.mark.parametrize("place", ["/dev/full", "nowhere/page.html", "."])
def test_where_nothing_can_be_written_is_told_in_a_line_and_a_hint(
    run_whit: RunWhit, tmp_path: Path, program: Path, place: str
) -> None:
    folder = tmp_path / "pages"
    folder.mkdir()
    where = place if place.startswith("/") else str(folder / place)
    done = run_whit("inspect", "--html", where, program)
    assert done.returncode == 1
    first, second = done.stderr.splitlines()
    assert first.startswith(f"whit: can't write {where}: ")
    assert second.startswith("hint: ")
    assert list(folder.iterdir()) == []


def test_a_page_takes_an_older_ones_place(run_whit: RunWhit, tmp_path: Path, program: Path) -> None:
    page = tmp_path / "pages" / "page.html"
    page.parent.mkdir()
    page.write_text("old")
    assert run_whit("inspect", "--html", page, program).returncode == 0
    assert page.read_text().startswith("<!doctype html>")
    assert list(page.parent.iterdir()) == [page]
