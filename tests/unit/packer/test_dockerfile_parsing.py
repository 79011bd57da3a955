"""What a Dockerfile's mistakes are told as, and what bounds it has; test_dockerfile_buildkit.py has the language."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from whit.packer.buildfile.dockerfile import instructions as made
from whit.packer.buildfile.dockerfile.lexing import LARGEST, LONGEST_LINE
from whit.packer.buildfile.dockerfile.parsing import parse
from whit.packer.buildfile.dockerfile.problems import DockerfileError


def refused(text: str | bytes) -> DockerfileError:
    with pytest.raises(DockerfileError) as caught:
        parse(text if isinstance(text, bytes) else text.encode())
    assert "\n" not in caught.value.message
    return caught.value


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("FROM a\nRUM x", "Dockerfile:2: unknown instruction: RUM", "did you mean RUN?"),
        ("FROM a\n\nCOPY --form=x a b", "Dockerfile:3: unknown flag: --form", "did you mean --from?"),
        ("FROM a\nUSER --x y", "Dockerfile:2: unknown flag: --x", "this instruction takes no flags"),
        ("RUN x\nFROM a", "Dockerfile:1: RUN stands before the first FROM", "only ARG may"),
        ("FROM a AS b/c", "'b/c' is no stage's name", "begins with a letter"),
        ("FROM a\nENV a=b c", "'c' has no equals sign", "quote what has spaces"),
        ("FROM a\nRUN \\\n <<E\nx", "Dockerfile:2: the here-document has no end: no line is 'E'", None),
        ('FROM a\nRUN ["a", 1]', "a JSON list may hold nothing but strings", "as in"),
        ("FROM a\nHEALTHCHECK --interval=5 CMD x", "--interval=5 is no time", "as in 30s"),
        ("FROM a\nRUN --mount=from=$x y", "from= takes no variables", "give the image a stage"),
        ("# syntax=example.com/mine:1\nFROM a", "Dockerfile:1: '# syntax=example.com/mine:1'", "whit reads"),
        ("# escape=x\nFROM a", "Dockerfile:1: '# escape=x' is neither", None),
        ("# just this", "the file has no instructions", "begins with FROM"),
    ],
)
def test_an_error_says_where_it_is_what_is_wrong_and_what_to_do(text: str, message: str, hint: str | None) -> None:
    error = refused(text)
    assert message in error.message
    assert (hint or "") in (error.hint or "")
    assert hint is None or error.hint is not None


def test_docker_s_own_frontends_are_read_by_whit_itself() -> None:
    for name in ("docker/dockerfile", "docker/dockerfile:1.7-labs", "docker.io/docker/dockerfile-upstream:master"):
        assert parse(f"# syntax={name}\nFROM a".encode()).stages


def test_comments_may_have_any_bytes_and_instructions_only_text() -> None:
    assert parse(b"# J\xf6rg\nFROM a").stages[0].start.base == "a"
    assert "aren't UTF-8" in refused(b"FROM a\nLABEL by=J\xf6rg").message
    assert "NUL" in refused(b"FROM a\nENV a=\0").message


def test_flags_have_letters_of_every_language() -> None:
    """BuildKit takes each byte of a flag's value for a character of Latin-1."""
    [copied] = parse("FROM a\nCOPY --exclude=ä b c".encode()).stages[0].instructions
    assert isinstance(copied, made.Copy)
    assert copied.excludes == ("ä",)


def test_a_file_a_line_and_a_count_of_instructions_may_be_only_so_large() -> None:
    assert "bytes; at most" in refused(b"#" * (LARGEST + 1)).message
    assert "Dockerfile:2: a line of more than" in refused(b"FROM a\nRUN " + b"x" * LONGEST_LINE).message
    assert "instructions" in refused(b"FROM a\n" * 5_001).message


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: f"FROM a\nRUN {text}".encode()))
@example(b"FROM a\nRUN <<\n")
@example(b'FROM a\nRUN ["a", [' + b"[" * 5000)
def test_any_bytes_make_a_dockerfile_or_one_line_of_error(data: bytes) -> None:
    with suppress(DockerfileError):
        parse(data)
