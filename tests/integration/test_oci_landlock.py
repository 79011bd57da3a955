"""The annotation dev.whit.landlock: what the kernel forbids beside mounts and rights, in real containers."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest

from tests.programs.build import build

if TYPE_CHECKING:
    from tests.integration.oci_bundle import Bundle

pytestmark = [pytest.mark.root, pytest.mark.peer("busybox-static"), pytest.mark.usefixtures("landlock")]

ANNOTATED: dict[str, Any] = {"annotations": {"dev.whit.landlock": "true"}, "process": {"noNewPrivileges": True}}


def annotated(bundle: Bundle) -> dict[str, Any]:
    (bundle.folder / "given").mkdir()
    shutil.copy(bundle.rootfs / "bin" / "busybox", bundle.rootfs / "bin" / "busybox-other")
    mounts = [
        {"destination": "/data", "source": "given", "options": ["bind"]},
        {"destination": "/scratch", "type": "tmpfs", "source": "tmpfs"},
        {"destination": "/fixed", "source": "given", "options": ["bind", "ro"]},
    ]
    return {**ANNOTATED, "mounts": ["+", *mounts]}


def test_what_is_written_is_below_mounts_that_may_be_written(bundle: Bundle) -> None:
    change = annotated(bundle)
    places = "/data /scratch /dev / /tmp /bin /fixed"
    script = f"for place in {places}; do echo x 2>/dev/null > $place/new && echo $place; done; echo x > /dev/null; rm /bin/sh"
    ran = bundle.run(script, change)
    assert ran.lines == ["/data", "/scratch", "/dev"]
    # Without it the same root may be written.
    assert bundle.run(script, {"mounts": change["mounts"]}).lines == ["/data", "/scratch", "/dev", "/", "/tmp", "/bin"]


def test_nothing_is_executed_but_the_program(bundle: Bundle) -> None:
    change = annotated(bundle)
    ran = bundle.run(
        "/bin/busybox-other echo ran; /bin/busybox cp /bin/busybox-other /data/busybox-mine; /data/busybox-mine echo ran; echo end",
        change,
    )
    assert ran.lines == ["end"]
    assert "Permission denied" in ran.err


def test_what_exec_starts_is_the_program_then(bundle: Bundle) -> None:
    bundle.write("sleep 600", annotated(bundle))
    assert bundle.create("t1") == 0
    try:
        assert bundle.call("start", "t1").code == 0
        assert bundle.call("exec", "t1", "/bin/busybox-other", "echo", "ran").out == "ran\n"
        assert bundle.call("exec", "t1", "/bin/busybox-other", "sh", "-c", "/bin/sh -c 'echo ran'; touch /x").out == ""
    finally:
        bundle.call("delete", "--force", "t1")


def test_a_script_has_its_interpreter(bundle: Bundle) -> None:
    (bundle.rootfs / "script").write_text("#! /bin/sh -e\necho ran\n")
    (bundle.rootfs / "script").chmod(0o755)
    assert (
        bundle.run("", {**annotated(bundle), "process": {"noNewPrivileges": True, "args": ["/script"]}}).out == "ran\n"
    )


@pytest.mark.peer("gcc")
def test_a_dynamic_program_has_its_loader(bundle: Bundle) -> None:
    program = build("hello", "c-dynamic")
    shutil.copy(program, bundle.rootfs / "hello")
    mounts = [
        {"destination": name, "source": name, "options": ["rbind", "ro"]} for name in ("/lib", "/lib64", "/usr/lib")
    ]
    change = {**ANNOTATED, "mounts": ["+", *mounts], "process": {"noNewPrivileges": True, "args": ["/hello"]}}
    assert bundle.run("", change).out == "hello from c\n"


def test_what_it_needs_is_said(bundle: Bundle) -> None:
    ran = bundle.run("echo ran", {"annotations": {"dev.whit.landlock": "true"}})
    assert (ran.code, ran.out) == (1, "")
    assert "annotations['dev.whit.landlock'] isn't supported: it needs process.noNewPrivileges" in ran.err
    ran = bundle.run("echo ran", {"annotations": {"dev.whit.landlock": "yes"}})
    assert "neither 'true' nor 'false'" in ran.err
    assert bundle.run("echo ran", {"annotations": {"dev.whit.landlock": "false"}}).out == "ran\n"
