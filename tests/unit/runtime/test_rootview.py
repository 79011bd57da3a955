"""A look into an image's files: every link is followed inside the root, and none leads out of it."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from whit.runtime.rootview import MAX_LINKS, READ_SIZE, RootView

OUTSIDE = b"of the host"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root with a file, beside it one that no path in it may lead to."""
    (tmp_path / "secret").write_bytes(OUTSIDE)
    root = tmp_path / "root"
    (root / "etc").mkdir(parents=True)
    (root / "bin").mkdir()
    (root / "etc" / "passwd").write_bytes(b"root:x:0:0::/root:/bin/sh\n")
    (root / "secret").write_bytes(b"of the image")
    return root


def _link(root: Path, path: str, target: str) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).symlink_to(target)


def test_a_path_is_found_below_the_root(root: Path) -> None:
    view = RootView(str(root))
    assert view.resolve("/etc/passwd") == f"{root}/etc/passwd"
    assert view.resolve("//etc/./passwd") == f"{root}/etc/passwd"
    assert view.resolve("/") == str(root)
    assert view.resolve("/etc/none") is None
    assert view.resolve("/etc/passwd/x") is None


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("a", "/etc/passwd"),
        ("a", "etc/passwd"),
        ("etc/a", "passwd"),
        ("x/y/a", "../../etc/passwd"),
        ("a", "/./etc//passwd"),
    ],
)
def test_links_are_followed_absolute_ones_from_the_root(root: Path, path: str, target: str) -> None:
    _link(root, path, target)
    assert RootView(str(root)).resolve(f"/{path}") == f"{root}/etc/passwd"


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("/secret", "/a"),
        ("../secret", "/a"),
        ("../../../../secret", "/a"),
        ("/../secret", "/a"),
        ("..", "/a/secret"),
        ("/etc/../..", "/a/secret"),
    ],
)
def test_no_link_leads_out(root: Path, target: str, path: str) -> None:
    _link(root, "a", target)
    view = RootView(str(root))
    assert view.read(path) == b"of the image"
    assert view.read("/../secret") == b"of the image"
    assert view.read("/etc/../../secret") == b"of the image"


def test_the_host_s_own_path_of_the_file_outside_means_nothing(root: Path) -> None:
    _link(root, "a", str(root.parent / "secret"))
    assert RootView(str(root)).read("/a") is None


def test_dot_dot_after_a_link_is_the_parent_of_where_it_led(root: Path) -> None:
    _link(root, "deep/link", "/etc")
    assert RootView(str(root)).resolve("/deep/link/../secret") == f"{root}/secret"


def test_loops_end(root: Path) -> None:
    _link(root, "a", "b")
    _link(root, "b", "a")
    _link(root, "self", "self/self")
    view = RootView(str(root))
    assert (view.resolve("/a"), view.resolve("/self")) == (None, None)


def test_as_many_links_are_followed_as_the_kernel_follows(root: Path) -> None:
    _link(root, "l0", "etc/passwd")
    for number in range(1, MAX_LINKS + 1):
        _link(root, f"l{number}", f"l{number - 1}")
    view = RootView(str(root))
    for number in (MAX_LINKS - 1, MAX_LINKS):
        try:
            (root / f"l{number}").read_bytes()
            follows = True
        except OSError:
            follows = False
        assert (view.resolve(f"/l{number}") is not None) is follows


@pytest.mark.parametrize("path", ["/a\0b", "\0", "/\ud800", "/" + "x" * 300, "/x" * 5000])
def test_a_path_that_no_file_can_have_is_not_there(root: Path, path: str) -> None:
    view = RootView(str(root))
    assert view.resolve(path) is None
    view.find_program(path, "/bin", "/")  # and it doesn't raise


def test_only_regular_files_are_read_and_only_their_beginning(root: Path) -> None:
    os.mkfifo(root / "fifo")
    (root / "large").write_bytes(b"x" * (READ_SIZE + 1))
    view = RootView(str(root))
    assert view.read("/fifo") is None
    assert view.read("/etc") is None
    assert view.read("/large") == b"x" * READ_SIZE


def test_a_text_that_is_not_there_is_empty_and_one_that_is_none_is_read_all_the_same(root: Path) -> None:
    (root / "etc" / "group").write_bytes(b"a\xff:x:1:\n")
    view = RootView(str(root))
    assert view.text("/etc/none") == ""
    assert view.text("/etc/group") == "a\ufffd:x:1:\n"


def test_a_file_that_may_not_be_read_is_as_if_it_were_not_there() -> None:
    with tempfile.TemporaryDirectory() as folder:
        secret = Path(folder, "secret")
        secret.touch(0)
        Path(folder).chmod(0o755)
        user = os.geteuid()
        try:
            if user == 0:
                os.seteuid(65534)
            assert RootView(folder).read("/secret") is None
        finally:
            os.seteuid(user)


def test_folders_are_told_from_files(root: Path) -> None:
    _link(root, "tmp", "etc")
    view = RootView(str(root))
    assert view.is_directory("/etc")
    assert view.is_directory("/tmp")
    assert not view.is_directory("/etc/passwd")
    assert not view.is_directory("/none")


def _program(root: Path, path: str, mode: int = 0o755) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).touch()
    (root / path).chmod(mode)


def test_a_program_is_found_on_the_path_as_a_shell_finds_it(root: Path) -> None:
    _program(root, "bin/server")
    _program(root, "usr/bin/server")
    _program(root, "sbin/server", 0o644)
    (root / "opt" / "server").mkdir(parents=True)
    view = RootView(str(root))
    assert view.find_program("server", "/bin:/usr/bin", "/") == "/bin/server"
    assert view.find_program("server", "/opt:/sbin:/none:/usr/bin:/bin", "/") == "/usr/bin/server"


def test_a_name_with_a_slash_is_a_path_from_the_working_directory(root: Path) -> None:
    view = RootView(str(root))
    assert view.find_program("/bin/server", "/usr/bin", "/app") == "/bin/server"
    assert view.find_program("./server", "/usr/bin", "/app") == "/app/server"
    assert view.find_program("sub/server", "/usr/bin", "/app/") == "/app/sub/server"


def test_dot_dot_in_a_program_s_path_is_left_to_the_kernel_that_knows_the_links(root: Path) -> None:
    assert RootView(str(root)).find_program("link/../server", "/bin", "/app") == "/app/link/../server"


def test_a_relative_folder_of_the_path_is_from_the_working_directory(root: Path) -> None:
    _program(root, "app/tools/server")
    view = RootView(str(root))
    assert view.find_program("server", "tools:/bin", "/app") == "/app/tools/server"
    assert view.find_program("server", "tools:/bin", "/") is None
