"""The whole way of a trace: request → image → plan → traced run → findings."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from whit.runtime.engine.networks.foreground import connected, mounted
from whit.runtime.host import read_host
from whit.runtime.plan import compile_plan, search_path
from whit.runtime.trace.calls import unfound_calls
from whit.runtime.trace.code import code_of
from whit.runtime.trace.report import Run
from whit.runtime.trace.session import trace
from whit.runtime.trace.target import ThisMachine, find_target, opened_by_kernel
from whit.runtime.trace.verdict import Context, Findings, judge

if TYPE_CHECKING:
    from whit.packer.store.store import Store
    from whit.runtime.request import Request
    from whit.runtime.trace.sightings import Sightings
    from whit.runtime.trace.target import Target


@dataclass(frozen=True, slots=True)
class Outcome:
    """A trace that is over; ``started`` is False where the program never ran, which the launcher has said."""

    run: Run
    sightings: Sightings
    findings: Findings
    started: bool


@dataclass(frozen=True, slots=True)
class Order:
    """How to trace: the image's choices in their own words (``given``), and for how long, None until it ends.

    ``asks_network`` is whether a person named one, which must be there then; ``shows_calls``, whether system calls are told
    that weren't found in the program's code.
    """

    given: tuple[str, ...] = ()
    seconds: float | None = None
    asks_network: bool = False
    shows_calls: bool = False


def _machine(request: Request, target: Target) -> ThisMachine:
    """An image's program has been told where its files are; one that is packed now looks for them where it is started."""
    return ThisMachine(("", posixpath.dirname(request.target)) if target.packable else ())


def run_traced(request: Request, store: Store, order: Order, stdout: int | None) -> Outcome:
    """Run what is asked for under a tracer, and judge what was seen. Raises what packing, planning and tracing raise.

    ``stdout`` is where the program's standard output goes, ours unless given.
    """
    target = find_target(mounted(request, store.root), store)
    host, prepared = read_host(), target.prepared
    code = code_of(prepared) if order.shows_calls else None
    # What can't be is found before a network is made for it.
    compile_plan(prepared.program, request.options, host, executable=prepared.executable)
    options = connected(request.options, store.root, asked=order.asks_network).options
    # Under the usual filter: a trace is to see what the program does, not what it is kept from.
    plan = compile_plan(replace(prepared.program, calls=None), options, host, executable=prepared.executable)
    unfound = unfound_calls(host.architecture, code.names) if code else frozenset()
    traced = trace(plan, host, order.seconds, stdout, unfound)
    folders = tuple(folder.rstrip("/") or "/" for folder in search_path(request.options, prepared.program).split(":"))
    there = [item.path for item in traced.sightings.executions if item.there]
    loaded, lacking = opened_by_kernel(prepared.program.rootfs, there)
    context = Context(
        prepared.executable, target.files, target.needs, folders, _machine(request, target), loaded, lacking
    )
    run = Run(
        request.target,
        prepared.executable,
        request.options.arguments,
        traced.status,
        traced.stopped,
        traced.seconds,
        target.packable,
        order.given,
        code,
    )
    return Outcome(run, traced.sightings, judge(traced.sightings, context), traced.started)
