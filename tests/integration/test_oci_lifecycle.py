"""The lifecycle of an OCI container, with runc as the oracle: the same commands, exit codes and states."""

from __future__ import annotations

import json
import subprocess
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.oci_bundle import MINIMAL, make_bundle
from tests.peers import find_peer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.root, pytest.mark.peer("busybox-static")]

HOOKS = ("prestart", "createRuntime", "createContainer", "poststart", "poststop")


@dataclass(frozen=True, slots=True)
class Runtime:
    """A runtime with one bundle and one container's name. Output goes to files: a container keeps a pipe open."""

    program: Path
    bundle: Path
    name: str

    def configure(self, *args: str, **changes: Any) -> None:
        """Write config.json for the command."""
        process = {**MINIMAL["process"], "args": list(args)}
        (self.bundle / "config.json").write_text(json.dumps({**MINIMAL, "process": process, **changes}))

    def __call__(self, *words: str) -> int:
        """The exit code; what was printed is in ``out`` and ``err``."""
        command = [str(self.program), "--root", str(self.bundle / "state"), *words]
        with (self.bundle / "out").open("wb") as out, (self.bundle / "err").open("wb") as err:
            return subprocess.run(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, cwd=self.bundle, check=False, timeout=30
            ).returncode

    @property
    def out(self) -> str:
        return (self.bundle / "out").read_text()

    @property
    def err(self) -> str:
        return (self.bundle / "err").read_text()

    def status(self) -> str:
        """What ``state`` says."""
        assert self("state", self.name) == 0, self.err
        return str(json.loads(self.out)["status"])


@pytest.fixture(params=["whit-oci", pytest.param("runc", marks=pytest.mark.peer("runc"))])
def runtime(request: pytest.FixtureRequest, tmp_path: Path, whit: Path) -> Iterator[Runtime]:
    busybox = find_peer("busybox-static")
    assert busybox is not None
    program = whit.with_name("whit-oci") if request.param == "whit-oci" else find_peer("runc")
    assert program is not None
    made = make_bundle(tmp_path, busybox, program)
    runtime = Runtime(program, made.folder, f"whit-test-{uuid.uuid4().hex[:12]}")
    yield runtime
    runtime("delete", "--force", runtime.name)


def test_a_container_is_created_started_killed_and_deleted(runtime: Runtime) -> None:
    runtime.configure("sleep", "30")
    assert runtime("create", "--pid-file", "pid", runtime.name) == 0, runtime.err
    assert runtime.status() == "created"
    assert (runtime.bundle / "pid").read_text() == str(json.loads(runtime.out)["pid"])
    assert runtime("start", runtime.name) == 0, runtime.err
    assert runtime.status() == "running"
    assert runtime("start", runtime.name) == 1
    assert runtime("delete", runtime.name) == 1
    assert runtime("kill", runtime.name, "KILL") == 0, runtime.err
    while runtime.status() != "stopped":
        pass
    assert runtime("kill", runtime.name, "KILL") == 1
    assert "container not running" in runtime.err
    assert runtime("delete", runtime.name) == 0, runtime.err
    assert runtime("state", runtime.name) == 1
    assert "does not exist" in runtime.err


def test_a_created_container_may_be_deleted(runtime: Runtime) -> None:
    runtime.configure("true")
    assert runtime("create", runtime.name) == 0, runtime.err
    assert runtime("create", runtime.name) == 1
    assert runtime("delete", runtime.name) == 0, runtime.err


def test_a_program_that_is_not_there_fails_create_and_leaves_nothing(runtime: Runtime) -> None:
    runtime.configure("nonesuch")
    assert runtime("--log", "log", "--log-format", "json", "create", runtime.name) == 1
    logged = [json.loads(line) for line in (runtime.bundle / "log").read_text().splitlines()]
    assert any('"nonesuch": executable file not found in $PATH' in line["msg"] for line in logged)
    assert runtime("state", runtime.name) == 1


def test_hooks_get_the_state_at_their_times(runtime: Runtime) -> None:
    def hook(kind: str) -> list[dict[str, Any]]:
        return [{"path": "/bin/sh", "args": ["sh", "-c", f"cat > {runtime.bundle}/{kind}"]}]

    runtime.configure("true", hooks={kind: hook(kind) for kind in HOOKS})
    assert runtime("run", runtime.name) == 0, runtime.err
    states = {kind: json.loads((runtime.bundle / kind).read_text()) for kind in HOOKS}
    assert {state["id"] for state in states.values()} == {runtime.name}
    for kind, status in (("createRuntime", "creating"), ("createContainer", "creating"), ("poststop", "stopped")):
        assert states[kind]["status"] == status
    # runc 1.1 calls it created still.
    assert states["poststart"]["status"] in {"running", "created"}
    # The specification's 1.0 had it after create; runc calls all that comes before start creating.
    assert states["prestart"]["status"] == ("created" if runtime.program.name == "whit-oci" else "creating")
    assert states["createRuntime"]["pid"] == states["poststart"]["pid"] > 1


@pytest.mark.parametrize("words", [("run",), ("run", "--detach"), ("create",)])
def test_a_poststart_hook_that_fails_ends_the_container(runtime: Runtime, words: tuple[str, ...]) -> None:
    hooks = {"poststart": [{"path": "/bin/sh", "args": ["sh", "-c", "echo because >&2; exit 3"]}]}
    runtime.configure("sleep", "1000", hooks=hooks, ociVersion="1.3.0")
    code = runtime(*words, runtime.name)
    # runc 1.1 runs them when it creates.
    if words == ("create",) and runtime.program.name != "runc":
        assert code == 0, runtime.err
        code = runtime("start", runtime.name)
        assert "poststart" in runtime.err
        assert runtime.status() == "stopped"
        assert runtime("delete", runtime.name) == 0, runtime.err
    assert code == 1
    assert runtime("state", runtime.name) == 1


def test_a_poststart_hook_that_fails_is_warned_of_in_containers_of_before_version_1_3(runtime: Runtime) -> None:
    runtime.configure("sleep", "1000", hooks={"poststart": [{"path": "/bin/false"}]}, ociVersion="1.2.1")
    log = runtime.bundle / "log"
    code = runtime("--log", str(log), "run", "--detach", runtime.name)
    if runtime.program.name == "runc":
        # the version makes no difference to it
        assert code == 1
        return
    assert code == 0, runtime.err
    assert runtime.status() == "running"
    assert "/bin/false" in log.read_text()
    assert runtime("delete", "--force", runtime.name) == 0


@pytest.mark.parametrize(("env", "seen"), [(["A=hook"], "hook\n"), (None, "program\n")])
def test_a_hook_that_starts_the_container_has_its_own_environment_or_the_programs(
    runtime: Runtime, env: list[str] | None, seen: str
) -> None:
    hook = {"path": "/bin/sh", "args": ["sh", "-c", "echo $A > /seen"], **({"env": env} if env else {})}
    process = {**MINIMAL["process"], "args": ["true"], "env": ["PATH=/bin", "A=program"]}
    runtime.configure("true", hooks={"startContainer": [hook]}, process=process)
    assert runtime("run", runtime.name) == 0, runtime.err
    assert (runtime.bundle / "rootfs" / "seen").read_text() == seen


def test_a_hook_that_takes_too_long_fails_create(runtime: Runtime) -> None:
    hook = {"path": "/bin/sleep", "args": ["sleep", "600"], "timeout": 1}
    runtime.configure("true", hooks={"createRuntime": [hook]})
    assert runtime("create", runtime.name) == 1
    assert "hook" in runtime.err
    assert runtime("state", runtime.name) == 1


def test_exec_pause_and_update(runtime: Runtime) -> None:
    runtime.configure("sleep", "30")
    assert runtime("run", "--detach", runtime.name) == 0, runtime.err
    assert runtime("exec", runtime.name, "sh", "-c", "echo $A; exit 9") == 9
    assert runtime("exec", "--env", "A=b", runtime.name, "sh", "-c", "echo $A") == 0
    assert runtime.out == "b\n"
    # What is given wins over the container's own, and the last over the first.
    assert runtime("exec", "--env", "PATH=/nowhere", "--env", "PATH=/bin:/x", runtime.name, "/bin/env") == 0
    assert [line for line in runtime.out.splitlines() if line.startswith("PATH=")] == ["PATH=/bin:/x"]
    assert runtime("exec", runtime.name, "nonesuch") != 0
    assert "executable file not found" in runtime.err
    assert runtime("pause", runtime.name) == 0, runtime.err
    assert runtime.status() == "paused"
    assert runtime("resume", runtime.name) == 0, runtime.err
    assert runtime("update", "--pids-limit", "20", runtime.name) == 0, runtime.err
    assert runtime("events", "--stats", runtime.name) == 0, runtime.err
    assert json.loads(runtime.out)["data"]["pids"]["limit"] == 20
    assert runtime("delete", "--force", runtime.name) == 0, runtime.err
