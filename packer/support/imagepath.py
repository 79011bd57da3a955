"""Which paths an image can hold. Pure."""

from __future__ import annotations

from whit.packer.support.light import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

LONGEST_NAME = 255
"""In bytes: what Linux' file systems take (NAME_MAX)."""

_WHITEOUT = ".wh."
_ESCAPED = 0xDC00
_BYTES = frozenset(map(chr, range(_ESCAPED + 0x80, _ESCAPED + 0x100)))
_MOUNTED = ("/dev", "/proc", "/sys")


def fault(path: str) -> str | None:
    """What keeps a path from standing in an image, in words that follow it; None if nothing does.

    Names that begin with ``.wh.`` aren't files in a layer: they delete what stands below it (OCI image-spec, layer.md,
    "Whiteouts").
    """
    parts = path.split("/")[1:]
    if not path.startswith("/") or "\0" in path or any(part in {"", ".", ".."} for part in parts):
        return "isn't an absolute path in its plain form"
    try:
        longest = max(len(part.encode()) for part in parts)
    except UnicodeEncodeError:
        return "isn't valid UTF-8, and an image can't hold it"
    if longest > LONGEST_NAME:
        return f"has a part that is longer than {LONGEST_NAME} bytes"
    if any(part.startswith(_WHITEOUT) for part in parts):
        return f"has a part that begins with {_WHITEOUT}, which in an image deletes a file"
    return None


def is_mounted_over(path: str) -> bool:
    """Whether every runtime mounts something of its own there, so that nobody sees what an image has."""
    return path in _MOUNTED or path.startswith(tuple(f"{folder}/" for folder in _MOUNTED))


def shown(path: str) -> str:
    r"""A path for people: bytes that aren't UTF-8, which Python has as lone surrogates, as ``\xNN`` (PEP 383)."""
    if path.isascii():
        return path
    return "".join(f"\\x{ord(char) - _ESCAPED:02x}" if char in _BYTES else char for char in path)


def parents(path: str) -> Iterator[str]:
    """The folders above an absolute path but the root, the highest first."""
    parts = path.split("/")[1:-1]
    return ("/" + "/".join(parts[: depth + 1]) for depth in range(len(parts)))
