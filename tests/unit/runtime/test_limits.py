"""Limits as people write them: what is taken, and what gets one line that says what to write instead."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whit.packer.support.errors import UsageError
from whit.runtime.limits import Rlimit, parse_cpus, parse_memory, parse_pids, parse_size, parse_ulimit
from whit.runtime.rlimits import RLIM_INFINITY, RLIMITS


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("4096", 4096),
        ("1b", 1),
        ("512k", 512 << 10),
        ("64m", 64 << 20),
        ("64M", 64 << 20),
        ("64mb", 64 << 20),
        ("64MiB", 64 << 20),
        ("1.5g", 3 << 29),
        ("2t", 2 << 40),
        ("0.5k", 512),
        ("9007199254740993", (1 << 53) + 1),
    ],
)
def test_a_size_is_a_number_and_a_unit_in_powers_of_1024(text: str, size: int) -> None:
    assert parse_size(text) == size


NOT_SIZES = [
    "",
    "64x",
    "-1",
    "+1",
    "1e9",
    "0x10",
    " 64m",
    "64m ",
    "64 m",
    "1.",
    ".5g",
    "1.5.5g",
    "m",
    "٦٤m",
    "64\u212a",
]


@pytest.mark.parametrize(
    "text", [*NOT_SIZES, "64m\n", "inf", "nan", "64bb", "64ib", "1_000", "9" * 400, "9" * 5000 + "g"]
)
def test_anything_else_is_no_size_and_the_hint_shows_how_to_write_one(text: str) -> None:
    with pytest.raises(UsageError, match="is no size") as caught:
        parse_size(text)
    assert caught.value.hint is not None
    assert "64m" in caught.value.hint


@given(st.text(max_size=20) | st.from_regex(r"[0-9]{1,400}(\.[0-9]{1,400})?[kmgtb]?", fullmatch=True))
def test_no_text_makes_a_parser_fail_in_another_way(text: str) -> None:
    for parse in (parse_size, parse_memory, parse_cpus, parse_pids, parse_ulimit):
        try:
            parse(text)
        except UsageError:
            continue


@pytest.mark.parametrize("text", ["0", "4096", "255k"])
def test_memory_that_no_program_starts_in_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="too small"):
        parse_memory(text)


def test_the_least_memory_is_accepted() -> None:
    assert parse_memory("256k") == 256 << 10


@pytest.mark.parametrize("text", ["8388608t", "9" * 20])
def test_memory_beyond_what_the_kernel_counts_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="more than the kernel can count"):
        parse_memory(text)


@pytest.mark.parametrize(("text", "quota"), [("1", 100_000), ("0.5", 50_000), ("2", 200_000), ("0.01", 1000)])
def test_cpus_are_time_per_period_of_100_ms(text: str, quota: int) -> None:
    assert parse_cpus(text) == quota


@pytest.mark.parametrize("text", ["", "-1", "1e3", "½", "٢", "0,5", "two", " 1", "1\n", ".", "9" * 400, "9" * 5000])
def test_other_words_are_no_number_of_cpus(text: str) -> None:
    with pytest.raises(UsageError, match="is no number of CPUs"):
        parse_cpus(text)


@pytest.mark.parametrize("text", ["0", "0.0", "0.001"])
def test_too_little_of_a_cpu_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="too few"):
        parse_cpus(text)


@pytest.mark.parametrize("text", ["99999999999", "9" * 20])
def test_more_cpus_than_the_kernel_counts_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="more than the kernel can count"):
        parse_cpus(text)


def test_a_number_of_processes_or_max() -> None:
    assert (parse_pids("1"), parse_pids("64"), parse_pids("max")) == (1, 64, None)


@pytest.mark.parametrize("text", ["0", "-1", "64x", "", "1.5", "٣", "MAX", "99999999", "4194305", "9" * 5000])
def test_other_words_are_no_limit_of_processes(text: str) -> None:
    with pytest.raises(UsageError, match="is no limit of processes"):
        parse_pids(text)


def test_the_kernel_s_own_greatest_number_of_processes_is_accepted() -> None:
    assert parse_pids("4194304") == 4194304


def test_a_resource_limit_has_a_soft_and_a_hard_value() -> None:
    assert parse_ulimit("nofile=1024:4096") == Rlimit(7, 1024, 4096)
    assert parse_ulimit("nofile=1024") == Rlimit(7, 1024, 1024)
    assert parse_ulimit("core=0:unlimited") == Rlimit(4, 0, RLIM_INFINITY)
    assert parse_ulimit("memlock=-1") == Rlimit(8, RLIM_INFINITY, RLIM_INFINITY)


def test_names_of_resource_limits_are_the_kernel_s() -> None:
    import resource  # noqa: PLC0415 - Python's numbers are the C library's: an independent witness

    for name in ("cpu", "fsize", "data", "stack", "core", "rss", "nproc", "nofile", "memlock", "as"):
        assert RLIMITS.index(name) == getattr(resource, f"RLIMIT_{name.upper()}")


@pytest.mark.parametrize(
    "text",
    ["", "nofile", "nofile=", "files=3", "nofile=x", "nofile=1:2:3", "nofile=1:", "nofile=2:1", "nofile=-2", "=1"],
)
def test_other_words_are_no_resource_limit(text: str) -> None:
    with pytest.raises(UsageError):
        parse_ulimit(text)
