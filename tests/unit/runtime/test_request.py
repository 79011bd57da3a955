"""What the words of a command line ask for, and what else the answer depends on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
import pytest
from click.testing import CliRunner

from whit.packer.support.errors import InvalidFileError, NotFoundError, UsageError
from whit.runtime.capabilities import NAMES
from whit.runtime.commands.options import SETTINGS, launch_options
from whit.runtime.limits import DEFAULT_PIDS, Rlimit
from whit.runtime.mounts import HARDENED, Tmpfs, Volume
from whit.runtime.options import Network, RunOptions
from whit.runtime.request import Request, Words, identity_of, parse_request

if TYPE_CHECKING:
    from pathlib import Path


def _options(**words: object) -> RunOptions:
    return parse_request(Words("image", **words)).options  # type: ignore[arg-type]


def _from_command_line(*line: str) -> Request:
    """The request that click's reading of a command line leads to."""
    found: list[Request] = []

    @click.command(context_settings=SETTINGS)
    @launch_options
    def command(**words: object) -> None:
        found.append(parse_request(Words(**words)))  # type: ignore[arg-type]

    result = CliRunner().invoke(command, list(line), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return found[0]


def test_nothing_asked_for_leaves_it_all_to_the_image() -> None:
    request = parse_request(Words("image"))
    assert request == Request("image", RunOptions(network=Network.BRIDGE))
    assert request.options.limits.pids == DEFAULT_PIDS


@pytest.mark.parametrize(
    ("line", "arguments"),
    [
        (("image",), ()),
        (("image", "--flag", "x"), ("--flag", "x")),
        (("image", "--", "--flag"), ("--flag",)),
        (("image", "--", "--", "x"), ("--", "x")),
        (("image", "x", "--", "y"), ("x", "--", "y")),
        (("--", "image", "-e", "A"), ("-e", "A")),
        (("image", "-e", "A=1", "--help"), ("-e", "A=1", "--help")),
        (("image", ""), ("",)),
    ],
)
def test_what_follows_the_image_is_the_program_s_and_one_double_dash_is_dropped(
    line: tuple[str, ...], arguments: tuple[str, ...]
) -> None:
    request = _from_command_line(*line)
    assert request.target == "image"
    assert request.options.arguments == arguments


def test_a_whole_command_line() -> None:
    line = (
        "-m 64m --cpus 0.5 --pids-limit max --ulimit core=0 --cap-add net_raw -u 7:8 -w /w -h db --network host --init"
    )
    options = _from_command_line(*line.split(), "--tmpfs", "/run", "--time-offset", "5", "image").options
    assert (options.limits.memory, options.limits.cpu_quota_us, options.limits.pids) == (64 << 20, 50_000, None)
    assert options.rlimits == (Rlimit(4, 0, 0),)
    assert options.add_capabilities == {"NET_RAW"}
    assert (options.user, options.working_dir, options.hostname) == ("7:8", "/w", "db")
    assert options.network is Network.HOST
    assert options.tmpfs == (Tmpfs("/run", ("mode=1777",), HARDENED),)
    assert (options.init, options.time_offset) == (True, 5)


@pytest.mark.parametrize("word", ["ALL", "all"])
def test_all_capabilities_can_be_asked_for_at_once(word: str) -> None:
    assert _options(cap_add=("chown", word)).add_capabilities == set(NAMES)


def test_the_last_limit_of_a_resource_counts() -> None:
    assert _options(ulimit=("nofile=10", "core=0", "nofile=20")).rlimits == (Rlimit(7, 20, 20), Rlimit(4, 0, 0))


# Variables


def test_variables_are_set_in_order_and_the_last_of_a_name_counts() -> None:
    assert _options(env=("A=1", "B=x=y", "C=", "A=2")).env == (("A", "2"), ("B", "x=y"), ("C", ""))


def test_a_bare_name_passes_on_the_caller_s_variable_and_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINE", "here")
    monkeypatch.delenv("NOT_MINE", raising=False)
    request = parse_request(Words("image", env=("MINE", "NOT_MINE")))
    assert request.options.env == (("MINE", "here"),)
    assert request.variables == (("MINE", "here"), ("NOT_MINE", None))


@pytest.mark.parametrize("text", ["", "=", "=x"])
def test_a_variable_without_a_name_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="sets no variable") as caught:
        _options(env=(text,))
    assert caught.value.hint is not None


def test_a_file_of_variables_is_read_line_by_line(tmp_path: Path) -> None:
    file = tmp_path / "env"
    file.write_bytes(
        b"\xef\xbb\xbf# a comment\nA=1\n\n  B= two words  \r\n\t# another\nC='quoted'\nD=a\x0bb\xe2\x80\xa8c\n"
    )
    assert _options(env_file=(str(file),)).env == (
        ("A", "1"),
        ("B", " two words  "),
        ("C", "'quoted'"),
        ("D", "a\x0bb\u2028c"),
    )


def test_a_bare_name_in_a_file_passes_on_the_caller_s_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "env"
    file.write_text("MINE\nNOT_MINE\n")
    monkeypatch.setenv("MINE", "here")
    monkeypatch.delenv("NOT_MINE", raising=False)
    request = parse_request(Words("image", env_file=(str(file),)))
    assert request.options.env == (("MINE", "here"),)
    assert request.variables == (("MINE", "here"), ("NOT_MINE", None))


def test_the_command_line_wins_over_files_and_later_files_over_earlier_ones(tmp_path: Path) -> None:
    first, second = tmp_path / "1", tmp_path / "2"
    first.write_text("A=1\nB=1\nC=1\n")
    second.write_text("B=2\nC=2\n")
    assert dict(_options(env_file=(str(first), str(second)), env=("C=3",)).env) == {"A": "1", "B": "2", "C": "3"}


def test_what_a_file_was_is_remembered(tmp_path: Path) -> None:
    file = tmp_path / "env"
    file.write_text("A=1\n")
    status = file.stat()
    request = parse_request(Words("image", env_file=(str(file),)))
    identity = (str(file), status.st_dev, status.st_ino, 4, status.st_mtime_ns, status.st_ctime_ns)
    assert request.files == (identity,)
    assert not request.uses_directory


def test_a_bad_line_is_named_by_file_and_number(tmp_path: Path) -> None:
    file = tmp_path / "env"
    for bad in ("=x", "A B=x", "A =x", "export A=x"):
        file.write_text(f"A=1\n{bad}\n")
        with pytest.raises(UsageError, match=f"env:2: '{bad}' sets no variable") as caught:
            _options(env_file=(str(file),))
        assert caught.value.hint is not None


@pytest.mark.parametrize("content", [b"A=\xff\n", b"\x7fELF\x02\x01\x80", b"A=1\0B=2\n"])
def test_a_file_that_is_no_text_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "env"
    file.write_bytes(content)
    with pytest.raises((InvalidFileError, UsageError), match=str(file)):
        _options(env_file=(str(file),))


def test_a_missing_file_of_variables_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"--env-file: there is no .*/none") as caught:
        _options(env_file=(str(tmp_path / "none"),))
    assert caught.value.hint is not None


def test_a_folder_of_variables_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(InvalidFileError, match="is a folder"):
        _options(env_file=(str(tmp_path),))


# Volumes


def test_a_volume_is_a_source_a_target_and_whether_it_is_only_read(tmp_path: Path) -> None:
    (tmp_path / "f").touch()
    here = str(tmp_path)
    assert _options(volume=(f"{here}:/data",)).volumes == (Volume(here, "/data", read_only=False, is_directory=True),)
    assert _options(volume=(f"{here}/f:/etc/f:ro",)).volumes == (
        Volume(f"{here}/f", "/etc/f", read_only=True, is_directory=False),
    )
    for words in ("rw", "z", "Z,rw", ""):
        assert not _options(volume=(f"{here}:/data:{words}",)).volumes[0].read_only
    assert _options(volume=(f"{here}:/data:z,ro",)).volumes[0].read_only


def test_a_relative_source_is_from_the_working_directory_and_that_is_remembered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data").mkdir()
    monkeypatch.chdir(tmp_path)
    for text, source in (("./data:/d", tmp_path / "data"), (".:/d", tmp_path), ("..:/d", tmp_path / "..")):
        request = parse_request(Words("image", volume=(text,)))
        assert request.options.volumes[0].source == str(source)
        assert request.uses_directory
    assert not parse_request(Words("image", volume=(f"{tmp_path}:/d",))).uses_directory


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "needs a source and a target"),
        ("/data", "needs a source and a target"),
        (":/data", "needs a source and a target"),
        ("/:", "needs a source and a target"),
        ("/:/data:rx", "'rx' is no option"),
        ("/:/data:ro:z", "'ro:z' is no option"),
        ("data:/data", "'data' is no path"),
        ("/:data", "is no absolute path in the container"),
        ("/:/", "nothing may be mounted on /"),
        ("/:/proc/sys", "nothing may be mounted on /proc/sys"),
        ("/none/such:/data", "there is no /none/such"),
    ],
)
def test_other_volumes_are_refused_with_a_hint(text: str, message: str) -> None:
    with pytest.raises((UsageError, NotFoundError), match=message) as caught:
        _options(volume=(text,))
    assert caught.value.hint is not None


def test_on_the_host_s_network_the_host_s_names_are_there_unless_others_are_given(tmp_path: Path) -> None:
    names = [volume.target for volume in _options(network=("host",)).volumes]
    assert "/etc/hosts" in names
    assert all(volume.read_only for volume in _options(network=("host",)).volumes)
    own = tmp_path / "hosts"
    own.touch()
    volumes = _options(network=("host",), volume=(f"{own}:/etc/hosts",)).volumes
    assert [volume.source for volume in volumes if volume.target == "/etc/hosts"] == [str(own)]


def test_what_is_not_there_has_no_identity(tmp_path: Path) -> None:
    assert identity_of(str(tmp_path / "none")) is None


@pytest.mark.parametrize(
    ("networks", "said"),
    [
        (("bridge", "none"), "--network none goes with no other network"),
        (("none", "default"), "--network none goes with no other network"),
        (("bridge", "host", "red"), "--network host goes with no other network"),
        (("bridge", "red"), "a container that isn't kept can't be in 'red'"),
        (("bridge", "default"), "--network bridge is given twice"),
    ],
)
def test_of_several_networks_the_one_that_goes_with_none_is_named(networks: tuple[str, ...], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        _options(network=networks)
