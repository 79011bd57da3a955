"""What whit keeps: shown, and removed where nobody needs it; images that containers need stay."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.integration.kept import BUSYBOX, Engine
from whit.packer.support.durable import locked

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.root, pytest.mark.peer("busybox")]


@pytest.fixture(scope="module")
def packed(whit: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with an image ``box``."""
    made = Engine(whit, tmp_path_factory.mktemp("packed") / "root")
    made("pack", BUSYBOX, "-t", "box")
    return made.root


@pytest.fixture
def engine(whit: Path, packed: Path, tmp_path: Path) -> Iterator[Engine]:
    """With this image and a container of it that has ended."""
    made = Engine(whit, shutil.copytree(packed, tmp_path / "root", symlinks=True))
    made("create", "--name", "ended", "--label", "kind=old", "--network", "none", "box", "echo", "well")
    yield made
    made.clean()


def image_id(engine: Engine) -> str:
    return engine("image", "inspect", "-f", "{{.Id}}", "box")


def rootfs(engine: Engine) -> list[Path]:
    return [path for path in (engine.root / "rootfs").iterdir() if path.is_dir()]


def test_an_image_that_a_container_needs_isn_t_removed_and_the_container_is_named(engine: Engine) -> None:
    by_name = engine.run("rmi", "box")
    assert by_name.returncode == 1
    assert "unable to remove 'box' (must be forced): container ended (" in by_name.stderr
    by_id = engine.run("image", "rm", image_id(engine))
    assert by_id.returncode == 1
    assert "(must be forced): it is being used by stopped container ended (" in by_id.stderr
    # but one of two names may always go
    engine("pack", BUSYBOX, "-t", "other")
    assert engine("rmi", "other") == "Untagged: other:latest"
    assert "box" in engine("images")


def test_by_force_the_name_goes_and_the_container_keeps_its_files(engine: Engine) -> None:
    # given an image whose only name is taken away
    assert engine("rmi", "-f", "box") == "Untagged: box:latest"
    # when all is removed that isn't needed
    engine("image", "prune", "-af")
    engine("pack", "/bin/sleep", "-t", "something-else")
    engine("rmi", "something-else")
    # then the container still starts
    assert engine("start", "-a", "ended") == "well"
    # and with it the image goes
    engine("rm", "ended")
    engine("image", "prune", "-f")
    assert rootfs(engine) == []
    assert list((engine.root / "images" / "blobs" / "sha256").iterdir()) == []


def test_an_image_of_a_container_that_runs_stays_whatever_is_forced(engine: Engine) -> None:
    engine.box("sleep", "1000")
    found = engine.run("rmi", "-f", engine("inspect", "-f", "{{.Image}}", "box"))
    assert found.returncode == 1
    assert "(cannot be forced): it is being used by running container box (" in found.stderr


def test_pruned_containers_are_those_that_don_t_run(engine: Engine) -> None:
    engine.box("sleep", "1000")
    ended = engine("inspect", "-f", "{{.Id}}", "ended")
    assert engine("container", "prune", "-f", "--filter", "label=kind=new") == "Total reclaimed space: 0B"
    assert engine("container", "prune", "-f", "--filter", "until=1h") == "Total reclaimed space: 0B"
    assert engine("container", "prune", "-f", "--filter", "label!=kind=old") == "Total reclaimed space: 0B"
    told = engine("container", "prune", "-f", "--filter", "label=kind=old", "--filter", "until=0s")
    assert told == f"Deleted Containers:\n{ended}\n\nTotal reclaimed space: 0B"
    assert engine("ps", "-a", "--format", "{{.Names}}") == "box"


def test_without_a_yes_nothing_is_removed_and_with_one_it_is(engine: Engine) -> None:
    for answer, code in (("", 1), ("\n", 0), ("no\n", 0)):
        done = engine.run("container", "prune", stdin=answer)
        assert (
            "WARNING! This will remove all stopped containers.\nAre you sure you want to continue? [y/N] "
            in done.stderr
        )
        assert done.returncode == code
        assert ("nobody answers" in done.stderr) is (not answer)
        assert engine("ps", "-aq") != ""
    assert "Deleted Containers:" in engine.run("container", "prune", stdin="y\n").stdout
    assert engine("ps", "-aq") == ""


def test_all_images_that_no_container_needs_are_pruned_and_no_other(engine: Engine) -> None:
    engine("pack", "/bin/sleep", "-t", "unneeded", "--needs", "+tmp")
    assert engine("image", "prune", "-f") == "Total reclaimed space: 0B"
    told = engine("image", "prune", "-a", "-f").splitlines()
    assert told[:2] == ["Deleted Images:", "untagged: unneeded:latest"]
    assert told[2].startswith("deleted: sha256:")
    assert told[-1].startswith("Total reclaimed space: ")
    assert told[-1] != "Total reclaimed space: 0B"
    assert engine("images", "--format", "{{.Repository}}") == "box"


def test_the_system_is_pruned_of_all_that_isn_t_used(engine: Engine) -> None:
    engine("network", "create", "unused")
    engine("volume", "create", "named")
    engine("volume", "create")
    warned = engine.run("system", "prune", "-a", "--volumes", stdin="")
    assert [line.strip() for line in warned.stderr.splitlines() if line.startswith("  - ")] == [
        "- all stopped containers",
        "- all networks not used by at least one container",
        "- all anonymous volumes not used by at least one container",
        "- all images without at least one container associated to them",
        "- unused build cache",
    ]
    told = engine("system", "prune", "-a", "-f", "--volumes")
    assert [line for line in told.splitlines() if line.startswith("Deleted ")] == [
        "Deleted Containers:",
        "Deleted Networks:",
        "Deleted Volumes:",
        "Deleted Images:",
    ]
    assert engine("system", "df", "--format", "{{.Type}} {{.TotalCount}}").splitlines() == [
        "Images 0",
        "Containers 0",
        "Local Volumes 1",
        "Build Cache 0",
    ]
    engine("volume", "rm", "named")


def test_what_uses_the_disk_is_shown(engine: Engine) -> None:
    engine.box("sh", "-c", "echo here; sleep 1000", options=("--network", "none", "--writable"))
    head, images, containers, *_ = engine("system", "df").splitlines()
    assert head.split() == ["TYPE", "TOTAL", "ACTIVE", "SIZE", "RECLAIMABLE"]
    assert images.split()[:3] == ["Images", "1", "1"]
    assert containers.split()[:3] == ["Containers", "2", "1"]
    verbose = engine("system", "df", "-v")
    titles = [line for line in verbose.splitlines() if line.endswith("space usage:")]
    assert titles == ["Images space usage:", "Containers space usage:", "Local Volumes space usage:"]
    assert engine.run("system", "df", "-v", "--format", "json").returncode == 2


def test_what_there_is_is_shown_by_docker_s_names(engine: Engine) -> None:
    engine.box("sleep", "1000")
    engine("pause", "box")
    found = json.loads(engine("info", "--format", "json"))
    numbers = [found[name] for name in ("Containers", "ContainersRunning", "ContainersPaused", "ContainersStopped")]
    assert numbers == [2, 0, 1, 1]
    assert found["Images"] == 1
    assert found["KernelVersion"] == subprocess.check_output(["uname", "-r"], text=True).strip()
    assert found["CgroupVersion"] in {"1", "2"}
    assert "name=seccomp,profile=builtin" in found["SecurityOptions"]
    assert engine("system", "info", "-f", "{{.DockerRootDir}} {{.NCPU}}").startswith(f"{engine.root} ")
    assert "Running: 0" in engine("info")
    assert engine("version", "-f", "{{.Client.Version}}") == engine("--version").removeprefix("whit ")
    engine("unpause", "box")


def test_flags_take_docker_s_boolean_forms_and_short_options_an_equals_sign(engine: Engine) -> None:
    assert engine("ps", "--all=true", "-q") != engine("ps", "--all=false", "-q") == ""
    assert engine("ps", "-a", "-n=1", "--quiet=1") == engine("ps", "-aq")
    assert engine("container", "ls", "-aq=false", "--format", "{{.Names}}") == "ended"
    assert engine.run("ps", "--all=perhaps").returncode == 2
    assert engine("run", "--rm=true", "--network=none", "-e=A=b", "box", "env").splitlines()[-1] != ""


def test_as_many_as_minus_one_are_those_that_run(engine: Engine) -> None:
    assert engine("ps", "-q", "-n", "-1") == engine("ps", "-q", "--last", "0") == ""
    assert engine("ps", "-n", "1", "--format", "{{.Names}}") == "ended"


def test_a_container_s_own_name_is_no_other_one(engine: Engine) -> None:
    for name in ("ended", "/ended"):
        done = engine.run("rename", "ended", name)
        assert done.returncode == 1
        assert done.stderr.startswith("whit: Renaming a container with the same name as its current name")
    assert engine("ps", "-a", "--format", "{{.Names}}") == "ended"


def test_images_are_filtered_as_by_docker(engine: Engine) -> None:
    engine("pack", "/bin/sleep", "-t", "team/sleep:2", "--label", "team=core")
    listed = ("images", "--format", "{{.Repository}}:{{.Tag}}")
    assert engine(*listed, "-a") == "team/sleep:2\nbox:latest"
    assert engine(*listed, "-f", "label=team=core") == engine(*listed, "-f", "reference=*/*") == "team/sleep:2"
    assert engine(*listed, "--filter", "before=team/sleep:2") == "box:latest"
    assert engine(*listed, "--filter", "since=box") == "team/sleep:2"
    assert engine(*listed, "--filter", "dangling=true") == ""
    missing = engine.run(*listed, "--filter", "since=nothing")
    assert (missing.returncode, missing.stdout) == (1, "")


def fetched(engine: Engine, *names: str) -> None:
    """What `whit toolchains --fetch` has brought, as far as folders go."""
    (engine.root / "toolchains").mkdir(mode=0o700, exist_ok=True)
    for name in names:
        folder = engine.root / "toolchains" / name
        folder.mkdir()
        (folder / "program").write_bytes(b"x" * 100_000)


def there(engine: Engine) -> list[str]:
    return sorted(path.name for path in (engine.root / "toolchains").iterdir() if path.is_dir())


def test_toolchains_that_whit_has_fetched_count_and_go_with_all_or_when_there_are_newer_ones(engine: Engine) -> None:
    # given two versions of one and another
    fetched(engine, "go-1.9.1", "go-1.27.3", "zig-0.17.1")
    assert engine("system", "df").splitlines()[-1].split()[:3] == ["Toolchains", "3", "0"]
    assert "\ngo          1.9.1     100kB" in engine("system", "df", "-v")
    document = json.loads(engine("system", "df", "--json"))
    assert [one["version"] for one in document["toolchains"]] == ["1.27.3", "1.9.1", "0.17.1"]
    # when what isn't used is removed, then only what there is a newer one of
    assert "  - fetched toolchains that are superseded\n" in engine.run("system", "prune", stdin="").stderr
    assert "Deleted Toolchains:\ngo 1.9.1\n" in engine("system", "prune", "-f")
    assert there(engine) == ["go-1.27.3", "zig-0.17.1"]
    # but with all of it the others, too
    assert "toolchains" not in engine.run("system", "prune", stdin="").stderr
    engine("system", "prune", "-a", "-f", "--filter", "until=1h")
    engine("builder", "prune", "-f")
    assert there(engine) == ["go-1.27.3", "zig-0.17.1"]
    assert "Deleted Toolchains:\ngo 1.27.3\nzig 0.17.1\n" in engine("builder", "prune", "-a", "-f")
    assert there(engine) == []
    assert "Toolchains" not in engine("system", "df")


def test_one_toolchain_is_removed_by_its_name_unless_something_is_being_built(engine: Engine) -> None:
    fetched(engine, "go-1.9.1", "go-1.27.3", "zig-0.17.1")
    (engine.root / "build").mkdir(mode=0o700)
    with locked(engine.root / "build" / "lock", exclusive=False):
        refused = engine.run("toolchains", "--remove", "go")
        assert (refused.returncode, refused.stdout) == (1, "")
        assert refused.stderr.startswith("whit: go isn't removed while something is being built\n")
        engine("builder", "prune", "-a", "-f")
    assert there(engine) == ["go-1.27.3", "go-1.9.1", "zig-0.17.1"]
    engine("toolchains", "--remove", "go")
    assert there(engine) == ["zig-0.17.1"]
    again = engine.run("toolchains", "--remove", "go")
    assert again.stderr.startswith("whit: whit has fetched no go\nhint: ")
