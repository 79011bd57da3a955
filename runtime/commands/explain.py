"""``whit _explain FD INDEX ERRNO``: how the launcher has the failure of an operation said in words."""

from __future__ import annotations

import click


@click.command(hidden=True)
@click.argument("descriptor", type=int)
@click.argument("index", type=int)
@click.argument("number", type=int)
def command(descriptor: int, index: int, number: int) -> None:
    """Say why operation INDEX of the plan in file descriptor DESCRIPTOR failed with errno NUMBER."""
    import os

    from whit.runtime.encode import decode
    from whit.runtime.explain import explain
    from whit.runtime.machine import MACHINES
    from whit.runtime.opcodes import MAX_PLAN_SIZE
    from whit.runtime.rootview import RootView

    plan = decode(os.pread(descriptor, MAX_PLAN_SIZE, 0))
    root = next((str(op.args[0]) for op in plan.ops if op.name == "ROOT_ATTACH"), "/nonexistent")
    machine = os.uname().machine
    raise explain(plan, index, number, RootView(root).read, MACHINES.get(machine, machine))
