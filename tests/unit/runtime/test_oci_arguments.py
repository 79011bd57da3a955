"""The command line of whit-oci is read as runc reads its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from whit.packer.support.errors import UsageError
from whit.runtime.oci.arguments import container_id, parse


def test_what_containerd_calls() -> None:
    words = "--root /r --log /l.json --log-format json create --bundle /b --pid-file /p --console-socket /s ID"
    call = parse(words.split())
    assert call.globals.values == {"root": "/r", "log": "/l.json", "log-format": "json"}
    assert (call.verb, call.words) == ("create", ("ID",))
    assert call.options.values == {"bundle": "/b", "pid-file": "/p", "console-socket": "/s"}


@pytest.mark.parametrize("form", ["--bundle=/b", "-bundle=/b", "-b /b", "-b=/b", "--bundle /b"])
def test_an_option_may_be_written_in_several_ways(form: str) -> None:
    assert parse(["run", *form.split(" "), "x"]).options.text("bundle") == "/b"


def test_options_may_follow_the_words() -> None:
    call = parse(["create", "x", "--bundle", "/b", "--", "-y"])
    assert (call.words, call.options.text("bundle")) == (("x", "-y"), "/b")


def test_options_end_at_the_first_word_so_that_a_command_keeps_its_own() -> None:
    call = parse(["exec", "-t", "-e", "A=1", "--env", "B=2", "x", "ls", "-la", "--user"])
    assert call.words == ("x", "ls", "-la", "--user")
    assert call.options.flag("tty")
    assert call.options.all("env") == ("A=1", "B=2")


def test_f_is_force_for_delete_and_format_for_ps() -> None:
    assert parse(["delete", "-f", "x"]).options.flag("force")
    assert parse(["ps", "-f", "json", "x"]).options.text("format") == "json"


def test_a_flag_may_be_given_as_false() -> None:
    assert not parse(["run", "--detach=false", "x"]).options.flag("detach")
    assert parse(["run", "--detach=true", "x"]).options.flag("detach")


def test_a_path_is_made_absolute() -> None:
    assert parse(["--log", "l", "list"]).globals.path("log") == str(Path.cwd() / "l")
    assert parse(["list"]).globals.path("log") == ""


@pytest.mark.parametrize("words", [["nonesuch"], ["create", "--nonesuch"], ["--nonesuch"], ["create", "--bundle"]])
def test_what_there_is_not_is_refused(words: list[str]) -> None:
    with pytest.raises(UsageError):
        parse(words)


@pytest.mark.parametrize("text", ["-1", "x", "1.5", "", "²"])
def test_numbers_are_read_strictly(text: str) -> None:
    with pytest.raises(UsageError):
        parse(["run", f"--preserve-fds={text}", "x"]).options.number("preserve-fds")


@pytest.mark.parametrize("name", ["a", "A-b_c.d+1", "0" * 64])
def test_names_of_containers(name: str) -> None:
    assert container_id(name) == name


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../a", "a b", "a\n", "é", "x" * 256])
def test_names_that_lead_elsewhere_are_refused(name: str) -> None:
    with pytest.raises(UsageError):
        container_id(name)


def test_a_flag_may_be_said_not_to_be_wanted() -> None:
    assert parse(["--systemd-cgroup=false", "state", "x"]).verb == "state"
