"""Env files: quotes, escapes, comments, variables, raw ones, and where services take theirs from."""

from __future__ import annotations

import pytest

from tests.compose.loading import load, service
from whit.runtime.compose.model import ComposeError
from whit.runtime.compose.model.envfile import read, read_raw

KNOWN = {"HOST": "h", "SET": "outer"}


def found(text: str) -> dict[str, str]:
    made: dict[str, str] = {}
    read(text, "e", made, KNOWN.get)
    return made


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("A=b", "b"),
        ("A = b ", "b"),
        ("A: b", "b"),
        ("export A=b", "b"),
        ("A=", ""),
        ("A=b # comment", "b"),
        ("A=b#no", "b#no"),
        ("A='b # c'", "b # c"),
        ('A="b # c" # d', "b # c"),
        ("A='$HOST'", "$HOST"),
        ("A=$HOST-${NOT:-d}", "h-d"),
        ('A="${HOST}"', "h"),
        ('A="a\\nb\\tc"', "a\nb\tc"),
        ("A='a\\nb'", "a\\nb"),
        ('A="say \\"x\\""', 'say "x"'),
        ("A='it\\'s'", "it's"),
        ('A="\\$HOST"', "$HOST"),
        ("A=$$HOST", "$HOST"),
        ('A="two\nlines"', "two\nlines"),
        ('A="\\0101\\x"', "A\\x"),
        ("\ufeffA=b", "b"),
        ("A=b\r", "b"),
    ],
)
def test_a_line(line: str, value: str) -> None:
    assert found(line + "\n") == {"A": value}


def test_lines_use_those_before_and_what_is_set_outside_wins_in_them() -> None:
    assert found("A=1\nB=${A}2\nSET=inner\nC=$SET\n") == {"A": "1", "B": "12", "SET": "inner", "C": "outer"}


def test_a_name_alone_takes_its_value_from_outside() -> None:
    assert found("HOST\nNOT\nHOST2\n# HOST\n") == {"HOST": "h"}
    assert found("HOST") == {"HOST": "h"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("A=1\nB C=2\n", "e:2:1: 'B C' has a space in the variable's name"),
        ("\nA+=2\n", "e:2:1: 'A+=2' has a '+' in the variable's name"),
        ("A='open\n", "e:1:1: the quotation isn't closed: 'open"),
        ("A=1\nB=${\n", "e:2:1: '${' isn't closed"),
    ],
)
def test_a_mistake_is_told_with_its_line(text: str, message: str) -> None:
    with pytest.raises(ComposeError) as caught:
        found(text)
    assert caught.value.message == message


def test_a_raw_file_has_values_as_they_are() -> None:
    made: dict[str, str] = {}
    read_raw("# c\nA='x' $Y # z\nHOST\n\n B=1=2\n", "e", made, KNOWN.get)
    assert made == {"A": "'x' $Y # z", "HOST": "h", "B": "1=2"}
    with pytest.raises(ComposeError, match="e:1:1"):
        read_raw("A B=1", "e", made, KNOWN.get)


def test_later_files_win_and_the_service_itself_over_all() -> None:
    made = service(
        "env_file: [a.env, {path: b.env}, {path: none.env, required: false}, {path: r.env, format: raw}]\nenvironment: [C=own, SET]",
        beside={"a.env": "A=a\nB=a\nC=a\nD=${C}$SET\n", "b.env": "B=b\n", "r.env": "R=$x\n"},
        environment={"SET": "s"},
    )
    assert made["environment"] == {"A": "a", "B": "b", "C": "own", "D": "owns", "R": "$x", "SET": "s"}
    assert "env_file" not in made


def test_an_env_file_that_isnt_there_is_told_where_it_is_named() -> None:
    with pytest.raises(ComposeError) as caught:
        service("env_file: [none.env]")
    assert "/srv/app/compose.yaml:4:16" in caught.value.message
    assert "none.env" in caught.value.message


def test_an_unknown_format_is_told() -> None:
    with pytest.raises(ComposeError, match="no format 'json'"):
        service("env_file: [{path: a.env, format: json}]", beside={"a.env": ""})


def test_env_files_may_stay_unread() -> None:
    found = service("env_file: [none.env]", resolve_environment=False)
    assert found["env_file"] == [{"path": "/srv/app/none.env"}]


def test_label_files_are_below_the_labels_that_are_stated() -> None:
    made = service("label_file: [a, b]\nlabels: {c: own}", beside={"a": "x=1\ny=1\nc=1\n", "b": "y=2\n"})
    assert made["labels"] == {"x": "1", "y": "2", "c": "own"}


def test_an_included_project_has_variables_of_its_own() -> None:
    found = load(
        "include: [{path: sub/c.yaml}]\nservices: {a: {image: 'a:${V:-none}'}}",
        beside={"sub/c.yaml": "services: {b: {image: 'b:$V', environment: [V]}}", "sub/.env": "V=1\n"},
    )
    services = found.configuration["services"]
    assert (services["a"]["image"], services["b"]["image"]) == ("a:none", "b:1")
    assert services["b"]["environment"] == {"V": "1"}


def test_what_files_and_variables_make_is_bounded() -> None:
    with pytest.raises(ComposeError, match="variables make more than 64 MiB"):
        found(f"A={'x' * 1_000_000}\n" + "".join(f"B{n}=$A\n" for n in range(100)))
    services = ", ".join(f"s{n}: {{image: i, env_file: e}}" for n in range(30))
    with pytest.raises(ComposeError, match="more than 64 MiB"):
        load(f"services: {{{services}}}", beside={"e": f"A={'x' * 3_000_000}\n"})
    labels = ", ".join(f"'{n}=$A'" for n in range(100))
    with pytest.raises(ComposeError, match="variables make more than 64 MiB"):
        load(f"services: {{a: {{image: i, labels: [{labels}]}}}}", environment={"A": "x" * 1_000_000})
