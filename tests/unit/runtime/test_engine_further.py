"""What a further process in a container is made from: the container's own, and what is asked."""

from __future__ import annotations

import pytest

from whit.packer.image.accounts import Identity
from whit.packer.support.errors import UsageError
from whit.runtime.engine.further import Wish, further_process
from whit.runtime.oci.process import CapabilitySets, Process, User

OWN = Process(
    args=("/server",),
    cwd="/data",
    env=("PATH=/bin", "HOME=/home/web", "MODE=live"),
    terminal=True,
    console_size=(24, 80),
    user=User(1000, 1000, 0o027, (7,)),
    capabilities=CapabilitySets(bounding=1),
    no_new_privileges=True,
)
WEB = Identity(1000, 1000, (7,), "/home/web")


def test_without_wishes_it_is_as_the_container_s_own_but_for_the_command_and_the_terminal() -> None:
    made = further_process(OWN, Wish(("/tool", "-v")), None, None)
    assert made.args == ("/tool", "-v")
    assert (made.terminal, made.console_size) == (False, None)
    assert (made.cwd, made.env, made.user, made.capabilities) == (OWN.cwd, OWN.env, OWN.user, OWN.capabilities)
    assert made.no_new_privileges


def test_variables_that_are_given_take_the_place_of_the_container_s() -> None:
    made = further_process(OWN, Wish(("/tool",), env=(("MODE", "test"), ("A", "b=c"))), None, None)
    assert set(made.env) == {"PATH=/bin", "HOME=/home/web", "MODE=test", "A=b=c"}


@pytest.mark.parametrize(
    ("identity", "home"),
    [
        (Identity(0, 0, (), "/root"), "/root"),
        (Identity(0, 0), "/root"),
        (Identity(5, 6), "/"),
        (Identity(33, 33, (), "/srv"), "/srv"),
    ],
)
def test_another_user_has_its_own_home(identity: Identity, home: str) -> None:
    made = further_process(OWN, Wish(("/tool",)), WEB, identity)
    assert f"HOME={home}" in made.env
    assert (made.user.uid, made.user.gid, made.user.additional_gids) == (identity.uid, identity.gid, identity.groups)


def test_a_home_that_was_set_by_hand_is_kept_by_every_user() -> None:
    made = further_process(OWN, Wish(("/tool",)), Identity(1000, 1000, (), "/elsewhere"), Identity(0, 0, (), "/root"))
    assert "HOME=/home/web" in made.env


def test_a_terminal_has_a_name_unless_the_container_says_which() -> None:
    assert "TERM=xterm" in further_process(OWN, Wish(("/sh",), terminal=True), None, None).env
    given = Wish(("/sh",), env=(("TERM", "vt100"),), terminal=True)
    assert "TERM=vt100" in further_process(OWN, given, None, None).env


def test_more_capabilities_are_kept_over_the_program_s_start_by_root_and_by_others() -> None:
    other = further_process(OWN, Wish(("/tool",), capabilities=6), None, None).capabilities
    root = further_process(OWN, Wish(("/tool",), capabilities=6), WEB, Identity(0, 0)).capabilities
    assert other == CapabilitySets(bounding=7, effective=6, inheritable=6, permitted=6, ambient=6)
    assert root == CapabilitySets(bounding=7, effective=6, permitted=6)


@pytest.mark.parametrize("wish", [Wish(()), Wish(("",)), Wish(("/tool",), directory="here")])
def test_what_can_t_be_executed_is_refused(wish: Wish) -> None:
    with pytest.raises(UsageError):
        further_process(OWN, wish, None, None)
