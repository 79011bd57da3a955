"""The images of services: pulled again when they are old, built of what stands in the Compose file itself."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from tests.integration.registries import make_image
from tests.unit.runtime.compose_projects import project_of
from whit.packer.image.reference import parse_reference
from whit.packer.registry.progress import Silent
from whit.packer.registry.pushing import push
from whit.packer.registry.registries import Registries
from whit.packer.registry.settings import Settings
from whit.packer.registry.told import pull_told
from whit.packer.store.pulls import last_pull
from whit.packer.store.store import Store
from whit.runtime.compose.running.images import Obtaining, obtain_images

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.composed import Composed
    from tests.peers.registry import RegistryPeer


@pytest.mark.peer("docker-registry")
def test_a_policy_with_a_time_pulls_once_that_has_gone_by_since_the_last_pull(
    registry: RegistryPeer, tmp_path: Path
) -> None:
    name = f"{registry.name}/site:1"

    def publish(seed: int) -> str:
        made = make_image(tmp_path / "their", name, (1000,), seed=seed)
        push(Store(tmp_path / "their"), Registries(Settings.read()), parse_reference(name), Silent())
        return made.digest

    store = Store(tmp_path / "own")
    project = project_of({"web": {"image": name, "pull_policy": "every_2h"}})
    how = Obtaining(store, lambda _: None, tmp_path, lambda _: "")

    def obtained() -> str:
        return obtain_images(project, ("web",), how)["web"]

    # given an image that is pulled since it isn't there
    first = publish(1)
    assert obtained() == first
    pulled = last_pull(store.root, parse_reference(name))
    assert pulled is not None
    assert abs(pulled - time.time()) < 60
    # when there is another one, then it is left for two hours
    second = publish(2)
    assert obtained() == first
    place = next((store.root / "pulls").iterdir())
    place.write_text(f"{pulled - 7300:.0f}\n")
    assert obtained() == second
    # and a pull by hand counts as one
    place.write_text(f"{pulled - 7300:.0f}\n")
    pull_told(store, Registries(Settings.read()), parse_reference(name), sys.stderr)
    publish(4)
    assert obtained() == second
    # and what was written down and can't be read is as if nobody knew
    third = publish(3)
    place.write_text("never")
    assert obtained() == third


@pytest.mark.root
@pytest.mark.peer("busybox", "nft", "ip", "setpriv", "unshare", "nsenter")
def test_a_dockerfile_in_the_file_itself_is_built_on_another_service_s_image(shop: Composed) -> None:
    shop.write("""
        services:
          web:
            command: [sleep, "1000"]
            init: true
            depends_on: {base: {condition: service_completed_successfully}}
            build:
              context: .
              additional_contexts: {base: "service:base"}
              args: {WORD: given}
              dockerfile_inline: |
                FROM base
                ARG WORD=none
                ENV SAID=$$WORD
          base:
            command: ["true"]
            build: {dockerfile_inline: "FROM bb\\nENV BASE=yes"}
    """)
    shop.up()
    assert shop("exec", "web", "/busybox", "sh", "-c", "echo $SAID $BASE") == "given yes"


@pytest.mark.root
@pytest.mark.peer("busybox", "nft", "ip", "setpriv", "unshare", "nsenter")
def test_a_key_of_run_s_service_that_cannot_be_honoured_is_refused(shop: Composed) -> None:
    shop.write("services: {web: {image: bb, oom_kill_disable: true}}")
    done = shop.run("run", "web", "true")
    assert done.returncode == 1
    assert "compose.yaml:1:29: services.web: whit can't do 'oom_kill_disable'" in done.stderr


@pytest.mark.peer("docker-registry")
def test_configurations_are_pinned_to_what_registries_have(registry: RegistryPeer, whit: Path, tmp_path: Path) -> None:
    # given two images at a registry, and a file that names them in all places
    digests = {}
    for seed, name in enumerate(("site", "tool")):
        made = make_image(tmp_path / "their", f"{registry.name}/{name}:1", (1000,), seed=seed)
        push(
            Store(tmp_path / "their"),
            Registries(Settings.read()),
            parse_reference(f"{registry.name}/{name}:1"),
            Silent(),
        )
        digests[name] = f"{registry.name}/{name}:1@{made.digest}"
    (tmp_path / "compose.yaml").write_text(
        f"services: {{web: {{image: '{registry.name}/site:1', hostname: h, pre_start: [{{image: '{registry.name}/tool:1'}}]}}, "
        f"pinned: {{image: '{digests['tool']}'}}, own: {{build: .}}}}"
    )

    def configured(*words: str) -> subprocess.CompletedProcess[str]:
        command = [str(whit), "compose", "--project-directory", str(tmp_path), "config", "--format", "json", *words]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)

    # when digests are asked for
    services = json.loads(configured("--resolve-image-digests").stdout)["services"]
    # then each name has the one that the registry has, and what is built or has one stays
    assert (services["web"]["image"], services["web"]["hostname"]) == (digests["site"], "h")
    assert services["web"]["pre_start"][0]["image"] == digests["tool"]
    assert services["pinned"]["image"] == digests["tool"]
    assert "image" not in services["own"]
    # and a file with nothing but these can be laid over the other
    locked = json.loads(configured("--lock-image-digests").stdout)
    assert locked == {"services": {"web": {"image": digests["site"]}, "pinned": {"image": digests["tool"]}, "own": {}}}
    # what no registry has is told with its place in the configuration
    (tmp_path / "compose.yaml").write_text(f"services: {{web: {{image: '{registry.name}/nothing:1'}}}}")
    failed = configured("--resolve-image-digests")
    assert (failed.returncode, failed.stdout) == (1, "")
    assert f"whit: services.web.image: {registry.name}/nothing:1: " in failed.stderr
