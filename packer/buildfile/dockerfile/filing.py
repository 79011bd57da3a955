"""COPY and ADD: their sources, target and flags → a step. Pure.

As BuildKit does it (dockerfile2llb/convert_copy.go).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from whit.packer.buildfile.dockerfile.checks import Rule
from whit.packer.buildfile.dockerfile.configuring import target_in
from whit.packer.buildfile.dockerfile.gitref import check_url, parse_git_ref, with_flags
from whit.packer.buildfile.dockerfile.ignorefile import clean
from whit.packer.buildfile.dockerfile.instructions import Add, Copy
from whit.packer.buildfile.dockerfile.plan import CONTEXT, FileSource, FileStep, OriginKind, SourceKind
from whit.packer.buildfile.dockerfile.problems import Fault
from whit.packer.support.goquoted import quoted
from whit.packer.support.light import dataclass

if TYPE_CHECKING:
    from whit.packer.buildfile.dockerfile.instructions import Source
    from whit.packer.buildfile.dockerfile.plan import Origin
    from whit.packer.buildfile.dockerfile.state import StageState

_OCTAL = re.compile(r"[0-7]{1,11}", re.ASCII)
_LARGEST_MODE = 0o7777
_CLAUSE = r"[ugoa]*(?:[-+=][rwxXstugo]*)+"
_SYMBOLIC = re.compile(rf"{_CLAUSE}(?:,{_CLAUSE})*", re.ASCII)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128}")
_URLS = ("http://", "https://")
"""As they are written: ``HTTP://`` is a path."""


@dataclass(frozen=True, slots=True)
class _Flags:
    owner: str
    mode: str
    checksum: str


def add_files(state: StageState, files: Copy | Add) -> None:
    """One COPY or ADD. Raises Fault, and :class:`DockerfileError` for a stage that comes later."""
    place = files.source.place
    is_add = isinstance(files, Add)
    flags = _Flags(
        state.expand(files.owner, place),
        state.expand(files.mode, place),
        state.expand(files.checksum, place) if isinstance(files, Add) else "",
    )
    paths = tuple(state.expand(path, place) for path in files.sources)
    written_target = state.expand(files.target, place)
    contents = tuple(
        state.expand(one.text, place, plain_quotes=True) if one.expands else one.text for one in files.heredocs
    )
    origin = _origin(state, files)
    _check_flags(files, flags, paths)
    sources = [_source(path, files, flags) for path in paths]
    for source in sources:
        if source.kind is SourceKind.PATH and origin.kind is OriginKind.CONTEXT:
            _check_ignored(state, source.value, files)
    inline = (FileSource(SourceKind.INLINE, one.name, text) for one, text in zip(files.heredocs, contents, strict=True))
    told = ["ADD" if is_add else "COPY", *_told_flags(files, flags), *paths]
    told += [*(f"<<{one.name}" for one in files.heredocs), written_target]
    created_by = f"{' '.join(told)} # buildkit"
    state.steps.append(
        FileStep(
            source=files.source,
            title=state.title(files.source),
            created_by=created_by,
            is_trigger=state.is_trigger,
            sources=(*sources, *inline),
            target=target_in(state.directory, written_target),
            origin=origin,
            owner=flags.owner,
            mode=flags.mode,
            is_linked=files.is_linked,
            keeps_parents=isinstance(files, Copy) and files.keeps_parents,
            excludes=files.excludes,
            checksum=flags.checksum,
        )
    )
    state.tell(created_by, has_layer=True)


def add_context(state: StageState, origin: Origin, source: Source) -> None:
    """FROM a named context that is a folder: its files are the stage's first layer."""
    told = f"COPY --from={origin.image} / / # buildkit"
    files = (FileSource(SourceKind.PATH, "/"),)
    state.steps.append(
        FileStep(source, f"FROM {origin.image}", told, is_trigger=False, sources=files, target="/", origin=origin)
    )
    state.tell(told, has_layer=True)


def _told_flags(files: Copy | Add, flags: _Flags) -> list[str]:
    """What the history tells of them."""
    return [
        *(["--parents"] if isinstance(files, Copy) and files.keeps_parents else []),
        *([f"--chown={flags.owner}"] if flags.owner else []),
        *([f"--chmod={flags.mode}"] if flags.mode else []),
    ]


def _origin(state: StageState, files: Copy | Add) -> Origin:
    if isinstance(files, Add) or not files.origin:
        return CONTEXT
    origin = state.around.graph.copy_origin(files)
    state.around.graph.require_before(state.index, origin, f"--from={files.origin}", files.source.place)
    return origin


def _check_flags(files: Copy | Add, flags: _Flags, paths: tuple[str, ...]) -> None:
    if files.is_linked and flags.owner and not _is_numeric(flags.owner):
        raise Fault(
            f"--chown={flags.owner} with --link: the layer stands alone, and has no names of users",
            "give numbers: --chown=1000:1000",
        )
    if flags.mode and not (_is_octal(flags.mode) or _SYMBOLIC.fullmatch(flags.mode)):
        raise Fault(f"--chmod={flags.mode} is no mode", "octal from 0 to 7777, or as chmod(1) takes it: u=rwx,go=rx")
    if flags.checksum:
        if len(paths) != 1:
            raise Fault("--checksum is for one source")
        if not paths[0].startswith(_URLS) and parse_git_ref(paths[0], bare=True) is None:
            raise Fault("--checksum is for a URL or a git repository")


def _is_octal(text: str) -> bool:
    return _OCTAL.fullmatch(text) is not None and int(text, 8) <= _LARGEST_MODE


def _is_numeric(owner: str) -> bool:
    user, _, group = owner.partition(":")
    names = (user, *([group] if group else []))
    return all(name == "root" or name.removeprefix("-").removeprefix("+").isdecimal() for name in names)


def _source(path: str, files: Copy | Add, flags: _Flags) -> FileSource:
    git = parse_git_ref(path)
    kind = SourceKind.GIT if git else SourceKind.URL if path.startswith(_URLS) else SourceKind.PATH
    if kind is not SourceKind.PATH and not isinstance(files, Add):
        what = "a URL" if kind is SourceKind.URL else "a git repository"
        raise Fault(f"COPY of {what}: {path[:200]}", "ADD takes it")
    if kind is SourceKind.URL:
        check_url(path)
    if git and isinstance(files, Add):
        return FileSource(kind, path, git=with_flags(git, flags.checksum, files.keeps_git_dir))
    if kind is SourceKind.URL and flags.checksum and not _DIGEST.fullmatch(flags.checksum):
        raise Fault(f"--checksum={flags.checksum[:100]} is no digest", "as in sha256: and 64 hex digits")
    unpacks = files.unpacks if isinstance(files, Add) else False
    return FileSource(kind, path, unpacks=kind is SourceKind.PATH if unpacks is None else unpacks)


def _check_ignored(state: StageState, path: str, files: Copy | Add) -> None:
    """Tell of a source that .dockerignore leaves out; with exceptions in it that can't be told."""
    rules = state.around.ignore
    if rules is None or not rules.patterns or rules.has_exceptions:
        return
    cleaned = clean(path)
    if cleaned in (".", "/") and not rules.ignores_all:
        return
    if rules.ignores(cleaned):
        word = "Add" if isinstance(files, Add) else "Copy"
        message = f"Attempting to {word} file {quoted(cleaned)} that is excluded by .dockerignore"
        state.checker.report(Rule.COPY_IGNORED_FILE, files.source.place, message)
