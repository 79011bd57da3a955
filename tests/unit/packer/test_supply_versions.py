"""Orders of versions: each is its own tool's, tried on what its rules say and on dpkg itself."""

from __future__ import annotations

import itertools
import subprocess
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import lacking
from tests.peers import find_peer
from whit.packer.supply.versions import apk, dpkg, order_of, semver

if TYPE_CHECKING:
    from collections.abc import Callable

SEMVER = ["0.0.0-20210101000000-0123456789ab", "0.0.0-20220101000000-0123456789ab", "0.0.0", "0.1.0", "1.0.0-0.20200101000000-0123456789ab", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1", "1.0.0", "1.0.1-0.20200101000000-0123456789ab", "1.2.0", "v1.10.0", "2.0.0+incompatible", "1000000000000000000000000.0.0"]  # fmt: skip
GO = ["1.20beta1", "1.20rc1", "1.20rc2", "1.20", "1.20.1", "1.20.10", "1.21"]
DPKG = ["0~~", "0~~a", "0~", "0", "1.0~~1-1", "1.0~rc1-1", "1.0", "1.0-1~bpo1", "1.0-1", "1.0-1+b1", "1.0-1ubuntu1", "1.0-10", "1.0a", "1.0aa", "1.0+dfsg-1", "1.0.1", "1.2-1-1", "1.10", "2a", "2+", "1:0.1", "2:0"]  # fmt: skip
APK = ["0.1.0_alpha", "0.1.0_alpha1", "0.1.0_beta", "0.1.0_pre", "0.1.0_rc1", "0.1.0_rc2", "0.1.0", "0.1.0-r1", "0.1.0_git20200101", "0.1.0_p1", "0.1.0_p1-r1", "0.1.0a", "0.1.0b", "0.1.0.1", "1.01", "1.02", "1.05", "1.1", "1.2", "1.10", "2", "10"]  # fmt: skip
ORDERS = [(semver, SEMVER), (semver, GO), (dpkg, DPKG), (apk, APK)]


@pytest.mark.parametrize(("order", "versions"), ORDERS)
def test_later_versions_come_later(order: Callable[[str], object], versions: list[str]) -> None:
    keys = [order(version) for version in versions]

    for (one, earlier), (other, later) in itertools.combinations(zip(versions, keys, strict=True), 2):
        if order is dpkg:
            assert _dpkg_says(one, "lt", other) == (earlier < later), f"{one} and {other}"  # type: ignore[operator]
        else:
            assert earlier < later, f"{one} and {other}"  # type: ignore[operator]
            assert not later < earlier  # type: ignore[operator]


def _dpkg_says(one: str, word: str, other: str) -> bool:
    program = find_peer("dpkg")
    if program is None:
        lacking("there is no dpkg here")
    return subprocess.run([program, "--compare-versions", one, word, other], check=False).returncode == 0


def test_what_is_the_same_is_the_same() -> None:
    for order, one, other in (
        (semver, "v1.2.3+incompatible", "1.2.3"),
        (semver, "1.2", "1.2.0"),
        (dpkg, "0:1.0-0", "1.0"),
        (dpkg, "1.0a", "1.0a0"),
        (apk, "1.2-r0", "1.2-r00"),
    ):
        assert order(one) == order(other), f"{one} and {other}"


@pytest.mark.parametrize(
    ("order", "text"),
    [(semver, ""), (semver, "devel"), (semver, "1.2.3.4"), (semver, "1" * 400), (dpkg, ""), (dpkg, "a b"), (dpkg, "x:1"),
     (apk, "1.2_what"), (apk, "v1"), (apk, "1..2"), (apk, "")],
)  # fmt: skip
def test_what_is_no_version_has_no_place(order: Callable[[str], object], text: str) -> None:
    assert order(text) is None


def test_an_ecosystem_s_release_says_nothing_of_the_order() -> None:
    assert order_of("Debian:12") is dpkg
    assert order_of("Alpine:v3.19") is apk
    assert order_of("npm") is None


texts = st.text(alphabet="0123456789.~+-:_abrcvpgit", max_size=14)


@pytest.mark.parametrize("order", [semver, dpkg, apk])
@given(texts, texts, texts)
def test_any_texts_are_in_one_order_or_none(order: Callable[[str], object], one: str, two: str, three: str) -> None:
    keys = [key for key in map(order, (one, two, three)) if key is not None]

    for first, second in itertools.permutations(keys, 2):
        assert (first < second) + (second < first) + (first == second) == 1  # type: ignore[operator]
    for first, second, third in itertools.permutations(keys, 3):
        if first < second < third:  # type: ignore[operator]
            assert first < third  # type: ignore[operator]
