"""Finding many strings at once: the same places as one search for each."""

from __future__ import annotations

import mmap
from itertools import pairwise
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from whit.packer.support.search import find_first, merge, subtract

SPANS = st.lists(st.tuples(st.integers(-5, 60), st.integers(-5, 60)), max_size=8)


def covered(spans: tuple[tuple[int, int], ...]) -> set[int]:
    return {place for start, end in spans for place in range(start, end)}


@given(SPANS)
def test_merged_spans_cover_the_same_bytes_once_and_in_order(spans: list[tuple[int, int]]) -> None:
    merged = merge(spans, 50)

    assert covered(merged) == {place for place in covered(tuple(spans)) if 0 <= place < 50}
    assert all(before[1] < after[0] for before, after in pairwise(merged))


@given(SPANS, SPANS)
def test_what_is_left_lies_in_the_spans_and_in_no_hole(
    spans: list[tuple[int, int]], holes: list[tuple[int, int]]
) -> None:
    merged, merged_holes = merge(spans, 50), merge(holes, 50)

    assert covered(subtract(merged, merged_holes)) == covered(merged) - covered(merged_holes)


@given(st.binary(max_size=200), st.sets(st.binary(min_size=1, max_size=3), max_size=6), SPANS)
def test_each_needle_is_found_where_a_search_for_it_alone_finds_it(
    data: bytes, needles: set[bytes], raw: list[tuple[int, int]]
) -> None:
    spans = merge(raw, len(data))
    expected = {}
    for needle in needles:
        places = [place for start, end in spans if (place := data.find(needle, start, end)) >= 0]
        if places:
            expected[needle] = places[0]

    assert find_first(data, spans, needles) == expected


def test_needles_that_overlap_or_contain_each_other_are_all_found() -> None:
    data = b"../var/tmp/file.."

    found = find_first(data, ((0, len(data)),), [b"/tmp", b"/var/tmp", b"/tmp/file", b"/var", b"", b"/etc"])

    assert found == {b"/var": 2, b"/var/tmp": 2, b"/tmp": 6, b"/tmp/file": 6}


def test_needles_with_the_same_first_byte_are_each_found_at_their_first_place_across_windows() -> None:
    window = 256 << 10
    data = bytearray(3 * window)
    places = {
        b"/etc/hosts": window - 4,
        b"/etc/host": 2 * window + 50,
        b"/tmp": 5,
        b"/never": None,
        b"alone": 2 * window - 1,
    }
    for needle, place in sorted(places.items(), key=lambda item: len(item[0])):
        if place is not None:
            data[place : place + len(needle)] = needle
    places[b"/etc/host"] = window - 4

    found = find_first(bytes(data), ((0, len(data)),), places)

    assert found == {needle: place for needle, place in places.items() if place is not None}


def test_memory_does_not_grow_with_a_mapped_file(tmp_path: Path) -> None:
    # Given a mapped file of many MiB, with something at its end
    size = 64 << 20
    path = tmp_path / "large"
    path.write_bytes(b"tail".rjust(size, b"\0"))
    with path.open("rb") as file, mmap.mmap(file.fileno(), size, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ) as data:
        # When all of it is looked through
        found = find_first(data, [(5, size)], [b"tail", b"nowhere"])

        # Then that is found, and what was read before isn't held any more
        assert found == {b"tail": size - 4}
        assert _resident(path) <= 16 << 20


def _resident(path: Path) -> int:
    """Bytes of a mapped file that count as this process's memory."""
    mappings = Path("/proc/self/smaps").read_text().partition(str(path))[2]
    return int(mappings.partition("\nRss:")[2].split()[0]) * 1024
