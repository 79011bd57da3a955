"""A plan made once for all containers of one form: the launcher fills in what differs, and starts no Python.

The launcher reads config.json and makes its *form*: what the plan depends on beside it, a NUL, and config.json with a
byte 1 for each text that is passed on as it stands (runtime/launcher/form.c). Here the plan of that form is made, with
marks for those texts, for the container's name and for the paths of the command line; wherever a mark comes out, a text
is to be filled in. What is kept must give just the plan that was made for the configuration itself, else nothing is.

A kept plan, in native byte order::

    header   magic "WHITKEPT", u32 version, u32 operation table, u32 size, u32 patches, u32 sizes of form, plan, pieces, u32 0,
             u64 sum of the whole (:func:`checksum`)
    patches  u32 target (an operation's index, or a record), u32 argument, u32 offset and u32 length of its text in the pieces
    form     as the launcher made it
    plan     encoded (encode.py), empty where a patch belongs; begins with guards: the files of the code that made it
    pieces   texts; 0xFF and the number of a filling stands for that filling
"""

from __future__ import annotations

import contextlib
import os
import struct
import sys

from whit.packer.image.callsclaim import CALLS
from whit.packer.support.errors import WhitError
from whit.packer.support.light import TYPE_CHECKING, replace
from whit.packer.support.lightjson import quoted
from whit.runtime.encode import encode
from whit.runtime.model import LaunchPlan, Op
from whit.runtime.oci import records
from whit.runtime.oci.making import Request, make
from whit.runtime.opcodes import BY_NAME, TABLE, Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    Text = tuple[int, int, bytes]
    """One text of what was made: the operation or record, the argument, the bytes. A tuple, because there are hundreds."""

    from whit.runtime.model import Value
    from whit.runtime.oci.making import Made
    from whit.runtime.oci.model import OciHost

MAGIC, VERSION = b"WHITKEPT", 2
HEADER = struct.Struct("=8sIIIIIIIIQ")
SUM_SIZE = 8
PATCH = struct.Struct("=IIII")
ESCAPE, HOLE = b"\xff", b"\1"

FIRST_RECORD = 0xFFFF_FFF0
TARGETS = (records.RECORD, records.CGROUPS, records.POSTSTART, records.POSTSTOP, "warning")
"""What patches are for beside arguments, from :data:`FIRST_RECORD` on (kept.h, ``enum kept_target``)."""

FIRST_OF_CONFIG = 8
"""Fillings before are the command line's: name, bundle, root, console socket, time (kept.h, ``enum filling``)."""

MAX_KEPT = 128
"""Below one root; the oldest go first."""


class _UnfitError(Exception):
    """The plan isn't one to be kept."""


def _encoded(value: Value) -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, tuple):
        return b"".join(item.encode("utf-8", "surrogateescape") + b"\0" for item in value)
    return str(value).encode("utf-8", "surrogateescape")


def _arguments(plan: LaunchPlan) -> Iterator[Text]:
    for index, op in enumerate(plan.ops):
        for number, value in enumerate(op.args):
            yield index, number, _encoded(value)
        yield index, len(op.args), f"{op.name} {op.why}".encode("utf-8", "surrogateescape")


def _apart(made: Made) -> Iterator[Text]:
    for name, text in made.records:
        yield FIRST_RECORD + TARGETS.index(name), 0, text.encode("utf-8", "surrogateescape")
    for warning in made.warnings:
        yield FIRST_RECORD + TARGETS.index("warning"), 0, quoted(warning).encode()


def _values(form: bytes, data: bytes) -> tuple[bytes, tuple[bytes, ...]]:
    """(config.json with its holes, what is in them)."""
    literals = form.partition(b"\0")[2].split(HOLE)
    values: list[bytes] = []
    at = 0
    for literal in literals:
        if not data.startswith(literal, at):
            raise _UnfitError
        at += len(literal)
        end = data.find(b'"', at)
        values.append(data[at:end])
        at = end
    # The last literal ends the document: there is no hole behind it.
    if data[len(data) - len(literals[-1]) :] != literals[-1] or len(b"".join((*literals, *values[:-1]))) != len(data):
        raise _UnfitError
    return HOLE.join(literals), tuple(values[:-1])


class _Marks:
    """A text for each filling that occurs nowhere else, and stands wherever its filling is to stand."""

    def __init__(self, *others: bytes) -> None:
        number = 0
        while any(f"@hole{number}-".encode() in other for other in others):
            number += 1
        self.prefix = f"@hole{number}-"

    def of(self, filling: int) -> str:
        """The mark."""
        return f"{self.prefix}{filling:03}@"

    def pieces(self, data: bytes) -> bytes:
        """The text as the launcher fills it. Bytes that look like a filling make it unfit, unless nothing is filled in."""
        first, *parts = data.split(self.prefix.encode())
        if ESCAPE in data or not all(part[:3].isdigit() and part[3:4] == b"@" for part in parts):
            raise _UnfitError
        return first + b"".join(ESCAPE + bytes([int(part[:3])]) + part[4:] for part in parts)


def _filled(pieces: bytes, fillings: dict[int, bytes]) -> bytes:
    first, *parts = pieces.split(ESCAPE)
    return first + b"".join(fillings[part[0]] + part[1:] for part in parts)


def _emptied(plan: LaunchPlan, holed: set[tuple[int, int]]) -> LaunchPlan:
    """The plan without the arguments that are filled in. Only texts and lists of them can be."""
    ops = []
    changed = {index for index, _ in holed}
    for index, op in enumerate(plan.ops):
        if index not in changed:
            ops.append(op)
            continue
        row = BY_NAME[op.name]
        arguments = []
        for number, (argument, value) in enumerate(zip(row.arguments, op.args, strict=True)):
            if (index, number) not in holed:
                arguments.append(value)
            elif argument.kind in {Kind.TEXT, Kind.LIST}:
                arguments.append("" if argument.kind is Kind.TEXT else ())
            else:
                raise _UnfitError
        if (index, len(op.args)) in holed:
            raise _UnfitError
        ops.append(replace(op, args=tuple(arguments)))
    return LaunchPlan(plan.version, tuple(ops))


def _guards() -> tuple[Op, ...]:
    """The code that makes plans: with another one, another plan would be made."""
    guards = []
    for name, module in sorted(sys.modules.items()):
        path = getattr(module, "__file__", None)
        if name.startswith("whit.") and path:
            status = os.stat(path)  # noqa: PTH116 - pathlib costs more than the rest
            state = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
            guards.append(Op("GUARD_FILE", (path, *state), "the plan was made by this code"))
    return tuple(guards)


def checksum(data: bytes) -> int:
    """FNV-1a of 64-bit words, each mixed once more, the last filled up with zeros; the sum's own place counts as zero.

    Each step is a bijection of the word, so that whatever changes within one word is noticed.
    """
    value = 0xCBF29CE484222325
    for (word,) in struct.iter_unpack("=Q", data + bytes(-len(data) % 8)):
        value = (value ^ word) * 0x100000001B3 & 0xFFFF_FFFF_FFFF_FFFF
        value ^= value >> 32
    return value


def _packed(form: bytes, plan: LaunchPlan, patches: list[Text]) -> bytes:
    guards = _guards()
    encoded = encode(LaunchPlan(plan.version, (*guards, *plan.ops)))
    table, pieces = bytearray(), bytearray()
    for target, argument, data in patches:
        shifted = target if target >= FIRST_RECORD else target + len(guards)
        table += PATCH.pack(shifted, argument, len(pieces), len(data))
        pieces += data
    size = HEADER.size + len(table) + len(form) + len(encoded) + len(pieces)
    header = HEADER.pack(MAGIC, VERSION, TABLE, size, len(patches), len(form), len(encoded), len(pieces), 0, 0)
    body = bytes(table) + form + encoded + bytes(pieces)
    return header[:-SUM_SIZE] + struct.pack("=Q", checksum(header + body)) + body


def _tells_calls(made: Made) -> bool:
    """Whether the container's image tells the calls of one program: its state has all annotations, each name as it is."""
    return f'"{CALLS}"' in dict(made.records)[records.RECORD]


def _has_free_program(plan: LaunchPlan, prefix: str) -> bool:
    return any(op.name == "FIND_PROGRAM" and prefix in str(op.args[0]) for op in plan.ops)


def _template(form: bytes, data: bytes, request: Request, host: OciHost, made: tuple[Made, str]) -> bytes:
    own, created = made
    config, values = _values(form, data)
    own_texts = [*_arguments(own.plan), *_apart(own)]
    marks = _Marks(form, data, *(text for _, _, text in own_texts))
    parts = config.split(HOLE)
    marked_config = parts[0] + b"".join(
        marks.of(FIRST_OF_CONFIG + index).encode() + part for index, part in enumerate(parts[1:])
    )
    name, bundle, root, console, time = (marks.of(index) for index in range(5))
    console = f"/{console}" if request.console else ""
    marked_request = Request(request.mode, name, f"/{bundle}", f"/{root}", console)
    # Nothing in a filter is free: compiling it once is enough. What an agent is told of the container is.
    filters = tuple(op for op in own.plan.ops if op.name == "SECCOMP_WITH") or None
    marked = make(marked_config, marked_request, host, time, filters=filters)
    if _tells_calls(own) and _has_free_program(marked.plan, marks.prefix):
        raise _UnfitError

    from_command = (request.name, request.bundle[1:], request.root[1:], request.console[1:], created)
    fillings = {index: text.encode("utf-8", "surrogateescape") for index, text in enumerate(from_command)}
    fillings |= {FIRST_OF_CONFIG + index: value for index, value in enumerate(values)}
    every = list(_arguments(marked.plan))
    prefix = marks.prefix.encode()
    patches = [(target, argument, marks.pieces(text)) for target, argument, text in every if prefix in text]
    apart = [(target, argument, marks.pieces(text)) for target, argument, text in _apart(marked)]
    filled = {(target, argument): _filled(text, fillings) for target, argument, text in patches}
    all_filled = [(target, argument, filled.get((target, argument), text)) for target, argument, text in every]
    all_filled += [(target, argument, _filled(text, fillings)) for target, argument, text in apart]
    if all_filled != own_texts:
        raise _UnfitError
    plan = _emptied(marked.plan, set(filled))
    return _packed(form, plan, [*patches, *apart])


def template(form: bytes, data: bytes, request: Request, host: OciHost, made: tuple[Made, str]) -> bytes | None:
    """What is to be kept of ``made`` (with the time of its making) for ``form``; None where nothing may be."""
    plain = Request(request.mode, request.name, request.bundle, request.root, request.console)
    if not made[0].lasting or request != plain:
        return None
    try:
        return _template(form, data, request, host, made)
    except (_UnfitError, ValueError, KeyError, WhitError):
        # A mark is no name of a cgroup below the one that is delegated to a user, say: then Python looks each time.
        return None


def _open_ours(path: str, above: int | None = None) -> int:
    """A folder that is ours, and that nobody else may write to, as the launcher has it (oci_kept.c, ``is_ours``)."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | (0 if above is None else os.O_NOFOLLOW)
    folder = os.open(path, flags, dir_fd=above)
    status = os.fstat(folder)
    if status.st_uid != os.geteuid() or status.st_mode & 0o022:
        os.close(folder)
        raise PermissionError(path)
    return folder


def _write(folder: int, name: str, data: bytes) -> None:
    temporary = f".{os.getpid()}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        with open(os.open(temporary, flags, 0o600, dir_fd=folder), "wb") as file:  # noqa: PTH123 - a descriptor
            file.write(data)
        os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
    except OSError:
        os.unlink(temporary, dir_fd=folder)
        raise


def keep(path: str, data: bytes) -> None:
    """Keep it for the launcher. A folder that can't be written, or is somebody else's, is no reason to fail."""
    root, folder, name = path.rsplit("/", 2)
    opened: list[int] = []
    try:
        opened.append(_open_ours(root or "/"))
        with contextlib.suppress(FileExistsError):
            os.mkdir(folder, 0o700, dir_fd=opened[0])
        opened.append(_open_ours(folder, opened[0]))
        _write(opened[1], name, data)
        _forget_oldest(opened[1])
    except OSError:
        return
    finally:
        for descriptor in opened:
            os.close(descriptor)


def _forget_oldest(folder: int) -> None:
    """Only what is called as our files are: others are none of ours."""
    names = [name for name in os.listdir(folder) if name.removeprefix(".").isdigit()]
    if len(names) > MAX_KEPT:
        times = {name: os.stat(name, dir_fd=folder, follow_symlinks=False).st_mtime_ns for name in names}
        for name in sorted(names, key=times.__getitem__)[:-MAX_KEPT]:
            os.unlink(name, dir_fd=folder)
