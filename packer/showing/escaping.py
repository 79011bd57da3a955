"""Words of images and programs that a terminal must not obey, nor show in another order. Pure, and cheap to import."""

from __future__ import annotations

_UNSEEN = (
    range(0x7F, 0xA0),  # DEL and the C1 controls: U+009B begins a sequence as ESC [ does
    (0x061C, 0x200E, 0x200F, *range(0x2028, 0x202F), *range(0x2066, 0x206A)),  # direction (UAX #9), and ends of lines
    (0xFEFF,),
)
_IN_JSON = {code: f"\\u{code:04x}" for codes in _UNSEEN for code in codes}
_LAID_OUT = "\n\t"


def json_harmless(text: str) -> str:
    r"""JSON that means the same, with what drives terminals or turns text around as ``\uXXXX``.

    JSON itself asks that only of what is below U+0020 (RFC 8259, 7). Such characters stand in strings alone.
    """
    return text if text.isascii() and "\x7f" not in text else text.translate(_IN_JSON)


def terminal_harmless(text: str) -> str:
    r"""Lines for a terminal, in which all that isn't printable, but for tabs and line feeds, is shown as ``\x1b``."""
    if text.replace("\n", "").replace("\t", "").isprintable():
        return text
    return "".join(
        char if char.isprintable() or char in _LAID_OUT else char.encode("unicode_escape", "surrogatepass").decode()
        for char in text
    )
