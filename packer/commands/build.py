"""``whit build``: an image from what stands in a folder: a ``whit.yaml``, a Dockerfile, or sources."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from whit.packer.commands.push_options import push_options
from whit.packer.commands.supply_options import supply_options

if TYPE_CHECKING:
    from collections.abc import Callable

    from whit.packer.buildfile.names import Kind

_NETWORKS = ("default", "none", "host")
_PROGRESS = ("auto", "plain", "quiet")
_LANGUAGES = ("go", "rust", "nim", "zig", "c")
_SOURCE_ONLY = ("source", "bins", "language")
"""Options that say that it is sources that are meant."""

_OPTIONS: tuple[tuple[tuple[str, ...], dict[str, Any]], ...] = (
    (("-f", "--file"), {"metavar": "FILE", "help": "The build file.  [default: CONTEXT/whit.yaml, or CONTEXT/Dockerfile, else sources]"}),
    (("-t", "--tag", "names"), {"multiple": True, "metavar": "NAME[:TAG]", "help": "A name; a whit.yaml's own don't count then."}),
    (("--platform", "platforms"), {"multiple": True, "metavar": "OS/ARCH,…", "help": "What to build for."}),
    (("--build-arg", "variables"), {"multiple": True, "metavar": "NAME=VALUE", "help": "A variable of the file's: ARG in a Dockerfile. Of sources: TAGS, LDFLAGS … (docs/toolchains.md)."}),
    (("-o", "--output"), {"metavar": "FOLDER/|FILE.tar|type=…,dest=…", "help": "Write an OCI image layout or an archive, too; or files alone: type=local, tar."}),
    (("--iidfile",), {"metavar": "FILE", "help": "Write the image's ID there."}),
    (("--metadata-file",), {"metavar": "FILE", "help": "Dockerfile: write its digests there, as JSON in buildx's form."}),
    (("-q", "--quiet"), {"is_flag": True, "help": "Print the image's ID and nothing else."}),
    (("--json", "as_json"), {"is_flag": True, "help": "One JSON document (docs/build.md, docs/whit-yaml.md) instead of a page."}),
    (("--target",), {"default": "", "metavar": "STAGE", "help": "Dockerfile: build this stage, not the last."}),
    (("--no-cache",), {"is_flag": True, "help": "Dockerfile: do each step anew."}),
    (("--no-cache-filter", "anew"), {"multiple": True, "metavar": "STAGE,…", "help": "Dockerfile: do each step of these stages anew."}),
    (("--build-context", "contexts"), {"multiple": True, "metavar": "NAME=PLACE", "help": "Dockerfile: what FROM and --from=NAME take: a folder, docker-image://REF, oci-layout://FOLDER, git, a URL."}),
    (("--cache-from",), {"multiple": True, "metavar": "REF|type=…", "help": "Dockerfile: take steps that were done elsewhere: type=registry,ref=… or type=local,src=…"}),
    (("--cache-to",), {"multiple": True, "metavar": "REF|type=…", "help": "Dockerfile: give them to others: type=registry,ref=… or type=local,dest=…; mode=max for all stages'."}),
    (("--annotation", "annotations"), {"multiple": True, "metavar": "[index:]NAME=VALUE", "help": "Dockerfile: an annotation of the manifest, or of the index."}),
    (("--pull",), {"is_flag": True, "help": "Dockerfile: look for newer base images."}),
    (("--secret", "secrets"), {"multiple": True, "metavar": "id=NAME,src=FILE|env=NAME", "help": "Dockerfile: for RUN --mount=type=secret."}),
    (("--ssh", "agents"), {"multiple": True, "metavar": "default|ID[=SOCKET|KEY,…]", "help": "Dockerfile: an SSH agent for RUN --mount=type=ssh, and for git."}),
    (("--label", "labels"), {"multiple": True, "metavar": "NAME=VALUE", "help": "Dockerfile, sources: a label of the image."}),
    (("--network",), {"type": click.Choice(_NETWORKS), "default": "default", "help": "Dockerfile: the network of RUN."}),
    (("--progress",), {"type": click.Choice(_PROGRESS), "default": "auto", "help": "Dockerfile: how it is told."}),
    (("--rewrite-timestamps",), {"is_flag": True, "help": "Dockerfile: no time in its layers is later than $SOURCE_DATE_EPOCH, else 1970."}),
    (("--check",), {"is_flag": True, "help": "Dockerfile: look at it, and build nothing."}),
    (("--source",), {"is_flag": True, "help": "Sources: build these, whatever build file there is."}),
    (("--bin", "bins"), {"multiple": True, "metavar": "NAME", "help": "Sources: the program; several into one image, the first is started."}),
    (("--language",), {"type": click.Choice(_LANGUAGES), "help": "Sources: which language, where there are several."}),
    (("--debug",), {"is_flag": True, "help": "Sources: keep debug information in the program."}),
    (("--split-debug",), {"is_flag": True, "help": "Sources: attach debug information to the image, as an artifact of its own; the program is the same as without."}),
    (("--hermetic",), {"is_flag": True, "help": "Sources: confined, without a network, sources read-only."}),
    (("--offline",), {"is_flag": True, "help": "Sources: fetch no toolchain."}),
)  # fmt: skip


def _with_options(function: Callable[..., Any]) -> Callable[..., Any]:
    for names, settings in reversed(_OPTIONS):
        function = click.option(*names, **settings)(function)
    return supply_options(push_options(function))


@click.command("build", short_help="Build an image from a folder")
@_with_options
@click.argument("context", default=".")
@click.pass_context
def command(invoked: click.Context, /, **words: Any) -> int:  # noqa: ANN401 - click's: one an option
    """Build the image that CONTEXT/whit.yaml describes, or CONTEXT/Dockerfile, or that of the program whose sources CONTEXT holds.

    A whit.yaml: executables with what they need, and files of yours (docs/whit-yaml.md). A Dockerfile: as docker build
    does it; steps whose inputs haven't changed are taken from a cache, how it goes is told on standard error (docs/build.md).
    Sources: recognised, built static and reproducible, and packed with what the program needs (docs/toolchains.md).
    """
    from whit.packer.buildfile.names import Kind, kind_of

    wants_source = any(words[name] for name in _SOURCE_ONLY)
    kind = kind_of(words["context"], words["file"], wants_source=wants_source)
    _refuse_others(invoked, kind)
    if kind is Kind.YAML:
        from whit.packer.commands.yamlbuilding import build_yaml

        build_yaml(words)
        return 0
    if kind is Kind.SOURCE:
        return int(invoked.obj["source_builder"](words))
    from whit.packer.commands.dockerbuilding import build_dockerfile

    return build_dockerfile(words, invoked.obj["step_runner"])


def _refuse_others(invoked: click.Context, kind: Kind) -> None:
    """Raises UsageError for an option that such a build has no use for: its help begins with what it is for."""
    from whit.packer.support.errors import UsageError

    for names, settings in _OPTIONS:
        name = next((name for name in names if not name.startswith("-")), names[-1].lstrip("-").replace("-", "_"))
        given = invoked.get_parameter_source(name) is not click.core.ParameterSource.DEFAULT
        kinds = settings["help"].partition(": ")[0].lower() if ": " in settings["help"] else ""
        limited = kinds.startswith(("dockerfile", "sources"))
        if given and limited and kind.lower() not in kinds.split(", "):
            flag = next(name for name in names if name.startswith("--"))
            whose = (
                "Dockerfiles"
                if kinds == "dockerfile"
                else kinds.replace("dockerfile", "Dockerfiles").replace(", ", " and ")
            )
            what = "these are sources" if kind == "sources" else f"this is a {kind}"
            raise UsageError(
                f"{flag} is for {whose}, and {what}",
                hint="--file names a build file" if kind == "sources" else "--file names another file",
            )
