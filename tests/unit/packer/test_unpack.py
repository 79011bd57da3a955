from __future__ import annotations

import gzip
import io
import os
import stat
import tarfile
from pathlib import Path

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from whit.packer.image.decompress import gunzip, media_type_of, unzstd
from whit.packer.image.oci import LAYER_GZIP, LAYER_TAR, LAYER_ZSTD
from whit.packer.store.unpack import Limits, Unpacker
from whit.packer.support.errors import InvalidFileError, WhitError
from whit.packer.tar.read import TarReader


def member(
    name: str, kind: bytes = tarfile.REGTYPE, data: bytes = b"", **attributes: object
) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.type, info.size, info.mtime = kind, len(data), 1000
    info.mode = 0o755 if kind == tarfile.DIRTYPE else 0o644
    for key, value in attributes.items():
        setattr(info, key, value)
    return info, data


def link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tuple[tarfile.TarInfo, bytes]:
    return member(name, kind, linkname=target)


def archive(*members: tuple[tarfile.TarInfo, bytes], form: int = tarfile.PAX_FORMAT) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form) as tar:
        for info, data in members:
            tar.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def unpack(root: Path, *layers: bytes, limits: Limits | None = None) -> Path:
    inside = root / "inside"
    inside.mkdir()
    with Unpacker(inside, limits or Limits()) as unpacker:
        for layer in layers:
            unpacker.layer(TarReader(iter([layer[start : start + 700] for start in range(0, len(layer), 700)])))
        unpacker.finish()
    return inside


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_files_folders_and_links_are_as_the_archive_says(tmp_path: Path, form: int) -> None:
    name = "d/" + "n" * 90
    root = unpack(
        tmp_path,
        archive(
            member("./", tarfile.DIRTYPE),
            member("d", tarfile.DIRTYPE, mode=0o1777),
            member(name, data=b"text", mode=0o4755),
            link("s", "/nowhere"),
            link("h", name, tarfile.LNKTYPE),
            form=form,
        ),
    )
    assert (root / name).read_bytes() == b"text"
    assert stat.S_IMODE((root / name).stat().st_mode) == 0o4755
    assert (root / name).stat().st_mtime == 1000
    assert stat.S_IMODE((root / "d").stat().st_mode) == 0o1777
    assert (root / "d").stat().st_mtime == 1000
    assert (root / "s").readlink() == Path("/nowhere")
    assert (root / "h").samefile(root / name)


@pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_long_and_foreign_names_are_read(tmp_path: Path, form: int) -> None:
    name = "/".join(["ü" * 60] * 5)
    assert (unpack(tmp_path, archive(member(name, data=b"x"), form=form)) / name).read_bytes() == b"x"


ESCAPES = {
    "dots": [member("../out", data=b"x")],
    "dots inside": [member("a/../../out", data=b"x")],
    "absolute": [member("/out", data=b"x")],
    "through a link up": [link("l", ".."), member("l/out", data=b"x")],
    "through an absolute link": [link("l", "{outside}"), member("l/out", data=b"x")],
    "over a link": [link("out", "{outside}/out"), member("out", data=b"x")],
    "hard link out": [link("l", "../secret", tarfile.LNKTYPE)],
    "hard link through a link": [link("l", ".."), link("h", "l/secret", tarfile.LNKTYPE), member("h", data=b"x")],
    "hard link to a link": [link("l", "{outside}/secret"), link("h", "l", tarfile.LNKTYPE), member("h", data=b"x")],
    "whiteout": [link("l", ".."), member("l/.wh.secret")],
    "whiteout of dots": [member(".wh...")],
    "opaque": [link("l", ".."), member("l/.wh..wh..opq")],
    "folder over a link": [link("l", ".."), member("l", tarfile.DIRTYPE, mode=0o777), member("l/out", data=b"x")],
}


@pytest.mark.parametrize("members", ESCAPES.values(), ids=ESCAPES)
def test_nothing_outside_is_made_changed_or_removed(
    tmp_path: Path, members: list[tuple[tarfile.TarInfo, bytes]]
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    before = sorted(tmp_path.iterdir()), secret.stat().st_nlink
    for info, _ in members:
        info.linkname = info.linkname.replace("{outside}", str(tmp_path))
    try:
        unpack(tmp_path, archive(*members))
    except InvalidFileError as error:
        assert "\n" not in error.message  # noqa: PT017 - an error is allowed, not asked for
    assert (sorted([*before[0], tmp_path / "inside"]), before[1]) == (
        sorted(tmp_path.iterdir()),
        secret.stat().st_nlink,
    )
    assert secret.read_text() == "secret"


def test_links_on_the_way_are_followed_as_inside_the_container(tmp_path: Path) -> None:
    root = unpack(tmp_path, archive(link("lib", "/usr/lib"), member("lib/x", data=b"x")))
    assert (root / "usr/lib/x").read_bytes() == b"x"


def test_whiteouts_hide_what_lower_layers_brought_and_nothing_else(tmp_path: Path) -> None:
    lower = archive(member("a/x"), member("a/y"), member("b/x"), member("c"))
    upper = archive(
        member("a/.wh.x"), member("b/new"), member("b/.wh..wh..opq"), member(".wh.c"), member("c", data=b"new")
    )
    root = unpack(tmp_path, lower, upper)
    found = sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())
    assert found == ["a/y", "b/new", "c"]


def test_a_later_layer_replaces_a_folder_by_a_file(tmp_path: Path) -> None:
    lower = archive(member("a/x/y", data=b"1"))
    assert (unpack(tmp_path, lower, archive(member("a", data=b"2"))) / "a").read_bytes() == b"2"


def test_devices_are_passed_over(tmp_path: Path) -> None:
    root = unpack(tmp_path, archive(member("null", tarfile.CHRTYPE), member("fifo", tarfile.FIFOTYPE)))
    assert [path.name for path in root.iterdir()] == ["fifo"]


def test_a_fifo_has_its_attributes(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        root = unpack(tmp_path, archive(member("fifo", tarfile.FIFOTYPE, mode=0o666, mtime=5)))
    finally:
        os.umask(before)
    state = (root / "fifo").lstat()
    assert (stat.S_ISFIFO(state.st_mode), stat.S_IMODE(state.st_mode), state.st_mtime) == (True, 0o666, 5)


def test_limits_hold_over_all_layers(tmp_path: Path) -> None:
    layer = archive(member("a", data=b"x" * 100), member("b"))
    for number, limits in enumerate((Limits(entries=3), Limits(size=150))):
        (tmp_path / str(number)).mkdir()
        with pytest.raises(InvalidFileError, match="more files or bytes"):
            unpack(tmp_path / str(number), layer, layer, limits=limits)


def test_a_loop_of_links_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidFileError):
        unpack(tmp_path, archive(link("a", "b"), link("b", "a"), member("a/x")))


@pytest.mark.parametrize("size", [100, 511, 600, 1100])
def test_an_archive_that_ends_in_the_middle_is_refused(tmp_path: Path, size: int) -> None:
    data = archive(member("a", data=b"x" * 2000))
    with pytest.raises(InvalidFileError):
        unpack(tmp_path, data[:size])


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_no_damage_brings_it_down_or_leads_out(tmp_path: Path, data: st.DataObject) -> None:
    names = st.sampled_from(["a", "a/b", "../x", "/a", "l", "l/x", ".wh.a", "a/.wh..wh..opq", "ü" * 80])
    kinds = st.sampled_from([tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE])
    targets = st.sampled_from(["a", "..", "/", "../..", "l", "a/b"])
    members = data.draw(
        st.lists(
            st.builds(
                lambda n, k, t: member(n, k, linkname=t if k in (tarfile.SYMTYPE, tarfile.LNKTYPE) else ""),
                names,
                kinds,
                targets,
            ),
            max_size=6,
        )
    )
    tar = bytearray(archive(*members))
    for place, value in data.draw(st.lists(st.tuples(st.integers(0, len(tar) - 1), st.integers(0, 255)), max_size=3)):
        tar[place] = value
    work = tmp_path / str(len(list(tmp_path.iterdir())))
    work.mkdir()
    try:
        unpack(work, bytes(tar))
    except WhitError as error:
        assert "\n" not in error.message  # noqa: PT017 - an error is allowed, not asked for
    assert [path.name for path in work.iterdir()] == ["inside"]


def test_gzip_of_several_members_is_one_stream_and_damage_is_an_error() -> None:
    data = gzip.compress(b"one") + gzip.compress(b"two")
    assert b"".join(gunzip(iter([data[:5], data[5:]]), len(data))) == b"onetwo"
    for broken in (data[:-1], data + b"garbage", b"garbage", data[:30]):
        with pytest.raises(InvalidFileError):
            list(gunzip(iter([broken]), len(broken)))


def test_a_bomb_is_refused_long_before_it_is_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("whit.packer.image.decompress._FREE", 1 << 20)
    data = gzip.compress(bytes(64 << 20))
    with pytest.raises(InvalidFileError, match="bomb"):
        for _ in gunzip(iter([data]), len(data)):
            pass


@pytest.mark.parametrize("chunk", [1, 7, 1 << 20])
def test_zstd_of_several_frames_and_skipped_ones_is_one_stream(chunk: int) -> None:
    skipped = b"\x50\x2a\x4d\x18" + (3).to_bytes(4, "little") + b"xyz"
    data = zstandard.compress(b"one") + skipped + zstandard.compress(b"two" * 1000) + skipped

    pieces = iter([data[at : at + chunk] for at in range(0, len(data), chunk)])

    assert b"".join(unzstd(pieces, len(data))) == b"one" + b"two" * 1000
    assert (media_type_of(data), media_type_of(skipped)) == (LAYER_ZSTD, LAYER_ZSTD)
    assert (media_type_of(gzip.compress(b"")), media_type_of(b"name\0\0\0\0")) == (LAYER_GZIP, LAYER_TAR)


def test_damaged_zstd_and_a_bomb_of_it_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("whit.packer.image.decompress._FREE", 1 << 20)
    bomb = zstandard.compress(bytes(64 << 20))
    for data, message in ((bomb, "bomb"), (b"garbage!", "not valid zstd")):
        with pytest.raises(InvalidFileError, match=message):
            for _ in unzstd(iter([data]), len(data)):
                pass


def test_a_folder_that_is_another_by_now_is_not_taken_for_the_one_before(tmp_path: Path) -> None:
    root = unpack(
        tmp_path,
        archive(
            member("one", tarfile.DIRTYPE), member("two", tarfile.DIRTYPE), link("way", "one"), member("way/1", data=b"1"),
            link("way", "two"), member("way/2", data=b"2"), member("gone", tarfile.DIRTYPE), member("gone/3"),
        ),
        archive(member("gone/4"), member(".wh.gone"), member("gone/5"), member("gone", data=b"a file"), member("gone.d/6")),
    )  # fmt: skip
    assert sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()) == [
        "gone", "gone.d/6", "one/1", "two/2",
    ]  # fmt: skip
