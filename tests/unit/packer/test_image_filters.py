"""``whit images --filter``: docker's keys, and what they are true of."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whit.packer.image.filtering import Listed, parse_filters
from whit.packer.image.oci import ImageConfig
from whit.packer.image.platform import Platform
from whit.packer.image.reference import parse_reference
from whit.packer.image.spec import RunConfig
from whit.packer.support.errors import UsageError


def image(name: str | None, place: int = 0, created: str | None = None, **labels: str) -> Listed:
    config = ImageConfig(Platform("linux", "amd64"), RunConfig(labels=tuple(labels.items())), created=created)
    return Listed(parse_reference(name) if name else None, config, place)


def taken(images: list[Listed], *texts: str) -> list[str]:
    """The names of those that pass; ``<none>`` for one without."""
    by_name = {one.reference.familiar: one for one in images if one.reference}
    filters = parse_filters(texts)
    found = [one for one in images if filters.takes(one, lambda text: by_name[parse_reference(text).familiar])]
    return [one.reference.familiar if one.reference else "<none>" for one in found]


@pytest.mark.parametrize(
    ("pattern", "passes"),
    [
        ("*", ["busybox:1"]),
        ("busy*:1", ["busybox:1"]),
        ("busybox", ["busybox:1"]),
        ("*/*", ["me/app:2"]),
        ("*/*/*", ["ghcr.io/me/app:3"]),
        ("ghcr.io/*/a?p:[23]", ["ghcr.io/me/app:3"]),
        ("ghcr.io/*/app:[^3]", []),
        ("me/app:latest", []),
    ],
)
def test_a_pattern_is_of_a_whole_name_with_its_tag_or_without(pattern: str, passes: list[str]) -> None:
    images = [image("busybox:1"), image("me/app:2"), image("ghcr.io/me/app:3"), image(None)]
    assert taken(images, f"reference={pattern}") == passes


def test_before_and_since_go_by_time_and_where_that_is_one_by_when_it_came() -> None:
    dates = ("2020-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z", None)
    images = [image(f"i:{place}", place, date) for place, date in enumerate(dates)]
    assert taken(images, "before=i:0") == ["i:1", "i:2", "i:3"]
    assert taken(images, "since=i:1") == ["i:0", "i:2", "i:3"]
    assert taken(images, "before=i:0", "since=i:1") == ["i:2", "i:3"]
    assert taken(images, "before=i:1") == []


def test_labels_must_all_be_there_and_of_names_one() -> None:
    images = [image("a", team="core", tier="1"), image("b", team="core"), image(None, team="edge")]
    assert taken(images, "label=team=core", "label=tier") == ["a:latest"]
    assert taken(images, "label=team=core", "reference=b", "reference=c") == ["b:latest"]
    assert taken(images, "dangling=true") == taken(images, "label=team=edge") == ["<none>"]
    assert taken(images, "dangling=0") == ["a:latest", "b:latest"]


@pytest.mark.parametrize("text", ["nothing", "size=1", "dangling=perhaps", "reference=[a", "reference=[z-a]", "=x"])
def test_what_is_no_filter_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse_filters([text])


@given(st.text("ab*?[]^\\-/.", max_size=12), st.text("ab/.", min_size=1, max_size=8))
def test_no_pattern_makes_it_fail(pattern: str, name: str) -> None:
    try:
        filters = parse_filters([f"reference={pattern}"])
        wanted = image(f"x/{name.strip('/.').replace('//', '/').replace('..', '.') or 'a'}")
    except UsageError:
        return
    assert filters.takes(wanted, lambda _: wanted) in {True, False}
