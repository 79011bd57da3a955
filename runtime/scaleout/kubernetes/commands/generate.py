"""``whit kube generate``: a Compose file as manifests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from whit.runtime.compose.commands.chosen import Chosen
    from whit.runtime.compose.keys import Path
    from whit.runtime.scaleout.kubernetes.model import Generated, Options

SCHEMA = "whit-kube-generate/1"


@click.command(
    "generate",
    short_help="Write a Compose file's services as Kubernetes manifests",
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.argument("files", nargs=-1, metavar="[FILE]...")
@click.option("-f", "--file", "more", multiple=True, metavar="FILE", help="A Compose file, as FILE.")
@click.option(
    "-o", "--output", default="-", metavar="FOLDER", help="A file for each object there; - is standard output."
)
@click.option("-n", "--namespace", default="", metavar="NAME", help="The namespace of all objects.")
@click.option("-p", "--project-name", "name", metavar="NAME", help="The project's name.")
@click.option("--profile", "profiles", multiple=True, metavar="NAME", help="A profile that is switched on.")
@click.option("--env-file", "env_files", multiple=True, metavar="FILE", help="Variables for the file.  [default: .env]")
@click.option("--project-directory", "directory", metavar="FOLDER", help="What paths are relative to.")
@click.option(
    "--runtime-class", default="", metavar="NAME", help="The RuntimeClass of all pods, which is written, too."
)
@click.option(
    "--seccomp",
    type=click.Choice(["runtime", "whit"]),
    default="runtime",
    help="The node's filter of system calls, or whit's.",
)
@click.option(
    "--publish",
    type=click.Choice(["none", "node-port", "load-balancer"]),
    default="none",
    help="How published ports are reached from outside.",
)
@click.option("--pull-secret", default="", metavar="NAME", help="The Secret by which all images are pulled.")
@click.option("--registry", default="", metavar="PREFIX", help="What stands before the names of images that are built.")
@click.option("--wait-image", default="", metavar="IMAGE", help="With sh and nc: pods wait for others to be healthy.")
@click.option("--volume-size", default="", metavar="SIZE", help="Of volumes that don't say theirs.  [default: 1Gi]")
@click.option("--host-paths", is_flag=True, help="Bind the nodes' files and folders as the file binds this host's.")
@click.option("--without-secrets", is_flag=True, help="Name Secrets, but don't write them.")
@click.option("--without-policies", is_flag=True, help="No NetworkPolicies.")
@click.option("--validate", is_flag=True, help="Check all against Kubernetes' schemas, with whit[kube].")
@click.option(
    "--kubernetes-version", "version", default="", metavar="VERSION", help="Of the schemas.  [default: newest]"
)
@click.option("--force", is_flag=True, help="Replace files that whit hasn't made.")
@click.option("-q", "--quiet", is_flag=True, help="Don't tell what is otherwise on Kubernetes.")
@click.option("--json", "as_json", is_flag=True, help="Print objects and notes as JSON.")
def command(files: tuple[str, ...], more: tuple[str, ...], **options: Any) -> None:  # noqa: ANN401 - click's
    """Write what Compose FILEs describe as Kubernetes manifests, confined as whit confines: apply them with kubectl -k.

    The same file makes the same bytes. What Kubernetes has otherwise is told of, what it can't do is refused.
    """
    from whit.packer.showing.console import print_json, put, tell
    from whit.packer.showing.escaping import terminal_harmless
    from whit.runtime.compose.commands.chosen import Chosen
    from whit.runtime.scaleout.kubernetes import documents, validating

    chosen = Chosen(
        (*files, *more), options["name"], options["profiles"], options["env_files"], options["directory"], "quiet"
    )
    made = _generated(chosen, _options(options))
    if options["validate"] or options["version"]:
        validating.validate(made, options["version"])
    if options["output"] == "-":
        written: dict[str, str] = {}
        if not options["as_json"]:
            import sys

            put(sys.stdout, documents.stream_of(made))
    else:
        written = _write(options["output"], made, force=options["force"])
    if options["as_json"]:
        print_json(_page(made, written))
    elif not options["quiet"]:
        tell("".join(terminal_harmless(f"note: {note}") + "\n" for note in made.notes))


def _options(words: dict[str, Any]) -> Options:
    from whit.packer.support.errors import UsageError
    from whit.runtime.scaleout.kubernetes.extension import SIZE
    from whit.runtime.scaleout.kubernetes.model import Options, Publish
    from whit.runtime.scaleout.kubernetes.naming import label

    for key in ("namespace", "runtime_class", "pull_secret"):
        if words[key] and label(words[key]) != words[key]:
            option = f"--{key.replace('_', '-')}"
            raise UsageError(f"{option} '{words[key][:60]}' can't be", hint="small letters, digits and '-'")
    if words["volume_size"] and not SIZE.fullmatch(words["volume_size"]):
        raise UsageError(f"--volume-size '{words['volume_size'][:60]}' is no size", hint="1Gi, 500Mi")
    return Options(
        words["namespace"],
        words["runtime_class"],
        Publish(words["publish"]),
        words["registry"],
        words["wait_image"],
        words["volume_size"],
        words["seccomp"] == "whit",
        words["host_paths"],
        words["without_secrets"],
        not words["without_policies"],
        words["pull_secret"],
    )


def _generated(chosen: Chosen, options: Options) -> Generated:
    from whit.packer.showing.console import warn
    from whit.runtime.compose.finding import load
    from whit.runtime.compose.project import read_project
    from whit.runtime.scaleout.kubernetes import reading
    from whit.runtime.scaleout.kubernetes.generating import generate
    from whit.runtime.scaleout.kubernetes.model import Context

    canonical = load(chosen)
    for warning in canonical.warnings:
        warn(warning)

    def where(path: Path) -> str:
        place = canonical.place(*path) if path else None
        return f"{place}: " if place else ""

    project = read_project(canonical.configuration, canonical.directory, canonical.files)
    contents = reading.read_contents(project, canonical.contents, where, leave_secrets=options.leave_secrets)
    bound = {} if options.host_paths else reading.read_bound(project)
    context = Context(project, options, where, contents, bound, [])
    return generate(context)


def _write(output: str, made: Generated, *, force: bool) -> dict[str, str]:
    """What was written: object → file."""
    from pathlib import Path

    from whit.runtime.scaleout.kubernetes import documents
    from whit.runtime.scaleout.kubernetes.writing import write_files

    folder = Path(output)
    write_files(folder, documents.files_of(made), force=force)
    return {documents.file_name(one): str(folder / documents.file_name(one)) for one in made.manifests}


def _page(made: Generated, written: dict[str, str]) -> dict[str, object]:
    from whit.runtime.scaleout.kubernetes import documents

    return {
        "schema": SCHEMA,
        "objects": [
            {
                "kind": one["kind"],
                "name": one["metadata"]["name"],
                "file": written.get(documents.file_name(one)),
                "manifest": one,
            }
            for one in made.manifests
        ],
        "notes": [
            {"place": note.place.removesuffix(": "), "subject": note.subject, "text": note.text} for note in made.notes
        ],
    }
