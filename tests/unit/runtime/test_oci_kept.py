"""A kept plan, filled in by the launcher, is the plan that Python makes; where it wouldn't be, there is no such form."""

from __future__ import annotations

import copy
import json
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.unit.runtime.kept_c import Launcher
from tests.unit.runtime.oci_plans import V1, V2
from whit.packer.support.errors import WhitError
from whit.packer.support.lightjson import quoted
from whit.runtime.oci.kept import template
from whit.runtime.oci.making import Made, Request, make
from whit.runtime.oci.model import OciHost
from whit.runtime.oci.template import document

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.peer("gcc")

HEAD = b"mode create\n\0"
TIMES = ("2026-01-02T03:04:05.000000006Z", "2027-01-02T03:04:05.000000006Z")
REQUEST = Request("create", "c1", "/run/b/c1", "/run/whit-oci")
OTHER = Request("create", "another", "/srv/bundle", "/var/run/docker/runtime-whit/moby")

DOCKER: dict[str, Any] = {
    **document(),
    "hostname": "0123456789ab",
    "root": {"path": "/var/lib/docker/overlay2/0123/merged"},
    "process": {
        **document()["process"],  # type: ignore[dict-item]
        "terminal": False,
        "args": ["/server", "-v", "--name=x"],
        "env": ["PATH=/bin", "HOSTNAME=0123456789ab", "EMPTY="],
        "user": {"uid": 1000, "gid": 1000, "additionalGids": [5]},
    },
    "hooks": {
        "prestart": [{"path": "/proc/7/exe", "args": ["libnetwork-setkey", "0123456789ab"], "env": ["A=b"]}],
        "poststop": [{"path": "/bin/true"}],
    },
    "annotations": {"io.kubernetes.cri.sandbox-id": "0123", "other": "0123"},
}
DOCKER["mounts"] = [
    *DOCKER["mounts"],
    {"destination": "/etc/hosts", "type": "bind", "source": "/var/lib/docker/0123/hosts", "options": ["rbind", "ro"]},
    {"destination": "/data", "type": "bind", "source": "data", "options": ["bind", "shared"]},
    {"destination": "/disk", "type": "ext4", "source": "/srv/disk", "options": ["ro"]},
]
DOCKER["linux"] = {
    **DOCKER["linux"],
    "cgroupsPath": "/docker/0123456789ab",
    "namespaces": [
        {"type": "mount"}, {"type": "pid"}, {"type": "ipc"}, {"type": "uts"}, {"type": "cgroup"},
        {"type": "network", "path": "/proc/77/ns/net"},
    ],
    "sysctl": {"net.ipv4.ip_unprivileged_port_start": "0"},
    "seccomp": {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALLOW"}]},
}  # fmt: skip
BARE: dict[str, Any] = {
    "ociVersion": "1.2.0",
    "root": {"path": "rootfs"},
    "process": {"args": ["sh"], "cwd": "/"},
    "linux": {"namespaces": [{"type": "mount"}]},
}

TEXTS = (
    "", "/", "//", "/a", "/a/", "a", "a/b", "/a//b", "/a/../b", "/..", "..", ".", "/./x", "/dev/sda", "/dev", "/dev/",
    "PATH=/x", "HOME=/x", "HOME=", "PATH=", "HOMER=1", "x=y z", "PATH=/y:/z", "proc", "/proc", "a:b:c", "/a:b", "@hole0-008@",
    "/@hole0-000@/x", "h" * 64, "h" * 65, "é", "tab\there", 'say "hi"', "back\\slash", "nul\0", "\x7f", "\udcff", "1.2.3",
    "none", "shared", "/var/lib/docker/0123/hosts", "0123456789ab", "-x", " ", "$(x)", "/run/whit-oci/c1/start", "\xff",
)  # fmt: skip


def _texts(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every text in a document."""
    if isinstance(value, str):
        yield path
    for key, item in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from _texts(item, (*path, key))


def _changed(base: dict[str, Any], changes: list[tuple[tuple[Any, ...], str]]) -> bytes:
    config = copy.deepcopy(base)
    for path, text in changes:
        place: Any = config
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = text
    return json.dumps(config).encode()


def _changes(base: dict[str, Any]) -> st.SearchStrategy[tuple[bytes, bytes]]:
    one = st.tuples(st.sampled_from(sorted(_texts(base), key=str)), st.sampled_from(TEXTS) | st.text(max_size=20))
    return st.tuples(st.lists(one, max_size=2), st.lists(one, max_size=4)).map(
        lambda both: (_changed(base, both[0]), _changed(base, [*both[0], *both[1]]))
    )


@pytest.fixture(scope="module")
def launcher(tmp_path_factory: pytest.TempPathFactory) -> Launcher:
    return Launcher(tmp_path_factory.mktemp("kept"))


def _command(request: Request, time: str) -> list[bytes]:
    return [text.encode() for text in (request.name, request.bundle[1:], request.root[1:], request.console[1:], time)]


def kept_plan(launcher: Launcher, config: bytes, host: OciHost) -> bytes | None:
    """What whit-oci keeps of a configuration; None where it has no form."""
    form = launcher.form(config)
    if form is None:
        return None
    made = make(config, REQUEST, host, TIMES[0])
    return template(HEAD + form[0], config, REQUEST, host, (made, TIMES[0]))


def _assert_same(launcher: Launcher, kept: bytes, config: bytes, request: Request, host: OciHost) -> None:
    form = launcher.form(config)
    assert form is not None
    filled = launcher.filled(kept, _command(request, TIMES[1]), form[1])
    assert filled is not None
    ops, apart = filled
    made: Made = make(config, request, host, TIMES[1])
    assert tuple(op for op in ops if op.name != "GUARD_FILE") == made.plan.ops
    warnings = [quoted(text).encode() for text in made.warnings]
    assert apart.pop("warning", []) == warnings
    assert apart == {name: [text.encode("utf-8", "surrogateescape")] for name, text in made.records}


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(_changes(DOCKER) | _changes(BARE), st.sampled_from([V1, V2]))
@example((_changed(DOCKER, []), _changed(DOCKER, [(("mounts", 9, "source"), "/dev/sda")])), V1)
@example((_changed(DOCKER, []), _changed(DOCKER, [(("process", "env", 2), "HOME=/x")])), V1)
def test_whatever_has_a_form_has_its_plan(launcher: Launcher, both: tuple[bytes, bytes], host: OciHost) -> None:
    # Given a configuration that a plan is kept of, and another one that differs somewhere
    first, second = both
    try:
        kept = kept_plan(launcher, first, host)
    except WhitError:
        return
    form, other = launcher.form(first), launcher.form(second)
    if kept is None or form is None or other is None or form[0] != other[0]:
        return
    # When they are of one form, then the kept plan is the other one's: also for another name and other paths
    _assert_same(launcher, kept, second, REQUEST, host)
    _assert_same(launcher, kept, second, OTHER, host)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (("hostname",), "fedcba987654"),
        (("root", "path"), "/var/lib/docker/overlay2/4567/merged"),
        (("process", "args", 0), "other"),
        (("process", "args", 2), ""),
        (("process", "env", 1), "HOSTNAME=fedcba987654"),
        (("mounts", 7, "source"), "/var/lib/docker/4567/hosts"),
        (("hooks", "prestart", 0, "args", 1), "fedcba987654"),
        (("linux", "cgroupsPath"), "/kubepods/burstable/pod12-34/5678"),
        (("linux", "namespaces", 5, "path"), "/run/netns/cni-1234"),
        (("annotations", "io.kubernetes.cri.sandbox-id"), "4567"),
    ],
)
def test_what_engines_vary_needs_no_python(launcher: Launcher, path: tuple[Any, ...], text: str) -> None:
    first, second = _changed(DOCKER, []), _changed(DOCKER, [(path, text)])
    kept, form, other = kept_plan(launcher, first, V1), launcher.form(first), launcher.form(second)
    assert kept is not None
    assert form is not None
    assert other is not None
    assert form[0] == other[0]
    _assert_same(launcher, kept, second, OTHER, V1)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (("process", "env", 0), "PATH=/other"),
        (("process", "cwd"), "/other"),
        (("mounts", 7, "destination"), "/etc/other"),
        (("mounts", 7, "options", 1), "rw"),
        (("mounts", 9, "source"), "/dev/sda"),
        (("annotations", "other"), "4567"),
        (("linux", "cgroupsPath"), "/docker/../x"),
        (("linux", "cgroupsPath"), "/docker//x"),
        (("linux", "cgroupsPath"), "/docker/x/"),
        (("linux", "cgroupsPath"), "/docker/./x"),
        (("linux", "cgroupsPath"), "docker/.."),
        (("linux", "cgroupsPath"), ""),
        (("root", "path"), "rootfs"),
        (("linux", "namespaces", 5, "path"), ""),
        (("linux", "cgroupsPath"), "a:b:c"),
        (("linux", "sysctl", "net.ipv4.ip_unprivileged_port_start"), "1"),
        (("linux", "seccomp", "syscalls", 0, "names", 0), "write"),
        (("process", "args", 1), 'a "b"'),
        (("process", "args", 0), "/app.wasm"),
        (("process", "args", 0), "app.wat#run"),
        (("hostname",), "h" * 65),
    ],
)
def test_what_the_plan_depends_on_is_of_the_form(launcher: Launcher, path: tuple[Any, ...], text: str) -> None:
    form, other = launcher.form(_changed(DOCKER, [])), launcher.form(_changed(DOCKER, [(path, text)]))
    assert form is not None
    assert other is not None
    assert form[0] != other[0]


@pytest.mark.parametrize(
    "config",
    [
        b"", b"{", b'{"a"}', b'{"a":1', b'{"a":"b', b'{"a":"\x01"}', b'{"a":"\\\x01"}', b"[1,]", b"{} {}", b"[" * 100 + b"]" * 100, b'{"a":\x00}',
        json.dumps({"process": {"env": ['SECRET="x"']}}).encode(),
    ],
)  # fmt: skip
def test_what_isn_t_a_configuration_has_no_form(launcher: Launcher, config: bytes) -> None:
    assert launcher.form(config) is None


def test_a_member_that_stands_twice_counts_as_for_python(launcher: Launcher) -> None:
    config = _changed(DOCKER, [])[:-1] + b', "hostname": "last"}'
    kept = kept_plan(launcher, config, V1)
    assert kept is not None
    _assert_same(launcher, kept, config.replace(b'"last"', b'"other"'), OTHER, V1)


def test_an_agent_is_told_of_the_container_that_it_is(launcher: Launcher) -> None:
    config = copy.deepcopy(DOCKER)
    asked = {"names": ["mkdir"], "action": "SCMP_ACT_NOTIFY"}
    config["linux"]["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "listenerPath": "/run/agent", "syscalls": [asked]}
    data = json.dumps(config).encode()
    kept = kept_plan(launcher, data, V1)
    assert kept is not None
    _assert_same(launcher, kept, data, OTHER, V1)


def test_a_plan_that_depends_on_a_module_of_the_kernel_isn_t_kept(launcher: Launcher) -> None:
    config = copy.deepcopy(DOCKER)
    config["linux"]["resources"]["blockIO"] = {"weight": 100}
    assert kept_plan(launcher, json.dumps(config).encode(), V1) is None


def test_where_only_some_cgroups_may_be_made_no_plan_is_kept_for_any_and_the_container_is_made(
    launcher: Launcher,
) -> None:
    config = copy.deepcopy(DOCKER)
    del config["linux"]["resources"]["devices"]
    config["linux"]["resources"]["pids"] = {"limit": 9}
    assert kept_plan(launcher, json.dumps(config).encode(), replace(V2, delegated="docker")) is None


def test_a_kept_plan_of_which_a_bit_has_changed_is_none(launcher: Launcher) -> None:
    kept = kept_plan(launcher, config := _changed(DOCKER, []), V1)
    form = launcher.form(config)
    assert kept is not None
    assert form is not None
    command = _command(REQUEST, TIMES[0])
    assert launcher.filled(kept, command, form[1]) is not None
    for at in {*range(0, len(kept), 13), *range(64), len(kept) - 1}:
        damaged = bytearray(kept)
        damaged[at] ^= 1 << at % 8
        assert launcher.filled(bytes(damaged), command, form[1]) is None, at
    # The highest bits of two words are no more of a match
    for at in range(71, len(kept) - 8, 1024):
        damaged = bytearray(kept)
        damaged[at] ^= 0x80
        damaged[at + 8] ^= 0x80
        assert launcher.filled(bytes(damaged), command, form[1]) is None, at


def test_all_that_a_plan_knows_of_the_host_is_in_its_form() -> None:
    """Who gives ``OciHost`` another member has the launcher write it into the form: runtime/launcher/oci_kept.c.

    Of the kernel's own choices its boot is in it; mappers are for others than root, who keep no plans.
    """
    written = {
        "user",
        "group",
        "architecture",
        "capabilities",
        "launcher_owner",
        "launcher_shared",
        "selinux",
        "first_users",
        "sets_groups",
    }
    from_cgroups = {"hierarchies", "unified", "unified_own", "unified_folder", "controllers", "delegated"}
    from_boot = {"swap", "apparmor", "page_sizes"}
    not_kept = {"weight_file", "mappers", "launcher"}
    assert {field.name for field in fields(OciHost)} == written | from_cgroups | from_boot | not_kept


def _told(*changes: tuple[tuple[Any, ...], str], calls: str = "read", escaped: bool = False) -> bytes:
    """The configuration of an image that tells the calls of ``/server``, and changes."""
    annotations = {"dev.whit.syscalls": calls, "dev.whit.syscalls.program": "/server"}
    config = _changed({**DOCKER, "annotations": {**DOCKER["annotations"], **annotations}}, list(changes))
    return config.replace(b"dev.whit.", b"dev\\u002ewhit.") if escaped else config


def test_a_filter_for_one_program_is_kept_with_it(launcher: Launcher) -> None:
    kept, form = kept_plan(launcher, _told(), V1), launcher.form(_told())
    assert kept is not None
    assert form is not None

    # What engines vary, and the program's further arguments, are free as ever
    other = _told((("process", "args", 1), "-x"), (("hostname",), "other"))
    assert launcher.form(other) is not None
    assert launcher.form(other)[0] == form[0]  # type: ignore[index]
    _assert_same(launcher, kept, other, OTHER, V1)


@pytest.mark.parametrize(
    "config",
    [
        pytest.param(_told((("process", "args", 0), "/x")), id="another program, which has the whole filter"),
        pytest.param(_told(calls="read write"), id="other calls"),
        pytest.param(_told((("linux", "seccomp", "defaultAction"), "SCMP_ACT_KILL")), id="another filter"),
        pytest.param(_told((("annotations", "dev.whit.syscalls.program"), "/x")), id="calls of another program"),
    ],
)
def test_a_filter_for_one_program_is_no_other_s(launcher: Launcher, config: bytes) -> None:
    form, other = launcher.form(_told()), launcher.form(config)
    assert form is not None
    assert other is not None
    assert form[0] != other[0]


def test_a_program_s_filter_is_not_missing_because_another_one_was_started_first(launcher: Launcher) -> None:
    """Given a container of the image whose program isn't the one that is told of: it has no filter of its own calls."""
    first = _told((("process", "args", 0), "/bin/sh"))
    form, second = launcher.form(first), launcher.form(_told())

    assert kept_plan(launcher, first, V1) is not None
    assert form is not None
    assert second is not None
    assert form[0] != second[0]


@pytest.mark.parametrize("program", ["/server", "/bin/sh"])
def test_calls_told_in_an_unusual_way_are_python_s_alone(launcher: Launcher, program: str) -> None:
    """The launcher doesn't read escapes: where it hasn't seen that calls are told, the program's path is free."""
    assert kept_plan(launcher, _told((("process", "args", 0), program), escaped=True), V1) is None
