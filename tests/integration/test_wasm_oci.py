"""WebAssembly under whit-oci: asked for by crun's annotation, or by whit's own."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest

from tests.programs.build import build

if TYPE_CHECKING:
    from tests.integration.oci_bundle import Bundle, Ran

pytestmark = [
    pytest.mark.root,
    pytest.mark.peer("busybox-static"),
    pytest.mark.usefixtures("wasm_engine"),
    pytest.mark.ours("others run it by another engine"),
]


def run(bundle: Bundle, annotations: dict[str, str], *words: str, change: dict[str, Any] | None = None) -> Ran:
    """Run /app.wasm of the bundle, which nobody may execute, with those annotations."""
    shutil.copyfile(build("wasi", "wasm-c", flags=("-g",)), bundle.rootfs / "app.wasm")
    wanted = {"process": {"args": ["/app.wasm", *words]}, "annotations": annotations, **(change or {})}
    bundle.write("", wanted)
    return bundle.call("run", "wasm")


@pytest.mark.parametrize(
    "annotations",
    [{"run.oci.handler": "wasm"}, {"run.oci.handler": "wasm-smart"}, {"dev.whit.wasm": ""}],
    ids=["wasm", "smart", "ours"],
)
def test_an_annotation_asks_for_it(bundle: Bundle, annotations: dict[str, str]) -> None:
    ran = run(bundle, annotations, "args", "x")
    assert (ran.code, ran.out) == (0, "/app.wasm\nargs\nx\n"), ran.err
    assert run(bundle, annotations, "exit", "7").code == 7


def test_wasm_smart_leaves_other_programs_as_they_are(bundle: Bundle) -> None:
    bundle.write("echo native", {"annotations": {"run.oci.handler": "wasm-smart"}})
    assert bundle.call("run", "native").out == "native\n"


def test_settings_are_the_annotation_s(bundle: Bundle) -> None:
    ran = run(bundle, {"dev.whit.wasm": "timeout=200"}, "spin")
    assert ran.code == 124
    assert "its --timeout was over, in function spin" in ran.err


def test_what_runs_it_is_never_the_annotation_s(bundle: Bundle) -> None:
    """Given annotations as an image could bring them, when they name files, then they are refused."""
    ran = run(bundle, {"dev.whit.wasm": "engine=/bin/busybox,code=/etc/shadow"}, "args")
    assert ran.code != 0
    assert "isn't timeout=MS, fuel=UNITS or network" in ran.err


def test_one_after_the_other_each_is_its_own_program(bundle: Bundle) -> None:
    """Given two programs under one configuration's form, when both run, then neither gets the other's kept plan."""
    assert run(bundle, {"run.oci.handler": "wasm"}, "args", "1").out == "/app.wasm\nargs\n1\n"
    shutil.copyfile(build("hello", "wasm-c", stripped=True), bundle.rootfs / "app.wasm")
    assert "hello" in bundle.call("run", "wasm").out


def test_memory_is_the_cgroup_s(bundle: Bundle) -> None:
    limited = {"linux": {"resources": {"memory": {"limit": 64 << 20}}}}
    ran = run(bundle, {"run.oci.handler": "wasm"}, "eat", change=limited)
    assert ran.code == 3, ran.err
    assert ran.out.startswith("refused after")
