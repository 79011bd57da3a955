"""One header block → a member. Pure.

Sources: IEEE 1003.1-2017, pax, "ustar Interchange Format" and "pax Extended Header"; GNU tar's manual, "Basic Tar
Format" (base-256 numbers); star(5) (its shorter prefix); libarchive's tar(5) (attributes of other writers).
Everything that a header declares is bounded before it is believed.
"""

from __future__ import annotations

import binascii

from whit.packer.support.errors import InvalidFileError
from whit.packer.support.light import replace
from whit.packer.tar.member import Kind, Member

MAX_ID = 0xFFFFFFFE
_XATTR = "SCHILY.xattr."
_LIBARCHIVE_XATTR = "LIBARCHIVE.xattr."
_KINDS = {
    b"0": Kind.FILE,
    b"\0": Kind.FILE,
    b"7": Kind.FILE,
    b"S": Kind.FILE,
    b"1": Kind.HARD_LINK,
    b"2": Kind.SYMLINK,
    b"3": Kind.CHARACTER_DEVICE,
    b"4": Kind.BLOCK_DEVICE,
    b"5": Kind.DIRECTORY,
    b"6": Kind.FIFO,
}

Records = tuple[tuple[str, bytes], ...]
"""A pax header's records in their order; a key may come more than once, and the last one counts."""


def check_sum(block: bytes) -> None:
    """The header's sum with its own field taken as spaces; old writers added up signed bytes."""
    wanted, found = number(block[148:156]), sum(block) - sum(block[148:156]) + 8 * ord(" ")
    if wanted == found:
        return
    rest = block[:148] + block[156:]
    if wanted != found - 256 * sum(byte > 127 for byte in rest):  # noqa: PLR2004 - two's complement
        raise InvalidFileError("the archive is damaged: a header's checksum is wrong")


def number(field: bytes) -> int:
    """Octal digits, or (GNU) a big-endian number marked by the top bit; never negative."""
    if field[0] & 0x80:
        value = int.from_bytes(field, "big") & ((1 << (8 * len(field) - 1)) - 1)
        if field[0] == 0xFF or value >= 1 << 63:  # noqa: PLR2004 - GNU's mark of a negative number
            raise InvalidFileError("the archive holds a number that is out of range")
        return value
    text = field.rstrip(b"\0 ")
    if not text.isdigit():
        text = text.split(b"\0", 1)[0].strip()
    if not text:
        return 0
    if text.translate(None, b"01234567"):
        raise InvalidFileError("the archive is damaged: a header holds something that is not a number")
    return int(text, 8)


def member_of(block: bytes) -> Member:
    """What a header says by itself."""
    name = _prefixed(block, _text(block[0:100]))
    kind = _KINDS.get(block[156:157], Kind.OTHER)
    if kind is Kind.FILE and name.endswith(b"/"):
        kind = Kind.DIRECTORY
    return Member(
        name=name,
        kind=kind,
        mode=number(block[100:108]) & 0o7777,
        uid=number(block[108:116]),
        gid=number(block[116:124]),
        size=number(block[124:136]),
        mtime_ns=_time(block[136:148]) * 1_000_000_000,
        target=_text(block[157:257]),
        device=(number(block[329:337]), number(block[337:345])) if kind.is_device else (0, 0),
    )


def _prefixed(block: bytes, name: bytes) -> bytes:
    """A name with ustar's prefix. GNU has other things in its place, and star two times at its end."""
    if block[257:263] != b"ustar\0":
        return name
    prefix = _text(block[345:476] if block[508:512] == b"tar\0" else block[345:500])
    return prefix + b"/" + name if prefix else name


def _time(field: bytes) -> int:
    """A time may be from before 1970, which only base-256 can say: that is as good as 0."""
    return 0 if field[0] == 0xFF else number(field)  # noqa: PLR2004


def _text(field: bytes) -> bytes:
    return field.split(b"\0", 1)[0]


def pax_records(data: bytes) -> Records:
    r"""``length key=value\\n``, one after the other (pax, "Extended Header")."""
    records: list[tuple[str, bytes]] = []
    while data:
        digits, space, _ = data.partition(b" ")
        length = int(digits) if space and digits.isdigit() and len(digits) < 8 else 0  # noqa: PLR2004 - 10 MB at most
        record = data[len(digits) + 1 : length]
        key, equals, value = record.partition(b"=")
        if length > len(data) or not equals or not record.endswith(b"\n"):
            raise InvalidFileError("the archive is damaged: a pax record is malformed")
        records.append((key.decode("utf-8", "surrogateescape"), value[:-1]))
        data = data[length:]
    return tuple(records)


def with_records(member: Member, records: Records) -> Member:
    """A member with what the pax headers before it say; an empty value takes a record back."""
    if not records:
        return _checked(member)
    by_key = dict(records)
    return _checked(
        replace(
            member,
            name=by_key.get("path") or member.name,
            target=by_key.get("linkpath") or member.target,
            uid=decimal(by_key, "uid", member.uid),
            gid=decimal(by_key, "gid", member.gid),
            size=decimal(by_key, "size", member.size),
            mtime_ns=nanoseconds(by_key["mtime"]) if by_key.get("mtime") else member.mtime_ns,
            xattrs=tuple(sorted(_xattrs(by_key).items())) if any("xattr." in key for key in by_key) else (),
        )
    )


def _checked(member: Member) -> Member:
    if member.uid > MAX_ID or member.gid > MAX_ID:
        raise InvalidFileError("the archive holds an owner that is out of range")
    if member.size and member.kind not in (Kind.FILE, Kind.OTHER):
        return replace(member, size=0)
    return member


def _xattrs(by_key: dict[str, bytes]) -> dict[str, bytes]:
    """Extended attributes: as GNU tar, star and Go write them, or else as libarchive does."""
    from urllib.parse import unquote_to_bytes  # noqa: PLC0415 - few archives have any

    found: dict[str, bytes] = {}
    for key, value in by_key.items():
        if key.startswith(_LIBARCHIVE_XATTR):
            name = unquote_to_bytes(key.removeprefix(_LIBARCHIVE_XATTR)).decode("utf-8", "surrogateescape")
            try:
                found.setdefault(name, binascii.a2b_base64(value + b"==="))
            except binascii.Error:
                raise InvalidFileError("the archive is damaged: an extended attribute isn't base64") from None
        elif key.startswith(_XATTR):
            found[key.removeprefix(_XATTR)] = value
    return {name: value for name, value in found.items() if name and "\0" not in name}


def decimal(by_key: dict[str, bytes], key: str, otherwise: int) -> int:
    """A pax record's number; ``otherwise`` where there is none. Raises :class:`InvalidFileError`."""
    value = by_key.get(key)
    if not value:
        return otherwise
    if not value.isdigit() or len(value) > 18:  # noqa: PLR2004 - what fits 63 bits
        raise InvalidFileError(f"the archive is damaged: its pax {key} is not a number")
    return int(value)


def nanoseconds(value: bytes) -> int:
    """Decimal seconds, with a fraction or a sign, exactly; from before 1970 is as good as 0."""
    if value.startswith(b"-"):
        return 0
    whole, _, fraction = value.partition(b".")
    digits = whole + fraction[:9].ljust(9, b"0")
    if not whole.isdigit() or not digits.isdigit() or len(whole) > 15:  # noqa: PLR2004 - 30 million years
        raise InvalidFileError("the archive is damaged: its pax mtime is not a number")
    return int(digits)
