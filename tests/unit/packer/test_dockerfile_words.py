"""Words, their patterns, and .dockerignore: bounds, and properties that hold for all. BuildKit's answers are in test_dockerfile_buildkit.py."""

from __future__ import annotations

import re
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.dockerfile.answers import walked
from whit.packer.buildfile.dockerfile import globs
from whit.packer.buildfile.dockerfile.ignorefile import Matched, ignore_files, parse_ignore_file
from whit.packer.buildfile.dockerfile.ignorepattern import IgnorePattern
from whit.packer.buildfile.dockerfile.problems import DockerfileError, Fault
from whit.packer.buildfile.dockerfile.words import DEEPEST, MOST_GROWTH, expand

PATTERNS = st.text(alphabet="ab*?/.", max_size=8)
PATHS = st.text(alphabet="ab/.", max_size=12)


@given(st.text(max_size=60), st.dictionaries(st.sampled_from("abc"), st.text(max_size=8)))
def test_any_text_is_expanded_or_refused(word: str, variables: dict[str, str]) -> None:
    with suppress(Fault):
        found = expand(word, variables)
        assert found.used <= variables.keys()
        assert found.missing.isdisjoint(variables)


@given(st.text(alphabet=st.characters(exclude_characters="$'\"\\<\ufeff")))
def test_what_has_no_special_character_stays_as_it_is(word: str) -> None:
    assert expand(word, {}).text == word


def test_nesting_and_growth_are_bounded() -> None:
    with pytest.raises(Fault, match="deeper than"):
        expand("${a:-" * (DEEPEST + 1) + "}" * (DEEPEST + 1), {})
    with pytest.raises(Fault, match="more than"):
        expand("$a" * 20, {"a": "x" * (MOST_GROWTH // 10)})
    with pytest.raises(Fault, match="more than"):
        expand("${a//x/" + "y" * 2000 + "}", {"a": "x" * 1000})


@given(PATTERNS, st.text(alphabet="ab/.\n", max_size=12), st.booleans())
def test_a_prefix_is_the_shortest_or_the_longest_that_matches(pattern: str, text: str, longest: bool) -> None:
    form = "".join({"*": "[^\n]*", "?": "[^\n]"}.get(char, re.escape(char)) for char in pattern)
    ends = [end for end in range(len(text) + 1) if re.fullmatch(form, text[:end])]
    expected = text[(max if longest else min)(ends) :] if ends else text
    assert globs.without_prefix(text, pattern, longest=longest) == expected
    assert globs.without_suffix(text[::-1], pattern[::-1], longest=longest) == expected[::-1]


@given(PATTERNS.filter(bool), st.text(alphabet="ab/.", max_size=12))
def test_all_matches_are_replaced_as_by_a_regular_expression(pattern: str, text: str) -> None:
    form = "".join({"*": ".*", "?": "."}.get(char, re.escape(char)) for char in pattern)
    first = re.sub(form, "-", text, count=1)
    assert globs.replaced(text, pattern, "-", 100) == first
    if "*" not in pattern:
        assert globs.all_replaced(text, pattern, "-", 100) == re.sub(form, "-", text)


def test_no_pattern_tries_all_ways() -> None:
    """That would take longer than anybody lives."""
    expand("${a##" + "*a" * 300 + "b}${a//" + "a*" * 300 + "b/x}", {"a": "a" * 20_000})
    rules = parse_ignore_file(b"*a" * 200 + b"b\n" + b"**/a/" * 100 + b"b\n")
    assert not rules.ignores("a" * 200 + "/" + "a/" * 20 + "c")


@given(PATTERNS, PATHS)
def test_many_stars_match_as_few_do(pattern: str, path: str) -> None:
    """Patterns of .dockerignore with many stars are matched another way than those with few."""
    padded = f"**/{pattern}"
    alone, among = IgnorePattern(padded), IgnorePattern(f"**/**/**/**/**/{pattern}")
    if pattern.strip("*/"):
        assert among.matches(path) == (alone.matches(path) or IgnorePattern(f"x/**/{pattern}").matches(f"x/{path}"))


@given(st.lists(st.sampled_from(["a", "b", "!a", "*", "!*b", "a/*", "!a/b", "**/b"]), max_size=5), PATHS)
def test_an_ignored_folder_that_may_be_skipped_holds_nothing_that_is_kept(lines: list[str], path: str) -> None:
    rules = parse_ignore_file("\n".join(lines).encode())
    parts = [part for part in path.split("/") if part]
    for count in range(1, len(parts)):
        folder = "/".join(parts[:count])
        if walked(rules, folder) and not rules.may_keep_below(folder):
            assert walked(rules, "/".join(parts))


def test_a_pattern_that_is_none_is_told_with_its_line() -> None:
    for text, message in (
        (b"a\n[b", ".dockerignore:2: a bracket in '[b' has no end"),
        (b"!", ".dockerignore:1: an exception"),
    ):
        with pytest.raises(DockerfileError) as caught:
            parse_ignore_file(text)
        assert message in caught.value.message


def test_rules_beside_a_dockerfile_come_before_the_context_s() -> None:
    assert ignore_files("docker/web.Dockerfile") == ("docker/web.Dockerfile.dockerignore", ".dockerignore")


def test_a_walk_looks_at_each_path_once_with_what_the_folder_above_matched() -> None:
    rules = parse_ignore_file(b"node_modules\n!node_modules/keep\n")
    ignored, inside = rules.step("node_modules", Matched())
    assert ignored
    assert rules.may_keep_below("node_modules")
    assert rules.step("node_modules/other", inside)[0]
    assert not rules.step("node_modules/keep", inside)[0]


@given(st.binary(max_size=80))
def test_any_bytes_are_rules_or_one_line_of_error(data: bytes) -> None:
    with suppress(DockerfileError):
        parse_ignore_file(data).ignores("a/b")
