"""Layers laid over each other, and paths followed as inside the container."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from whit.packer.image.oci import ImageConfig
from whit.packer.image.overlaying import overlay
from whit.packer.image.platform import Platform
from whit.packer.image.spec import RunConfig
from whit.packer.lint.image import Image, ImageFile
from whit.packer.tar.member import Kind


def file(path: str, layer: str, kind: Kind = Kind.FILE, **more: Any) -> ImageFile:
    return ImageFile(path, kind, 0o644, layer, **more)


def laid(*layers: list[ImageFile]) -> tuple[list[str], list[tuple[str, str, bool]]]:
    files, hidden = overlay(layers)
    return sorted(files), sorted((gone.file.path, gone.by_layer, gone.replaced) for gone in hidden)


def test_a_later_layer_replaces() -> None:
    assert laid([file("/a", "1")], [file("/a", "2")]) == (["/a"], [("/a", "2", True)])


def test_a_whiteout_deletes_what_is_below_it() -> None:
    lower = [file("/d", "1", Kind.DIRECTORY), file("/d/a", "1"), file("/d/e/b", "1"), file("/da", "1")]
    assert laid(lower, [file("/.wh.d", "2")]) == (["/da"], [("/d/a", "2", False), ("/d/e/b", "2", False)])


def test_an_opaque_folder_hides_lower_layers_and_not_its_own() -> None:
    lower = [file("/d", "1", Kind.DIRECTORY), file("/d/a", "1")]
    upper = [file("/d/new", "2"), file("/d/.wh..wh..opq", "2"), file("/d/b", "2")]
    assert laid(lower, upper) == (["/d", "/d/b", "/d/new"], [("/d/a", "2", False)])


def test_a_file_in_the_place_of_a_folder_hides_all_in_it() -> None:
    lower = [file("/d", "1", Kind.DIRECTORY), file("/d/a", "1")]
    assert laid(lower, [file("/d", "2")]) == (["/d"], [("/d/a", "2", False)])


def test_a_folder_again_hides_nothing() -> None:
    lower = [file("/d", "1", Kind.DIRECTORY), file("/d/a", "1")]
    assert laid(lower, [file("/d", "2", Kind.DIRECTORY)]) == (["/d", "/d/a"], [])


def test_many_whiteouts_of_many_files_take_no_time() -> None:
    lower = [file(f"/d/{number}", "1") for number in range(20_000)]
    upper = [file("/d/.wh..wh..opq", "2")] * 20_000 + [file(f"/d/.wh.{number}", "2") for number in range(20_000)]
    assert laid(lower, upper)[0] == []


NAMES = st.sampled_from(["/a", "/a/b", "/a/b/c", "/.wh.a", "/a/.wh.b", "/a/.wh..wh..opq", "/.wh..wh..opq", "/.wh."])
KINDS = st.sampled_from([Kind.FILE, Kind.DIRECTORY, Kind.SYMLINK])


@given(st.lists(st.lists(st.tuples(NAMES, KINDS), max_size=6), max_size=4))
def test_any_layers_can_be_laid_over_each_other(layers: list[list[tuple[str, Kind]]]) -> None:
    made = [[file(path, str(number), kind) for path, kind in members] for number, members in enumerate(layers)]
    files, hidden = overlay(made)
    assert all(path == found.path for path, found in files.items())
    assert all(gone.file.kind is Kind.FILE for gone in hidden)


def image(*files: ImageFile, **run: Any) -> Image:
    config = ImageConfig(Platform("linux", "amd64"), RunConfig(**run))
    return Image("x", config, {found.path: found for found in files})


def test_paths_are_followed_as_inside_the_container() -> None:
    found = image(
        file("/usr/bin/tool", "1"),
        file("/bin", "1", Kind.SYMLINK, target="usr/bin"),
        file("/opt/tool", "1", Kind.SYMLINK, target="../../../bin/tool"),
        file("/loop", "1", Kind.SYMLINK, target="/loop"),
    )
    for path in ("/bin/tool", "/opt/tool", "//usr//bin/./tool", "/usr/bin/../bin/tool"):
        target = found.lookup(path)
        assert target is not None
        assert target.path == "/usr/bin/tool"
    assert found.lookup("/loop") is None
    assert found.lookup("/bin/other") is None


def test_a_program_without_a_slash_is_looked_for_along_path() -> None:
    found = image(file("/opt/x/tool", "1"), file("/usr/bin/other", "1"), env=("PATH=/none:/opt/x",))
    assert found.program("tool") is not None
    assert found.program("other") is None
    assert image(file("/usr/bin/other", "1")).program("other") is not None
    assert image(file("/srv/run", "1"), working_dir="/srv").program("./run") is not None
