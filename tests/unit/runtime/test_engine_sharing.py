"""What images have in common, and what removing some of them frees."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from whit.runtime.engine.sharing import Shared, freed, shared_blobs

SIZES = {f"sha256:{name}": size for name, size in zip("abcdef", (1, 20, 300, 4_000, 50_000, 0), strict=True)}
IMAGES = st.lists(st.sets(st.sampled_from(sorted(SIZES))), max_size=6)


def blobs_of(names: set[str]) -> dict[str, int]:
    return {name: SIZES[name] for name in names}


def test_what_saves_most_comes_first() -> None:
    images = [{"a": 10, "b": 100, "c": 1}, {"a": 10, "b": 100}, {"a": 10}]
    assert shared_blobs(images) == (Shared("b", 100, 2), Shared("a", 10, 3))
    assert [blob.saved for blob in shared_blobs(images)] == [100, 20]


@given(IMAGES)
def test_all_images_sizes_are_what_is_stored_and_what_is_saved(images: list[set[str]]) -> None:
    made = [blobs_of(names) for names in images]
    stored = sum(SIZES[name] for name in set().union(*images))
    assert sum(sum(blobs.values()) for blobs in made) == stored + sum(blob.saved for blob in shared_blobs(made))


@given(IMAGES, st.integers(0, 63))
def test_removing_what_is_not_in_use_frees_what_no_other_has(images: list[set[str]], used: int) -> None:
    marked = [(blobs_of(names), bool(used >> number & 1)) for number, names in enumerate(images)]
    every = set().union(*images)
    kept = set().union(*(blobs.keys() for blobs, is_used in marked if is_used))
    assert freed(marked) == sum(SIZES[name] for name in every - kept)
