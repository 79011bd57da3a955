"""What an image leaves to somebody who has taken over its program, and could leave out."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from whit.packer.image.accounts import Accounts, Identity, identify
from whit.packer.lint.image import SHELLS
from whit.packer.lint.model import Found, Level, Rule
from whit.packer.support.counting import counted
from whit.packer.support.errors import UsageError
from whit.packer.surface.docker import docker
from whit.packer.surface.measure import measure
from whit.packer.surface.model import File, Subject
from whit.packer.tar.member import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whit.packer.lint.image import Image, ImageFile
    from whit.packer.surface.model import Part

_ENDING, _INSIDE = ".so", ".so."
_CUTS: dict[str, tuple[str, ...]] = {
    "root": ("it runs as root",),
    "capabilities": ("capability within reach", "capabilities within reach"),
    "set_id": ("file that gives its owner's rights", "files that give their owner's rights"),
    "shells": ("a shell",),
    "executables": ("other program", "other programs"),
}
"""What the image decides on, by the part's name: words for it, or for one and for several."""

_WORTH_IT = 50
"""Points of programs: a shell alone has 30."""


def subject_of(image: Image, calls: frozenset[str] | None = None, why: str = "") -> Subject:
    """An image as what is compared; its user is looked up in its own passwd, and taken for root where that lacks it."""
    user = image.run.user
    texts = (_text(image, path) for path in ("/etc/passwd", "/etc/group"))
    who = Identity(0, 0)
    with contextlib.suppress(UsageError):
        who = identify(user, Accounts(*texts))
    shells = tuple(dict.fromkeys(found.path for found in map(image.lookup, SHELLS) if found is not None))
    main = image.program(image.command[0]) if image.command else None
    return Subject(
        name=image.name,
        architecture=image.config.platform.architecture,
        user=user or "0",
        uid=who.uid,
        gid=who.gid,
        groups=who.groups,
        program=main.path if main else "",
        files=tuple(_file(file) for _, file in sorted(image.files.items())),
        shells=shells,
        calls=calls,
        why=why,
        says_user=bool(user),
    )


def _text(image: Image, path: str) -> str:
    file = image.lookup(path)
    return (file.content or b"").decode("utf-8", "surrogateescape") if file else ""


def _file(file: ImageFile) -> File:
    is_folder, is_link = file.kind is Kind.DIRECTORY, file.kind is Kind.SYMLINK
    runs = file.kind in (Kind.FILE, Kind.HARD_LINK) and bool(file.mode & 0o111) and _is_program(file)
    return File(file.path, file.mode, file.uid, file.gid, is_folder, is_link, runs)


def _is_program(file: ImageFile) -> bool:
    """An ELF file that isn't named as libraries are, or a script: what else has the bit, the kernel refuses."""
    name = file.path.rpartition("/")[2]
    is_library = name.endswith(_ENDING) or _INSIDE in name
    is_script = bool(file.content and file.content.startswith(b"#!"))
    return is_script or (file.platform is not None and not is_library)


def _words(part: Part) -> str:
    words = _CUTS[part.id]
    return words[0] if len(words) == 1 else counted(part.count, *words)


def _surface(image: Image) -> Iterator[Found]:
    if image.main is None:
        return
    surface = measure(subject_of(image), docker(image.config.platform.architecture))
    parts = [surface.by_id[name] for name in _CUTS if surface.by_id[name].points]
    if sum(surface.by_id[name].points for name in ("shells", "executables", "set_id")) < _WORTH_IT:
        return  # being root alone, other rules tell
    words = ", ".join(f"{_words(part)} ({part.points})" for part in parts)
    points = sum(part.points for part in parts)
    of = f"of the {surface.figure} points" if surface.figure is not None else "points"
    yield Found(f"{points} {of} of its attack surface under docker's defaults could go: {words}")


RULES = (
    Rule(
        "attack-surface",
        Level.NOTE,
        "It leaves more within reach than its program alone",
        "Whoever takes over the program has all that is in the image and all that its user may do. A system call counts a "
        "point, a capability ten: 'whit inspect --surface IMAGE' shows all parts, docs/report.md tells how they are counted.",
        "Run as a user that isn't root, drop set-user-ID bits, and copy the program alone into an empty image: whit pack.",
        "https://docs.docker.com/build/building/best-practices/",
        image=_surface,
    ),
)
