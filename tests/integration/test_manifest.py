"""``whit manifest``, and bases that are pulled: indexes made by hand, sent to a registry and taken from it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.integration.registries import AMD64, ARM64, make_image
from whit.packer.store.garbage import verify
from whit.packer.store.store import Store

if TYPE_CHECKING:
    from tests.conftest import RunWhit
    from tests.peers.registry import RegistryPeer

BUSYBOX = Path("/bin/busybox")
pytestmark = [pytest.mark.peer("docker-registry"), pytest.mark.peer("busybox")]


def done(run_whit: RunWhit, *words: str | Path) -> str:
    result = run_whit(*words)
    assert result.returncode == 0, result.stderr
    return result.stdout


def platforms(page: str) -> dict[str, str]:
    """Digest → platform, of an index as it is shown."""
    found = json.loads(page)["manifests"]
    return {item["digest"]: "/".join(item["platform"].values()) for item in found}


@pytest.mark.peer("skopeo")
def test_an_index_is_made_changed_and_sent(registry: RegistryPeer, run_whit: RunWhit, whit_root: Path) -> None:
    one = make_image(whit_root, "me/one:amd", (10,), platform=AMD64)
    two = make_image(whit_root, "me/one:arm", (20,), platform=ARM64)
    name = f"{registry.name}/me/index:1"

    assert done(run_whit, "manifest", "create", name, "me/one:amd") == f"Created manifest list {name}\n"
    taken = run_whit("manifest", "create", name, "me/one:arm")
    assert taken.stderr == f"whit: there is an image {name}\nhint: --amend changes it, whit rmi removes it\n"
    done(run_whit, "manifest", "create", "--amend", name, "me/one:arm")
    assert platforms(done(run_whit, "manifest", "inspect", name)) == {
        one.digest: "amd64/linux",
        two.digest: "arm64/linux",
    }
    done(run_whit, "manifest", "annotate", name, "me/one:arm", "--arch", "arm", "--variant", "v6")

    digest = done(run_whit, "manifest", "push", "--purge", name).strip()

    theirs = subprocess.run(
        ["skopeo", "inspect", "--raw", "--tls-verify=false", f"docker://{name}"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert set(platforms(theirs).values()) == {"amd64/linux", "arm/linux/v6"}
    assert run_whit("run", name, "--pull", "never").returncode != 0
    assert json.loads(done(run_whit, "manifest", "inspect", f"{registry.name}/me/index@{digest}")) == json.loads(theirs)
    assert "me/one" in done(run_whit, "images")
    assert verify(Store.open(whit_root)) == ()


def test_what_is_no_index_is_not_removed_as_one(run_whit: RunWhit, whit_root: Path) -> None:
    make_image(whit_root, "me/one:1", (10,))
    result = run_whit("manifest", "rm", "me/one:1")
    assert result.stderr == "whit: me/one:1 is an image, and no index\nhint: whit rmi me/one:1\n"
    assert "me/one" in done(run_whit, "images")


def test_a_base_that_is_not_here_is_pulled(registry: RegistryPeer, run_whit: RunWhit, tmp_path: Path) -> None:
    name = f"{registry.name}/me/base:1"
    done(run_whit, "pack", BUSYBOX, "-t", name, "-e", "FROM=registry")
    done(run_whit, "push", name)
    (tmp_path / "whit.yaml").write_text(
        f"from: {name}\nbinary: {BUSYBOX}\nentrypoint: [/busybox, sh, -c, 'echo $$FROM']\n"
    )

    result = run_whit("build", "-t", "on", tmp_path, root=tmp_path / "other")

    assert result.returncode == 0, result.stderr
    assert result.stderr.startswith(f"Unable to find image '{name}' locally\n")
    assert run_whit("run", "on", root=tmp_path / "other").stdout == "registry\n"
    (tmp_path / "whit.yaml").write_text(f"from: {registry.name}/me/none\nbinary: {BUSYBOX}\n")
    missing = run_whit("build", tmp_path, root=tmp_path / "other")
    assert missing.returncode != 0
    assert "and it can't be pulled" in missing.stderr


def test_an_image_that_the_registry_has_not_is_told_by_its_name(registry: RegistryPeer, run_whit: RunWhit) -> None:
    for name in (f"{registry.name}/me/nothing:1", f"{registry.name}/me/nothing@sha256:{'0' * 64}"):
        assert run_whit("pull", name).stderr == f"whit: there is no image {name}\n"
    assert "try" not in run_whit("pull", "BAD NAME").stderr
    assert run_whit("pull", "Me/Server").stderr.endswith("hint: try 'me/server'\n")
