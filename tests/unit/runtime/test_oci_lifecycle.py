"""Hooks, terminal and gate stand where the specification has them."""

from __future__ import annotations

import json
from typing import Any

from whit.runtime.oci.lifecycle import Wish, container_lifecycle, hook_state
from whit.runtime.oci.spec import Spec, read_spec

KINDS = ("prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop")


def spec(**changes: Any) -> Spec:
    process = {"args": ["server"], "cwd": "/", "env": ["PATH=/opt:/bin"], **changes.pop("process", {})}
    return read_spec({"ociVersion": "1.2.0", "root": {"path": "rootfs"}, "process": process, **changes})


def test_hooks_run_outside_or_inside_in_their_order() -> None:
    hooks = {kind: [{"path": f"/{kind}", "timeout": 7}] for kind in KINDS}
    life = container_lifecycle(spec(hooks=hooks), "x", "/b", Wish(gate="/r/x/start"))
    assert [(op.name, op.args[0]) for op in life.before_root] == [
        ("HOOK_OUTSIDE", "/prestart"),
        ("HOOK_OUTSIDE", "/createRuntime"),
        ("HOOK_INSIDE", "/createContainer"),
    ]
    assert [op.name for op in life.before_exec] == ["FIND_PROGRAM", "WAIT_START", "HOOK_INSIDE"]
    assert life.before_exec[-1].args[:4] == ("/startContainer", ("/startContainer",), ("PATH=/opt:/bin",), 7)


def test_a_hook_is_told_the_state() -> None:
    before, after = hook_state(spec(annotations={"a": "ü"}), "x", "/b", "creating")
    state = json.loads(f"{before}12{after}")
    assert state == {
        "pid": 12, "ociVersion": "1.3.0", "id": "x", "status": "creating", "bundle": "/b", "annotations": {"a": "ü"},
    }  # fmt: skip


def test_the_program_is_found_by_the_containers_path() -> None:
    life = container_lifecycle(spec(), "x", "/b", Wish())
    assert life.before_exec[0].args == ("server", "/opt:/bin")


def test_run_has_no_gate() -> None:
    assert container_lifecycle(spec(), "x", "/b", Wish()).first == ()
    gated = container_lifecycle(spec(), "x", "/b", Wish(gate="/g"))
    assert [op.name for op in gated.first] == ["START_GATE"]


def test_a_terminal_has_its_size_and_its_user() -> None:
    process = {"terminal": True, "consoleSize": {"height": 24, "width": 80}, "user": {"uid": 5, "gid": 6}}
    life = container_lifecycle(spec(process=process), "x", "/b", Wish(console_socket="/s"))
    assert [(op.name, op.args) for op in life.first] == [("CONSOLE_SOCKET", ("/s",))]
    assert [(op.name, op.args) for op in life.console] == [("TERMINAL", (24, 80, 5))]


def test_descriptors_are_kept_only_when_asked() -> None:
    kept = container_lifecycle(spec(), "x", "/b", Wish(preserved=2)).before_exec
    assert (kept[0].name, kept[0].args) == ("KEEP_DESCRIPTORS", (2,))
