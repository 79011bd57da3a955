"""JSON with nothing but the accelerator behind the ``json`` package, whose import takes longer than a plan. Pure.

What the accelerator refuses is given to the package, which says in words what is wrong.
"""

from __future__ import annotations

from _json import encode_basestring_ascii, make_scanner

from whit.packer.support.light import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    Encodable = str | int | Mapping[str, "Encodable"]

quoted = encode_basestring_ascii
"""A text as JSON writes it, in ASCII."""

SPACE = " \t\n\r"


class _Settings:
    """What ``json.JSONDecoder`` hands to its scanner."""

    strict = True
    object_hook = None
    object_pairs_hook = None
    parse_float = float
    parse_int = int
    parse_constant = float


def _decoded(data: bytes) -> str:
    """The text: JSON is UTF-8 without a byte order mark (RFC 8259, 8.1), and a NUL can stand nowhere in it."""
    # The marks of UTF-8 and of UTF-16 and UTF-32; without one, all but UTF-8 have a NUL in the first character.
    if data.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")) or 0 in data[:2]:
        msg = "it must be UTF-8 without a byte order mark"
        raise ValueError(msg)
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        msg = f"it must be UTF-8, and byte {error.start} is 0x{data[error.start]:02x}"
        raise ValueError(msg) from None


def _scanned(text: str) -> object:
    scan = make_scanner(_Settings())  # type: ignore[arg-type]  # typeshed has it made from itself, not from a decoder
    value, end = scan(text, len(text) - len(text.lstrip(SPACE)))
    if text[end:].strip(SPACE):
        raise ValueError
    return value


def load(data: bytes) -> object:
    """The value that the text says, as ``json.loads``, of UTF-8 alone. Raises :class:`ValueError` or :class:`RecursionError`."""
    text = _decoded(data)
    try:
        return _scanned(text)
    except (ValueError, StopIteration):
        pass
    import json  # noqa: PLC0415 - for its errors

    value: object = json.loads(text)
    return value


def compact(value: object) -> str:
    """As ``json.dumps`` with no white space, of texts, numbers and objects of them."""
    if isinstance(value, dict):
        return f"{{{','.join(f'{quoted(name)}:{compact(item)}' for name, item in value.items())}}}"
    if not isinstance(value, str | int):
        raise TypeError
    return dump(value)


def dump(value: Encodable, indent: int = 0, *, _depth: int = 1) -> str:
    """As ``json.dumps``: in one line, or with ``indent``."""
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, int):
        return str(value)
    before = "\n" + " " * indent * _depth if indent else ""
    after = "\n" + " " * indent * (_depth - 1) if indent else ""
    pairs = (f"{quoted(name)}: {dump(item, indent, _depth=_depth + 1)}" for name, item in value.items())
    body = ("," if indent else ", ").join(before + pair for pair in pairs)
    return f"{{{body}{after if body else ''}}}"
