"""Every key of Compose in every form, on its way to Kubernetes: valid by Kubernetes' own schemas, told of, or refused in one line."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
from importlib_resources import files
from referencing import Registry, Resource

from tests.compose.comparing import written
from tests.compose.corpus import ENVIRONMENT, Case, odd, single
from whit.packer.support.errors import WhitError
from whit.runtime.compose.commands.chosen import Chosen
from whit.runtime.compose.finding import load
from whit.runtime.compose.project import read_project
from whit.runtime.scaleout.kubernetes import documents, reading
from whit.runtime.scaleout.kubernetes.fates import EXPRESSED
from whit.runtime.scaleout.kubernetes.generating import generate
from whit.runtime.scaleout.kubernetes.model import Context, Generated, Options, Publish

if TYPE_CHECKING:
    from pathlib import Path

OPTIONS = (
    Options(),
    Options("n", "whit", Publish.NODE_PORT, "r.example", "busybox:1", "5Gi", own_filter=True, host_paths=True),
)


@lru_cache
def _schema(kind: str, version: str) -> jsonschema.Draft202012Validator:
    """As kubernetes-validate has it, read once."""
    folder = files("kubernetes_validate").joinpath("kubernetes-json-schema/v1.37.0-local-strict")
    group = version.partition("/")[0].partition(".")[0]
    name = f"{kind.lower()}-{group}-{version.partition('/')[2]}" if "/" in version else f"{kind.lower()}-{version}"
    own, definitions = (
        Resource.from_contents(json.loads(folder.joinpath(file).read_text()))
        for file in (f"{name}.json", "_definitions.json")
    )
    registry: Any = definitions @ (own @ Registry())
    return jsonschema.Draft202012Validator(own.contents, registry=registry)


def made_of(case: Case, folder: Path, options: Options) -> Generated:
    chosen = Chosen(files=case.named)
    canonical = load(chosen, None, {**ENVIRONMENT, **case.environment}, str(folder))
    project = read_project(canonical.configuration, canonical.directory, canonical.files)

    def where(path: tuple[str | int, ...]) -> str:
        return f"{canonical.place(*path)}: "

    contents = reading.read_contents(project, canonical.contents, where, leave_secrets=False)
    return generate(Context(project, options, where, contents, reading.read_bound(project), []))


def _outcome(case: Case, folder: Path, options: Options) -> str:
    """``made``, ``refused``, or what is wrong: a manifest that isn't valid, several lines, or an error that isn't whit's."""
    try:
        made = made_of(case, folder, options)
        for document in made.manifests:
            _schema(document["kind"], document["apiVersion"]).validate(document)
        documents.files_of(made)
        return "made" if not any("\n" in str(note) for note in made.notes) else "a note of several lines"
    except WhitError as error:
        return "refused" if "\n" not in error.message else "an error of several lines"
    except Exception as error:  # noqa: BLE001 - all of them are told of
        return f"{type(error).__name__}: {str(error)[:300]}"


@pytest.mark.slow
@pytest.mark.parametrize("options", OPTIONS, ids=["plain", "all"])
def test_every_form_of_every_key_is_valid_or_refused(tmp_path: Path, options: Options) -> None:
    outcomes: dict[str, str] = {}
    for number, case in enumerate((*single(), *odd())):
        folder = tmp_path / str(number)
        folder.mkdir()
        written(case, folder)
        outcomes[case.name] = _outcome(case, folder, options)
    assert {name: what for name, what in outcomes.items() if what not in {"made", "refused"}} == {}
    assert sum(what == "made" for what in outcomes.values()) > len(EXPRESSED["service"])
