"""Filters that a person brings, in docker's form: ``--security-opt seccomp=FILE``, and a Compose file's ``security_opt``."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.kept import BUSYBOX, Engine
from whit.runtime.seccomp.filterfile import System, read_filter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.composed import Composed

pytestmark = [pytest.mark.root, pytest.mark.peer("busybox")]

NO_FOLDERS = {"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 95}
REFUSED = "mkdir: can't create directory '/tmp/x': Operation not supported\n"


@pytest.fixture
def engine(whit: Path, tmp_path: Path) -> Iterator[Engine]:
    made = Engine(whit, tmp_path / "root")
    yield made
    made.clean()


def written(path: Path, *rules: dict[str, object]) -> Path:
    """A filter that allows all else."""
    path.write_text(json.dumps({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": rules}))
    return path


def test_a_rule_for_who_lacks_a_right_is_none_for_who_has_it(engine: Engine, tmp_path: Path) -> None:
    file = written(tmp_path / "filter.json", {**NO_FOLDERS, "excludes": {"caps": ["CAP_CHOWN"]}})
    for rights, said in (((), REFUSED), (("--cap-add", "CHOWN"), "")):
        words = ("--network", "none", "--security-opt", f"seccomp={file}", *rights)
        done = engine.run("run", "--rm", *words, BUSYBOX, "mkdir", "/tmp/x")
        assert (done.stderr, done.returncode) == (said, bool(said))


@pytest.mark.peer("podman")
def test_what_podman_keeps_for_who_may_administer_is_kept_from_others(engine: Engine) -> None:
    # bpf() and the like stand there twice: allowed for CAP_SYS_ADMIN, and refused without
    profile = Path("/usr/share/containers/seccomp.json")
    read = read_filter(profile.read_bytes(), "it", System("amd64", "6.1"))
    for rights, actions in (((), ["SCMP_ACT_ERRNO"]), (("CAP_SYS_ADMIN",), ["SCMP_ACT_ALLOW"])):
        rules: Any = read.for_rights(rights)["syscalls"]
        assert [rule["action"] for rule in rules if "bpf" in rule["names"]] == actions
    words = ("--network", "none", "--security-opt", f"seccomp={profile}")
    assert engine.run("run", "--rm", *words, BUSYBOX, "mkdir", "/tmp/x").returncode == 0


def test_builtin_is_the_usual_filter(engine: Engine) -> None:
    for words, refused in ((("unconfined",), False), (("builtin",), True), (("unconfined", "builtin"), True)):
        options = [part for word in words for part in ("--security-opt", f"seccomp={word}")]
        done = engine.run("run", "--rm", "--network", "none", *options, BUSYBOX, "unshare", "-U", "/busybox", "true")
        assert ("Operation not permitted" in done.stderr) == refused


@pytest.mark.parametrize("name", ["null", "pipe", "deep", "auto"])
def test_what_is_no_filter_is_refused_before_anything_is_made(engine: Engine, tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    if name == "pipe":
        os.mkfifo(file)
    elif name != "auto":
        file.write_text({"null": "null", "deep": "[" * 100_000}[name])
    word = name if name == "auto" else str(file)
    done = engine.run("create", "--network", "none", "--security-opt", f"seccomp={word}", BUSYBOX, "true")
    first, second = done.stderr.splitlines()
    assert first.startswith(f"whit: --security-opt: seccomp={word}")
    assert second.startswith("hint: ")
    assert done.returncode == 1
    assert engine("ps", "-aq") == ""


def test_a_service_s_file_is_found_from_the_project_s_folder(shop: Composed) -> None:
    written(shop.folder / "filter.json", NO_FOLDERS)
    service = "{image: bb, command: [mkdir, /tmp/x], network_mode: none, security_opt: "
    shop.write(f"""
        services:
          a: {service} ["seccomp=filter.json"]}}
          b: {service} ["seccomp:./filter.json"]}}
    """)
    # given that the command is somewhere else
    up = ("compose", "-f", str(shop.folder / "compose.yaml"), "up")
    shop.engine.run(*up)
    for service in ("a", "b"):
        assert REFUSED.strip() in shop("logs", service)
    shop("down")
    # one that isn't there is told with its place
    (shop.folder / "filter.json").unlink()
    done = shop.engine.run(*up)
    assert "security_opt[0]: seccomp=filter.json: no such file or directory" in done.stderr
