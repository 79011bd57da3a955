"""Why a path is in an executable's image, or why it isn't. Pure: everything was found out before."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from typing import TYPE_CHECKING

from whit.packer.executable.analysis import Evidence, EvidenceKind, Wanted
from whit.packer.image.spec import PARENT_REASON, Entry, EntryKind, HostFile
from whit.packer.needs import RULES
from whit.packer.needs.facts import as_evidence

if TYPE_CHECKING:
    from whit.packer.executable.analysis import Analysis
    from whit.packer.image.spec import ImageSpec
    from whit.packer.needs.model import Need
    from whit.packer.resolution.model import Library, Resolution

_AT_RUN_TIME = ("/proc", "/sys", "/dev", "/etc/hosts", "/etc/hostname", "/etc/resolv.conf")
"""What the runtime puts there: OCI runtime-spec, config-linux.md, "Default Filesystems" and "Default Devices", and every engine's own."""

_SHORTEST_NAME = 4
_ROOT = Entry("/", EntryKind.DIRECTORY, 0o755, PARENT_REASON)


@dataclass(frozen=True, slots=True)
class Explanation:
    """All that is known about one path in one executable's image.

    ``kind`` is None if the image doesn't have it; ``below`` counts what a folder holds, at any depth. ``source`` is
    the host's file that its content comes from, ``target`` what a link leads to. ``need`` is the need that it serves, or would serve. ``named`` are
    the calls that are handed its name, or else the place in the executable where the name stands.
    """

    path: str
    kind: EntryKind | None
    size: int = 0
    below: int = 0
    reason: str = ""
    source: str | None = None
    target: str | None = None
    origin: str | None = None
    need: Need | None = None
    library: Library | None = None
    named: tuple[Evidence, ...] = ()
    at_run_time: bool = False

    @property
    def is_there(self) -> bool:
        """Whether the image has it."""
        return self.kind is not None


def wanted_for(path: str) -> Wanted:
    """What an analysis has to look for besides, so that the path can be explained."""
    return Wanted(always=frozenset(text.encode("utf-8", "surrogateescape") for text in _names(path)))


def _names(path: str) -> tuple[str, ...]:
    last = posixpath.basename(path)
    return (path, last) if len(last) >= _SHORTEST_NAME else (path,)


def explain(path: str, analysis: Analysis, resolution: Resolution, spec: ImageSpec) -> Explanation:
    """Explain ``path``, absolute and normal; the analysis was asked for :func:`wanted_for` it too."""
    entries = {entry.path: entry for layer in reversed(spec.layers) for entry in layer.entries}
    entry = entries.get(path, _ROOT if path == "/" else None)
    need = _need(path, resolution)
    return Explanation(
        path=path,
        kind=entry.kind if entry else None,
        size=entry.size if entry else 0,
        below=sum(other.startswith(path.rstrip("/") + "/") for other in entries),
        reason=_reason(path, entry, need),
        target=entry.target if entry else None,
        source=entry.content.path if entry and isinstance(entry.content, HostFile) else None,
        origin=dict(resolution.sources).get(need.name) if entry and need else None,
        need=need,
        library=next((library for library in resolution.libraries if library.image_path == path), None),
        named=_named(path, analysis) if _is_asked_for(path, entry, spec) else (),
        at_run_time=any(path == place or path.startswith(f"{place}/") for place in _AT_RUN_TIME),
    )


def _need(path: str, resolution: Resolution) -> Need | None:
    """The need that the path serves: that of the image's file there, else of the place where it would stand."""
    name = next((file.need for file in resolution.files if file.path == path), None)
    name = name or next((rule.name for rule in RULES if _serves(path, rule.places)), None)
    return next((need for need in resolution.needs if need.name == name), None)


def _serves(path: str, places: tuple[str, ...]) -> bool:
    return any(path.startswith(place) or path == place.rstrip("/") for place in places)


def _reason(path: str, entry: Entry | None, need: Need | None) -> str:
    if entry:
        return entry.reason
    if need:
        return need.reason
    return f"nothing that whit knows of asks for {path}"


def _is_asked_for(path: str, entry: Entry | None, spec: ImageSpec) -> bool:
    """Whether the program can mean it by its name; nothing can be told from ``/etc`` or the program's own name."""
    return path not in spec.config.entrypoint[:1] and (entry is None or entry.kind is not EntryKind.DIRECTORY)


def _named(path: str, analysis: Analysis) -> tuple[Evidence, ...]:
    """Calls that are handed the name, or else the first place where it stands."""
    names = _names(path)
    if calls := tuple(as_evidence(call) for call in analysis.arguments if call.value in names):
        return calls
    found = dict(analysis.strings)
    for text in names:
        offset = found.get(text.encode("utf-8", "surrogateescape"))
        if offset is not None:
            return (Evidence(EvidenceKind.STRING, text, offset),)
    return ()


def holds_only(explanation: Explanation) -> bool:
    """Whether it is a folder that nobody asked for: it stands there for what is in it."""
    return explanation.kind is EntryKind.DIRECTORY and explanation.reason == PARENT_REASON
