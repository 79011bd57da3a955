"""The attack surface: what counts, what doesn't, and that taking away never makes it larger."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from tests.peers import PROJECT
from whit.packer.image.spec import RunConfig
from whit.packer.surface.counted import COUNTED
from whit.packer.surface.docker import docker
from whit.packer.surface.measure import compare, measure
from whit.packer.surface.model import Confinement, File, Started, Subject
from whit.packer.surface.report import document
from whit.runtime.confinement import allowed_calls, whit_default, whit_strict

if TYPE_CHECKING:
    from collections.abc import Iterator

NOBODY = Subject("server", "amd64", "65532:65532", 65532, 65532, program="/server")
PROGRAM = File("/server", 0o555, executable=True)
SHELL = File("/bin/sh", 0o755, executable=True)
SU = File("/bin/su", 0o4755, executable=True)


def points(subject: Subject, confinement: Confinement | None = None) -> dict[str, int]:
    return {part.id: part.points for part in measure(subject, confinement or docker("amd64")).parts}


def test_calls_are_those_of_the_profiles() -> None:
    assert len(docker("amd64").calls or ()) == 309  # moby/profiles of 2025
    assert len(docker("arm64").calls or ()) == 267
    assert len(allowed_calls("amd64") or ()) == 271  # docs/seccomp.md


def test_an_architecture_whose_calls_are_not_known_has_no_figure() -> None:
    assert measure(NOBODY, docker("s390x")).figure is None
    assert allowed_calls("vax") is None


def test_whit_leaves_less_than_docker_of_the_same_image() -> None:
    for user in (0, 65532):
        subject = replace(NOBODY, uid=user, gid=user, files=(PROGRAM, SHELL, SU))
        ours, theirs = measure(subject, whit_default("amd64")), measure(subject, docker("amd64"))
        assert ours.figure is not None
        assert theirs.figure is not None
        assert ours.figure < theirs.figure
        pairs = zip(ours.parts, theirs.parts, strict=True)
        assert all(one.points <= other.points for one, other in pairs)


def test_a_strict_sandbox_leaves_less_than_whit_s_defaults_and_only_what_the_program_uses() -> None:
    subject = replace(NOBODY, uid=0, gid=0, user="0", says_user=False, files=(PROGRAM, SHELL), shells=("/bin/sh",))
    config = RunConfig(entrypoint=("/server",), cmd=("--port", "80"), exposed_ports=("443/tcp",))
    started = Started(config, frozenset({"read", "listen", "mprotect"}), listens=(":9",))

    ours, strict = measure(subject, whit_default("amd64")), measure(subject, whit_strict("amd64", started))
    running = measure(subject, whit_strict("amd64", replace(started, executes=True)))

    pairs = zip(strict.parts, ours.parts, strict=True)
    assert all(one.points <= other.points for one, other in pairs)
    assert {"read", "mprotect"} < {*strict.by_id["calls"].names}
    assert strict.by_id["ports"].names == ("9", "80", "443")
    assert [strict.by_id[name].points for name in ("root", "shells", "executables")] == [0, 0, 0]
    assert [running.by_id[name].points for name in ("shells", "executables")] == [20, 10]


def test_what_a_strict_sandbox_refuses_whatever_the_program_calls_is_not_counted() -> None:
    unknown = whit_strict("amd64", Started(RunConfig(entrypoint=("/server",))))
    assert "memfd_create" in (whit_default("amd64").calls or ())
    assert "memfd_create" not in (unknown.calls or ())
    assert "mmap" in (unknown.calls or ())


def test_the_program_itself_is_no_other_program() -> None:
    assert points(replace(NOBODY, files=(PROGRAM,)))["executables"] == 0
    assert points(replace(NOBODY, files=(PROGRAM, SHELL)))["executables"] == 10


def test_capabilities_come_to_root_and_by_set_user_id() -> None:
    assert points(NOBODY)["capabilities"] == 0
    assert points(replace(NOBODY, uid=0))["capabilities"] == 140
    assert points(replace(NOBODY, files=(SU,)))["capabilities"] == 140
    assert points(replace(NOBODY, files=(SU,)), whit_default("amd64"))["capabilities"] == 0


@pytest.mark.parametrize(
    ("file", "writable"),
    [
        (File("/data", 0o755, 65532, 0, is_folder=True), True),
        (File("/data", 0o775, 0, 65532, is_folder=True), True),
        (File("/data", 0o777, is_folder=True), True),
        (File("/data", 0o755, is_folder=True), False),
        (File("/data", 0o577, 65532, 0), False),  # the owner's own bits decide, whatever others may
        (File("/link", 0o777, is_link=True), False),
        (File("/tmp/file", 0o666), True),
        (File("/proc/file", 0o666), False),  # the engine mounts over it
    ],
)
def test_who_may_write_is_told_by_the_bits(file: File, writable: bool) -> None:
    part = measure(replace(NOBODY, files=(file,)), docker("amd64")).by_id["writable"]
    assert (file.path in part.names) is writable


def test_a_read_only_root_leaves_only_what_is_mounted() -> None:
    files = (File("/tmp", 0o1777, is_folder=True), File("/srv", 0o777, is_folder=True))
    part = measure(replace(NOBODY, files=files), whit_default("amd64")).by_id["writable"]
    assert part.names == ("/dev/shm", "/tmp")


FILES = st.builds(
    File,
    st.sampled_from(["/a", "/b/c", "/tmp", "/tmp/x", "/server", "/dev/x"]),
    st.integers(0, 0o7777),
    st.sampled_from([0, 65532]),
    st.sampled_from([0, 65532]),
    st.booleans(),
    st.booleans(),
    st.booleans(),
)


@given(st.lists(FILES, max_size=6), st.integers(0, 6), st.sampled_from([0, 65532]))
def test_leaving_out_a_file_never_raises_the_figure(files: list[File], left_out: int, user: int) -> None:
    whole = replace(NOBODY, uid=user, files=tuple(files))
    less = replace(whole, files=tuple(files[:left_out] + files[left_out + 1 :]))
    for confinement in (docker("amd64"), whit_default("amd64")):
        figure, smaller = measure(whole, confinement).figure, measure(less, confinement).figure
        assert figure is not None
        assert smaller is not None
        assert smaller <= figure


@given(st.sets(st.sampled_from(sorted(docker("amd64").calls or ()))))
def test_forbidding_calls_never_raises_the_figure(calls: set[str]) -> None:
    figure = measure(NOBODY, docker("amd64")).figure
    less = measure(NOBODY, replace(docker("amd64"), calls=frozenset(calls))).figure
    assert less is not None
    assert figure is not None
    assert less <= figure


CONFINEMENTS = st.builds(
    Confinement,
    st.just("any"),
    st.frozensets(st.sampled_from(["read", "write", "bpf"])),
    st.lists(st.sampled_from(["CHOWN", "KILL", "MKNOD"]), unique=True).map(tuple),
    st.booleans(),
    st.booleans(),
    st.lists(st.tuples(st.sampled_from(["/dev/shm", "/tmp", "/b"]), st.booleans()), unique=True).map(tuple),
    st.lists(st.sampled_from(["null", "tty", "kvm"]), unique=True).map(tuple),
    st.sampled_from(["", "one of its own"]),
)
SUBJECTS = st.builds(
    lambda uid, gid, groups, files, shells: replace(
        NOBODY, uid=uid, gid=gid, groups=tuple(groups), files=tuple(files), shells=tuple(shells)
    ),
    st.sampled_from([0, 65532]),
    st.sampled_from([0, 65532]),
    st.lists(st.sampled_from([0, 7]), unique=True),
    st.lists(FILES, max_size=5),
    st.lists(st.sampled_from(["/bin/sh", "/bin/ash"]), unique=True),
)


def less_of_a_subject(subject: Subject) -> Iterator[Subject]:
    """The subject without one of the things that it has, or with one right less."""
    for at, file in enumerate(subject.files):
        others = (*subject.files[:at], *subject.files[at + 1 :])
        yield replace(subject, files=others)
        for bit in range(12):
            kept = (*subject.files[:at], replace(file, mode=file.mode & ~(1 << bit)), *subject.files[at + 1 :])
            yield replace(subject, files=kept)
    for at in range(len(subject.shells)):
        yield replace(subject, shells=subject.shells[:at] + subject.shells[at + 1 :])


def less_of_a_confinement(confinement: Confinement) -> Iterator[Confinement]:
    for call in confinement.calls or ():
        yield replace(confinement, calls=(confinement.calls or frozenset()) - {call})
    for name in ("bounding", "mounts", "devices"):
        held = getattr(confinement, name)
        for at in range(len(held)):
            yield replace(confinement, **{name: held[:at] + held[at + 1 :]})
    yield replace(confinement, gives=False)
    yield replace(confinement, writable_root=False)
    yield replace(confinement, network="")


@given(SUBJECTS, CONFINEMENTS)
def test_whatever_is_taken_away_never_raises_the_figure(subject: Subject, confinement: Confinement) -> None:
    whole = measure(subject, confinement)
    smaller = [
        *(measure(less, confinement) for less in less_of_a_subject(subject)),
        *(measure(subject, less) for less in less_of_a_confinement(confinement)),
    ]
    for surface in smaller:
        pairs = zip(surface.parts, whole.parts, strict=True)
        assert all(one.points <= other.points for one, other in pairs), surface


def test_the_words_for_the_figure_are_those_of_the_documentation() -> None:
    told = (PROJECT / "docs" / "report.md").read_text()
    rows = "\n".join(f"| {what} | {points} |" for what, points in COUNTED)
    assert rows in told
    assert len(COUNTED) == len(measure(NOBODY, docker("amd64")).parts)


def test_the_document_is_as_its_schema_says_and_adds_up() -> None:
    subject = replace(NOBODY, name="\udc80\x1b", files=(PROGRAM, SHELL, SU), calls=frozenset({"read"}))
    shown = document(compare(subject, (docker("amd64"), whit_default("amd64"))))
    schema = json.loads((PROJECT / "docs" / "surface.schema.json").read_text())
    Draft202012Validator(schema).validate(json.loads(json.dumps(shown)))
    for surface in shown["surfaces"]:
        assert surface["figure"] == sum(part["points"] for part in surface["parts"])
