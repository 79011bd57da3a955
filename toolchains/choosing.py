"""Which of a project's programs go into the image. Pure."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from whit.packer.support.errors import UsageError
from whit.toolchains.model import Note

if TYPE_CHECKING:
    from whit.toolchains.model import Target

_SHOWN = 12


def choose(shown: str, targets: tuple[Target, ...], bins: tuple[str, ...]) -> tuple[tuple[Target, ...], Note]:
    """The programs, the image's own first, and why these. Raises :class:`UsageError`, which lists those that there are."""
    if not targets:
        raise UsageError(
            f"{shown} has no program: nothing in it can be started",
            hint="give the folder of a program: a library isn't packed",
        )
    if bins:
        return tuple(_named(shown, targets, name) for name in _distinct(bins)), Note(", ".join(bins), "asked for")
    if len(targets) == 1:
        return targets, Note(targets[0].name, "the only program that there is")
    main = [target for target in targets if target.is_main]
    if len(main) == 1:
        others = ", ".join(target.name for target in targets if target is not main[0])
        return (main[0],), Note(main[0].name, f"the project's own program; --bin chooses others: {others}")
    raise UsageError(
        f"{shown} has {len(targets)} programs: {_listed(targets)}",
        hint=f"--bin {targets[0].name} builds that one; several --bin put several into one image, the first is started",
    )


def _distinct(bins: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(bins))


def _named(shown: str, targets: tuple[Target, ...], name: str) -> Target:
    """By its name, or by its place where two share a name."""
    wanted = name.removeprefix("./").rstrip("/")
    found = [target for target in targets if wanted in {target.name, target.place.removeprefix("./")}]
    if len(found) == 1:
        return found[0]
    if found:
        places = ", ".join(target.place for target in found)
        raise UsageError(f"{shown} has {len(found)} programs {name}: {places}", hint=f"--bin {found[0].place}")
    names = [target.name for target in targets]
    near = difflib.get_close_matches(name, names, n=1)
    raise UsageError(f"{shown} has no program {name}; it has {_listed(targets)}", hint=f"--bin {(near or names)[0]}")


def _listed(targets: tuple[Target, ...]) -> str:
    shown = ", ".join(f"{target.name} ({target.place})" if target.place else target.name for target in targets[:_SHOWN])
    return shown + (f" and {len(targets) - _SHOWN} more" if len(targets) > _SHOWN else "")
