"""One instruction in its stage: what it sets, and the step that it makes. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from whit.packer.buildfile.dockerfile import configuring
from whit.packer.buildfile.dockerfile import instructions as made
from whit.packer.buildfile.dockerfile.checks import Rule
from whit.packer.buildfile.dockerfile.filing import add_files
from whit.packer.buildfile.dockerfile.plan import WorkdirStep
from whit.packer.buildfile.dockerfile.ports import read_ports
from whit.packer.buildfile.dockerfile.running import add_run
from whit.packer.support.goquoted import quoted
from whit.packer.support.light import replace

if TYPE_CHECKING:
    from collections.abc import Callable

    from whit.packer.buildfile.dockerfile.configuring import Changed
    from whit.packer.buildfile.dockerfile.instructions import CommandLine, Instruction, Pair, Source
    from whit.packer.buildfile.dockerfile.state import StageState

_SECRET = re.compile(
    r"(?:_|^)(?:apikey|auth|credential|credentials|key|password|pword|passwd|secret|token)(?:_|$)", re.IGNORECASE
)
_NO_SECRET = re.compile(r"(?:_|^)(?:public|file|version)(?:_|$)", re.IGNORECASE)


def dispatch(state: StageState, instruction: Instruction) -> None:
    """Take one instruction into the stage. Raises Fault and :class:`DockerfileError`."""
    _DISPATCH[type(instruction)](state, instruction)


def _take(state: StageState, changed: Changed) -> None:
    run, told = changed
    state.set_run(run)
    state.tell(told)


def _pairs(state: StageState, source: Source, pairs: tuple[Pair, ...], word: str) -> tuple[made.Pair, ...]:
    expanded = tuple(
        made.Pair(state.expand(pair.name, source.place), state.expand(pair.value, source.place), pair.is_legacy)
        for pair in pairs
    )
    for pair in expanded:
        if pair.is_legacy:
            message = f'"{source.word} key=value" should be used instead of legacy "{source.word} key value" format'
            state.checker.report(Rule.LEGACY_KEY_VALUE_FORMAT, source.place, message)
        if word == "ENV":
            _check_secret(state, "ENV", pair.name, source)
    return expanded


def _check_secret(state: StageState, word: str, name: str, source: Source) -> None:
    if _SECRET.search(name) and not _NO_SECRET.search(name):
        message = f"Do not use ARG or ENV instructions for sensitive data ({word} {quoted(name)})"
        state.checker.report(Rule.SECRETS_USED_IN_ARG_OR_ENV, source.place, message)


def _env(state: StageState, env: made.Env) -> None:
    pairs = _pairs(state, env.source, env.pairs, "ENV")
    for pair in pairs:
        state.set_variable(pair.name, pair.value)
    _take(state, configuring.with_env(state.run, pairs))


def _label(state: StageState, label: made.Label) -> None:
    _take(state, configuring.with_labels(state.run, _pairs(state, label.source, label.pairs, "LABEL")))


def _arg(state: StageState, arg: made.Arg) -> None:
    """What was given for the build, else the default, else what ARG before the first FROM says."""
    around, told = state.around, []
    for argument in arg.arguments:
        _check_secret(state, "ARG", argument.name, arg.source)
        value = around.given.get(argument.name)
        if value is None and argument.default is not None:
            value = state.expand(argument.default, arg.source.place)
        elif value is None:
            value = around.scope.values.get(argument.name)
        if value is not None:
            state.set_variable(argument.name, value)
        state.args[argument.name] = value or ""
        told.append(argument.name if value is None else f"{argument.name}={value}")
    state.tell(f"ARG {' '.join(told)}")


def _check_form(state: StageState, source: Source, command: CommandLine) -> None:
    if command.for_shell and not state.run.shell:
        message = f"JSON arguments recommended for {source.word} to prevent unintended behavior related to OS signals"
        state.checker.report(Rule.JSON_ARGS_RECOMMENDED, source.place, message)


def _cmd(state: StageState, cmd: made.Cmd) -> None:
    state.once("CMD", cmd.source)
    _check_form(state, cmd.source, cmd.command)
    _take(state, configuring.with_cmd(state.run, cmd.command))


def _entrypoint(state: StageState, entrypoint: made.Entrypoint) -> None:
    state.once("ENTRYPOINT", entrypoint.source)
    _check_form(state, entrypoint.source, entrypoint.command)
    keeps_cmd = "CMD" in state.seen
    _take(state, configuring.with_entrypoint(state.run, entrypoint.command, keeps_cmd=keeps_cmd))


def _healthcheck(state: StageState, healthcheck: made.HealthcheckSet) -> None:
    state.once("HEALTHCHECK", healthcheck.source)
    _take(state, configuring.with_health(state.run, healthcheck.health))


def _expose(state: StageState, expose: made.Expose) -> None:
    place, ports = expose.source.place, list[str]()
    for word in (found for written in expose.ports for found in state.words(written)):
        found = read_ports(word)
        if found.protocol != found.protocol.lower():
            message = f"Defined protocol '{word}' in EXPOSE instruction should be lowercase"
            state.checker.report(Rule.EXPOSE_PROTO_CASING, place, message)
        if found.is_mapped:
            message = f"EXPOSE instruction should not define an IP address or host-port mapping, found '{word}'"
            state.checker.report(Rule.EXPOSE_INVALID_FORMAT, place, message)
        state.around.budget.spend(sum(map(len, found.ports)))
        ports += found.ports
    _take(state, configuring.with_ports(state.run, ports))


def _volume(state: StageState, volume: made.Volume) -> None:
    paths = [state.expand(path, volume.source.place) for path in volume.paths]
    _take(state, configuring.with_volumes(state.run, paths))


def _stopsignal(state: StageState, stopsignal: made.Stopsignal) -> None:
    signal = state.expand(stopsignal.signal, stopsignal.source.place)
    _take(state, configuring.with_stop_signal(state.run, signal))


def _user(state: StageState, user: made.User) -> None:
    _take(state, configuring.with_user(state.run, state.expand(user.user, user.source.place)))


def _workdir(state: StageState, workdir: made.Workdir) -> None:
    source = workdir.source
    path = state.expand(workdir.path, source.place)
    if not state.has_directory and not path.startswith("/"):
        message = f"Relative workdir {quoted(path)} can have unexpected results if the base image changes"
        state.checker.report(Rule.WORKDIR_RELATIVE_PATH, source.place, message)
    state.has_directory = True
    run, told = configuring.with_directory(state.run, path)
    state.set_run(run)
    makes_folder = run.working_dir != "/"
    if makes_folder:
        title = state.title(source)
        path = configuring.joined_path("/", run.working_dir)
        state.steps.append(WorkdirStep(source, title, told, state.is_trigger, path, run.user))
    state.tell(told, has_layer=makes_folder)


def _shell(state: StageState, shell: made.Shell) -> None:
    _take(state, configuring.with_shell_words(state.run, shell.words))


def _onbuild(state: StageState, onbuild: made.Onbuild) -> None:
    state.set_run(replace(state.run, on_build=(*state.run.on_build, onbuild.trigger)))


def _maintainer(state: StageState, maintainer: made.Maintainer) -> None:
    state.image = replace(state.image, author=maintainer.name)
    state.tell(f"MAINTAINER {maintainer.name}")


_DISPATCH: dict[type, Callable[..., None]] = {
    made.Env: _env,
    made.Label: _label,
    made.Arg: _arg,
    made.Run: add_run,
    made.Copy: add_files,
    made.Add: add_files,
    made.Cmd: _cmd,
    made.Entrypoint: _entrypoint,
    made.HealthcheckSet: _healthcheck,
    made.Expose: _expose,
    made.Volume: _volume,
    made.Stopsignal: _stopsignal,
    made.User: _user,
    made.Workdir: _workdir,
    made.Shell: _shell,
    made.Onbuild: _onbuild,
    made.Maintainer: _maintainer,
}
