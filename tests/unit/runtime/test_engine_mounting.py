"""What a container's mounts are asked for by: docker's words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whit.packer.support.errors import UsageError
from whit.runtime.engine.model import Mounted, MountKind
from whit.runtime.engine.mounting import (
    AskedMount,
    check_volume_name,
    id_mappings,
    inherited,
    is_plain,
    outer_first,
    parse_mount,
    parse_mounts,
    parse_volume,
    parse_volumes_from,
)

BIND, VOLUME, TMPFS = MountKind


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("/srv:/data", AskedMount(BIND, "/srv", "/data")),
        ("./here:/data", AskedMount(BIND, "./here", "/data")),
        (".:/data:ro", AskedMount(BIND, ".", "/data", read_only=True)),
        ("a/b:/data:rw", AskedMount(BIND, "a/b", "/data")),
        ("/srv:/data:ro,rslave", AskedMount(BIND, "/srv", "/data", read_only=True, options=("rslave",))),
        ("/srv:/data//x/:cached", AskedMount(BIND, "/srv", "/data/x")),
        ("data:/data", AskedMount(VOLUME, "data", "/data")),
        ("data:/data:nocopy,ro", AskedMount(VOLUME, "data", "/data", read_only=True, copies=False)),
        ("/data", AskedMount(VOLUME, "", "/data")),
        (
            "/s:/d:idmap=uids=0-1-10#10-11-10;gids=0-1-1",
            AskedMount(BIND, "/s", "/d", options=("idmap=uids=0-1-10#10-11-10;gids=0-1-1",)),
        ),
    ],
)
def test_a_volume_is_docker_s(text: str, asked: AskedMount) -> None:
    assert parse_volume(text) == asked


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no absolute path"),
        ("data", "no absolute path"),
        (":/data", "no volume"),
        ("/srv:", "no volume"),
        ("/srv:/data:ro:z", "no volume"),
        ("/srv:data", "no absolute path"),
        ("/srv:/", "nothing may be mounted"),
        ("/srv:/proc/1", "nothing may be mounted"),
        ("/srv:/a/../..", "no absolute path"),
        ("/srv:/data:rx", "'rx' is no option of a bind"),
        ("/srv:/data:nocopy", "'nocopy' is no option of a bind"),
        ("data:/data:shared", "'shared' is no option of a volume"),
        ("a:/data", "can't be a volume's name"),
        ("-a:/data", "can't be a volume's name"),
        ("dätä:/data", "can't be a volume's name"),
        ("/srv:/data:idmap", "which ids"),
        ("/srv:/data:idmap=uids=0-0-0;gids=0-0-1", "which ids"),
        ("/srv:/data:idmap=uids=0-4294967295-2;gids=0-0-1", "which ids"),
    ],
)
def test_other_volumes_are_refused_with_a_hint(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        parse_volume(text)
    assert caught.value.hint


@given(st.text(alphabet="ab/:.,=-zZo\0 \n"))
def test_no_text_is_taken_that_isn_t_a_volume(text: str) -> None:
    try:
        asked = parse_volume(text)
    except UsageError:
        return
    assert asked.target.startswith("/")
    assert ".." not in asked.target.split("/")
    assert asked.kind is BIND or not asked.source or check_volume_name(asked.source)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("/a:/b", True),
        ("./a:/b:ro,z", True),
        ("data:/b", False),
        ("/b", False),
        ("/a:/b:rshared", False),
        (":/x", True),
    ],
)
def test_what_a_container_takes_that_is_not_kept_is_known(text: str, plain: bool) -> None:
    assert is_plain(text) is plain


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("type=bind,source=/srv,target=/data", AskedMount(BIND, "/srv", "/data")),
        ("type=bind,src=/srv,dst=/data,ro", AskedMount(BIND, "/srv", "/data", read_only=True)),
        ("type=bind,src=/s,dst=/d,readonly=false", AskedMount(BIND, "/s", "/d")),
        ('type=bind,"src=/a,b",dst=/d', AskedMount(BIND, "/a,b", "/d")),
        ("type=bind,src=/s,dst=/d,bind-propagation=shared", AskedMount(BIND, "/s", "/d", options=("shared",))),
        ("type=bind,src=/s,dst=/d,bind-nonrecursive", AskedMount(BIND, "/s", "/d", options=("nonrecursive",))),
        (
            "type=bind,src=/s,dst=/d,ro,bind-recursive=writable",
            AskedMount(BIND, "/s", "/d", read_only=True, options=("writable-below",)),
        ),
        ("target=/data", AskedMount(VOLUME, "", "/data")),
        ("source=data,destination=/data,volume-nocopy", AskedMount(VOLUME, "data", "/data", copies=False)),
        (
            "src=data,dst=/d,volume-opt=type=tmpfs,volume-opt=device=tmpfs,volume-label=a=b",
            AskedMount(VOLUME, "data", "/d", volume_options=(("type", "tmpfs"), ("device", "tmpfs")), volume_labels=(("a", "b"),)),
        ),
        (
            "type=tmpfs,target=/t,tmpfs-size=1m,tmpfs-mode=700",
            AskedMount(TMPFS, "tmpfs", "/t", options=("mode=700", "nosuid", "nodev", "noexec", "size=1048576")),
        ),
    ],
)  # fmt: skip
def test_a_mount_is_docker_s(text: str, asked: AskedMount) -> None:
    assert parse_mount(text) == asked


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no target"),
        ("type=bind,source=/srv", "no target"),
        ("type=bind,target=/x", "needs a source"),
        ("type=npipe,target=/x", "no type"),
        ("type=tmpfs,source=/x,target=/x", "no source"),
        ("type=bind,src=/s,target=/x,volume-nocopy", "no option of a bind"),
        ("target=/x,tmpfs-size=1", "no option of a volume"),
        ("target=/x,colour=red", "no 'colour'"),
        ("target=/x,ro=maybe", "neither true nor false"),
        ("target=/x,volume-driver=nfs", "no driver"),
        ("type=tmpfs,target=/x,tmpfs-mode=9", "no mode"),
        ("type=bind,src=/s,target=/x,bind-propagation=loud", "no such propagation"),
        ("type=bind,src=/s,target=/x,bind-recursive=readonly", "read-only"),
        ('"', "unexpected end"),
    ],
)
def test_other_mounts_are_refused(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        parse_mount(text)


def test_two_things_in_one_place_are_refused() -> None:
    with pytest.raises(UsageError, match="/x is given twice"):
        parse_mounts(("/srv:/x",), (), ("/x/",))


def test_what_another_container_has_is_taken_over_but_for_what_is_in_memory() -> None:
    has = (
        Mounted(VOLUME, "/v/data", "/data", name="data", is_anonymous=True),
        Mounted(BIND, "/srv", "/srv", read_only=True),
        Mounted(TMPFS, "tmpfs", "/t"),
    )
    assert inherited(has, None) == (Mounted(VOLUME, "/v/data", "/data", name="data"), has[1])
    assert [mount.read_only for mount in inherited(has, read_only=True)] == [True, True]
    assert parse_volumes_from("db:ro") == ("db", True)
    assert parse_volumes_from("db") == ("db", None)
    with pytest.raises(UsageError):
        parse_volumes_from("db:no")


def test_what_lies_further_out_is_mounted_first() -> None:
    deep, flat = Mounted(BIND, "/a", "/x/y"), Mounted(BIND, "/b", "/x")
    assert outer_first((deep, flat)) == (flat, deep)


def test_mapped_ids_are_those_of_the_specification() -> None:
    uids, gids = id_mappings("idmap=uids=0-1-10#10-21-5;gids=3-4-1")
    assert uids == [{"containerID": 0, "hostID": 1, "size": 10}, {"containerID": 10, "hostID": 21, "size": 5}]
    assert gids == [{"containerID": 3, "hostID": 4, "size": 1}]
