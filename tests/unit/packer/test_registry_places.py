"""Trees of documents, platforms, and the words for where an image is."""

from __future__ import annotations

import contextlib
import io
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whit.packer.image.oci import CONFIG, INDEX, LAYER_GZIP, MANIFEST, REF_NAME, Descriptor, Index, Manifest, digest_of
from whit.packer.image.platform import Platform, machine_platform, parse_platform
from whit.packer.registry.locations import Kind, Location, parse_location
from whit.packer.registry.names import find_named
from whit.packer.registry.parallel import Stop, each
from whit.packer.registry.progress import Lines, bar
from whit.packer.registry.repository import Document
from whit.packer.registry.sending import Outcome, Placed
from whit.packer.registry.tree import choose, gather
from whit.packer.support.errors import InvalidFileError, NotFoundError, UsageError, WhitError


def _blob(number: int, size: int = 5, kind: str = LAYER_GZIP) -> Descriptor:
    return Descriptor(kind, f"sha256:{number:064x}", size)


def _document(thing: Manifest | Index) -> Document:
    data = thing.to_json()
    return Document(Descriptor(thing.media_type, digest_of(data), len(data)), data)


def test_a_tree_has_children_first_and_each_blob_once() -> None:
    manifests = [_document(Manifest(_blob(n, kind=CONFIG), (_blob(1), _blob(10)))) for n in (2, 3)]
    index = _document(Index(tuple(one.descriptor for one in manifests)))
    known = {one.descriptor.digest: one for one in manifests}
    tree = gather(index, lambda descriptor: known[descriptor.digest])
    assert tree.documents == (*manifests, index)
    assert tree.root == index
    assert [blob.hex[-2:] for blob in tree.blobs] == ["02", "01", "0a", "03"]


def test_a_tree_without_an_end_or_with_two_sizes_of_one_blob_is_refused() -> None:
    calls = [0]

    def deeper(_: Descriptor) -> Document:
        calls[0] += 1
        return _document(Index((_blob(calls[0], kind=INDEX),)))

    with pytest.raises(InvalidFileError, match="without an end"):
        gather(_document(Index((_blob(0, kind=INDEX),))), deeper)
    with pytest.raises(InvalidFileError, match="two sizes"):
        gather(_document(Manifest(_blob(1), (_blob(1, 6),))), deeper)


@pytest.mark.parametrize(
    ("text", "platform"),
    [
        ("linux/amd64", Platform("linux", "amd64")), ("arm64", Platform("linux", "arm64")), ("Linux/x86_64", Platform("linux", "amd64")),
        ("linux/arm/v7", Platform("linux", "arm", "v7")),
    ],
)  # fmt: skip
def test_a_platform_s_words(text: str, platform: Platform) -> None:
    assert parse_platform(text) == platform


@pytest.mark.parametrize("text", ["", "/", "a/b/c/d", "linux/", "línux/amd64", "linux"])
def test_what_is_no_platform(text: str) -> None:
    with pytest.raises(UsageError):
        parse_platform(text)


def _index(*platforms: Platform) -> bytes:
    return Index(
        tuple(Descriptor(MANIFEST, f"sha256:{n:064x}", 5, platform=platform) for n, platform in enumerate(platforms))
    ).to_json()


def test_the_nearest_variant_is_chosen() -> None:
    arm = tuple(Platform("linux", "arm", variant) for variant in ("v5", "v7", "v6"))
    data = _index(Platform("unknown", "unknown"), *arm, Platform("linux", "arm64", "v8"))
    wanted = [("linux/arm/v7", 2), ("linux/arm/v6", 3), ("linux/arm", 2), ("linux/arm/v8", 2), ("linux/arm64", 4)]
    for text, number in wanted:
        assert choose(data, parse_platform(text), "x").hex == f"{number:064x}"
    assert machine_platform("armv7l") == Platform("linux", "arm", "v7")
    with pytest.raises(NotFoundError) as error:
        choose(data, Platform("linux", "s390x"), "x")
    assert error.value.hint == "it is for linux/arm/v5, linux/arm/v7, linux/arm/v6, linux/arm64/v8"


@pytest.mark.parametrize(
    ("text", "location"),
    [
        ("me/image:1", Location(Kind.REGISTRY, name="me/image:1")),
        ("docker://r.io:5000/x", Location(Kind.REGISTRY, name="r.io:5000/x")),
        ("store:x@sha256:" + "0" * 64, Location(Kind.STORE, name="x@sha256:" + "0" * 64)),
        ("oci:folder", Location(Kind.LAYOUT, "folder")),
        ("oci:/a/b:x", Location(Kind.LAYOUT, "/a/b", "x")),
        ("oci:./a:r.io:5000/x:1", Location(Kind.LAYOUT, "./a", "r.io:5000/x:1")),
        ("docker-archive:a.tar:x:1", Location(Kind.DOCKER_ARCHIVE, "a.tar", "x:1")),
        ("oci-archive:a.tar", Location(Kind.OCI_ARCHIVE, "a.tar")),
    ],
)
def test_a_place_s_words(text: str, location: Location) -> None:
    assert parse_location(text) == location


@pytest.mark.parametrize("text", ["oci-archive:f.tar:\x1b[31m", "oci:f\nx", "docker-archive:a:b\x9bm"])
def test_control_characters_are_in_no_place(text: str) -> None:
    with pytest.raises(UsageError, match="control characters"):
        parse_location(text)


@given(st.text(max_size=60))
def test_any_words_are_a_place_or_refused(text: str) -> None:
    with contextlib.suppress(UsageError):
        assert parse_location(text).kind in set(Kind)


def test_a_name_in_a_layout_is_found_in_any_spelling() -> None:
    def named(number: int, name: str) -> Descriptor:
        return Descriptor(MANIFEST, f"sha256:{number:064x}", 1, ((REF_NAME, name),) if name else ())

    entries = (named(1, "docker.io/library/x:1"), named(2, "latest"), named(3, ""))
    assert find_named(entries, "x:1", "w") == entries[0]
    assert find_named(entries, "latest", "w") == entries[1]
    assert find_named(entries, entries[2].digest, "w") == entries[2]
    assert find_named(entries[:1], "", "w") == entries[0]
    for name in ("", "y"):
        with pytest.raises(NotFoundError):
            find_named(entries, name, "w")


def test_the_first_error_ends_what_is_done_at_once() -> None:
    done, stop = [], Stop()

    def work(number: int) -> None:
        if number == 2:
            message = "two"
            raise WhitError(message)
        for _ in range(100):
            stop.check()
            time.sleep(0.01)
        done.append(number)

    with pytest.raises(WhitError, match="two"):
        each(range(1000), work, stop)
    assert len(done) <= 8
    assert threading.active_count() < 10


def test_all_is_done_where_nothing_fails() -> None:
    done: list[int] = []
    each(range(100), done.append, Stop())
    assert sorted(done) == list(range(100))


def test_a_blob_is_a_line_in_a_pipe_and_a_bar_on_a_terminal() -> None:
    stream = io.StringIO()
    lines = Lines(stream, {Outcome.MOUNTED: "Mounted"})
    lines.done(_blob(1), Placed(Outcome.MOUNTED, "me/base"))
    assert stream.getvalue() == "000000000000: Mounted from me/base\n"
    assert bar(0, 10) == f"[>{' ' * 29}]  0B/10B"
    assert bar(5, 10) == f"[{'=' * 15}>{' ' * 14}]  5B/10B"
    assert bar(10, 10) == f"[{'=' * 30}]  10B/10B"
    assert bar(0, 0) == f"[{'=' * 30}]  0B/0B"
