"""Reading tar archives that somebody else wrote, as a stream (POSIX ustar and pax, GNU long names and numbers).

Everything that a header declares is bounded before it is believed; sparse files and other rarities are refused by name.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from whit.packer.errors import InvalidFileError, UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Iterator

RECORD = 512
MAX_EXTENSION = 1 << 20
"""The greatest pax header or long name, in bytes; a path has at most 4,096."""
MAX_ID = 0xFFFFFFFE
_PIECE = 256 << 10


class Kind(StrEnum):
    """What a member of an archive is."""

    FILE = "file"
    DIRECTORY = "directory"
    SYMLINK = "symlink"
    HARD_LINK = "hard link"
    FIFO = "fifo"
    DEVICE = "device"
    OTHER = "other"


_KINDS = {
    b"0": Kind.FILE,
    b"\0": Kind.FILE,
    b"7": Kind.FILE,
    b"1": Kind.HARD_LINK,
    b"2": Kind.SYMLINK,
    b"3": Kind.DEVICE,
    b"4": Kind.DEVICE,
    b"5": Kind.DIRECTORY,
    b"6": Kind.FIFO,
}


@dataclass(frozen=True, slots=True)
class Member:
    """One member's header. Names are bytes, as they are on Linux; ``size`` is 0 for all but files."""

    name: bytes
    kind: Kind
    mode: int = 0o644
    uid: int = 0
    gid: int = 0
    size: int = 0
    mtime_ns: int = 0
    target: bytes = b""


class TarReader:
    """Members one after the other; the content of the last one yielded can be read until the next is asked for."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._pending = memoryview(b"")
        self._left = 0
        self._padding = 0

    def members(self) -> Iterator[Member]:
        """Every member. After the last the stream is read to its end, so that its digest can be known.

        Raises :class:`InvalidFileError`, :class:`UnsupportedError`.
        """
        common: dict[str, bytes] = {}
        own: dict[str, bytes] = {}
        while True:
            self._skip_content()
            block = self._exactly(RECORD, may_end=True)
            if not block.strip(b"\0"):
                break
            _check_sum(block)
            kind = block[156:157]
            if kind in (b"x", b"g", b"L", b"K"):
                data = self._exactly(_padded(_extension_size(block)))[: _extension_size(block)]
                if kind == b"g":
                    common |= _pax_records(data)
                elif kind == b"x":
                    own |= _pax_records(data)
                else:
                    own["path" if kind == b"L" else "linkpath"] = data.rstrip(b"\0")
                continue
            member = _with_records(_member(block), common | own)
            own = {}
            self._left, self._padding = member.size, -member.size % RECORD
            yield member
        while self._more():
            self._pending = memoryview(b"")

    def content(self) -> Iterator[bytes]:
        """The content of the member that was yielded last, in pieces."""
        while self._left:
            piece = self._some(min(self._left, _PIECE))
            self._left -= len(piece)
            yield piece

    def _skip_content(self) -> None:
        for _ in self.content():
            pass
        self._exactly(self._padding)
        self._padding = 0

    def _more(self) -> bool:
        while not self._pending:
            chunk = next(self._chunks, None)
            if chunk is None:
                return False
            self._pending = memoryview(chunk)
        return True

    def _some(self, size: int) -> bytes:
        if not self._more():
            raise InvalidFileError("a layer's archive ends in the middle")
        piece = bytes(self._pending[:size])
        self._pending = self._pending[size:]
        return piece

    def _exactly(self, size: int, *, may_end: bool = False) -> bytes:
        if may_end and not self._more():
            return b""
        data = bytearray()
        while len(data) < size:
            data += self._some(size - len(data))
        return bytes(data)


def _padded(size: int) -> int:
    return size + -size % RECORD


def _extension_size(block: bytes) -> int:
    size = _number(block[124:136])
    if size > MAX_EXTENSION:
        raise InvalidFileError(f"a layer's archive declares a name of {size} bytes")
    return size


def _check_sum(block: bytes) -> None:
    """The header's sum with its own field taken as spaces; old writers added up signed bytes."""
    rest = block[:148] + b" " * 8 + block[156:]
    signed = sum(byte - 256 if byte > 127 else byte for byte in rest)  # noqa: PLR2004 - two's complement
    if _number(block[148:156]) not in (sum(rest), signed):
        raise InvalidFileError("a layer's archive is damaged: a header's checksum is wrong")


def _number(field: bytes) -> int:
    """Octal digits, or (GNU) a big-endian number marked by the top bit; never negative."""
    if field[0] & 0x80:
        value = int.from_bytes(field, "big") & ((1 << (8 * len(field) - 1)) - 1)
        if field[0] == 0xFF or value >= 1 << 63:  # noqa: PLR2004 - GNU's mark of a negative number
            raise InvalidFileError("a layer's archive holds a number that is out of range")
        return value
    text = field.split(b"\0", 1)[0].strip()
    if not text:
        return 0
    if text.translate(None, b"01234567"):
        raise InvalidFileError("a layer's archive is damaged: a header holds something that is not a number")
    return int(text, 8)


def _member(block: bytes) -> Member:
    name = _text(block[0:100])
    if block[257:262] == b"ustar" and block[262:264] != b" \0":
        prefix = _text(block[345:500])
        name = prefix + b"/" + name if prefix else name
    kind_byte = block[156:157]
    if kind_byte == b"S":
        raise UnsupportedError("a layer holds a GNU sparse file, which whit doesn't unpack")
    kind = _KINDS.get(kind_byte, Kind.OTHER)
    if kind is Kind.FILE and name.endswith(b"/"):
        kind = Kind.DIRECTORY
    return Member(
        name=name,
        kind=kind,
        mode=_number(block[100:108]) & 0o7777,
        uid=_number(block[108:116]),
        gid=_number(block[116:124]),
        size=_number(block[124:136]),
        mtime_ns=_time(block[136:148]) * 1_000_000_000,
        target=_text(block[157:257]),
    )


def _time(field: bytes) -> int:
    """A time may be from before 1970, which only base-256 can say: that is as good as 0."""
    return 0 if field[0] == 0xFF else _number(field)  # noqa: PLR2004


def _text(field: bytes) -> bytes:
    return field.split(b"\0", 1)[0]


def _pax_records(data: bytes) -> dict[str, bytes]:
    r"""``length key=value\\n``, one after the other (pax, "Extended Header")."""
    records: dict[str, bytes] = {}
    while data:
        digits, space, _ = data.partition(b" ")
        length = int(digits) if space and digits.isdigit() and len(digits) < 8 else 0  # noqa: PLR2004 - 10 MB at most
        record = data[len(digits) + 1 : length]
        key, equals, value = record.partition(b"=")
        if length > len(data) or not equals or not record.endswith(b"\n"):
            raise InvalidFileError("a layer's archive is damaged: a pax record is malformed")
        if key.startswith(b"GNU.sparse."):
            raise UnsupportedError("a layer holds a GNU sparse file, which whit doesn't unpack")
        records[key.decode(errors="replace")] = value[:-1]
        data = data[length:]
    return records


def _with_records(member: Member, records: dict[str, bytes]) -> Member:
    member = replace(
        member,
        name=records.get("path") or member.name,
        target=records.get("linkpath") or member.target,
        uid=_decimal(records, "uid", member.uid),
        gid=_decimal(records, "gid", member.gid),
        size=_decimal(records, "size", member.size),
        mtime_ns=_nanoseconds(records["mtime"]) if "mtime" in records else member.mtime_ns,
    )
    if member.uid > MAX_ID or member.gid > MAX_ID:
        raise InvalidFileError("a layer's archive holds an owner that is out of range")
    if member.kind is not Kind.FILE and member.kind is not Kind.OTHER:
        member = replace(member, size=0)
    return member


def _decimal(records: dict[str, bytes], key: str, otherwise: int) -> int:
    value = records.get(key)
    if not value:
        return otherwise
    if not value.isdigit() or len(value) > 18:  # noqa: PLR2004 - what fits 63 bits
        raise InvalidFileError(f"a layer's archive is damaged: its pax {key} is not a number")
    return int(value)


def _nanoseconds(value: bytes) -> int:
    """Decimal seconds, with a fraction or a sign, exactly; from before 1970 is as good as 0."""
    if value.startswith(b"-"):
        return 0
    whole, _, fraction = value.partition(b".")
    digits = whole + fraction[:9].ljust(9, b"0")
    if not whole.isdigit() or not digits.isdigit() or len(whole) > 15:  # noqa: PLR2004 - 30 million years
        raise InvalidFileError("a layer's archive is damaged: its pax mtime is not a number")
    return int(digits)
