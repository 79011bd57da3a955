"""One member's header: POSIX ustar's, behind a pax header where ustar can't hold a value. Pure.

Source: IEEE 1003.1-2017, pax, "ustar Interchange Format" and "pax Extended Header".
"""

from __future__ import annotations

from whit.packer.tar.member import RECORD, Kind, Member

_NAME_BYTES, _PREFIX_BYTES, _LINK_BYTES = 100, 155, 100
_OCTAL_ID = 0o7777777
_OCTAL_SIZE = 0o77777777777
_SECOND = 1_000_000_000
_TYPES = {
    Kind.FILE: b"0",
    Kind.HARD_LINK: b"1",
    Kind.SYMLINK: b"2",
    Kind.CHARACTER_DEVICE: b"3",
    Kind.BLOCK_DEVICE: b"4",
    Kind.DIRECTORY: b"5",
    Kind.FIFO: b"6",
}
END = bytes(2 * RECORD)


def padding(size: int) -> bytes:
    """What follows a member's content."""
    return bytes(-size % RECORD)


def header(member: Member) -> bytes:
    """A member's header; a folder's name needs no slash. Times are whole seconds, kinds those that have a type."""
    name, target, seconds = member.name, member.target, member.mtime_ns // _SECOND
    if member.kind is Kind.DIRECTORY:
        name = name.rstrip(b"/") + b"/"
    records: list[tuple[str, bytes]] = []
    split = _split(name)
    if split is None:
        records.append(("path", name))
        split = (b"", name.decode("ascii", "replace").encode("ascii", "replace")[:_NAME_BYTES])
    if len(target) > _LINK_BYTES or not target.isascii():
        records.append(("linkpath", target))
        target = b""
    if member.size > _OCTAL_SIZE:
        records.append(("size", str(member.size).encode()))
    for key, number in (("uid", member.uid), ("gid", member.gid)):
        if number > _OCTAL_ID:
            records.append((key, str(number).encode()))
    if seconds > _OCTAL_SIZE:
        records.append(("mtime", str(seconds).encode()))
    records += ((f"SCHILY.xattr.{key}", value) for key, value in member.xattrs)
    block = _ustar(split, member, _TYPES[member.kind], target)
    return _pax(records) + block if records else block


def _split(name: bytes) -> tuple[bytes, bytes] | None:
    """A name as ustar's prefix and name; None if it doesn't fit."""
    if not name.isascii():
        return None
    if len(name) <= _NAME_BYTES:
        return b"", name
    slash = name.find(b"/", len(name) - _NAME_BYTES - 1, -1)
    return (name[:slash], name[slash + 1 :]) if 0 < slash <= _PREFIX_BYTES else None


def _ustar(split: tuple[bytes, bytes], member: Member, kind: bytes, target: bytes) -> bytes:
    prefix, name = split
    uid, gid = (number if number <= _OCTAL_ID else 0 for number in (member.uid, member.gid))
    seconds = member.mtime_ns // _SECOND
    block = bytearray(RECORD)
    block[0 : len(name)] = name
    block[100:108] = b"%07o\0" % (member.mode & 0o7777)
    block[108:124] = b"%07o\0%07o\0" % (uid, gid)
    block[124:136] = b"%011o\0" % (member.size if member.size <= _OCTAL_SIZE else 0)
    block[136:148] = b"%011o\0" % (seconds if 0 <= seconds <= _OCTAL_SIZE else 0)
    block[156:157] = kind
    block[157 : 157 + len(target)] = target
    block[257:265] = b"ustar\x0000"
    block[329:345] = b"%07o\0%07o\0" % member.device
    block[345 : 345 + len(prefix)] = prefix
    return sealed(block)


def sealed(block: bytearray) -> bytes:
    """A header with its checksum."""
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def _pax(records: list[tuple[str, bytes]]) -> bytes:
    """A pax extended header: its own ustar header, then the records."""
    body = b"".join(pax_record(key, value) for key, value in sorted(records))
    block = _ustar((b"", b"././@PaxHeader"), Member(b"", Kind.FILE, size=len(body)), b"x", b"")
    return block + body + padding(len(body))


def pax_record(key: str, value: bytes) -> bytes:
    r"""One pax record: ``length key=value\\n``, where the length counts its own digits."""
    rest = b" %s=%s\n" % (key.encode("utf-8", "surrogateescape"), value)
    length = len(rest)
    while length != len(rest) + len(str(length)):
        length = len(rest) + len(str(length))
    return b"%d%s" % (length, rest)
