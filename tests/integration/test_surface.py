"""``whit inspect --surface`` as people call it: of a file, and of an image in an archive."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from jsonschema import Draft202012Validator

from tests.peers import PROJECT
from tests.programs.build import build

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import RunWhit


def test_a_file_has_its_surface_in_the_document_and_below_the_page(run_whit: RunWhit) -> None:
    program = build("exit", "c-musl", stripped=True)
    document = json.loads(run_whit("inspect", "--surface", "--json", program).stdout)
    for name, part in (("inspect", document), ("surface", document["surface"])):
        Draft202012Validator(json.loads((PROJECT / "docs" / f"{name}.schema.json").read_text())).validate(part)
    docker, ours, own, strict = document["surface"]["surfaces"]
    assert strict["figure"] < own["figure"] < ours["figure"] < docker["figure"]
    assert {"exit_group"} <= set(document["surface"]["own_calls"])
    assert (
        f"{docker['figure']} under docker run, {ours['figure']} under whit run"
        in run_whit("inspect", "--surface", program).stdout
    )


def test_an_image_has_one_of_its_own(run_whit: RunWhit, tmp_path: Path) -> None:
    program = build("exit", "c-musl", stripped=True)
    image = tmp_path / "exit.tar"
    assert run_whit("pack", program, "-o", image, "--user", "0").returncode == 0
    shown = json.loads(run_whit("inspect", "--surface", "--json", image).stdout)
    assert shown["schema"] == "whit-surface/1"
    docker, ours, _, strict = ({part["part"]: part["points"] for part in one["parts"]} for one in shown["surfaces"])
    assert docker["capabilities"] == 140
    assert ours["capabilities"] == 0
    assert ours["root"] == strict["root"] == 20, "as the image says"


def test_a_strict_sandbox_leaves_the_ports_that_the_image_names(run_whit: RunWhit, tmp_path: Path) -> None:
    image = tmp_path / "exit.tar"
    packed = run_whit(
        "pack", build("exit", "c-musl", stripped=True), "-o", image, "--expose", "8080", "--", "--port", "81"
    )
    shown = json.loads(run_whit("inspect", "--surface", "--json", image).stdout)
    strict = next(one for one in shown["surfaces"] if one["name"] == "strict")
    assert next(part["names"] for part in strict["parts"] if part["part"] == "ports") == ["81", "8080"], packed.stderr
    assert "TCP ports under --sandbox strict: 81, 8080" in run_whit("inspect", "--surface", image).stdout


def test_whom_it_runs_as_is_told_and_not_called_root_where_it_is_not(run_whit: RunWhit) -> None:
    shown = run_whit("inspect", "--surface", build("exit", "c-musl", stripped=True)).stdout
    assert "runs as: user 65532:65532" in shown
    assert "runs as root: " not in shown


def test_it_is_for_one_file_or_image(run_whit: RunWhit) -> None:
    refused = run_whit("inspect", "--surface", "--type", "network", "x")
    assert refused.returncode == 2
    assert "--surface and --html are for one file or image" in refused.stderr
