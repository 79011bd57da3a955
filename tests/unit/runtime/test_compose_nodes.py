"""YAML as Compose files mean it: what plain values are, where everything stands, and what no file may do."""

from __future__ import annotations

import pytest

from whit.runtime.compose.limits import MAX_SIZE
from whit.runtime.compose.model.kinds import bare
from whit.runtime.compose.model.nodes import MAX_DEPTH, ComposeError, parse


def value(text: str) -> object:
    (document,) = parse(text, "f")
    return bare(document)


def told(text: str) -> str:
    with pytest.raises(ComposeError) as caught:
        parse(text, "f")
    return caught.value.message


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("yes", "yes"),
        ("on", "on"),
        ("true", True),
        ("FALSE", False),
        ("~", None),
        ("", None),
        ("'~'", "~"),
        ("0644", 0o644),
        ("0o644", 0o644),
        ("0x1F", 31),
        ("0b11", 3),
        ("1_000", 1000),
        ("0899", 899.0),
        ("-5", -5),
        ("1.50", 1.5),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("1.2.3", "1.2.3"),
        ("12:30", "12:30"),
        ("2001-01-01", "2001-01-01"),
        ("!!str 5", "5"),
        ("'5'", "5"),
        ("1e999", float("inf")),
    ],
)
def test_a_plain_value_means_what_yaml_1_2_says(text: str, meant: object) -> None:
    assert value(f"a: {text}") == {"a": meant}


def test_each_value_has_the_place_of_itself_and_of_its_key() -> None:
    (document,) = parse("a:\n  b: [1, two]\n", "f")
    inner = document.pairs()["a"].pairs()["b"]
    assert (str(inner.key_place), str(inner.place)) == ("f:2:3", "f:2:6")
    assert str(inner.items()[1].place) == "f:2:10"


def test_merges_take_what_the_mapping_hasnt_and_the_first_wins() -> None:
    text = "a: &a {x: 1, y: 1}\nb: &b {y: 2, z: 2}\nc: {<<: [*a, *b], x: own}\n"
    assert value(text)["c"] == {"x": "own", "y": 1, "z": 2}  # type: ignore[index]


def test_an_anchor_stands_for_what_it_is_at_each_use() -> None:
    assert value("a: &t text\nb: *t\nc: {*t : 1}\n") == {"a": "text", "b": "text", "c": {"text": 1}}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: 2\na: 3\n", "f:3:1: the key 'a' stands here twice: in line 1 too"),
        ("a: *none\n", "f:1:4: there is no anchor '&none' above"),
        ("a: &a [*a]\n", "f:1:8: '*a' is inside of what it stands for"),
        ("a: {<<: text}\n", "f:1:9: '<<' takes a mapping or a list of them, and this is a text"),
        ("? [1, 2]\n: x\n", "f:1:3: a key must be a text"),
        ('a: "x\\0y"\n', "f:1:4: a text that no container can hold: a NUL, or half a character"),
        ("a: [1\n", "f:2:1: not valid YAML: did not find expected ',' or ']'"),
        ("a:\n\t- b\n", "f:2:1: not valid YAML: found character that cannot start any token"),
    ],
)
def test_a_mistake_is_told_with_its_place(text: str, message: str) -> None:
    assert told(text) == message


def test_documents_of_a_file_are_several() -> None:
    assert [bare(one) for one in parse("a: 1\n---\nb: 2\n", "f")] == [{"a": 1}, {"b": 2}]


def test_anchors_cant_make_much_of_little() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 20)]
    assert "anchors counted at each use" in told("\n".join(lines))


def test_nothing_is_nested_too_deep_nor_too_large() -> None:
    assert "nested too deep" in told("[" * (MAX_DEPTH + 2) + "]" * (MAX_DEPTH + 2))
    assert "MiB" in told("#" * (MAX_SIZE + 1))


def test_a_name_without_a_value_may_stand_between_braces_as_go_s_parser_has_it() -> None:
    (node,) = parse("environment: {A:, B: 1, C:}\nports: [a:]\n", "f.yaml")
    environment = node.pairs()["environment"].pairs()
    assert {name: one.value for name, one in environment.items()} == {"A": None, "B": 1, "C": None}
    assert str(environment["B"].place) == "f.yaml:1:22"
