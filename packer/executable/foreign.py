"""Files that are no Linux executable, told by their first bytes, so that the refusal can name them. Pure."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, NamedTuple

from whit.packer.support.errors import InvalidFileError, UnsupportedError, WhitError

if TYPE_CHECKING:
    from collections.abc import Iterator


class _Kind(NamedTuple):
    magic: bytes
    offset: int
    what: str
    hint: str


_FOR_LINUX = "build it for Linux, for example with GOOS=linux or --target x86_64-unknown-linux-musl"
_UNPACK = "unpack it first, with {}, and give the executable inside"
_TAR = _UNPACK.format("tar -xf FILE")
_LINK = "link it into a program first"

_KINDS = (
    _Kind(b"HdrS", 0x202, "a Linux kernel image", "give a user-space executable"),
    _Kind(b"MZ", 0, "a Windows executable (PE)", _FOR_LINUX),
    _Kind(b"\xfe\xed\xfa\xce", 0, "a macOS executable (Mach-O)", _FOR_LINUX),
    _Kind(b"\xfe\xed\xfa\xcf", 0, "a macOS executable (Mach-O)", _FOR_LINUX),
    _Kind(b"\xce\xfa\xed\xfe", 0, "a macOS executable (Mach-O)", _FOR_LINUX),
    _Kind(b"\xcf\xfa\xed\xfe", 0, "a macOS executable (Mach-O)", _FOR_LINUX),
    _Kind(b"!<arch>\ndebian-binary", 0, "a Debian package", _UNPACK.format("dpkg -x FILE FOLDER")),
    _Kind(b"!<arch>\n", 0, "a static library (.a)", _LINK),
    _Kind(b"!<thin>\n", 0, "a static library (.a)", _LINK),
    _Kind(b"BC\xc0\xde", 0, "LLVM bitcode", "compile and link it first"),
    _Kind(b"\xde\xc0\x17\x0b", 0, "LLVM bitcode", "compile and link it first"),
    _Kind(b"PK\x03\x04", 0, "a ZIP archive (.zip, .jar or .whl)", _UNPACK.format("unzip FILE")),
    _Kind(b"PK\x05\x06", 0, "an empty ZIP archive", "give an executable"),
    _Kind(b"\xfd7zXZ\0", 0, "an xz archive", _UNPACK.format("tar -xf FILE or unxz")),
    _Kind(b"\x28\xb5\x2f\xfd", 0, "a Zstandard archive", _UNPACK.format("tar -xf FILE or unzstd")),
    _Kind(b"BZh", 0, "a bzip2 archive", _UNPACK.format("tar -xf FILE or bunzip2")),
    _Kind(b"7z\xbc\xaf\x27\x1c", 0, "a 7-Zip archive", _UNPACK.format("7z x FILE")),
    _Kind(b"\xed\xab\xee\xdb", 0, "an RPM package", _UNPACK.format("rpm2archive or bsdtar -xf FILE")),
    _Kind(b"hsqs", 0, "a SquashFS image", _UNPACK.format("unsquashfs FILE")),
    _Kind(b"%PDF-", 0, "a PDF document", "give an executable"),
)

_GZIP = b"\x1f\x8b"
_TAR_MAGIC, _TAR_MAGIC_AT, _TAR_BLOCK = b"ustar", 257, 512
_OF_IMAGES = re.compile(rb"blobs(/|$)|(oci-layout|index\.json|manifest\.json)$|[0-9a-f]{64}(/|\.json$)")
"""What archives of images begin with: the OCI image layout's files, or docker's."""
_LARGEST_HEAD = 1 << 16
_IMAGE = (
    "an archive of an image",
    "'docker load' or 'podman load' takes it; give an executable here",
)

_FAT_OR_CLASS = b"\xca\xfe\xba\xbe"
_FIRST_CLASS_VERSION = 45
"""Java class files and universal Mach-O files share a magic; then comes a version or a small number of machines."""

_PYTHON_2 = 62211
_PYTHON_3 = range(3000, 4000)
"""The first two bytes of compiled Python (Lib/importlib/_bootstrap_external.py)."""


def refusal(head: bytes) -> WhitError:
    """The error for a file that begins with ``head`` (all of it, or 64 KiB) and is neither ELF nor WebAssembly."""
    if not head:
        return InvalidFileError("the file is empty", hint="was the build or the download interrupted?")
    if head.startswith(b"#!"):
        return _script(head)
    kind = next((kind for kind in _KINDS if head.startswith(kind.magic, kind.offset)), None)
    known = (kind.what, kind.hint) if kind else _archive(head) or _class_or_universal(head) or _compiled_python(head)
    if known:
        return UnsupportedError(f"{known[0]}, not a Linux executable", hint=known[1])
    if not head.strip(b"\0"):
        return InvalidFileError("the file begins with zeros only: a hole, not an executable", hint="copy it again")
    what = "a text file, not an executable" if _is_text(head) else "not an executable: neither ELF nor WebAssembly"
    return InvalidFileError(what, hint="give a Linux executable or a .wasm file")


def _archive(head: bytes) -> tuple[str, str] | None:
    """A tar archive, compressed by gzip or not, or what else gzip has compressed."""
    inside = _inflated(head) if head.startswith(_GZIP) else head
    if inside.startswith(_TAR_MAGIC, _TAR_MAGIC_AT):
        if any(_OF_IMAGES.match(name) for name in _members(inside)):
            return _IMAGE
        return ("a tar archive" if inside is head else "a tar archive compressed by gzip"), _TAR
    if inside is not head:
        return "a file compressed by gzip", _UNPACK.format("gunzip FILE")
    return None


def _inflated(head: bytes) -> bytes:
    """The beginning of a gzip file's content, as far as it can be told."""
    import zlib  # noqa: PLC0415 - only for what is refused

    try:
        return zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(head, _LARGEST_HEAD)
    except zlib.error:
        return b""


def _members(tar: bytes) -> Iterator[bytes]:
    """The names at the beginning of a tar archive (POSIX.1-2017, pax, "ustar Interchange Format")."""
    at = 0
    while tar.startswith(_TAR_MAGIC, at + _TAR_MAGIC_AT):
        yield tar[at : at + 100].rstrip(b"\0").removeprefix(b"./")
        size = tar[at + 124 : at + 136].strip(b"\0 ")
        blocks = -(-int(size, 8) // _TAR_BLOCK) if re.fullmatch(rb"[0-7]+", size) else 0
        at += _TAR_BLOCK * (1 + blocks)


def _class_or_universal(head: bytes) -> tuple[str, str] | None:
    if not head.startswith(_FAT_OR_CLASS):
        return None
    if int.from_bytes(head[4:8], "big") < _FIRST_CLASS_VERSION:
        return "a macOS executable (universal Mach-O)", _FOR_LINUX
    return "a Java class", "compile it to a native executable with GraalVM's native-image"


def _compiled_python(head: bytes) -> tuple[str, str] | None:
    number = int.from_bytes(head[:2], "little")
    if head[2:4] == b"\r\n" and (number in _PYTHON_3 or number == _PYTHON_2):
        return "compiled Python (.pyc)", "freeze the program into an executable"
    return None


def _script(head: bytes) -> WhitError:
    line = head[2:].split(b"\n", 1)[0]
    words = line.decode("utf-8", "replace").split()
    interpreter = _printable(words[0]) if words else "no interpreter"
    if words and interpreter.endswith("/env") and len(words) > 1:
        interpreter = f"{interpreter} {_printable(next((w for w in words[1:] if not w.startswith('-')), words[1]))}"
    if line.endswith(b"\r"):
        return UnsupportedError(
            f"a script for {interpreter} whose first line ends in CRLF: Linux would look for a program of that name "
            "with a carriage return",
            hint="convert it with dos2unix, and pack its interpreter with the script beside it (--add)",
        )
    if not words:
        return UnsupportedError(
            "a script for no interpreter, not an executable", hint="name one in its first line: #!/bin/sh"
        )
    return UnsupportedError(
        f"a script for {interpreter}, not an executable",
        hint=f"pack its interpreter with the script beside it: {_with_interpreter(interpreter)}",
    )


def _with_interpreter(interpreter: str) -> str:
    """What to type; the file's own words are quoted, for nobody should run them unawares."""
    program = interpreter.rpartition(" ")[2]
    file = shlex.quote(program) if program.startswith("/") else f"$(command -v {shlex.quote(program)})"
    return f"whit pack {file} --add SCRIPT:/SCRIPT -- /SCRIPT"


def _printable(word: str) -> str:
    return re.sub(r"[^\x20-\x7e]", "?", word[:128])


def _is_text(head: bytes) -> bool:
    sample = head[:4096]
    if b"\0" in sample:
        return False
    try:
        sample.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start > len(sample) - 4 and len(sample) < len(head)
    return not re.search(rb"[\x00-\x06\x0e-\x1a\x1c-\x1f\x7f]", sample)
