"""``create`` and ``run``: config.json → plan → the launcher, which this process becomes."""

from __future__ import annotations

import os
import time

from whit.packer.errors import InvalidFileError, UsageError, WhitError
from whit.packer.light import TYPE_CHECKING, replace
from whit.runtime.encode import encode
from whit.runtime.machine import oci_launcher
from whit.runtime.oci import records
from whit.runtime.oci.arguments import container_id
from whit.runtime.oci.compile import compile_container
from whit.runtime.oci.document import dump
from whit.runtime.oci.host import read_oci_host
from whit.runtime.oci.lifecycle import Wish, container_lifecycle
from whit.runtime.oci.spec import VERSION, parse_spec

if TYPE_CHECKING:
    from typing import NoReturn

    from whit.runtime.oci.arguments import Call
    from whit.runtime.oci.compile import Compiled
    from whit.runtime.oci.document import Encodable
    from whit.runtime.oci.log import Log
    from whit.runtime.oci.spec import Spec


def read_bundle(path: str) -> tuple[bytes, str]:
    """(the bytes of config.json, the bundle's absolute path)."""
    bundle = os.path.abspath(path or ".")  # noqa: PTH100
    try:
        with open(f"{bundle}/config.json", "rb") as file:  # noqa: PTH123
            return file.read(), bundle
    except FileNotFoundError:
        raise InvalidFileError(
            f"there is no config.json in {bundle}", hint="'whit-oci spec' writes one; --bundle says where it is"
        ) from None


def _record(spec: Spec, name: str, bundle: str, rootfs: str) -> bytes:
    """What ``state`` prints, but for pid and status: those the native part puts in (runtime/launcher/oci_verbs.c)."""
    created = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime()) + f".{time.time_ns() % 10**9:09d}Z"
    document: dict[str, Encodable] = {
        "ociVersion": VERSION,
        "id": name,
        "pid": 0,
        "status": "creating",
        "bundle": bundle,
        "rootfs": rootfs,
        "created": created,
        "owner": "",
    }
    if spec.annotations:
        document["annotations"] = dict(spec.annotations)
    return dump(document, 2).encode() + b"\n"


def _hooks(spec: Spec) -> dict[str, bytes]:
    kept = {records.POSTSTART: spec.hooks.poststart, records.POSTSTOP: spec.hooks.poststop}
    return {name: b"" for name, hooks in kept.items() if hooks}


def cgroup_lines(compiled: Compiled) -> bytes:
    """The record of the container's cgroups: what kills, freezes and removes them comes first."""
    folders = sorted(compiled.cgroup.folders, key=lambda item: "freezer" not in item[0])
    return "".join(f"{','.join(names) or 'unified'}:{path}\n" for names, path in folders).encode()


def launch(mode: str, place: str, plan: str, call: Call, directory: str) -> NoReturn:
    """Become the launcher, in ``directory``; what it does is in runtime/launcher/oci_launch.c."""
    launcher = oci_launcher()
    words = [mode, place, call.options.path("pid-file"), plan]
    log = [call.globals.path("log"), call.globals.text("log-format", "text")]
    os.chdir(directory)
    os.execv(launcher, [launcher, "_launch", *words, *log])  # noqa: S606 - no shell is wanted


def _check(call: Call) -> str:
    if len(call.words) != 1:
        raise UsageError(f"{call.verb} needs one container ID", hint=f"whit-oci {call.verb} [OPTIONS] ID")
    return container_id(call.words[0])


def _start(call: Call, log: Log, mode: str) -> NoReturn:
    name = _check(call)
    data, bundle = read_bundle(call.options.text("bundle"))
    spec = parse_spec(data)
    rootfs = os.path.join(bundle, spec.root.path)  # noqa: PTH118
    root = records.root_of(call)
    waits = mode == "create"
    terminal = spec.process is not None and spec.process.terminal
    console = call.options.text("console-socket")
    if terminal and not console and mode not in {"run", "run-kept"}:
        raise UsageError(
            "cannot allocate tty if runc will detach without setting console socket", hint="--console-socket"
        )
    if console and not terminal:
        raise UsageError("cannot use console socket if runc will not detach or allocate tty")
    wish = Wish(
        gate=f"{root}/{name}/{records.GATE}" if waits else "",
        console_socket=call.options.path("console-socket"),
        preserved=call.options.number("preserve-fds"),
        pidfd_socket=call.options.path("pidfd-socket"),
        keyring=not call.options.flag("no-new-keyring"),
        pivot=not call.options.flag("no-pivot"),
    )
    lifecycle, scope = container_lifecycle(spec, name, bundle, wish), b""
    if call.globals.flag("systemd-cgroup"):
        from whit.runtime.oci.systemd import plan_scope  # noqa: PLC0415 - it costs more than all the rest

        made, scope = plan_scope(spec, name, f"{root}/{name}")
        lifecycle = replace(lifecycle, scope=made)
    compiled = compile_container(spec, bundle, name, read_oci_host(), lifecycle)
    for warning in (*spec.warnings, *compiled.warnings):
        log.write("warning", warning)
    plan = encode(compiled.plan)
    place = records.make(root, name)
    try:
        written = {
            records.RECORD: _record(spec, name, bundle, rootfs),
            records.CGROUPS: cgroup_lines(compiled),
            records.PLAN: plan,
            records.CONFIG: data,
            **_hooks(spec),
            **({records.SCOPE: scope} if scope else {}),
        }
        records.fill(place, written)
        if waits:
            os.mkfifo(wish.gate, 0o600)
        launch(mode, place, f"{place}/{records.PLAN}", call, bundle)
    except (OSError, WhitError):
        records.remove(place)
        raise


def create(call: Call, log: Log) -> NoReturn:
    """``create``: all but the program itself, which ``start`` lets go."""
    _start(call, log, "create")


def run(call: Call, log: Log) -> NoReturn:
    """``run``: create and start; without ``--detach`` this process stays until the program ends, and removes all."""
    kept = "run-kept" if call.options.flag("keep") else "run"
    _start(call, log, "run-detached" if call.options.flag("detach") else kept)
