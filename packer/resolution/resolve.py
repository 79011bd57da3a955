"""Analysis → Resolution: which files stand beside the program, each for a need with its reason.

What costs little and may be asked for is there: accounts, ``/tmp``, a home. What costs more is there only when
code that opens it is linked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from whit.packer.executable.analysis import Format, Libc, Linkage
from whit.packer.executable.linkage import missing_libraries
from whit.packer.image.spec import NONROOT_ID, HostFile, Inline, PackOptions, program_path
from whit.packer.needs import judge_all
from whit.packer.needs.model import Grade, Need, Verdict
from whit.packer.needs.services import asks_protocols
from whit.packer.resolution import wellknown
from whit.packer.resolution.advice import advise
from whit.packer.resolution.choices import DEFAULT, GIVEN, Choices, SourceChoice
from whit.packer.resolution.model import Closure, NeededFile, Program, Resolution
from whit.packer.resolution.sources import HERE, Host, certificates, zones
from whit.packer.store.filetree import sysroot
from whit.packer.support.errors import InvalidFileError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from whit.packer.executable.analysis import Analysis
    from whit.packer.executable.file import Executable
    from whit.packer.image.spec import Entry
    from whit.packer.resolution.sources import SourcedFiles

_FILE_MODE = 0o644
_NAME_SERVICES = ("dns", "users", "groups", "services")


_NAMELESS = "/program"
"""Where a file is taken to stand whose name no image can hold."""


def resolve_executable(
    executable: Executable,
    choices: Choices = DEFAULT,
    options: PackOptions | None = None,
    added: tuple[Entry, ...] = (),
    host: Host = HERE,
) -> Resolution:
    """Everything that an executable needs beside it in the image that the options describe; see :func:`resolve`.

    ``added`` is what a person puts into the image. Without options no image is made of it, and no name is refused.
    """
    try:
        path = program_path(executable.name, options or PackOptions())
    except InvalidFileError:
        if options is not None:
            raise
        path = _NAMELESS
    files = tuple((entry.path, entry.content) for entry in added if isinstance(entry.content, HostFile))
    return resolve(executable.analysis, choices, host, Program(executable.file, path, files))


def resolve(
    analysis: Analysis, choices: Choices = DEFAULT, host: Host = HERE, program: Program | None = None
) -> Resolution:
    """Everything that an executable, analysed with ``needs.WANTED``, needs beside it.

    Reads folders and a version through ``host``, and of a dynamic ``program`` and its libraries what a loader reads.
    What isn't found is ``missing``, as is all that a dynamic executable asks for if it isn't given as ``program``;
    nothing is refused here. Beside a WebAssembly file stands only what a person asks for, and certificates for its host. Raises NotFoundError if a
    needed source isn't there.
    """
    closure = _closure(analysis, choices, host, program)
    verdicts = _judge(analysis, closure)
    needs = tuple(_chosen(need, dict(choices.needs)) for need in verdicts)
    by_name = {need.name: need for need in needs}
    sourced = tuple(_sourced(by_name, choices.sources, host))
    files = [
        *_always(by_name),
        *_written(analysis, by_name),
        *(_from_host(need, path, file) for need, source in sourced for path, file in source.files),
        *(file for file in closure.files if file.need not in by_name or not _left_out(by_name[file.need])),
    ]
    if analysis.format is not Format.ELF:
        files = [file for file in files if by_name[file.need].verdict is Verdict.NEEDED]
    return Resolution(
        needs,
        tuple(sorted(files, key=lambda file: file.path)),
        closure.missing,
        (*advise(analysis, by_name), *closure.advice),
        tuple((need.name, source.origin) for need, source in sourced),
        closure.libraries,
        closure.watched,
    )


def _closure(analysis: Analysis, choices: Choices, host: Host, program: Program | None) -> Closure:
    """The libraries of a dynamic executable, or of those added to it, from this machine or the chosen system."""
    dynamic = analysis.linkage is Linkage.DYNAMIC
    if program is None or analysis.format is not Format.ELF or not (dynamic or program.added):
        return Closure(missing=missing_libraries(analysis))
    tree = sysroot(choices.sysroot) if choices.sysroot is not None else host.tree
    if not dynamic:
        from whit.packer.closure.companions import close_companions  # noqa: PLC0415 - most add nothing

        return close_companions(analysis, program, host.tree, tree)
    from whit.packer.closure.closing import close  # noqa: PLC0415 - most programs are static

    return close(analysis, program, host.tree, tree, dict(program.added))


def _judge(analysis: Analysis, closure: Closure) -> tuple[Need, ...]:
    if analysis.linkage is not Linkage.DYNAMIC or not closure.libraries:
        return judge_all(analysis)
    from whit.packer.closure.judging import judge_with  # noqa: PLC0415

    return judge_with(analysis, closure.imports)


def _chosen(need: Need, chosen: Mapping[str, bool]) -> Need:
    """The person has the last word. Raises UsageError for a need that no file can serve."""
    if need.name not in chosen:
        return need
    if not chosen[need.name]:
        return Need(need.name, Verdict.NOT, Grade.ASKED, f"left out: --needs -{need.name}", need.evidence)
    if need.name not in GIVEN:
        raise UsageError(
            f"--needs +{need.name}: whit has no file that serves it", hint="give the files themselves, with --add"
        )
    return Need(need.name, Verdict.NEEDED, Grade.ASKED, f"asked for: --needs +{need.name}", need.evidence)


def _from_host(need: Need, path: str, file: HostFile) -> NeededFile:
    return NeededFile(path, _FILE_MODE, need.name, (need.reason,), file)


def _always(needs: Mapping[str, Need]) -> Iterator[NeededFile]:
    """What every image has, unless a person doesn't want it."""
    return (file for file in _usual(needs) if not _left_out(needs[file.need]))


def _left_out(need: Need) -> bool:
    return need.verdict is Verdict.NOT and need.grade is Grade.ASKED


def _usual(needs: Mapping[str, Need]) -> Iterator[NeededFile]:
    yield NeededFile(
        "/etc/passwd", _FILE_MODE, "users", _reasons(needs["users"], "names the user"), Inline(wellknown.PASSWD)
    )
    yield NeededFile(
        "/etc/group", _FILE_MODE, "groups", _reasons(needs["groups"], "names the group"), Inline(wellknown.GROUP)
    )
    yield NeededFile("/tmp", 0o1777, "temp", _reasons(needs["temp"], "programs expect it"))  # noqa: S108 - in the image
    yield NeededFile(
        "/home/nonroot",
        0o700,
        "home",
        _reasons(needs["home"], "the user's home"),
        uid=NONROOT_ID,
        gid=NONROOT_ID,
    )


def _reasons(need: Need, otherwise: str) -> tuple[str, ...]:
    return (need.reason,) if need.verdict is Verdict.NEEDED else (f"{otherwise}, in every image",)


def _sourced(needs: Mapping[str, Need], choice: SourceChoice, host: Host) -> Iterator[tuple[Need, SourcedFiles]]:
    if needs["ca"].verdict is Verdict.NEEDED:
        yield needs["ca"], certificates(host, choice)
    if needs["zones"].verdict is Verdict.NEEDED:
        yield needs["zones"], zones(host, choice)


def _written(analysis: Analysis, needs: Mapping[str, Need]) -> Iterator[NeededFile]:
    """Small files that whit writes itself."""
    if _worth_it(needs["services"]):
        yield _inline(needs["services"], "/etc/services", wellknown.SERVICES)
        if asks_protocols(analysis):
            yield _inline(needs["services"], "/etc/protocols", wellknown.PROTOCOLS)
    if _worth_it(needs["mime"]):
        yield _inline(needs["mime"], "/etc/mime.types", wellknown.MIME_TYPES)
    if asks := _asks_name_services(analysis, needs):
        yield _inline(asks, "/etc/nsswitch.conf", wellknown.NSSWITCH)


def _inline(need: Need, path: str, data: bytes) -> NeededFile:
    return NeededFile(path, _FILE_MODE, need.name, (need.reason,), Inline(data))


def _worth_it(need: Need) -> bool:
    """For files of a few kB: also where the code is linked and only configuration decides whether it runs."""
    return need.verdict is Verdict.NEEDED or (need.verdict is Verdict.MAYBE and need.grade is Grade.LINKED)


def _asks_name_services(analysis: Analysis, needs: Mapping[str, Need]) -> Need | None:
    """The need for which nsswitch.conf is read: hosts by Go's resolver, anything by glibc; musl has no such file."""
    if needs["dns"].grade is Grade.ASKED:
        return None if _left_out(needs["dns"]) else needs["dns"]
    if analysis.libc is Libc.GLIBC:
        return next((needs[name] for name in _NAME_SERVICES if needs[name].verdict is not Verdict.NOT), None)
    if analysis.language.name == "go" and _worth_it(needs["dns"]):
        return needs["dns"]
    return None
