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
    [
        {"run.oci.handler": "wasm"},
        {"run.oci.handler": "wasm-smart"},
        {"module.wasm.image/variant": "compat"},
        {"module.wasm.image/variant": "compat-smart"},
        {"dev.whit.wasm": ""},
        {},
    ],
    ids=["wasm", "smart", "compat", "compat-smart", "ours", "name"],
)
def test_an_annotation_asks_for_it(bundle: Bundle, annotations: dict[str, str]) -> None:
    ran = run(bundle, annotations, "args", "x")
    assert (ran.code, ran.out) == (0, "/app.wasm\nargs\nx\n"), ran.err
    assert run(bundle, annotations, "exit", "7").code == 7


def test_wasm_smart_leaves_other_programs_as_they_are(bundle: Bundle) -> None:
    bundle.write("echo native", {"annotations": {"run.oci.handler": "wasm-smart"}})
    assert bundle.call("run", "native").out == "native\n"


def test_a_file_that_is_said_to_be_webassembly_and_is_none_is_refused(bundle: Bundle) -> None:
    bundle.write("echo native", {"annotations": {"run.oci.handler": "wasm"}})
    ran = bundle.call("run", "native")
    assert ran.code != 0
    assert "/bin/sh is to be run as WebAssembly, and is none" in ran.err


def test_a_pod_s_own_container_is_an_ordinary_one(bundle: Bundle) -> None:
    pod = {"run.oci.handler": "wasm", "io.kubernetes.cri.container-type": "sandbox"}
    bundle.write("echo native", {"annotations": pod})
    assert bundle.call("run", "native").out == "native\n"


def test_a_native_program_may_have_webassembly_s_name_and_the_next_one_is_looked_at_again(bundle: Bundle) -> None:
    """Given a script called app.wasm, when it has run under a form of configuration, then a module under the same still runs."""
    script = bundle.rootfs / "app.wasm"
    bundle.write("", {"process": {"args": ["/app.wasm", "args"]}})
    script.write_text("#!/bin/sh\necho native\n")
    script.chmod(0o755)
    for number in range(3):
        assert bundle.call("run", f"native{number}").out == "native\n"
    shutil.copyfile(build("wasi", "wasm-c", flags=("-g",)), script)
    assert bundle.call("run", "wasm").out == "/app.wasm\nargs\n"


def test_a_module_of_another_name_is_told_how_it_can_be_run(bundle: Bundle) -> None:
    shutil.copyfile(build("wasi", "wasm-c", flags=("-g",)), bundle.rootfs / "app")
    (bundle.rootfs / "app").chmod(0o755)
    bundle.write("", {"process": {"args": ["/app"]}})
    ran = bundle.call("run", "wasm")
    assert ran.code != 0
    assert "/app is WebAssembly, and nothing says so of the container" in ran.err


@pytest.mark.parametrize(("word", "code"), [("app.wasm", 0), ("/app.wasm#_start", 0), ("/app.wasm#other", 1)])
def test_runwasi_s_entrypoints_are_understood(bundle: Bundle, word: str, code: int) -> None:
    ran = run(bundle, {}, change={"process": {"args": [word, "args"]}})
    assert bool(ran.code) == bool(code), ran.err
    assert ran.out == ("" if code else f"{word}\nargs\n")


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
