"""Commands of the engine start in the time that Python and click take: what is only of use for errors, other options or
other commands isn't imported on their way."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from typing import TYPE_CHECKING

import pytest

from tests.integration.registries import make_image
from tests.peers.faults import lying_proxy
from whit.runtime.engine.folder import Containers
from whit.runtime.engine.model import Container, Root

if TYPE_CHECKING:
    from pathlib import Path

    from tests.peers.faults import Exchange

DEAR = {
    "argparse", "asyncio", "capstone", "concurrent.futures", "csv", "decimal", "elftools", "email", "html", "http.client",
    "importlib.metadata", "jsonschema", "logging", "multiprocessing", "secrets", "site", "sqlite3", "ssl", "statistics",
    "tarfile", "tempfile", "tomllib", "unittest", "urllib.request", "xml", "zipfile",
}  # fmt: skip

PROBE = """
import sys
sys.path += {paths!r}
for module in {modules!r}:
    __import__(module)
from whit.runtime.main import run
run({words!r})
print(*sorted(sys.modules), file=sys.stderr)
"""
"""The launcher's way into Python (runtime/launcher/python.c)."""


STARTS = ("whit.runtime.engine.creating", "whit.runtime.engine.lifecycle")
"""What ``run --detach`` imports once it has found its image."""


def _imported(root: Path, words: list[str], *modules: str) -> set[str]:
    site = sysconfig.get_path("purelib")
    probe = PROBE.format(paths=[f"{site}/whit-source", site], words=words, modules=modules)
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", probe],
        env={"WHIT_ROOT": str(root)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return set(done.stderr.splitlines()[-1].split())


@pytest.mark.parametrize(
    ("words", "module"),
    [
        (["ps", "--all", "--format", "json"], "whit.packer.template.listing"),
        (["run", "--detach", "--pull", "never", "--publish", "8080:80", "no/such"], "whit.runtime.commands.run"),
        (["start", "--attach", "nobody"], "whit.runtime.commands.start"),
        (["stop", "--timeout", "1", "nobody"], "whit.runtime.commands.stop"),
        (["logs", "--tail", "3", "nobody"], "whit.runtime.commands.logs"),
    ],
    ids=lambda words: words[0] if isinstance(words, list) else "",
)
def test_nothing_dear_is_imported(tmp_path: Path, words: list[str], module: str) -> None:
    # When a command of the engine runs as far as it gets in an empty store
    imported = _imported(tmp_path, words)

    # Then it was that command, and Python stayed as small as click lets it
    assert module in imported
    assert imported & DEAR == set()


NOT_PLAIN = DEAR | {
    "click", "dataclasses", "difflib", "hashlib", "inspect", "isal", "json", "shutil", "typing", "whit.packer.store.layout",
    "whit.packer.store.store", "whit.packer.template", "whit.packer.store.unpack", "whit.runtime.cli", "whit.runtime.engine.creating",
    "whit.runtime.engine.networks.attaching", "whit.runtime.engine.networks.folder", "whit.runtime.oci.state",
}  # fmt: skip
"""Of use for other options, for errors, or for other commands; each is a sizeable part of all that a plain command does."""

NOT_LISTING = NOT_PLAIN | {"contextlib", "enum", "pathlib", "re", "socket", "subprocess", "whit.packer.support.durable"}


@pytest.mark.parametrize(
    ("words", "dear"),
    [
        (["ps"], NOT_LISTING),
        (["ps", "--all"], NOT_LISTING),
        (["ps", "-aq"], NOT_LISTING),
        (["stop", "made"], NOT_PLAIN | {"subprocess"}),
        (["rm", "made"], NOT_PLAIN - {"shutil"} | {"subprocess"}),
        (["start", "made"], NOT_PLAIN),
        (["logs", "made"], NOT_PLAIN | {"datetime", "socket", "subprocess"}),
        (["_ended", "{root}/containers/{id}"], NOT_PLAIN | {"subprocess"}),
        (["kill", "made"], NOT_PLAIN | {"datetime", "subprocess"}),
        (["wait", "made"], NOT_PLAIN | {"datetime", "subprocess"}),
        (["exec", "made", "/program"], NOT_PLAIN - {"json", "whit.runtime.oci.state"} | {"subprocess"}),
        (["inspect", "made"], NOT_PLAIN - {"json"} | {"subprocess"}),
    ],
    ids=lambda words: words[0] if isinstance(words, list) else "",
)
def test_a_plain_command_imports_what_it_needs_and_no_more(tmp_path: Path, words: list[str], dear: set[str]) -> None:
    # Given a container that was made and doesn't run
    root = Root(str(tmp_path), str(tmp_path / "lock"))
    made = Container("a" * 64, "made", 1, "image", "", "", ("/program",), root, network="none")
    Containers(tmp_path).add(made, {"supervision": b""})

    # When a command is given in its plainest form
    imported = _imported(tmp_path, [word.format(root=tmp_path, id=made.id) for word in words])

    # Then it was answered without click and without all that others need
    assert f"whit.runtime.verbs.{words[0].lstrip('_')}" in imported
    assert imported & dear == set()


NOT_MAKING = DEAR | {
    "click", "dataclasses", "difflib", "hashlib", "inspect", "isal", "shutil", "subprocess", "typing",
    "whit.packer.store.unpack", "whit.packer.template", "whit.runtime.cli", "whit.runtime.engine.networks.rootless",
}  # fmt: skip


def test_a_container_is_made_without_click(tmp_path: Path) -> None:
    # Given an image of which there is a container already, with what people give it every day
    options = [
        "-p",
        "127.0.0.1::80",
        "-e",
        "A=B",
        "-v",
        f"{tmp_path}:/data:ro",
        "--restart",
        "always",
        "--memory",
        "64m",
    ]
    make_image(tmp_path, "localhost/made:1", (10,))
    _imported(tmp_path, ["create", "--name", "first", *options, "localhost/made:1", "/program"])

    # When another one is made
    imported = _imported(tmp_path, ["create", "--name", "web", *options, "localhost/made:1", "/program"])

    # Then that was done by what is needed for it and no more
    assert {"whit.runtime.verbs.create", "whit.runtime.engine.creating"} <= imported
    assert Containers(tmp_path).find("web").container.command == ("/program",)
    assert imported & NOT_MAKING == set()


def test_nothing_dear_is_imported_where_a_container_is_made_and_started(tmp_path: Path) -> None:
    imported = _imported(tmp_path, ["run", "--detach", "--pull", "never", "no/such"], *STARTS)

    assert {*STARTS, "whit.runtime.engine.connecting", "whit.runtime.engine.bundle"} <= imported
    assert imported & DEAR == set()


@pytest.mark.parametrize("verb", ["pull", "push"])
def test_registries_are_asked_without_click_and_without_what_only_tls_needs(tmp_path: Path, verb: str) -> None:
    # Given a registry on loopback that has nothing, and an image to push
    with lying_proxy(1) as registry:
        registry.before = _has_nothing
        name = f"localhost:{registry.port}/a/b:1"
        make_image(tmp_path, name, (10,))

        # When one is asked for or sent, quietly
        imported = _imported(tmp_path, [verb, "-q", name])

    # Then it was asked, by what is needed for that and no more
    assert registry.seen
    assert {f"whit.packer.verbs.{verb}", "whit.packer.registry.connecting"} <= imported
    assert (
        imported & (DEAR | {"click", "dataclasses", "inspect", "shutil", "socket", "ssl", "subprocess", "typing"})
        == set()
    )


def _has_nothing(exchange: Exchange) -> None:
    exchange.status, exchange.body = 404, b"{}"
    exchange.headers = {"Content-Type": "application/json"}
