"""A service's ``build`` → the words of ``whit build``."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.runtime.compose_projects import project_of
from whit.packer.support.errors import UsageError
from whit.runtime.compose.building import build_words, builds_first


def _words(build: object, file: str | None = None, **values: Any) -> list[str]:
    services = {"web": {"image": "w", "build": build, **values}, "base": {"image": "b:1", "build": "."}}
    project = project_of(services, secrets={"s": {"file": "/s"}, "e": {"environment": "E"}})
    return build_words(project, project.services["web"], lambda path: f"f.yaml:{'.'.join(map(str, path))}: ", file)


def _value(words: list[str], option: str) -> list[str]:
    return [words[at + 1] for at, word in enumerate(words) if word == option]


def test_a_folder_alone_is_built_under_the_service_s_image() -> None:
    assert _words("/src") == ["--tag", "w", "/src"]


def test_every_key_that_whit_build_knows_is_an_option_of_it() -> None:
    words = _words(
        {
            "context": "/src",
            "args": {"A": "1", "B": None},
            "labels": {"l": "m"},
            "tags": ["w", "w:2"],
            "target": "t",
            "network": "none",
            "platforms": ["linux/amd64", "linux/arm64"],
            "cache_from": ["c"],
            "cache_to": ["type=local,dest=d"],
            "no_cache": True,
            "no_cache_filter": ["x", "y"],
            "pull": True,
            "ssh": ["default", "k=/k"],
            "additional_contexts": {"a": "/a", "own": "service:base"},
            "secrets": [{"source": "s", "target": "t"}, {"source": "e"}],
            "provenance": "mode=max",
            "sbom": True,
        },
        "/D",
    )
    assert {option: _value(words, option) for option in dict.fromkeys(words) if option.startswith("--")} == {
        "--tag": ["w", "w:2"],
        "--file": ["/D"],
        "--build-arg": ["A=1", "B"],
        "--label": ["l=m"],
        "--build-context": ["a=/a", "own=docker-image://b:1"],
        "--cache-from": ["c"],
        "--cache-to": ["type=local,dest=d"],
        "--ssh": ["default", "k=/k"],
        "--no-cache-filter": ["x", "y"],
        "--platform": ["linux/amd64", "linux/arm64"],
        "--target": ["t"],
        "--network": ["none"],
        "--no-cache": ["--pull"],
        "--pull": ["--provenance"],
        "--provenance": ["--sbom"],
        "--sbom": ["spdx"],
        "--secret": ["id=t,src=/s", "id=e,env=E"],
    }


def test_a_service_s_platform_is_its_build_s_where_that_names_none() -> None:
    assert _value(_words("/src", platform="linux/arm64"), "--platform") == ["linux/arm64"]


def test_attestations_are_off_where_the_file_says_so() -> None:
    assert _words({"context": "/src", "provenance": False, "sbom": "false"}) == ["--tag", "w", "/src"]


@pytest.mark.parametrize(
    ("build", "said"),
    [
        ({"sbom": "generator=x"}, "f.yaml:services.web.build.sbom: service web: build.sbom"),
        ({"secrets": ["gone"]}, "f.yaml:services.web.build.secrets.0: service web: build.secrets: gone has no source"),
        ({"additional_contexts": {"a": "service:gone"}}, "build.additional_contexts: there is no service gone"),
    ],
)
def test_what_cannot_be_is_told_with_its_place(build: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError) as caught:
        _words(build)
    assert said in caught.value.message


def test_the_services_that_an_image_is_built_on_are_built_first() -> None:
    project = project_of({"web": {"build": {"additional_contexts": ["a=service:base", "b=/b"]}}})
    assert builds_first(project.services["web"]) == ("base",)
