"""Variables in texts: each operator, nested, escaped, and what is told of those that are wrong."""

from __future__ import annotations

import pytest

from tests.compose.loading import load, service
from whit.runtime.compose.model import ComposeError
from whit.runtime.compose.model.interpolation import TemplateError, Variables, substitute

KNOWN = {"SET": "s", "EMPTY": "", "OTHER": "o"}


def made(text: str) -> str:
    return substitute(text, Variables(KNOWN.get))


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("$SET ${SET}x", "s sx"),
        ("$NOT${NOT}", ""),
        ("${EMPTY:-d}${EMPTY-d}${NOT-d}${SET:-d}", "dds"),
        ("${EMPTY:+r}${EMPTY+r}${NOT+r}${SET:+r}", "rr"),
        ("${SET:?e}${EMPTY?e}", "s"),
        ("${NOT:-${OTHER}}", "o"),
        ("${NOT:-a${NOT:-b${SET}}}", "abs"),
        ("${SET:+<${OTHER}>}", "<o>"),
        ("$$SET $${SET} $$$SET", "$SET ${SET} $s"),
        ("5$ $1 $- $", "5$ $1 $- $"),
        ("${NOT:-a:-b}${NOT-?}", "a:-b?"),
        ("${NOT:-{x}}", "{x}"),
        ("${NOT:-}", ""),
        ("$SET-$OTHER.y", "s-o.y"),
        ("${_x9:-1}", "1"),
        ("${NOT:-two\nlines}", "two\nlines"),
    ],
)
def test_a_text_with_variables(text: str, result: str) -> None:
    assert made(text) == result


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("${", "'${' isn't closed"),
        ("x${SET", "'${SET' isn't closed"),
        ("${}", "'${}' has no variable in its braces"),
        ("${1a}", "'${1a}' has no variable in its braces"),
        ("${SET!x}", "'${SET!x}' has no variable in its braces"),
        ("${NOT:?}", "the variable NOT isn't set"),
        ("${NOT?why ${OTHER}}", "the variable NOT isn't set: why o"),
        ("${EMPTY:?say}", "the variable EMPTY isn't set: say"),
    ],
)
def test_what_is_wrong_is_told(text: str, message: str) -> None:
    with pytest.raises(TemplateError) as caught:
        made(text)
    assert str(caught.value) == message
    assert caught.value.hint


def test_depth_and_length_are_bounded() -> None:
    with pytest.raises(TemplateError, match="nested too deep"):
        made("${N:-" * 100 + "x" + "}" * 100)
    with pytest.raises(TemplateError, match="MiB"):
        substitute("$A" * 2000, Variables({"A": "a" * 1000}.get))


def test_a_mistake_has_its_place_and_path() -> None:
    with pytest.raises(ComposeError) as caught:
        load("services:\n  web:\n    image: 'x:${TAG:?which}'\n")
    assert caught.value.message == "/srv/app/compose.yaml:3:12: services.web.image: the variable TAG isn't set: which"


def test_what_isnt_set_is_empty_and_told_once_with_the_nearest() -> None:
    found = load("services: {web: {image: 'x$TAGG', command: $TAGG}}", environment={"TAG": "1"})
    assert found.configuration["services"]["web"]["image"] == "x"
    assert found.warnings == ("the variable TAGG isn't set, and so empty; did you mean 'TAG'?",)


def test_variables_become_numbers_and_booleans_where_these_are_meant() -> None:
    found = service(
        """
        scale: ${N}
        init: "${YES}"
        mem_limit: ${N}m
        ports: ["${N}0:${N}1"]
        healthcheck: {retries: "$N", test: x}
        """,
        environment={"N": "3", "YES": "yes"},
    )
    assert (found["scale"], found["init"], found["mem_limit"]) == (3, True, "3145728")
    assert (found["ports"][0]["published"], found["ports"][0]["target"]) == ("30", 31)
    assert found["healthcheck"]["retries"] == 3


def test_keys_are_never_interpolated() -> None:
    assert service("labels: {$A: $A}", environment={"A": "x"})["labels"] == {"$A": "x"}


def test_without_interpolation_variables_stay_where_they_stand() -> None:
    found = service(
        """
        scale: ${N}
        init: ${YES:-true}
        ports: ["${A}:80", "81:${B}"]
        volumes: ["${SRC:-./a}:/a", "b:/b"]
        mem_limit: ${M}
        stop_grace_period: ${T}
        command: run ${X}
        """,
        interpolate=False,
    )
    assert found["scale"] == "${N}"
    assert found["init"] == "${YES:-true}"
    assert found["ports"] == ["${A}:80", "81:${B}"]
    assert found["command"] == "run ${X}"
    assert found["volumes"][1]["source"] == "b"
