"""The thin edge: a file's or image's name → all that a report or an attack surface is made of. Only reads."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from whit.packer.executable.analyse import analyse
from whit.packer.executable.file import opened
from whit.packer.image.callsclaim import claimed
from whit.packer.image.spec import RunConfig
from whit.packer.lint import WANTED, fetch, lint_image, lint_program
from whit.packer.lint.surface import subject_of
from whit.packer.needs import DETAILS
from whit.packer.needs.observed import WANTED as OBSERVED
from whit.packer.needs.observed import observe
from whit.packer.report.filebytes import sizes_of
from whit.packer.report.imagebytes import image_sizes
from whit.packer.resolution.additions import gather
from whit.packer.resolution.choices import DEFAULT
from whit.packer.resolution.resolve import resolve_executable
from whit.packer.support.counting import counted
from whit.packer.support.errors import NotFoundError, WhitError
from whit.packer.surface.docker import docker
from whit.packer.surface.measure import compare
from whit.packer.surface.model import Started
from whit.packer.surface.subjects import of_executable
from whit.packer.syscalls.names import syscall_names

if TYPE_CHECKING:
    from whit.packer.executable.analysis import Analysis
    from whit.packer.image.callsclaim import Calls
    from whit.packer.lint.fetch import Layouts
    from whit.packer.lint.image import Image, ImageFile
    from whit.packer.lint.model import Finding
    from whit.packer.needs.model import Need
    from whit.packer.report.tree import Sizes
    from whit.packer.resolution.choices import Choices
    from whit.packer.resolution.model import Resolution
    from whit.packer.store.layout import Layout
    from whit.packer.store.store import Store, StoredImage
    from whit.packer.support.search import Data
    from whit.packer.surface.model import Compared, Confining, Subject
    from whit.packer.syscalls.found import Findings

_STARTS = frozenset({"execve", "execveat"})


@dataclass(frozen=True, slots=True)
class Called:
    """The calls that a program's code can make: all that was found, or why nothing was."""

    findings: Findings | None
    why: str = ""

    @property
    def names(self) -> frozenset[str] | None:
        """Their names; None unless all are known."""
        if self.findings is None or not self.findings.complete:
            return None
        known = syscall_names(self.findings.architecture)
        return frozenset(known[number] for number in self.findings.numbers if number in known)


@dataclass(frozen=True, slots=True)
class Looked:
    """All that is known of one file or image. ``resolution`` is a file's, ``image`` and ``stored`` an image's.

    ``analysis`` is None for an image whose program whit doesn't know. ``sizes`` and ``findings`` are there where a
    whole report was asked for, ``inside`` are the sizes of the program alone.
    """

    name: str
    compared: Compared
    called: Called
    analysis: Analysis | None = None
    resolution: Resolution | None = None
    needs: tuple[Need, ...] = ()
    image: Image | None = None
    stored: StoredImage | None = None
    sizes: Sizes | None = None
    inside: Sizes | None = None
    findings: tuple[Finding, ...] = ()


def look(
    target: str,
    confining: Confining,
    choices: Choices = DEFAULT,
    *,
    whole: bool = False,
    layouts: Layouts = fetch.layout_of,
) -> Looked:
    """Read a file, or an image of the store, a layout or an archive. Raises what reading it raises."""
    from whit.packer.store.store import Store, read_image  # noqa: PLC0415 - with all that knows images
    from whit.packer.store.targets import names_file  # noqa: PLC0415

    with layouts(target) as layout:
        if layout is not None:
            stored = read_image(layout, fetch.only_image(layout, target))
            return _look_at_image(target, stored, layout, confining, whole=whole)
        if names_file(target):
            return _look_at_file(target, confining, choices, whole=whole)
        store = Store.open()
        return _look_at_image(target, _stored(store, target), store.layout, confining, whole=whole)


def _stored(store: Store, target: str) -> StoredImage:
    """An image of the store; one that isn't there isn't pulled by looking, and it is said what does."""
    try:
        return store.resolve(target)
    except NotFoundError as error:
        if error.hint is not None and error.hint.startswith("did you mean"):
            raise
        hint = f"'whit images' lists what is there; 'whit pull {target}' brings it from its registry"
        raise NotFoundError(error.message, hint=hint) from None


def _look_at_file(target: str, confining: Confining, choices: Choices, *, whole: bool) -> Looked:
    with opened(target) as file:
        executable = file.analyse(DETAILS | WANTED if whole else DETAILS)
        added = gather(choices.additions).entries
        resolution = resolve_executable(executable, choices, added=added)
        called = file.look(calls_of)
        analysis = executable.analysis
        sizes = file.look(lambda data: sizes_of(data, analysis)) if whole else None
        findings = lint_program(fetch.program_of(file)) if whole else ()
    subject = of_executable(executable.name, analysis, resolution, called.names, called.why)
    started = _started(called, subject, RunConfig(entrypoint=(subject.program,)), observe(analysis).listens)
    compared = _confined(subject, confining, started)
    return Looked(
        *(executable.name, compared, called, analysis, resolution, resolution.needs),
        sizes=sizes,
        inside=sizes,
        findings=findings,
    )


def _look_at_image(target: str, stored: StoredImage, layout: Layout, confining: Confining, *, whole: bool) -> Looked:
    image = fetch.image_of(target, stored, layout)
    called, inside = Called(None, "the image starts no program that whit knows"), None
    listens: tuple[str, ...] = ()
    if image.main is not None:
        analysis = image.main.analysis
        file = image.files[image.main.path]
        called, inside, listens = _look_inside(file, stored, layout, analysis, whole=whole)
    claim = claimed(dict(image.annotations), image.main.path) if image.main else None
    subject = _alone(subject_of(image, called.names, called.why))
    compared = _confined(subject, confining, _started(called, subject, image.run, listens, claim), claim)
    sizes = image_sizes(image, stored, inside) if whole else None
    findings = lint_image(image) if whole else ()
    known, needs = (image.main.analysis, image.main.needs) if image.main else (None, ())
    return Looked(target, compared, called, known, None, needs, image, stored, sizes, inside, findings)


def _look_inside(
    file: ImageFile, stored: StoredImage, layout: Layout, analysis: Analysis, *, whole: bool
) -> tuple[Called, Sizes | None, tuple[str, ...]]:
    """The program's calls, where its bytes are, and where its code is seen to listen."""

    def all_of(data: Data) -> tuple[Called, Sizes | None, tuple[str, ...]]:
        listens = observe(analyse(data, OBSERVED)).listens
        return calls_of(data), sizes_of(data, analysis) if whole else None, listens

    nothing = Called(None, "the program can't be read again"), None, ()
    return fetch.look_again(stored, layout, file, all_of) or nothing


def _alone(subject: Subject) -> Subject:
    """Without its calls if it executes others that are there: they have calls too, and ``--seccomp auto`` unites them."""
    others = any(file.executable and file.path != subject.program for file in subject.files)
    if subject.calls is None or not subject.calls & _STARTS or not others:
        return subject
    return replace(subject, calls=None, why="it executes other programs, whose calls aren't looked for here")


def calls_of(data: Data) -> Called:
    """What its code can make; a file that this can't be told of is no error."""
    from whit.packer.syscalls.remembered import find_once  # noqa: PLC0415 - brings what reads machine code

    try:
        findings = find_once(data)
    except WhitError as error:
        return Called(None, error.message if error.hint is None else f"{error.message} ({error.hint})")
    unknown = len(findings.unknown)
    return Called(findings, "" if findings.complete else f"not understood: {counted(unknown, 'way')} into the kernel")


def _started(
    called: Called, subject: Subject, config: RunConfig, listens: tuple[str, ...], claim: Calls | None = None
) -> Started:
    """What a sandbox is made of. Calls of a program that executes others are united, which isn't done here: they aren't known then."""
    names = claim.names if claim else called.names
    return Started(config, claim.names if claim else subject.calls, bool(names and names & _STARTS), listens)


def _confined(subject: Subject, confining: Confining, started: Started, claim: Calls | None = None) -> Compared:
    """The subject under docker's defaults, under whit's, with ``--seccomp auto`` where that can be, and in a strict sandbox.

    ``claim``: it was packed so already.
    """
    architecture = subject.architecture
    several = [docker(architecture), confining.default(architecture, claim.names if claim else None)]
    if subject.calls is not None and claim is None:
        several.append(replace(confining.default(architecture, subject.calls), name="own"))
    return compare(subject, [*several, confining.strict(architecture, started)])
