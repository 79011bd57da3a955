"""``whit compose build``, ``pull`` and ``push``: a project's images."""

from __future__ import annotations

import click

from whit.runtime.compose.commands.session import builder_of, services_argument, session_of


@click.command(short_help="Build the images of services")
@click.option("--build-arg", "variables", multiple=True, metavar="NAME=VALUE", help="A variable of the file's.")
@click.option("--no-cache", is_flag=True, help="Do each step anew.")
@click.option("--pull", is_flag=True, help="Look for newer base images.")
@click.option("--push", is_flag=True, help="Send them to their registries.")
@click.option(
    "--ssh", "agents", multiple=True, metavar="default|ID[=SOCKET]", help="An SSH agent for RUN --mount=type=ssh."
)
@click.option("--check", "checks", is_flag=True, help="Look at the Dockerfiles, and build nothing.")
@click.option("-q", "--quiet", is_flag=True, help="Print IDs and nothing else.")
@click.option("--with-dependencies", is_flag=True, help="Those of what the services need, too.")
@services_argument
@click.pass_context
def command(  # noqa: PLR0917 - click's
    context: click.Context,
    /,
    variables: tuple[str, ...],
    no_cache: bool,
    pull: bool,
    push: bool,
    agents: tuple[str, ...],
    checks: bool,
    quiet: bool,
    with_dependencies: bool,
    services: tuple[str, ...],
) -> None:
    """Build the images of all services that say how, or of these."""
    from whit.packer.showing.console import warn
    from whit.runtime.compose.keys import check_keys
    from whit.runtime.compose.running.images import Obtaining, build_image

    session = session_of(context, services, needs_file=True)
    project = session.file.project
    flags = (("--no-cache", no_cache), ("--pull", pull), ("--push", push), ("--quiet", quiet), ("--check", checks))
    more = [flag for flag, given in flags if given]
    more += [word for text in variables for word in ("--build-arg", text)]
    more += [word for text in agents for word in ("--ssh", text)]
    names = project.chosen(services, alone=bool(services) and not with_dependencies)
    for note in check_keys(project, names, session.file.where):
        warn(note)
    built: set[str] = set()
    with session.changing() as folder:
        how = Obtaining(session.store, builder_of(context), folder, session.file.where)
        for name in names:
            if project.services[name].is_built:
                build_image(project, project.services[name], how, built, tuple(more))


@click.command("pull", short_help="Take the images of services from registries")
@click.option("--ignore-buildable", is_flag=True, help="Not those that can be built.")
@click.option("--ignore-pull-failures", "pardons", is_flag=True, help="Go on where one can't be had.")
@click.option("--include-deps", is_flag=True, help="Those of what the services need, too.")
@click.option("--policy", type=click.Choice(["missing", "always"]), default="always", help="All, or what isn't there.")
@click.option("-q", "--quiet", is_flag=True, hidden=True)
@services_argument
@click.pass_context
def pull(
    context: click.Context,
    /,
    ignore_buildable: bool,
    pardons: bool,
    include_deps: bool,
    policy: str,
    quiet: bool,  # noqa: ARG001 - docker's
    services: tuple[str, ...],
) -> int:
    """Take the images of all services, or of these, into the store."""
    from whit.packer.showing.console import complain
    from whit.packer.support.errors import WhitError
    from whit.runtime.compose.running.images import found, pull_image

    session = session_of(context, services, needs_file=True)
    project = session.file.project
    code, done = 0, set()
    chosen = [project.services[name] for name in project.chosen(services, alone=bool(services) and not include_deps)]
    hooks = [hook for service in chosen for hook in service.hooks if hook.image != service.image]
    for service in (*chosen, *hooks):
        skipped = service.is_built and (ignore_buildable or not service.values.get("image"))
        if skipped or service.image in done or (policy == "missing" and found(service, session.store)):
            continue
        done.add(service.image)
        try:
            pull_image(service, session.store)
        except WhitError as error:
            complain(error)
            code = code if pardons or service.is_built else 1
    return code


@click.command("push", short_help="Send the images of services to registries")
@click.option("--ignore-push-failures", "pardons", is_flag=True, help="Go on where one can't be sent.")
@click.option("--include-deps", is_flag=True, help="Those of what the services need, too.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing.")
@services_argument
@click.pass_context
def push(context: click.Context, /, pardons: bool, include_deps: bool, quiet: bool, services: tuple[str, ...]) -> int:
    """Send the images of all services that are built, or of these, to the registries of their names."""
    from whit.packer.showing.console import complain
    from whit.packer.support.errors import WhitError
    from whit.packer.verbs.push import push as send

    project = session_of(context, services, needs_file=True).file.project
    code = 0
    for name in project.chosen(services, alone=bool(services) and not include_deps):
        service = project.services[name]
        if not service.is_built or not service.values.get("image"):
            continue
        try:
            send(service.image, quiet=quiet)
        except WhitError as error:
            complain(error)
            code = code if pardons else 1
    return code
