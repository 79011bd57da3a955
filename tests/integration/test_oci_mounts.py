"""``mounts`` of config.json: options, and what an image may not bring about, in real containers."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.oci_bundle import MINIMAL, Bundle

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.root, pytest.mark.peer("busybox-static")]

LAST_WINS = pytest.mark.ours("of two contradicting words the last one doesn't win", "crun")


def mounted(bundle: Bundle, *mounts: dict[str, Any], script: str = "true", **linux: Any) -> dict[str, list[str]]:
    """The container's mounts: where → [options of the mount, its propagation …, type, options of the file system]."""
    ran = bundle.run(f"cat /proc/self/mountinfo; {script}", {"mounts": ["+", *mounts], "linux": linux})
    assert (ran.code, ran.err) == (0, "")
    found = {}
    for fields in map(str.split, ran.lines):
        if "-" in fields:
            dash = fields.index("-")
            found[fields[4]] = [fields[5], ",".join(fields[6:dash]), fields[dash + 1], fields[-1]]
    return found


def bind(source: Path | str, target: str, *options: str) -> dict[str, Any]:
    return {"destination": target, "source": str(source), "options": ["bind", *options]}


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        ([], "rw,relatime"),
        (["ro"], "ro,relatime"),
        pytest.param(["ro", "rw"], "rw,relatime", marks=LAST_WINS),
        (["nosuid", "nodev", "noexec"], "rw,nosuid,nodev,noexec,relatime"),
        (["noatime"], "rw,noatime"),
        (["nodiratime"], "rw,nodiratime,relatime"),
        (["strictatime"], "rw"),
        pytest.param(
            ["nosymfollow"], "rw,relatime,nosymfollow", marks=pytest.mark.ours("knows no nosymfollow", "crun")
        ),
        pytest.param(["defaults", "silent", "nosuid", "suid"], "rw,relatime", marks=LAST_WINS),
    ],
)
def test_attributes_of_a_bind_mount(bundle: Bundle, options: list[str], shown: str) -> None:
    source = bundle.folder / "volume"
    source.mkdir()
    assert mounted(bundle, bind(source, "/data", *options))["/data"][0] == shown


def test_options_of_a_new_file_system(bundle: Bundle) -> None:
    options = ["noexec", "size=1024k", "mode=700", "uid=3", "sync", "lazytime"]
    found = mounted(bundle, {"destination": "/new/place", "type": "tmpfs", "source": "mine", "options": options})
    attributes, _, kind, system = found["/new/place"]
    assert (attributes, kind) == ("rw,noexec,relatime", "tmpfs")
    assert {"rw", "sync", "lazytime", "size=1024k", "mode=700", "uid=3"} <= set(system.split(","))


def test_recursive_attributes_reach_the_mounts_below(bundle: Bundle) -> None:
    outer = bundle.folder / "outer"
    (outer / "inner").mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", outer / "inner"], check=True)
    try:
        plain = mounted(bundle, bind(outer, "/data", "rbind", "ro"))
        deep = mounted(bundle, bind(outer, "/data", "rbind", "rro", "rnosuid"))
    finally:
        subprocess.run(["umount", outer / "inner"], check=True)
    assert (plain["/data"][0], plain["/data/inner"][0]) == ("ro,relatime", "rw,relatime")
    assert (deep["/data"][0], deep["/data/inner"][0]) == ("ro,nosuid,relatime", "ro,nosuid,relatime")


def test_a_bind_mount_that_is_not_recursive_leaves_the_mounts_below_out(bundle: Bundle) -> None:
    outer = bundle.folder / "outer"
    (outer / "inner").mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", outer / "inner"], check=True)
    try:
        assert "/data/inner" not in mounted(bundle, bind(outer, "/data"))
    finally:
        subprocess.run(["umount", outer / "inner"], check=True)


@pytest.mark.ours("needs a mount namespace of its own here, where none is shared", "crun")
@pytest.mark.parametrize(
    ("word", "shown"), [("private", ""), ("rslave", "master:"), ("rshared", "shared:"), ("unbindable", "unbindable")]
)
def test_propagation_of_a_mount(bundle: Bundle, word: str, shown: str) -> None:
    source = bundle.folder / "volume"
    source.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", source], check=True)
    try:
        subprocess.run(["mount", "--make-shared", source], check=True)
        propagation = mounted(bundle, bind(source, "/data", word))["/data"][1]
    finally:
        subprocess.run(["umount", source], check=True)
    assert propagation.startswith(shown)
    assert bool(propagation) is bool(shown)


def test_mounts_are_listed_in_the_configurations_order(bundle: Bundle) -> None:
    (bundle.folder / "volume").mkdir()
    tmpfs = {"type": "tmpfs", "source": "tmpfs"}
    found = mounted(
        bundle,
        {"destination": "/data/1", **tmpfs},
        bind(bundle.folder / "volume", "/data/2", "shared"),
        {"destination": "/data/3", **tmpfs},
    )
    assert [place for place in found if place.startswith("/data")] == ["/data/1", "/data/2", "/data/3"]


@pytest.mark.ours("a mount is shared only where the root is too", "runc", "crun")
def test_a_shared_mount_is_seen_by_the_host(bundle: Bundle) -> None:
    source = bundle.folder / "volume"
    (source).mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", source], check=True)
    change = {
        "mounts": ["+", bind(source, "/data", "rbind", "rshared")],
        "process": {"capabilities": {name: ["CAP_SYS_ADMIN"] for name in ("bounding", "effective", "permitted")}},
    }
    try:
        subprocess.run(["mount", "--make-shared", source], check=True)
        (source / "below").mkdir()
        ran = bundle.run("mount -t tmpfs tmpfs /data/below", change)
        assert (ran.code, ran.err) == (0, "")
        assert os.path.ismount(source / "below")
    finally:
        subprocess.run(["umount", "-R", source], check=True)


def test_relative_sources_are_of_the_bundle_and_relative_destinations_of_the_root(bundle: Bundle) -> None:
    (bundle.folder / "file").write_text("hello")
    ran = bundle.run("cat /made/here", {"mounts": ["+", bind("file", "made/here")]})
    assert ran.out == "hello"


@pytest.mark.ours("has the kernel's own mode", "crun")
def test_a_tmpfs_keeps_the_mode_that_it_covers(bundle: Bundle) -> None:
    (bundle.rootfs / "data").chmod(0o750)
    tmpfs = {"destination": "/data", "type": "tmpfs", "source": "tmpfs"}
    assert bundle.run("stat -c %a /data", {"mounts": ["+", tmpfs]}).out == "750\n"


def test_tmpcopyup(bundle: Bundle) -> None:
    data = bundle.rootfs / "data"
    (data / "deep" / "er").mkdir(parents=True)
    (data / "deep" / "er" / "file").write_text("x" * 100_000)
    (data / "deep" / "er" / "file").chmod(0o4751)
    os.chown(data / "deep", 5, 6)
    (data / "link").symlink_to("deep/er/file")
    tmpfs = {"destination": "/data", "type": "tmpfs", "source": "tmpfs", "options": ["tmpcopyup", "ro"]}
    ran = bundle.run(
        "stat -c '%n %a %u %g %s' /data/deep /data/deep/er/file; readlink /data/link; touch /data/x",
        {"mounts": ["+", tmpfs]},
    )
    assert ran.lines[0].split()[:4] == ["/data/deep", "755", "5", "6"]
    assert ran.lines[1:] == ["/data/deep/er/file 4751 0 0 100000", "deep/er/file"]
    assert "Read-only file system" in ran.err


def test_a_readonly_dev_has_its_devices(bundle: Bundle) -> None:
    mounts = [mount | ({"options": ["ro"]} if mount["destination"] == "/dev" else {}) for mount in MINIMAL["mounts"]]
    ran = bundle.run("echo x > /dev/null && echo works; touch /dev/x", {"mounts": mounts})
    assert ran.out == "works\n"
    assert "Read-only file system" in ran.err


@pytest.mark.ours("1.1 maps no users of mounts", "runc")
def test_users_of_a_mount_are_mapped(bundle: Bundle) -> None:
    source = bundle.folder / "volume"
    source.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", source], check=True)
    mapping = [{"containerID": 0, "hostID": 5000, "size": 1000}]
    mount = bind(source, "/data", "idmap") | {"uidMappings": mapping, "gidMappings": mapping}
    try:
        (source / "file").touch()
        os.chown(source / "file", 7, 8)
        ran = bundle.run("stat -c '%u %g' /data/file", {"mounts": ["+", mount]})
    finally:
        subprocess.run(["umount", source], check=True)
    assert (ran.out, ran.err) == ("5007 5008\n", "")


def test_a_remount_changes_attributes(bundle: Bundle) -> None:
    again = {"destination": "/dev/pts", "type": "none", "options": ["remount", "ro"]}
    assert mounted(bundle, again)["/dev/pts"][0].startswith("ro,")


@pytest.mark.ours("whit's own words")
@pytest.mark.parametrize(
    ("mount", "words"),
    [
        ({"destination": "/proc", "type": "tmpfs", "source": "tmpfs"}, "only a proc file system"),
        ({"destination": "/proc/self/attr", "type": "tmpfs", "source": "tmpfs"}, "inside /proc"),
        ({"destination": "/dev/../proc/x", "type": "tmpfs", "source": "tmpfs"}, "inside /proc"),
        ({"destination": "/", "type": "tmpfs", "source": "tmpfs"}, "the root itself"),
        ({"destination": "/data", "options": ["bind"]}, "mounts[4].source"),
        ({"destination": "/data", "source": "/nowhere/at/all", "options": ["bind"]}, "/nowhere/at/all"),
    ],
)
def test_mounts_that_are_refused(bundle: Bundle, mount: dict[str, Any], words: str) -> None:
    ran = bundle.run("echo ran", {"mounts": ["+", mount]})
    assert (ran.code, ran.out) == (1, "")
    assert words in ran.err


@pytest.mark.ours("takes it", "crun")
def test_a_folder_is_no_proc(bundle: Bundle) -> None:
    mounts = [bind("/tmp", "/proc"), *MINIMAL["mounts"][1:]]
    assert bundle.run("echo ran", {"mounts": mounts}).out == ""


def test_links_of_the_image_stay_inside_of_it(bundle: Bundle) -> None:
    outside = bundle.folder / "outside"
    outside.mkdir()
    (bundle.rootfs / "absolute").symlink_to(outside)
    (bundle.rootfs / "relative").symlink_to("../../../.." + str(outside))
    tmpfs = {"type": "tmpfs", "source": "tmpfs"}
    for place in ("/absolute/new", "/relative/new"):
        bundle.run("true", {"mounts": ["+", {"destination": place, **tmpfs}]})
    assert list(outside.iterdir()) == []


@pytest.mark.ours("follows it", "runc", "crun")
def test_a_link_into_proc_is_no_place_to_mount_on(bundle: Bundle) -> None:
    (bundle.rootfs / "link").symlink_to("/proc/self")
    mount = {"destination": "/link/attr", "type": "tmpfs", "source": "tmpfs"}
    ran = bundle.run("echo ran", {"mounts": ["+", mount]})
    assert (ran.code, ran.out) == (1, "")


@pytest.mark.parametrize("name", ["proc", "sys"])
def test_an_image_whose_own_proc_or_sys_is_a_link_is_refused(bundle: Bundle, name: str) -> None:
    (bundle.rootfs / name).rmdir()
    (bundle.rootfs / name).symlink_to("/tmp")
    ran = bundle.run("echo ran")
    assert (ran.code, ran.out) == (1, "")


@pytest.mark.ours("follows it", "runc", "crun")
def test_an_image_whose_dev_is_a_link_makes_no_device_elsewhere(bundle: Bundle) -> None:
    outside = bundle.folder / "outside"
    outside.mkdir()
    (bundle.rootfs / "dev").rmdir()
    (bundle.rootfs / "dev").symlink_to(outside)
    bundle.run(
        "true", {"mounts": [mount for mount in MINIMAL["mounts"] if not mount["destination"].startswith("/dev")]}
    )
    assert list(outside.iterdir()) == []
