"""``create`` and ``run``: config.json → plan → the launcher, which this process becomes."""

from __future__ import annotations

import os
import time

from whit.packer.support.errors import InvalidFileError, UsageError, WhitError
from whit.packer.support.light import TYPE_CHECKING
from whit.packer.wasm.claim import claim
from whit.runtime.encode import encode
from whit.runtime.machine import oci_launcher
from whit.runtime.oci import records
from whit.runtime.oci.arguments import absolute, container_id
from whit.runtime.oci.host import read_oci_host
from whit.runtime.oci.making import Engine, Request, make

if TYPE_CHECKING:
    from typing import NoReturn

    from whit.runtime.oci.arguments import Call
    from whit.runtime.oci.log import Log
    from whit.runtime.oci.model import OciHost, Scope
    from whit.runtime.oci.spec import Spec

WASM = "dev.whit.wasm"
"""The annotation of whit's own containers that are WebAssembly."""


def read_bundle(path: str) -> tuple[bytes, str]:
    """(the bytes of config.json, the bundle's absolute path)."""
    bundle = absolute(path or ".")
    try:
        return records.read_regular(f"{bundle}/config.json"), bundle
    except FileNotFoundError:
        raise InvalidFileError(
            f"there is no config.json in {bundle}", hint="'whit-oci spec' writes one; --bundle says where it is"
        ) from None


def launch(mode: str, place: str, plan: str, call: Call, directory: str) -> NoReturn:
    """Become the launcher, in ``directory``; what it does is in runtime/launcher/oci_launch.c."""
    launcher = oci_launcher()
    words = [mode, place, call.options.path("pid-file"), plan]
    log = [call.globals.path("log"), call.globals.text("log-format", "text")]
    os.chdir(directory)
    os.execv(launcher, [launcher, "_launch", *words, *log])  # noqa: S606 - no shell is wanted


def _request(call: Call, mode: str, bundle: str) -> Request:
    return Request(
        mode=mode,
        name=container_id(call.words[0]),
        bundle=bundle,
        root=records.root_of(call),
        console=call.options.path("console-socket"),
        preserved=call.options.number("preserve-fds"),
        pidfd_socket=call.options.path("pidfd-socket"),
        keyring=not call.options.flag("no-new-keyring"),
        pivot=not call.options.flag("no-pivot"),
    )


def _read_form(call: Call) -> bytes:
    with open(call.form, "rb") as file:  # noqa: PTH123 - a descriptor
        file.seek(0)
        return file.read()


def _plan_scope(data: bytes, request: Request, host: OciHost) -> tuple[Scope, bytes]:
    from whit.runtime.oci.spec import parse_spec  # noqa: PLC0415
    from whit.runtime.oci.systemd import plan_scope  # noqa: PLC0415 - it costs more than all the rest

    return plan_scope(parse_spec(data), request.name, f"{request.root}/{request.name}", host)


def _engine_of(spec: Spec, bundle: str) -> Engine:
    """What runs a container that may be WebAssembly (runtime/wasm/container.py): most are said not to be."""
    annotations = dict(spec.annotations)
    claimed = claim(spec.process.args[0], annotations) if spec.process else None
    if spec.process is None or (claimed is None and WASM not in annotations):
        return Engine()
    from whit.runtime.wasm.container import engine_of  # noqa: PLC0415

    return Engine(engine_of(spec, spec.process, bundle, claimed), by_file=True)


def _start(call: Call, log: Log, mode: str) -> NoReturn:
    if len(call.words) != 1:
        raise UsageError(f"{call.verb} needs one container ID", hint=f"whit-oci {call.verb} [OPTIONS] ID")
    form = _read_form(call) if call.keep_as else b""
    data, bundle = read_bundle(call.options.text("bundle"))
    request = _request(call, mode, bundle)
    host = read_oci_host()
    created = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime()) + f".{time.time_ns() % 10**9:09d}Z"
    scope, scope_record = _plan_scope(data, request, host) if call.globals.flag("systemd-cgroup") else (None, b"")
    made = make(data, request, host, created, scope=scope, engine_of=_engine_of)
    for warning in made.warnings:
        log.write("warning", warning)
    plan = encode(made.plan)
    place = records.make(request.root, request.name)
    try:
        texts = {name: text.encode("utf-8", "surrogateescape") for name, text in made.records}
        scoped = {records.SCOPE: scope_record} if scope_record else {}
        records.fill(place, {**texts, records.PLAN: plan, records.CONFIG: data, **scoped})
        if request.gate:
            os.mkfifo(request.gate, 0o600)
        if form:
            from whit.runtime.oci.kept import keep, template  # noqa: PLC0415 - not for those that have no form

            kept = template(form, data, request, host, (made, created))
            if kept:
                keep(call.keep_as, kept)
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
