"""The small parts of the search: tokens, the loader's own directories, packages that would bring a library."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.programs.build import build
from tests.unit.packer.test_closure_hostile import FOLDER, LOADER, made
from tests.unit.packer.test_closure_hostile import program as make_program
from whit.packer.closure import musl
from whit.packer.closure.closing import close
from whit.packer.closure.glibc import default_folders
from whit.packer.closure.model import Facts
from whit.packer.closure.packages import package_of, places_of
from whit.packer.closure.tokens import Tokens, uses_origin
from whit.packer.executable.analyse import analyse
from whit.packer.executable.analysis import Wanted
from whit.packer.image.packcache import cache_key
from whit.packer.image.spec import HostFile, PackOptions
from whit.packer.pipeline import Order, _key
from whit.packer.resolution.choices import Addition, Choices
from whit.packer.resolution.model import Program
from whit.packer.store.filetree import MemoryTree

if TYPE_CHECKING:
    from pathlib import Path

X86_64, I386 = Facts(62, 64, "<", loadable=True), Facts(3, 32, "<", loadable=True)
TOKENS = Tokens("/opt/bin", "lib64", None)


@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        ("$ORIGIN/../lib", "/opt/bin/../lib"),
        ("${ORIGIN}x/$LIB", "/opt/binx/lib64"),
        ("$ORIGINS:$ORIGIN_1", "$ORIGINS:$ORIGIN_1"),
        ("${ORIGIN", "${ORIGIN"),
        ("$HOME/$ORIGIN", "$HOME//opt/bin"),
        ("$", "$"),
        ("/lib/$PLATFORM", None),
    ],
)
def test_tokens_are_replaced_as_the_loader_does(text: str, expanded: str | None) -> None:
    assert TOKENS.expand(text) == expanded


def test_a_token_is_told_from_a_name_that_begins_like_one() -> None:
    assert uses_origin("/a:${ORIGIN}/b")
    assert not uses_origin("$ORIGINS/b")


def test_default_directories_are_the_loader_s_own() -> None:
    debian = b"\0/lib/x86_64-linux-gnu/\0/usr/lib/x86_64-linux-gnu/\0/lib/\0/usr/lib/\0/etc/suid-debug\0"
    nix = b"x\0/nix/store/abc-glibc-2.38/lib/\0y"
    noise = b"\0/var/tmp/\0\0/dir/\0abc"
    expected = ("/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib", "/usr/lib")
    assert default_folders(noise + debian, X86_64) == expected
    assert default_folders(noise + nix, X86_64) == ("/nix/store/abc-glibc-2.38/lib",)


def test_a_loader_that_does_not_tell_has_the_usual_ones() -> None:
    assert default_folders(b"nothing", X86_64)[:3] == (
        "/lib/x86_64-linux-gnu",
        "/usr/lib/x86_64-linux-gnu",
        "/lib64",
    )
    assert "/lib64" not in default_folders(b"nothing", I386)


def test_musl_s_path_file_lies_below_the_loader_s_own_root() -> None:
    assert musl.path_file("/lib/ld-musl-x86_64.so.1") == "/etc/ld-musl-x86_64.path"
    assert musl.path_file("/opt/musl/lib/ld-musl-aarch64.so.1") == "/opt/musl/etc/ld-musl-aarch64.path"
    assert musl.folders_of("/a:/b\n/c\n\n:/d:") == ("/a", "/b", "/c", "/d")


@pytest.mark.parametrize(
    ("soname", "package"),
    [
        ("libz.so.1", "zlib1g"),
        ("libssl.so.3", "libssl3"),
        ("libcurl.so.4", "libcurl4"),
        ("libxml2.so.2", "libxml2-2"),
        ("libprotobuf-lite.so.32", "libprotobuf-lite32"),
        ("libbfd-2.40-system.so", None),
        ("libfoo_bar.so.1.2", "libfoo-bar1.2"),
        ("libfmt-9.1.so", "libfmt9.1"),
        ("plugin.so", None),
    ],
)
def test_debian_s_package_is_told_where_it_can_be(soname: str, package: str | None) -> None:
    assert package_of(soname) == package


def test_a_file_that_a_package_has_elsewhere_is_found_in_dpkg_s_lists() -> None:
    tree = MemoryTree(
        {
            "/var/lib/dpkg/info/libpulse0:amd64.list": b"/.\n/usr/lib/pulseaudio/libpulsecommon-16.1.so\n",
            "/var/lib/dpkg/info/libpulse0:arm64.list": b"/usr/lib/arm/libpulsecommon-16.1.so\n",
            "/var/lib/dpkg/info/other.list": b"/usr/share/doc/libpulsecommon-16.1.so.gz\n",
        }
    )
    assert places_of("libpulsecommon-16.1.so", tree, "amd64") == ("/usr/lib/pulseaudio/libpulsecommon-16.1.so",)
    assert places_of("libnone.so.1", tree, "amd64") == ()


def test_a_static_program_costs_nothing_of_the_search() -> None:
    program = build("hello", "c-musl")
    script = (
        "import sys\n"
        "from whit.packer.executable.file import open_executable\n"
        "from whit.packer.needs import WANTED\n"
        "from whit.packer.resolution.resolve import resolve_executable\n"
        "assert not resolve_executable(open_executable(sys.argv[1], WANTED)).missing\n"
        "print(*(name for name in sys.modules if '.closure.' in name))\n"
    )
    done = subprocess.run([sys.executable, "-c", script, program], cwd="/", capture_output=True, text=True, check=True)
    assert done.stdout == "\n"


@pytest.mark.parametrize(
    ("program", "folder", "told"),
    [
        ("/usr/bin/python3.11", "/usr/lib/python3.11", True),
        ("/usr/bin/python3.11", "/usr/lib/python3.9", False),
        ("/usr/bin/server", "/usr/lib/python3.11", False),
    ],
)
def test_an_interpreter_s_own_library_is_told_of(program: str, folder: str, *, told: bool) -> None:
    files = {
        program: make_program("libc.so.6"),
        LOADER: made(soname="ld-linux-x86-64.so.2"),
        f"{FOLDER}/libc.so.6": made(soname="libc.so.6"),
        f"{folder}/os.py": b"",
    }
    tree = MemoryTree(files)
    file = tree.file(program)
    assert file is not None
    analysis = analyse(files[program], Wanted())
    found = close(analysis, Program(file, "/x"), tree, tree).advice
    assert [advice.about for advice in found] == (["runtime"] if told else [])
    added = {f"{folder}/os.py": HostFile(f"{folder}/os.py", 0, (0, 0, 0, 0))}
    assert close(analysis, Program(file, "/x"), tree, tree, added).advice == ()


def test_a_system_without_a_cache_is_told_how_to_make_one() -> None:
    files = {"/app": make_program("libx.so.1"), LOADER: made(), "/etc/ld.so.conf": b"/opt/lib\n"}
    tree = MemoryTree(files)
    file = tree.file("/app")
    assert file is not None
    [lack] = close(analyse(files["/app"], Wanted()), Program(file, "/app"), tree, tree).missing
    assert "ldconfig" in lack.cure


def test_relative_paths_mean_something_else_in_another_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    choices = Choices(sysroot="root", additions=(Addition("data", "/data"),))
    keys = set()
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        keys.add(cache_key(*_key(Order("/bin/app", PackOptions(), choices), None)))
    assert len(keys) == 2
    assert os.getcwd() == str(tmp_path / "two")  # noqa: PTH109 - as the key sees it
