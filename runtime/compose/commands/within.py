"""``whit compose exec``, ``run``, ``attach``, ``top``, ``cp``, ``pause`` …: the engine's own verbs, by services."""

from __future__ import annotations

from typing import Any

import click

from whit.runtime.compose.commands.session import (
    INTERSPERSED,
    PASSED_ON,
    builder_of,
    options,
    services_argument,
    session_of,
)


def call(module: str, words: list[str]) -> int:
    """Another verb of whit's, in this process."""
    import importlib

    command = importlib.import_module(f"whit.runtime.commands.{module}").command
    result = command.main(words, prog_name=f"whit {module}", standalone_mode=False)
    return result if isinstance(result, int) else 0


_EXEC: tuple[tuple[tuple[str, ...], dict[str, Any]], ...] = (
    (("-d", "--detach"), {"is_flag": True, "help": "Return as soon as it runs."}),
    (("-e", "--env"), {"multiple": True, "metavar": "NAME[=VALUE]", "help": "Set a variable."}),
    (("-T", "--no-TTY", "--no-tty", "no_tty"), {"is_flag": True, "help": "Give it no terminal."}),
    (("-u", "--user"), {"metavar": "USER[:GROUP]", "help": "Whom it runs as."}),
    (("-w", "--workdir"), {"metavar": "FOLDER", "help": "Where it begins."}),
    (("--privileged",), {"is_flag": True, "help": "All capabilities."}),
    (("--index",), {"type": int, "default": 0, "metavar": "NUMBER", "help": "In which of the service's containers."}),
    (("-i", "--interactive"), {"is_flag": True, "default": True, "hidden": True}),
)


@click.command("exec", short_help="Execute a command in a service's container", context_settings=PASSED_ON)
@options(*_EXEC)
@click.argument("service")
@click.argument("arguments", nargs=-1, required=True, type=click.UNPROCESSED, metavar="COMMAND [ARG]...")
@click.pass_context
def execute(context: click.Context, /, service: str, arguments: tuple[str, ...], **words: Any) -> int:  # noqa: ANN401 - click's
    """Execute COMMAND in a container of a SERVICE: with a terminal where there is one. The exit status is the command's."""
    import sys

    from whit.runtime.compose.running.targets import container_at

    kept = container_at(session_of(context, (service,)), service, words["index"], running=True)
    has_terminal = sys.stdin.isatty() and sys.stdout.isatty() and not words["no_tty"]
    given = [] if words["detach"] else ["-i", *(["-t"] if has_terminal else [])]
    given += ["-d"] if words["detach"] else []
    given += [f"--env={one}" for one in words["env"]]
    given += [f"--{name}={words[name]}" for name in ("user", "workdir") if words[name]]
    given += ["--privileged"] if words["privileged"] else []
    return call("exec", [*given, kept.container.id, *arguments])


_RUN: tuple[tuple[tuple[str, ...], dict[str, Any]], ...] = (
    (("-d", "--detach"), {"is_flag": True, "help": "In the background; its name is printed."}),
    (("-e", "--env"), {"multiple": True, "metavar": "NAME[=VALUE]", "help": "Set a variable."}),
    (("--entrypoint",), {"metavar": "PROGRAM", "help": "Instead of the service's."}),
    (("-l", "--label"), {"multiple": True, "metavar": "NAME=VALUE", "help": "A label."}),
    (("--name",), {"metavar": "NAME", "help": "The container's name."}),
    (("--no-deps", "alone"), {"is_flag": True, "help": "Don't start what the service needs."}),
    (("-T", "--no-TTY", "--no-tty", "no_tty"), {"is_flag": True, "help": "Give it no terminal."}),
    (("-P", "--service-ports"), {"is_flag": True, "help": "Publish the service's ports, too."}),
    (("-p", "--publish"), {"multiple": True, "metavar": "[IP:][HOST:]PORT", "help": "Publish a port."}),
    (("--use-aliases",), {"is_flag": True, "help": "Let others find it by the service's names."}),
    (("--rm", "remove"), {"is_flag": True, "help": "Remove it when it ends."}),
    (("-u", "--user"), {"metavar": "USER[:GROUP]", "help": "Whom it runs as."}),
    (("-v", "--volume"), {"multiple": True, "metavar": "SOURCE:/TARGET", "help": "Show it a folder or volume."}),
    (("-w", "--workdir"), {"metavar": "FOLDER", "help": "Where it begins."}),
    (("--build", "builds"), {"is_flag": True, "help": "Build its image first."}),
    (("--cap-add",), {"multiple": True, "metavar": "CAPABILITY", "help": "Leave it this capability."}),
    (("--cap-drop",), {"multiple": True, "metavar": "CAPABILITY", "help": "Take this one."}),
    (("-i", "--interactive"), {"is_flag": True, "default": True, "hidden": True}),
    (("--env-from-file", "env_files"), {"multiple": True, "metavar": "FILE", "help": "Set the variables of a file."}),
    (
        ("--pull",),
        {
            "type": click.Choice(["always", "missing", "never"]),
            "help": "Instead of the file's pull_policy.",
        },
    ),
    (
        ("--remove-orphans", "orphans"),
        {
            "is_flag": True,
            "envvar": "COMPOSE_REMOVE_ORPHANS",
            "help": "Remove containers of services that the file doesn't have.",
        },
    ),
    (("--quiet-build", "quiet_builds"), {"is_flag": True, "help": "Tell nothing of builds."}),
    (("-q", "--quiet"), {"is_flag": True, "help": "Tell nothing of what is made."}),
    (("--quiet-pull",), {"is_flag": True, "hidden": True}),
)


@click.command("run", short_help="Run a command in a new container of a service", context_settings=PASSED_ON)
@options(*_RUN)
@click.argument("service")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[COMMAND] [ARG]...")
@click.pass_context
def run(context: click.Context, /, service: str, arguments: tuple[str, ...], **words: Any) -> int:  # noqa: ANN401 - click's
    """Start what a SERVICE needs, and a container of its own for COMMAND. The exit status is the command's."""
    from dataclasses import replace

    from whit.runtime.compose.running.oneoff import Once, run_once

    session = session_of(context, (service,), needs_file=True)
    if words["quiet"]:
        session.chosen = replace(session.chosen, progress="quiet")
    fields = (
        "detach", "env", "entrypoint", "label", "name", "alone", "no_tty", "service_ports", "publish", "use_aliases", "remove",
        "user", "volume", "workdir", "builds", "cap_add", "cap_drop", "env_files", "pull", "orphans", "quiet_builds",
    )  # fmt: skip
    once = Once(service, arguments, **{name: words[name] for name in fields})
    return run_once(session, once, builder_of(context))


@click.command(
    "attach", short_help="See what a service's container writes, and type for it", context_settings=PASSED_ON
)
@click.option("--index", type=int, default=0, metavar="NUMBER", help="Which of its containers.")
@click.option("--no-stdin", is_flag=True, help="Only look.")
@click.option("--sig-proxy/--no-sig-proxy", default=True, help="Pass signals on.")
@click.option("--detach-keys", default="ctrl-p,ctrl-q", help="What lets go of it.")
@click.argument("service")
@click.pass_context
def attach(
    context: click.Context, /, index: int, no_stdin: bool, sig_proxy: bool, detach_keys: str, service: str
) -> int:
    """Be at a service's container. The exit status is the container's."""
    from whit.runtime.compose.running.targets import container_at

    kept = container_at(session_of(context, (service,)), service, index, running=True)
    given = [*(["--no-stdin"] if no_stdin else []), "--sig-proxy" if sig_proxy else "--no-sig-proxy"]
    return call("attach", [*given, f"--detach-keys={detach_keys}", kept.container.id])


@click.command("top", short_help="Show the processes of services", context_settings=INTERSPERSED)
@services_argument
@click.pass_context
def top(context: click.Context, /, services: tuple[str, ...]) -> None:
    """Show the processes of each container that runs."""
    from whit.runtime.commands.top import rows_of
    from whit.runtime.compose.running.listed import table

    session = session_of(context, services)
    view = session.look()
    rows: list[list[str]] = []
    headers: list[str] = []
    for one in sorted(session.chosen_of(view), key=lambda seen: seen.name):
        if view.kept[one.id].status.is_running:
            headers, *found = rows_of(view.kept[one.id])
            rows += [[one.service, str(one.number), *row] for row in found]
    if rows:
        table(["SERVICE", "#", *headers], rows)


def _each(context: click.Context, services: tuple[str, ...], verb: str) -> int:
    """The engine's verb for each container that it can be done to."""
    from whit.runtime.engine.status import State

    session = session_of(context, services)
    view = session.look()
    state = State.PAUSED if verb == "unpause" else State.RUNNING
    found = [one.name for one in session.chosen_of(view) if view.kept[one.id].status.state is state]
    return call(verb, found) if found else 0


@click.command("pause", short_help="Let services stand still", context_settings=INTERSPERSED)
@services_argument
@click.pass_context
def pause(context: click.Context, /, services: tuple[str, ...]) -> int:
    """Let the containers of all services, or of these, stand still."""
    return _each(context, services, "pause")


@click.command("unpause", short_help="Let services go on", context_settings=INTERSPERSED)
@services_argument
@click.pass_context
def unpause(context: click.Context, /, services: tuple[str, ...]) -> int:
    """Let the containers of all services, or of these, go on."""
    return _each(context, services, "unpause")


@click.command("wait", short_help="Wait for the end of services", context_settings=INTERSPERSED)
@click.option("--down-project", "downs", is_flag=True, help="Bring the project down then.")
@click.argument("services", nargs=-1, required=True, metavar="SERVICE...")
@click.pass_context
def wait(context: click.Context, /, downs: bool, services: tuple[str, ...]) -> int:
    """Wait until the containers of these services have ended, and print their exit codes. The exit status is the last one's."""
    from whit.packer.showing.console import say
    from whit.runtime.compose.running.downrunning import DownWishes, bring_down
    from whit.runtime.engine import ending

    session = session_of(context, services)
    view = session.look()
    code = 0
    for one in session.chosen_of(view):
        code = ending.wait(view.kept[one.id])
        say(str(code))
    if downs:
        whole = session_of(context)
        with whole.changing():
            bring_down(whole, DownWishes())
    return code


@click.command("stats", short_help="Show what services use", context_settings=INTERSPERSED)
@click.option("-a", "--all", "everything", is_flag=True, help="Those that don't run, too.")
@click.option("--no-stream", is_flag=True, help="Once.")
@click.option("--no-trunc", is_flag=True, help="Nothing is shortened.")
@click.option("--format", "form", metavar="FORMAT", help="json, or a template.")
@services_argument
@click.pass_context
def stats(
    context: click.Context,
    /,
    everything: bool,
    no_stream: bool,
    no_trunc: bool,
    form: str | None,
    services: tuple[str, ...],
) -> int:
    """Show what the containers of all services, or of these, use."""
    session = session_of(context, services)
    view = session.look()
    found = [one.name for one in session.chosen_of(view) if everything or one.is_up]
    given = [
        *(["--no-stream"] if no_stream else []),
        *(["--no-trunc"] if no_trunc else []),
        *([f"--format={form}"] if form else []),
    ]
    return call("stats", [*given, *found]) if found else 0


@click.command("cp", short_help="Copy files into a service's container and out of it", context_settings=INTERSPERSED)
@click.option("-a", "--archive", is_flag=True, help="Keep owners.")
@click.option("-L", "--follow-link", is_flag=True, help="Follow links in the source.")
@click.option("--index", type=int, default=0, metavar="NUMBER", help="Which of its containers.")
@click.argument("source")
@click.argument("target")
@click.pass_context
def cp(context: click.Context, /, archive: bool, follow_link: bool, index: int, source: str, target: str) -> int:
    """Copy SOURCE to TARGET; one of them is SERVICE:PATH. Into a service it goes into each of its containers."""
    from whit.runtime.compose.running.targets import container_at, containers_of

    given = [*(["-a"] if archive else []), *(["-L"] if follow_link else [])]
    service, _, path = _in_service(source)
    if service:
        kept = container_at(session_of(context, (service,)), service, index)
        return call("cp", [*given, f"{kept.container.id}:{path}", target])
    service, _, path = _in_service(target)
    found = containers_of(session_of(context, (service,)), service, index) if service else ()
    words = [f"{kept.container.id}:{path}" for kept in found] or [target]
    return max(call("cp", [*given, source, word]) for word in words)


def _in_service(text: str) -> tuple[str, str, str]:
    """``SERVICE:PATH`` in its parts; nothing where it is a path of the host's."""
    service, colon, path = text.partition(":")
    return ("", "", "") if not colon or "/" in service or service in {"", "."} else (service, colon, path)


@click.command("events", short_help="Show what happens to a project", context_settings=INTERSPERSED)
@click.option("--json", "as_json", is_flag=True, help="A document a line.")
@click.option("--since", metavar="TIME", help="From this time on.")
@click.option("--until", metavar="TIME", help="Up to this time.")
@services_argument
@click.pass_context
def events(
    context: click.Context, /, as_json: bool, since: str | None, until: str | None, services: tuple[str, ...]
) -> None:
    """Show what happens to the containers of all services, or of these."""
    from whit.runtime.compose.running.happening import show_events

    show_events(session_of(context, services), since, until, as_json=as_json)
