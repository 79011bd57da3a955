"""JSON from elsewhere: what is wrong with it is told in words."""

from __future__ import annotations

import pytest

from whit.packer.support.errors import InvalidFileError
from whit.packer.support.jsondoc import parse_object


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b'{"a": ' + b"9" * 5000 + b"}", "x is not valid JSON: a number in it has too many digits"),
        (b'{"a": ' + b"[" * 200_000, "x is not valid JSON: it is nested deeper than 32 levels"),
    ],
    ids=["digits", "depth"],
)
def test_what_is_wrong_is_told_without_python_s_words(data: bytes, words: str) -> None:
    with pytest.raises(InvalidFileError) as caught:
        parse_object(data, "x", 1 << 20)
    assert caught.value.message == words
