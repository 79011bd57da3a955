"""What becomes of each key of a Compose file: every key of the model's tables is honoured, told of, or refused with its place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.compose.forms import SERVICE as FORMS
from tests.compose.loading import load
from tests.unit.runtime.compose_projects import project_of
from whit.packer.support.errors import UnsupportedError, UsageError, WhitError
from whit.runtime.compose.fates import HONOURED, ONLY, REFUSED, TOLD
from whit.runtime.compose.keys import check_keys
from whit.runtime.compose.model.collections import MapOf, Record
from whit.runtime.compose.model.keys.top import COMPOSE, ENTRIES
from whit.runtime.compose.project import read_project

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from whit.runtime.compose.model.kinds import Kind

RECORDS = {"services": "service", "networks": "network", "volumes": "volume", "secrets": "secret", "configs": "config"}
"""What the entries of a file's parts are called in the tables."""


def records(name: str, kind: Kind, looked_into: Mapping[str, frozenset[str]]) -> Iterator[tuple[str, frozenset[str]]]:
    """Each record of the schema below the keys that are looked into, and its own keys."""
    assert isinstance(kind, Record)
    yield name, frozenset(kind.fields)
    for key, below in kind.fields.items():
        if key not in looked_into.get(name, ()):
            continue
        item = getattr(below, "item", below)
        item = getattr(item, "form", item)
        if isinstance(item, Record):
            yield from records(f"{name}.{key}{'.*' if isinstance(below, MapOf) else ''}", item, looked_into)


def _schema() -> dict[str, frozenset[str]]:
    found = {"project": frozenset(COMPOSE.fields)}
    for part, name in RECORDS.items():
        found.update(records(name, ENTRIES[part], HONOURED))
    return found


def test_every_key_of_the_schema_has_exactly_one_fate() -> None:
    schema = _schema()
    for record, keys in schema.items():
        fates = [HONOURED.get(record, frozenset()), frozenset(REFUSED.get(record, ())), frozenset(TOLD.get(record, ()))]
        known = [key for fate in fates for key in fate]
        assert sorted(known) == sorted(keys), record
    assert set(HONOURED) == set(schema)
    assert {record for record, _ in ONLY} <= set(HONOURED)


WHOLE = """
networks: {default: {}, n: {}}
volumes: {vol: {}}
secrets: {s: {environment: S}}
configs: {c: {content: x}}
"""


def _answer(text: str) -> tuple[str, str]:
    """(refusal, notes) of a whole file."""
    canonical = load(text, environment={"S": "x", "SET": "y"})
    project = read_project(canonical.configuration)

    def where(path: tuple[str | int, ...]) -> str:
        return f"{canonical.place(*path)}: "

    try:
        return "", "\n".join(check_keys(project, tuple(project.services), where))
    except WhitError as error:
        return error.message, ""


def _service(key: str, value: str) -> str:
    others = "  b: {image: i}\n  c: {image: i}\n  dep: {image: i}\n"
    return f"services:\n{others}  web:\n    image: i\n    {key}: {value}\n{WHOLE}"


@pytest.mark.parametrize("key", sorted(REFUSED["service"]))
def test_a_refused_key_is_told_with_file_line_and_column_in_each_of_its_forms(key: str) -> None:
    for form in (form for form in FORMS[key] if form != "false"):
        text = _service(key, form)
        if key == "models":
            text = _service(key, "{m: {}}") + "models: {m: {model: ai/x}}\n"
        refusal, _ = _answer(text)
        assert refusal == f"/srv/app/compose.yaml:7:5: services.web: whit can't do '{key}'", (form, refusal)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("build", "{context: ., shm_size: 64m}", "7:25: services.web.build: whit can't do 'shm_size'"),
        ("build", "{context: ., privileged: true}", "7:25: services.web.build: whit can't do 'privileged'"),
        ("build", "{context: ., extra_hosts: [a=1.2.3.4]}", "7:25: services.web.build: whit can't do 'extra_hosts'"),
        ("build", "{context: ., network: bridge}", "7:25: services.web.build: whit can't do 'network: bridge'"),
        ("build", "{context: ., secrets: [{source: s, uid: '1'}]}", "services.web.build.secrets[0]: whit can't do 'uid'"),
        ("deploy", "{mode: global-job}", "7:14: services.web.deploy: whit can't do 'mode: global-job'"),
        ("deploy", "{resources: {reservations: {devices: [{capabilities: [gpu]}]}}}", "reservations: whit can't do 'devices'"),
        ("networks", "{n: {driver_opts: {a: b}}}", "7:20: services.web.networks.n: whit can't do 'driver_opts'"),
        ("volumes", "[{type: image, source: i, target: /i}]", "services.web.volumes[0]: whit can't do 'type: image'"),
        ("volumes", "[{type: volume, source: vol, target: /v, volume: {subpath: s}}]", "volumes[0].volume: whit can't do 'subpath'"),
        ("pull_policy", "refresh", "7:5: service web: pull_policy refresh doesn't say after which time"),
        ("pull_refresh_after", "12h", "service web: pull_refresh_after is of use with pull_policy: refresh alone"),
    ],
)  # fmt: skip
def test_what_stands_deeper_is_refused_with_its_place(key: str, value: str, said: str) -> None:
    refusal, _ = _answer(_service(key, value))
    assert refusal.startswith("/srv/app/compose.yaml:7:")
    assert said in refusal


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("networks: {n: {ipam: {options: {a: b}}}}", "networks.n.ipam: whit can't do 'options'"),
        ("networks: {n: {driver: overlay}}", "networks.n: whit can't do 'driver: overlay'"),
        ("volumes: {v: {driver: nfs}}", "volumes.v: whit can't do 'driver: nfs'"),
        ("secrets: {s: {file: ./s, template_driver: golang}}", "secrets.s: whit can't do 'template_driver'"),
        ("secrets: {s: {external: true}}", "secrets.s: whit can't do 'external'"),
    ],
)
def test_networks_volumes_and_secrets_are_looked_at_too(text: str, said: str) -> None:
    refusal, _ = _answer(f"services: {{web: {{image: i, secrets: {'[s]' if 'secrets' in text else '[]'}}}}}\n{text}\n")
    assert refusal.startswith("/srv/app/compose.yaml:2:")
    assert said in refusal


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (_service("deploy", "{placement: {constraints: [a]}}"), "services.web.deploy.placement is for several hosts"),
        (_service("deploy", "{restart_policy: {condition: any, delay: 5s}}"), "restart_policy.delay whit waits"),
        (_service("deploy", "{restart_policy: {condition: any, max_attempts: 5}}"), "max_attempts counts for"),
        (_service("volumes", "['./a:/a:Z']"), "services.web.volumes[0].bind.selinux labels nothing"),
        ("services: {web: {image: i}}\njobs: {j: {image: i, triggers: {manual: true}}}\n", "jobs.j isn't run"),
    ],
)
def test_what_has_no_effect_is_told_of_with_its_place(text: str, said: str) -> None:
    refusal, notes = _answer(text)
    assert refusal == ""
    assert notes.startswith("/srv/app/compose.yaml:")
    assert said in notes


def test_what_says_nothing_is_not_refused_but_nought_is() -> None:
    assert _checked(use_api_socket=False, gpus=[], runtime="") == ()
    with pytest.raises(UnsupportedError):
        _checked(cpu_rt_period=0)


def _checked(**values: Any) -> tuple[str, ...]:
    return check_keys(project_of({"web": values}), ("web",), lambda _: "")


def test_a_policy_that_nobody_knows_is_refused() -> None:
    with pytest.raises(UsageError, match="no pull_policy sometimes"):
        _checked(pull_policy="sometimes")
