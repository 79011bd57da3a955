"""Makes WebAssembly files byte by byte."""

from __future__ import annotations

MODULE = b"\0asm\x01\0\0\0"
COMPONENT = b"\0asm\x0d\0\x01\0"


def number(value: int) -> bytes:
    """Unsigned LEB128."""
    encoded = bytearray()
    while value >= 0x80:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def name(text: str) -> bytes:
    """A string after its length."""
    return number(len(text.encode())) + text.encode()


def vector(*elements: bytes) -> bytes:
    """Elements after their count."""
    return number(len(elements)) + b"".join(elements)


def section(kind: int, content: bytes) -> bytes:
    """A section: its kind, size and content."""
    return bytes([kind]) + number(len(content)) + content


def custom(title: str, content: bytes = b"") -> bytes:
    """A custom section."""
    return section(0, name(title) + content)


def producers(**roles: tuple[str, str]) -> bytes:
    """The producers section: role (underscores for hyphens) to name and version."""
    fields = [name(role.replace("_", "-")) + vector(name(n) + name(v)) for role, (n, v) in roles.items()]
    return custom("producers", vector(*fields))
