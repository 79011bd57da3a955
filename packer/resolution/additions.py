"""What a person adds to an image: host files and folders → entries. The thin edge that looks at them.

Modes follow git's rule, so that umask and owner don't reach the image: 0755 for what its owner may execute and for
folders, 0644 for everything else, unless a mode was given. Everything belongs to root unless another owner was given.
"""

from __future__ import annotations

import os
import stat

from whit.packer.image.spec import Entry, EntryKind, HostFile, Inline
from whit.packer.support.errors import InvalidFileError, NotFoundError, UsageError
from whit.packer.support.imagepath import fault, shown
from whit.packer.support.light import TYPE_CHECKING, dataclass, replace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whit.packer.resolution.choices import Addition

_DEEPEST = 200
_KERNEL_S = ("/proc", "/sys")
"""File systems whose files have a size that says nothing of their content."""


@dataclass(frozen=True, slots=True)
class Added:
    """The entries, and the host's folders that they were found in: a change in one may change the entries."""

    entries: tuple[Entry, ...] = ()
    folders: tuple[str, ...] = ()


def gather(additions: tuple[Addition, ...]) -> Added:
    """Look at everything that shall be added. A later addition replaces an earlier one of the same place.

    Raises NotFoundError, InvalidFileError or UsageError that name the source.
    """
    entries: dict[str, Entry] = {}
    folders: list[str] = []
    for addition in additions:
        if not addition.source:
            entries[addition.target] = _made(addition)
            continue
        source = os.path.abspath(addition.source)  # noqa: PTH100 - resolve() would follow links
        try:
            found = os.stat(source)  # noqa: PTH116 - as it was given: a link's target is what is meant
            entries |= {entry.path: entry for entry in _tree(addition, source, addition.target, found, folders)}
        except OSError as error:
            where = addition.source if error.filename in {None, source} else os.fsdecode(error.filename)
            kind = NotFoundError if isinstance(error, FileNotFoundError) else InvalidFileError
            raise kind(f"{addition.word} {where}: {(error.strerror or str(error)).lower()}") from None
    _check_folders(entries, additions[0].word if additions else "")
    return Added(tuple(entries[path] for path in sorted(entries)), tuple(folders))


def _made(addition: Addition) -> Entry:
    """What stands on no disk: a file of a given text, or an empty folder."""
    if addition.content is None:
        mode = 0o755 if addition.mode is None else addition.mode
        return _entry(addition, addition.target, EntryKind.DIRECTORY, mode)
    mode = 0o644 if addition.mode is None else addition.mode
    return replace(_entry(addition, addition.target, EntryKind.FILE, mode), content=Inline(addition.content.encode()))


def _entry(addition: Addition, target: str, kind: EntryKind, mode: int) -> Entry:
    return Entry(target, kind, mode, f"asked for with {addition.word}", uid=addition.uid, gid=addition.gid)


def _tree(addition: Addition, source: str, target: str, found: os.stat_result, folders: list[str]) -> Iterator[Entry]:
    if stat.S_ISREG(found.st_mode):
        yield _file(addition, source, target, found)
        return
    if stat.S_ISLNK(found.st_mode):
        link = _entry(addition, target, EntryKind.SYMLINK, 0o777)
        yield replace(link, target=_checked_link(addition, source, os.readlink(source)))  # noqa: PTH115
        return
    if not stat.S_ISDIR(found.st_mode):
        raise InvalidFileError(f"{addition.word} {source}: neither a file, a folder nor a link")
    if target.count("/") > _DEEPEST:
        raise InvalidFileError(f"{addition.word} {source}: folders nested more than {_DEEPEST} deep")
    folders.append(source)
    yield _entry(addition, target, EntryKind.DIRECTORY, 0o755)
    for name in sorted(os.listdir(source)):  # noqa: PTH208
        below = f"{source}/{name}"
        state = os.lstat(below)
        yield from _tree(addition, below, f"{target}/{_checked_name(addition, below, name)}", state, folders)


def _file(addition: Addition, source: str, target: str, found: os.stat_result) -> Entry:
    if any(os.path.ismount(top) and os.stat(top).st_dev == found.st_dev for top in _KERNEL_S):  # noqa: PTH116 - texts
        raise InvalidFileError(
            f"{addition.word} {shown(source)}: the kernel makes its content whenever it is read",
            hint="copy it to a file first",
        )
    if not os.access(source, os.R_OK):
        raise InvalidFileError(f"{addition.word} {source}: permission denied")
    usual = 0o755 if found.st_mode & stat.S_IXUSR else 0o644
    mode = usual if addition.mode is None else addition.mode
    identity = (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)
    content = HostFile(source, found.st_size, identity)
    return replace(_entry(addition, target, EntryKind.FILE, mode), content=content)


def _checked_name(addition: Addition, source: str, name: str) -> str:
    if what := fault(f"/{name}"):
        raise InvalidFileError(f"{addition.word} {shown(source)}: the name {what}", hint="leave it out, or rename it")
    return name


def _checked_link(addition: Addition, source: str, target: str) -> str:
    try:
        target.encode()
    except UnicodeEncodeError:
        raise InvalidFileError(
            f"{addition.word} {shown(source)}: a link whose target isn't valid UTF-8, and an image can't hold it"
        ) from None
    return target


def _check_folders(entries: dict[str, Entry], word: str) -> None:
    """Raise UsageError where one addition would lie below another that is no folder."""
    for path in entries:
        parent = path.rpartition("/")[0]
        while parent:
            if parent in entries and entries[parent].kind is not EntryKind.DIRECTORY:
                raise UsageError(f"{word}: {path} would lie below {parent}, which is no folder")
            parent = parent.rpartition("/")[0]
