"""Components of WASI 0.2: commands, and HTTP services on a published port."""

from __future__ import annotations

import contextlib
import http.client
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.integration.compiled import compiled
from tests.integration.kept import Engine, until
from tests.programs.build import build
from tests.programs.components import command_component, http_component

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import RunWhit

pytestmark = pytest.mark.usefixtures("wasm_engine")


@pytest.fixture(scope="session")
def command() -> Path:
    return compiled(lambda: command_component(build("wasi", "wasm-c", flags=("-g",)), "wasi"))


@pytest.fixture(scope="session")
def service() -> Path:
    return compiled(http_component)


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def ask(port: int, path: str = "/") -> tuple[int, bytes]:
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read()


def answers(port: int) -> bool:
    try:
        return ask(port)[0] == 200
    except (OSError, http.client.HTTPException):
        return False


def test_a_command_has_arguments_variables_and_input(run_whit: RunWhit, command: Path) -> None:
    assert run_whit("run", command, "args", "a b").stdout == "/wasi.wasm\nargs\na b\n"
    assert "A=1" in run_whit("run", "-e", "A=1", command, "env").stdout.split()
    assert run_whit("run", command, "cat", stdin="in\n").stdout == "in\n"


@pytest.mark.parametrize(("code", "seen"), [(0, 0), (7, 1)])
def test_wasi_cli_knows_success_and_failure_alone(run_whit: RunWhit, command: Path, code: int, seen: int) -> None:
    assert run_whit("run", command, "exit", str(code)).returncode == seen


def test_a_component_s_trap_is_told_with_its_function(run_whit: RunWhit, command: Path) -> None:
    ran = run_whit("run", command, "dive")
    assert ran.returncode == 134
    assert ran.stderr.startswith(
        "whit: /wasi.wasm: it trapped: its calls went too deep for the stack, in function dive"
    )


def test_a_service_answers_on_a_published_port_and_outlives_a_trap(engine: Engine, service: Path) -> None:
    """Given a service in the background, when one request traps, then that has its line and the next one is answered."""
    port = free_port()
    engine("run", "-d", "--name", "web", "-p", f"127.0.0.1:{port}:8080", service)
    until(lambda: answers(port), "an answer")
    assert ask(port) == (200, b"answered\n")
    assert ask(port, "/trap")[0] == 500
    assert ask(port) == (200, b"answered\n")
    assert "in function crash, called by answer" in engine.run("logs", "web").stderr
    assert engine.state("web")["Running"]
    engine("restart", "web")
    until(lambda: answers(port), "an answer after a restart")


def test_requests_that_never_end_leave_others_their_turn_and_end_at_their_timeout(
    engine: Engine, service: Path
) -> None:
    port = free_port()
    engine("run", "-d", "--name", "web", "--timeout", "3s", "--network", "host", "-e", f"PORT={port}", service)
    until(lambda: answers(port), "an answer")
    with ThreadPoolExecutor() as pool:
        endless = [pool.submit(ask, port, "/spin!") for _ in range(3)]
        assert ask(port) == (200, b"answered\n")
        assert [one.result()[0] for one in endless] == [500, 500, 500]
    assert ask(port) == (200, b"answered\n")
    assert engine.run("logs", "web").stderr.count("a request's --timeout was over") == 3


def test_its_port_is_the_variable_s(engine: Engine, service: Path) -> None:
    port = free_port()
    engine("run", "-d", "--name", "web", "--network", "host", "-e", f"PORT={port}", service)
    until(lambda: answers(port), "an answer")


def test_a_module_that_is_kept_ends_with_its_code(engine: Engine) -> None:
    program = build("wasi", "wasm-c", flags=("-g",))
    engine("run", "-d", "--name", "box", program, "exit", "9")
    assert engine("wait", "box") == "9"
    engine("run", "-d", "--name", "late", "--timeout", "200ms", program, "spin")
    assert engine("wait", "late") == "124"
    assert "its --timeout was over, in function spin" in engine.run("logs", "late").stderr
