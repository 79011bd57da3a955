"""A Dockerfile's plan: what its steps say, what is refused and how that is told. BuildKit's answers are in test_dockerfile_buildkit.py."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import pytest

from tests.peers import PROJECT
from whit.packer.buildfile.dockerfile.checks import Rule
from whit.packer.buildfile.dockerfile.evaluate import Wishes, evaluate, needed_images
from whit.packer.buildfile.dockerfile.ignorefile import parse_ignore_file
from whit.packer.buildfile.dockerfile.mounts import MountKind
from whit.packer.buildfile.dockerfile.parsing import parse
from whit.packer.buildfile.dockerfile.plan import CONTEXT, EMPTY, FileStep, OriginKind, RunStep, SourceKind, WorkdirStep
from whit.packer.buildfile.dockerfile.problems import DockerfileError
from whit.packer.image.oci import ImageConfig
from whit.packer.image.platform import Platform
from whit.packer.image.spec import RunConfig
from whit.packer.support.errors import NotFoundError, UnsupportedError, UsageError, WhitError

if TYPE_CHECKING:
    from whit.packer.buildfile.dockerfile.plan import Plan

AMD64, ARM64 = Platform("linux", "amd64"), Platform("linux", "arm64")
StepType = TypeVar("StepType", RunStep, FileStep, WorkdirStep)


def base(_reference: str, platform: Platform) -> ImageConfig:
    return ImageConfig(platform, RunConfig(env=("PATH=/bin",), cmd=("sh",)))


def plan(text: str, **wishes: object) -> Plan:
    return evaluate(parse(text.encode()), Wishes(here=AMD64, **wishes), base)  # type: ignore[arg-type]


def only(made: Plan, kind: type[StepType]) -> StepType:
    [found] = [step for stage in made.stages for step in stage.steps if isinstance(step, kind)]
    return found


def refused(text: str, **wishes: object) -> WhitError:
    with pytest.raises(WhitError) as caught:
        plan(text, **wishes)
    return caught.value


def test_only_stages_that_the_target_needs_are_planned_each_after_those_it_needs() -> None:
    made = plan(
        "FROM a AS tools\nFROM b AS unused\nFROM c AS base\nFROM base\nCOPY --from=tools /x /x\nRUN --mount=from=d:1,target=/d x"
    )
    assert [(stage.index, stage.name, stage.needs) for stage in made.stages] == [
        (0, "tools", ()),
        (2, "base", ()),
        (3, "stage-3", (0, 2)),
    ]
    assert made.target == 3
    assert made.stage(3).base.stage == 2


def test_base_images_are_known_before_anything_is_fetched() -> None:
    text = "ARG V=1\nFROM --platform=$BUILDPLATFORM golang:$V AS build\nFROM b AS unused\nFROM scratch\nCOPY --from=build / /"
    found = needed_images(parse(text.encode()), Wishes(here=AMD64, platform=ARM64))
    assert found == (("docker.io/library/golang:1", AMD64),)


def test_a_base_is_read_once_and_for_its_platform() -> None:
    asked: list[tuple[str, Platform]] = []

    def read(reference: str, platform: Platform) -> ImageConfig:
        asked.append((reference, platform))
        return base(reference, platform)

    evaluate(parse(b"FROM --platform=linux/arm64 a AS x\nFROM x\nFROM x"), Wishes(here=AMD64), read)
    assert asked == [("docker.io/library/a:latest", ARM64)]


def test_run_knows_its_words_its_environment_and_where_it_runs() -> None:
    step = only(plan("FROM a\nENV A=1\nARG B=$A\nWORKDIR /w\nUSER u\nRUN make $B", args={"no_proxy": "x"}), RunStep)
    assert step.words == ("/bin/sh", "-c", "make $B")
    assert step.environment == ("PATH=/bin", "A=1", "B=1")
    assert step.proxies == ("NO_PROXY=x", "no_proxy=x")
    assert (step.directory, step.user, step.network, step.mounts) == ("/w", "u", "default", ())
    assert step.title == "RUN make 1"
    assert step.created_by == "RUN |1 B=1 /bin/sh -c make $B # buildkit"
    assert str(step.source.place) == "Dockerfile:6"


def test_mounts_say_where_they_come_from_and_where_they_are() -> None:
    text = (
        "FROM a AS s\nFROM b\nWORKDIR /w\nRUN --mount=target=src,source=x --mount=from=s,target=/s --mount=from=c:2,target=/c "
        "--mount=type=cache,target=/k,id=key --mount=type=tmpfs,target=/t,size=1m --mount=type=secret,id=token,env=T "
        "--mount=type=secret,id=file --mount=type=ssh make"
    )
    mounts = only(plan(text), RunStep).mounts
    assert [(one.mount.kind, one.origin.kind, one.target) for one in mounts] == [
        (MountKind.BIND, OriginKind.CONTEXT, "/w/src"),
        (MountKind.BIND, OriginKind.STAGE, "/s"),
        (MountKind.BIND, OriginKind.IMAGE, "/c"),
        (MountKind.CACHE, OriginKind.EMPTY, "/k"),
        (MountKind.TMPFS, OriginKind.EMPTY, "/t"),
        (MountKind.SECRET, OriginKind.EMPTY, ""),
        (MountKind.SECRET, OriginKind.EMPTY, "/run/secrets/file"),
        (MountKind.SSH, OriginKind.EMPTY, "/run/buildkit/ssh_agent.0"),
    ]
    assert mounts[2].origin.image == "docker.io/library/c:2"
    assert (mounts[0].mount.source, mounts[3].mount.id, mounts[4].mount.size) == ("/x", "key", 1 << 20)


def test_a_secret_in_the_environment_is_hidden_where_people_see_it() -> None:
    step = only(plan("FROM a\nARG T=seen\nRUN --mount=type=secret,id=t,env=T curl $T"), RunStep)
    assert step.title.endswith("curl ****")


def test_a_here_document_with_a_shebang_is_a_program_of_its_own() -> None:
    step = only(plan("FROM a\nRUN <<EOF\n#!/usr/bin/python3\nprint(1)\nEOF"), RunStep)
    assert step.script
    assert (step.script.path, step.script.content) == ("/dev/pipes/EOF", "#!/usr/bin/python3\nprint(1)\n")
    assert step.words == ("/bin/sh", "-c", "/dev/pipes/EOF")
    assert step.title == "RUN <<EOF (#!/usr/bin/python3...)"


def test_add_tells_paths_addresses_repositories_and_here_documents_apart() -> None:
    text = "FROM a\nARG N=1\nADD a.tar https://e.com/x$N git@github.com:a/b.git https://github.com/a/c.git#v1 <<doc /d/\n$N\ndoc"
    step = only(plan(text), FileStep)
    assert [(one.kind, one.value, one.unpacks) for one in step.sources] == [
        (SourceKind.PATH, "a.tar", True),
        (SourceKind.URL, "https://e.com/x1", False),
        (SourceKind.GIT, "git@github.com:a/b.git", False),
        (SourceKind.GIT, "https://github.com/a/c.git#v1", False),
        (SourceKind.INLINE, "doc", False),
    ]
    assert step.sources[-1].content == "1\n"
    assert (step.target, step.origin) == ("/d/", CONTEXT)


def test_copy_keeps_what_its_flags_say() -> None:
    step = only(plan("FROM a\nARG M=755\nCOPY --link --parents --chown=1:2 --chmod=$M --exclude=*.md . ."), FileStep)
    assert (step.is_linked, step.keeps_parents, step.owner, step.mode, step.excludes) == (
        True,
        True,
        "1:2",
        "755",
        ("*.md",),
    )
    assert step.target == "/"


def test_a_layer_for_each_step_and_none_for_what_sets_something() -> None:
    made = plan("FROM scratch\nCOPY a /\nENV A=1\nWORKDIR /w\nWORKDIR /\nCMD x\nRUN y")
    stage = made.stage(0)
    layers = [line.created_by for line in stage.config.history if not line.empty_layer]
    assert layers == [step.created_by for step in stage.steps]
    assert [type(step) for step in stage.steps] == [FileStep, WorkdirStep, RunStep]
    assert stage.base == EMPTY
    assert stage.config.diff_ids == ()


def test_labels_of_the_build_go_to_the_target_alone() -> None:
    made = plan("FROM a AS x\nLABEL l=1\nFROM x", labels=(("l", "2"), ("m", "3")))
    assert made.stage(0).config.run.labels == (("l", "1"),)
    assert made.stage(1).config.run.labels == (("l", "2"), ("m", "3"))


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("FROM a AS b\nFROM B", "Dockerfile:2: 'B' is not an image reference", "the stage's name is b"),
        (
            "FROM a AS x\nCOPY --from=b / /\nFROM c AS b\nFROM x",
            "Dockerfile:2: --from=b: the stage b comes later",
            "move it",
        ),
        ("FROM a AS b\nCOPY --from=b / /", "a circle: b → b", None),
        ("FROM a AS b\nCOPY --from=c / /\nFROM a AS c\nRUN --mount=from=b x", "a circle: b → c → b", None),
        ("FROM a\nCOPY --from=7 / /", "Dockerfile:2: --from=7: there is no stage of this number", "counted from 0"),
        ("FROM a\nCOPY --from=$x / /", "--from= takes no variables", "ARG before FROM"),
        ("FROM $x", "Dockerfile:1: FROM $x comes to nothing", "--build-arg"),
        ("FROM --platform=linux/ a", "'linux/' is not a platform", "as in linux/arm64"),
        ("FROM a\nUSER ${x:?who}", "Dockerfile:2: x: who", None),
        ("FROM a\nENV A=${x", "Dockerfile:2: syntax error: missing '}'", None),
        ("FROM a\nSTOPSIGNAL NOPE", "'NOPE' is no signal", "SIGTERM"),
        ("FROM a\nEXPOSE 80/xyz", "'80/xyz': no protocol is called xyz", "tcp, udp, sctp"),
        ("FROM a\nCOPY --link --chown=app x y", "--chown=app with --link", "give numbers"),
        ("FROM a\nCOPY --chmod=999 x y", "--chmod=999 is no mode", "octal"),
        ("FROM a\nCOPY https://e.com/x y", "COPY of a URL", "ADD takes it"),
        ("FROM a\nRUN --mount=type=cahce,target=/x y", "unknown mount type 'cahce'", "did you mean cache?"),
        ("FROM a\nRUN --mount=traget=/x y", "unknown key 'traget'", "did you mean target?"),
        ("FROM a\nRUN --mount=target=/ y", "a mount can't have the target '/'", "target=/src"),
        ("# check=skp=all\nFROM a", "'skp=all' is no option of a check", "skip="),
    ],
)
def test_what_is_refused_is_told_with_its_place_and_what_to_do(text: str, message: str, hint: str | None) -> None:
    error = refused(text)
    assert isinstance(error, DockerfileError)
    assert message in error.message
    assert "\n" not in error.message
    assert (hint or "") in (error.hint or "")


def test_what_isn_t_honoured_is_refused_by_name() -> None:
    error = refused("FROM a\nRUN --device=nvidia.com/gpu=all x")
    assert isinstance(error, UnsupportedError)
    assert error.message == "Dockerfile:2: RUN --device isn't honoured"


def test_a_target_that_isn_t_there_is_a_mistake_of_the_command_line() -> None:
    error = refused("FROM a AS build\nFROM b", target="biuld")
    assert isinstance(error, UsageError)
    assert error.hint == "did you mean build?"


def test_files_that_dockerignore_leaves_out_are_told_where_they_are_copied() -> None:
    """Without exceptions in it: with them nobody can tell by the pattern alone."""
    text = "FROM a\nCOPY notes.md src/ /x/\nADD build/out /y\nCOPY . /z\nCOPY --from=b notes.md /w"
    rules = parse_ignore_file(b"*.md\nbuild\n")
    found = plan(text, ignore=rules).findings
    assert [(one.rule, one.place.first, one.message) for one in found] == [
        (Rule.COPY_IGNORED_FILE, 2, 'Attempting to Copy file "notes.md" that is excluded by .dockerignore'),
        (Rule.COPY_IGNORED_FILE, 3, 'Attempting to Add file "build/out" that is excluded by .dockerignore'),
    ]
    assert plan(text, ignore=parse_ignore_file(b"*.md\n!README.md\n")).findings == ()
    [whole] = plan("FROM a\nCOPY . /", ignore=parse_ignore_file(b"*\n")).findings
    assert whole.message == 'Attempting to Copy file "." that is excluded by .dockerignore'


def test_each_rule_is_documented() -> None:
    page = (PROJECT / "docs" / "dockerfile.md").read_text()
    assert [rule for rule in Rule if rule not in page] == []


def test_a_base_that_isn_t_there_is_told_with_its_place_and_may_have_been_a_stage() -> None:
    def nothing(reference: str, _platform: Platform) -> ImageConfig:
        raise NotFoundError(f"{reference} isn't there")

    with pytest.raises(NotFoundError) as caught:
        evaluate(parse(b"FROM scratch AS builder\nFROM biulder"), Wishes(AMD64), nothing)
    assert caught.value.message == "Dockerfile:2: docker.io/library/biulder:latest isn't there"
    assert caught.value.hint == "did you mean builder?"


def test_a_file_without_a_stage_is_refused() -> None:
    assert "the file has no stage" in refused("ARG A=1").message


def test_findings_are_errors_where_the_file_says_so() -> None:
    assert plan("# check=error=true\nFROM a AS B").findings_are_errors
    assert not plan("FROM a AS B").findings_are_errors
    assert str(plan("FROM a AS B").findings[0]).startswith("Dockerfile:1: StageNameCasing: ")
    assert Rule.JSON_ARGS_RECOMMENDED.url.endswith("/json-args-recommended/")


def test_variables_can_t_blow_up() -> None:
    doubling = "FROM a\nENV A=xxxxxxxx\n" + "ENV A=$A$A$A$A\n" * 20
    assert "more than" in refused(doubling).message
    wide = "FROM a\nENV A=" + "x" * 60_000 + "\n" + "".join(f"ENV B{number}=$A\n" for number in range(100))
    assert "the environment gets larger" in refused(wide).message
    labels = "FROM a\nENV A=" + "x" * 60_000 + "\n" + "".join(f"LABEL l{number}={'$A' * 15}\n" for number in range(40))
    assert "into this build" in refused(labels).message


def test_an_image_has_only_so_many_names_and_a_build_only_so_much_to_do() -> None:
    many = " ".join(f"a{number}=1" for number in range(5000))
    assert "4096 variables" in refused(f"FROM a\nENV {many}").message
    assert "4096 labels" in refused(f"FROM a\nLABEL {many}").message
    assert "more than 500 stages" in refused("FROM a\n" * 501).message
    chain = (
        "FROM a AS s0\n"
        + "ONBUILD USER a\n" * 100
        + "".join(f"FROM s0 AS s{number + 1}\nCOPY --from=s{number} / /\n" for number in range(250))
    )
    assert "20000 instructions, with those of ONBUILD" in refused(chain).message
    big = ImageConfig(AMD64, RunConfig(env=tuple(f"A{number}=" for number in range(5000))))
    with pytest.raises(DockerfileError, match="Dockerfile:1: the image gets more than 4096 variables"):
        evaluate(parse(b"FROM a"), Wishes(AMD64), lambda _reference, _platform: big)


def test_many_stages_and_deep_chains_are_no_trouble() -> None:
    chain = "FROM a AS s0\n" + "".join(f"FROM s{number} AS s{number + 1}\nENV A{number}=1\n" for number in range(450))
    copies = "FROM a AS s0\n" + "".join(
        f"FROM scratch AS s{number + 1}\nCOPY --from=s{number} / /\n" for number in range(450)
    )
    assert len(plan(chain).stages) == len(plan(copies).stages) == 451
