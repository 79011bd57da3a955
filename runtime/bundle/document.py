"""What a bundle says of itself, for programs and for people: made once, shown by its own launcher. Pure."""

from __future__ import annotations

import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from whit.packer.showing.present import printable
from whit.packer.support.jsondoc import canonical_json
from whit.runtime.bundle.form import VARIANTS
from whit.runtime.bundle.keeping import CACHE
from whit.runtime.present import plan_document

if TYPE_CHECKING:
    from collections.abc import Mapping

    from whit.runtime.bundle.form import Entry, Place
    from whit.runtime.model import LaunchPlan, Op

SCHEMA = "whit-bundle/1"
_KINDS = {stat.S_IFREG: "file", stat.S_IFDIR: "directory", stat.S_IFLNK: "symlink", stat.S_IFIFO: "fifo"}
_MEGABYTE = 1_000_000
_KEPT = "kept        unpacked, in the cache of who starts it; --whit-unpack none: in memory, as long as it runs"


@dataclass(frozen=True, slots=True)
class Contents:
    """All that is in a bundle. ``digests`` are those of contents, by their place; ``launcher`` is (size, digest).

    ``calls`` are those of the program's own, where its filter allows no others.
    """

    name: str
    image: str
    platform: str
    version: str
    launcher: tuple[int, str]
    command: tuple[str, ...]
    entrypoint_words: int
    defaults: tuple[str, ...]
    sandbox: str | None
    calls: tuple[str, ...] | None
    exposed_ports: tuple[str, ...]
    plans: tuple[LaunchPlan, ...]
    entries: tuple[Entry, ...]
    digests: Mapping[Place, str]


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _file(entry: Entry, digests: Mapping[Place, str]) -> dict[str, object]:
    kind = "hard link" if stat.S_ISREG(entry.mode) and entry.target else _KINDS[stat.S_IFMT(entry.mode)]
    found: dict[str, object] = {
        "path": "/" + printable(_text(entry.path)),
        "kind": kind,
        "mode": f"{entry.mode & 0o7777:04o}",
        "uid": entry.uid,
        "gid": entry.gid,
    }
    if kind == "file":
        found |= {"size": entry.content.size, "digest": digests[entry.content]}
    elif entry.target:
        found["target"] = printable(_text(entry.target))
    return found


def document(contents: Contents) -> bytes:
    """``whit-bundle/1`` of docs/bundle.md, as one line of JSON."""
    size, digest = contents.launcher
    plans = {name: plan_document(plan)["operations"] for name, plan in zip(VARIANTS, contents.plans, strict=True)}
    said: dict[str, object] = {
        "schema": SCHEMA,
        "name": contents.name,
        "image": contents.image,
        "platform": contents.platform,
        "whit": contents.version,
        "launcher": {"size": size, "digest": digest},
        "command": list(map(printable, contents.command)),
        "entrypoint_words": contents.entrypoint_words,
        "settings": list(map(printable, contents.defaults)),
        "sandbox": contents.sandbox,
        "calls": None if contents.calls is None else list(contents.calls),
        "exposed_ports": list(contents.exposed_ports),
        "files": [_file(entry, contents.digests) for entry in contents.entries],
        "plans": plans,
    }
    return canonical_json(said) + b"\n"


def _op(plan: LaunchPlan, name: str) -> Op:
    return next(op for op in plan.ops if op.name == name)


def _size(number: int) -> str:
    return f"{number / _MEGABYTE:.1f} MB" if number >= _MEGABYTE else f"{number} bytes"


def _calls(contents: Contents) -> str:
    usual = "what whit's default filter allows"
    return usual if contents.calls is None else f"of {usual} the {len(contents.calls)} calls of its own code"


def page(contents: Contents) -> bytes:
    """The same for people, shorter."""
    plan = contents.plans[0]
    ids, where = _op(plan, "SET_IDS"), _op(plan, "CHANGE_DIRECTORY")
    regular = [entry for entry in contents.entries if entry.is_file]
    total = sum(entry.content.size for entry in regular)
    settings = [setting for setting in contents.defaults if setting != CACHE]
    lines = [
        f"{printable(contents.name)}, a bundle by whit {contents.version} for {contents.platform}",
        f"image       {contents.image}",
        f"launcher    {contents.launcher[1]}, {_size(contents.launcher[0])}",
        f"program     {' '.join(map(printable, contents.command))}",
        f"runs as     user {ids.args[0]!r}, group {ids.args[1]!r}, in {printable(str(where.args[0]))}",
        f"settings    {' '.join(map(printable, settings)) or 'none: no network, no limits but 4096 processes'}",
        *([_KEPT] if CACHE in contents.defaults else []),
        f"may call    {_calls(contents)}",
        *([f"sandbox     {printable(contents.sandbox)}"] if contents.sandbox else []),
        *([f"exposes     {' '.join(map(printable, contents.exposed_ports))}"] if contents.exposed_ports else []),
        f"files       {len(regular)}, {_size(total)}",
        "",
        *map(_line, contents.entries),
    ]
    return "\n".join([*lines, ""]).encode("utf-8", "backslashreplace")


def _line(entry: Entry) -> str:
    size = entry.content.size if stat.S_ISREG(entry.mode) and not entry.target else 0
    leads = f" -> {printable(_text(entry.target))}" if stat.S_ISLNK(entry.mode) else ""
    also = f" = /{printable(_text(entry.target))}" if stat.S_ISREG(entry.mode) and entry.target else ""
    whose = f"{entry.uid}:{entry.gid}"
    return f"{stat.filemode(entry.mode)} {whose:<12} {size:>10} /{printable(_text(entry.path))}{leads}{also}"
