"""Which programs go into the image."""

from __future__ import annotations

import pytest

from whit.packer.support.errors import UsageError
from whit.toolchains.choosing import choose
from whit.toolchains.model import Target

SERVER = Target("server", "m/cmd/server", "./cmd/server")
CLIENT = Target("client", "m/cmd/client", "./cmd/client")
OWN = Target("m", "m", ".", is_main=True)


def test_the_only_program_is_taken() -> None:
    targets, why = choose("x", (SERVER,), ())
    assert targets == (SERVER,)
    assert why.reason == "the only program that there is"


def test_the_project_s_own_program_is_taken_and_the_others_are_told() -> None:
    targets, why = choose("x", (SERVER, OWN), ())
    assert targets == (OWN,)
    assert "--bin chooses others: server" in why.reason


def test_of_several_one_must_be_named_and_they_are_listed() -> None:
    with pytest.raises(UsageError, match=r"x has 2 programs: server \(./cmd/server\), client \(./cmd/client\)") as told:
        choose("x", (SERVER, CLIENT), ())
    assert (told.value.hint or "").startswith("--bin server")


def test_several_that_are_named_come_in_the_order_in_which_they_are() -> None:
    assert choose("x", (SERVER, CLIENT), ("client", "server", "client"))[0] == (CLIENT, SERVER)


def test_a_name_that_isn_t_there_is_told_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="has no program servre; it has server") as told:
        choose("x", (SERVER, CLIENT), ("servre",))
    assert told.value.hint == "--bin server"


def test_a_name_that_is_near_none_is_told_with_one_that_there_is() -> None:
    with pytest.raises(UsageError, match="has no program nope; it has server") as told:
        choose("x", (SERVER, CLIENT), ("nope",))
    assert told.value.hint == "--bin server"


def test_two_of_one_name_are_told_apart_by_their_places() -> None:
    other = Target("server", "m/tools/server", "./tools/server")
    with pytest.raises(UsageError, match=r"has 2 programs server: \./cmd/server, \./tools/server"):
        choose("x", (SERVER, other), ("server",))
    assert choose("x", (SERVER, other), ("./tools/server/",))[0] == (other,)


def test_a_project_without_programs() -> None:
    with pytest.raises(UsageError, match="x has no program"):
        choose("x", (), ())
