"""``include`` and ``extends``: other files, their folders and variables, and what goes in circles."""

from __future__ import annotations

import pytest

from tests.compose.loading import load
from whit.runtime.compose.model import ComposeError

OWN = "services: {own: {image: o}}\n"


def test_an_included_projects_paths_begin_at_its_own_folder() -> None:
    found = load(
        "include: [sub/compose.yaml]\n" + OWN,
        beside={
            "sub/compose.yaml": "services: {in: {image: i, volumes: ['./d:/d'], build: .}}\nsecrets: {s: {file: ./s}}\n"
        },
    )
    inner = found.configuration["services"]["in"]
    assert inner["volumes"][0]["source"] == "/srv/app/sub/d"
    assert inner["build"]["context"] == "/srv/app/sub"
    assert found.configuration["secrets"]["s"]["file"] == "/srv/app/sub/s"


def test_a_project_directory_and_further_files_may_be_given() -> None:
    found = load(
        "include: [{path: [a.yaml, b.yaml], project_directory: other, env_file: [x.env]}]\n" + OWN,
        beside={
            "a.yaml": "services: {in: {image: 'i:$V', volumes: ['./d:/d']}}\n",
            "b.yaml": "services: {in: {hostname: h}}\n",
            "x.env": "V=1\n",
        },
    )
    inner = found.configuration["services"]["in"]
    assert (inner["image"], inner["hostname"]) == ("i:1", "h")
    assert inner["volumes"][0]["source"] == "/srv/app/other/d"


def test_the_including_file_is_over_the_included_one() -> None:
    found = load(
        "include: [a.yaml]\nservices: {in: {hostname: mine, labels: {b: '2'}}}\n",
        beside={"a.yaml": "services: {in: {image: i, hostname: theirs, labels: {a: '1'}}}\n"},
    )
    inner = found.configuration["services"]["in"]
    assert (inner["image"], inner["hostname"], inner["labels"]) == ("i", "mine", {"a": "1", "b": "2"})


def test_a_file_that_is_included_twice_is_there_once() -> None:
    found = load(
        "include: [l.yaml, r.yaml]\n" + OWN,
        beside={
            "l.yaml": "include: [base.yaml]\nservices: {l: {image: l}}\n",
            "r.yaml": "include: [base.yaml]\nservices: {r: {image: r}}\n",
            "base.yaml": "services: {base: {image: b, ports: ['80']}}\n",
        },
    )
    assert len(found.configuration["services"]["base"]["ports"]) == 1


@pytest.mark.parametrize(
    ("text", "beside", "message"),
    [
        ("include: [none.yaml]\n", {}, "/srv/app/compose.yaml:1:11: /srv/app/none.yaml: No such file or directory"),
        ("include: [a.yaml]\n", {"a.yaml": "include: [a.yaml]\n"}, "files include each other"),
        (
            "include: [a.yaml]\n",
            {"a.yaml": "include: [b.yaml]\n", "b.yaml": "include: [a.yaml]\n"},
            "files include each other",
        ),
        (
            "include: [a.yaml]\n",
            {"a.yaml": "services: {x: {imge: y}}\n"},
            "/srv/app/a.yaml:1:16: there is no key 'imge'",
        ),
        ("include: [{pth: a}]\n", {}, "/srv/app/compose.yaml:1:12: there is no key 'pth' in include[0]"),
        ("include: {a: b}\n", {}, "include must be a list, and is a mapping"),
        ("include: [https://example.org/c.yaml]\n", {}, "isn't on this machine"),
        (
            "include: [{path: a.yaml, env_file: no.env}]\n",
            {"a.yaml": OWN},
            "compose.yaml:1:36: /srv/app/no.env: No such file",
        ),
    ],
)
def test_what_is_wrong_with_an_include(text: str, beside: dict[str, str], message: str) -> None:
    with pytest.raises(ComposeError) as caught:
        load(text + OWN, beside=beside)
    assert message in caught.value.message


def test_a_service_extends_another_of_its_file_whatever_stands_first() -> None:
    found = load(
        """
        services:
          a: {extends: b, environment: {X: a}}
          b: {extends: {service: c}, environment: {X: b, Y: b}}
          c: {image: c, environment: {Z: c}, depends_on: [d]}
          d: {image: d}
        """
    )
    made = found.configuration["services"]["a"]
    assert made["image"] == "c"
    assert made["environment"] == {"X": "a", "Y": "b", "Z": "c"}
    assert "extends" not in made
    assert list(made["depends_on"]) == ["d"]


def test_a_service_of_another_folder_brings_its_own_paths() -> None:
    found = load(
        "services: {a: {extends: {file: sub/base.yaml, service: b}, volumes: ['./mine:/m']}}\n",
        beside={
            "sub/base.yaml": "services: {b: {extends: {file: deep/d.yaml, service: d}, volumes: ['./b:/b'], env_file: e}}\n",
            "sub/deep/d.yaml": "services: {d: {image: i, volumes: ['./d:/d']}}\n",
            "sub/e": "E=1\n",
        },
    )
    made = found.configuration["services"]["a"]
    assert [one["source"] for one in made["volumes"]] == ["/srv/app/sub/deep/d", "/srv/app/sub/b", "/srv/app/mine"]
    assert made["environment"] == {"E": "1"}


def test_other_services_of_that_file_may_be_wrong() -> None:
    load(
        "services: {a: {extends: {file: b.yaml, service: b}}}\n",
        beside={"b.yaml": "services: {b: {image: i}, broken: {imge: x}}\n"},
    )


def test_reset_takes_away_what_is_extended() -> None:
    found = load(
        "services: {a: {extends: b, ports: !reset [], labels: !override {n: m}}, b: {image: i, ports: ['80'], labels: {a: b}}}"
    )
    made = found.configuration["services"]["a"]
    assert "ports" not in made
    assert made["labels"] == {"n": "m"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("services: {a: {extends: b}, b: {extends: a}}", "services extend each other: a → b → a"),
        ("services: {a: {extends: a}}", "services extend each other: a → a"),
        (
            "services: {a: {extends: bb}, b: {image: i}}",
            "/srv/app/compose.yaml:1:25: there is no service 'bb' to extend",
        ),
        ("services: {a: {extends: {file: no.yaml, service: b}}}", "compose.yaml:1:32: /srv/app/no.yaml: No such file"),
        (
            "services: {a: {extends: {file: x.yaml, service: b}}}",
            "there is no service 'b' to extend in /srv/app/x.yaml",
        ),
        ("services: {a: {extends: {}}}", "extends needs 'service'"),
        ("services: {a: {extends: [b]}}", "extends must be a service's name or a mapping"),
    ],
)
def test_what_is_wrong_with_extends(text: str, message: str) -> None:
    with pytest.raises(ComposeError) as caught:
        load(text, beside={"x.yaml": "services: {c: {image: i}}\n"})
    assert message in caught.value.message


def test_files_that_include_each_other_without_end_end() -> None:
    deep = {f"{n}.yaml": f"include: [{n + 1}.yaml]\n{OWN}" for n in range(60)}
    with pytest.raises(ComposeError, match="levels deep"):
        load(f"include: [0.yaml]\n{OWN}", beside=deep)
    wide = {f"{n}.yaml": f"include: [{n + 1}.yaml, {n + 1}.yaml, {n + 1}.yaml]\n{OWN}" for n in range(15)}
    with pytest.raises(ComposeError, match="more than 1000 files"):
        load(f"include: [0.yaml]\n{OWN}", beside={**wide, "15.yaml": OWN})
    large = "x-a: [" + ", ".join(["x"] * 50_000) + "]\n" + OWN
    with pytest.raises(ComposeError, match="more than 400000 values"):
        load(
            "include: [a.yaml, b.yaml]\n" + OWN,
            beside={
                "a.yaml": "include: [l.yaml, l.yaml, l.yaml, l.yaml]\n" + OWN,
                "b.yaml": "include: [l.yaml, l.yaml, l.yaml, l.yaml, l.yaml]\n" + OWN,
                "l.yaml": large,
            },
        )
