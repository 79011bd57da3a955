"""Strings as Go quotes them. Pure, and cheap to import: ``whit ps`` needs no more of a template."""

from __future__ import annotations

_ESCAPES = {
    "\a": "\\a",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\v": "\\v",
    "\\": "\\\\",
    '"': '\\"',
}


def quoted(text: str) -> str:
    """A string as ``%q`` and docker's COMMAND column have it."""
    if text.isprintable() and '"' not in text and "\\" not in text:
        return f'"{text}"'
    shown = "".join(_ESCAPES.get(char) or (char if char.isprintable() else _escaped(char)) for char in text)
    return f'"{shown}"'


def _escaped(char: str) -> str:
    number = ord(char)
    if 0xDC80 <= number <= 0xDCFF:  # noqa: PLR2004 - how Python keeps bytes that aren't UTF-8
        return f"\\x{number - 0xDC00:02x}"
    if number < 0x80:  # noqa: PLR2004 - ASCII's end
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"  # noqa: PLR2004
