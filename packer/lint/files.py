"""Files in an image: who may change them or become somebody by them, what is missing, what lies there for nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from whit.packer.lint.model import Found, Level, Place, Rule
from whit.packer.showing.console import human_size
from whit.packer.tar.member import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whit.packer.lint.image import Image, ImageFile

_SETUID, _SETGID, _STICKY, _OTHERS_WRITE = 0o4000, 0o2000, 0o1000, 0o002
_WORTH_IT = 64 << 10
_SHOWN = 20
_LAYERS = "https://docs.docker.com/build/building/best-practices/"


def _place(file: ImageFile) -> Place:
    return Place(file.path, file.layer)


def _set_id(image: Image) -> Iterator[Found]:
    for file in image.files.values():
        if file.kind is not Kind.FILE or not file.mode & 0o111:
            continue
        if file.mode & _SETUID:
            yield Found(f"setuid, of user {file.uid} (mode {file.mode:04o})", _place(file))
        elif file.mode & _SETGID:
            yield Found(f"setgid, of group {file.gid} (mode {file.mode:04o})", _place(file))


def _world_writable(image: Image) -> Iterator[Found]:
    for file in image.files.values():
        open_folder = file.kind is Kind.DIRECTORY and not file.mode & _STICKY
        if (file.kind is Kind.FILE or open_folder) and file.mode & _OTHERS_WRITE:
            yield Found(f"{file.kind} that anybody may change (mode {file.mode:04o})", _place(file))


def _hidden(image: Image) -> Iterator[Found]:
    """The largest ones; one line for the rest."""
    large = sorted(image.hidden, key=lambda hidden: -hidden.file.size)
    large = [hidden for hidden in large if hidden.file.size >= _WORTH_IT]
    for hidden in large[:_SHOWN]:
        done = "replaced" if hidden.replaced else "deleted"
        yield Found(f"{human_size(hidden.file.size)}, {done} by a later layer", _place(hidden.file))
    if more := large[_SHOWN:]:
        yield Found(f"{len(more)} more, {human_size(sum(hidden.file.size for hidden in more))}")


RULES = (
    Rule(
        "set-id",
        Level.WARNING,
        "A program that gives its owner's rights",
        "Whoever gets into the container can use it on the way to root; a container's program seldom needs one.",
        "chmod a-s, or leave the file out; run with no_new_privs, as whit run does.",
        "https://man7.org/linux/man-pages/man2/execve.2.html",
        image=_set_id,
    ),
    Rule(
        "world-writable",
        Level.WARNING,
        "Anybody in the container may change it",
        "Another process, or a hole in this one, can change what it runs or reads.",
        "chmod o-w; a shared folder for temporary files has mode 1777.",
        "https://man7.org/linux/man-pages/man7/inode.7.html",
        image=_world_writable,
    ),
    Rule(
        "hidden-file",
        Level.NOTE,
        "It carries a file that no container sees",
        "Layers only add: what a later one deletes is still pulled, stored, and readable for whoever unpacks the layer.",
        "Delete in the step that creates, copy only results from a build stage, or pack the program alone.",
        _LAYERS,
        image=_hidden,
    ),
)
