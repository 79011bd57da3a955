"""Who a container's program runs as: the rules of docker's USER, by the image's own passwd and group."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whit.packer.image.accounts import MAX_GROUPS, MAX_ID, Accounts, Identity, identify
from whit.packer.support.errors import UsageError

PASSWD = """root:x:0:0:root:/root:/bin/sh
daemon:x:1:1:daemon:/usr/sbin:/sbin/nologin
web:x:1000:1000:web server:/srv/web:/bin/sh
"""
GROUP = """root:x:0:
daemon:x:1:
web:x:1000:
audio:x:29:web,daemon
video:x:44:web
"""
IMAGE = Accounts(PASSWD, GROUP)


def test_no_user_is_root() -> None:
    assert identify("", IMAGE) == Identity(0, 0, (), "/root")
    assert identify("", Accounts()) == Identity(0, 0)


def test_a_name_brings_its_group_its_memberships_and_its_home() -> None:
    assert identify("web", IMAGE) == Identity(1000, 1000, (29, 44), "/srv/web")


def test_a_number_that_the_image_knows_is_that_user() -> None:
    assert identify("1000", IMAGE) == identify("web", IMAGE)
    assert identify("01000", IMAGE) == identify("web", IMAGE)


def test_a_number_that_the_image_does_not_know_stands_for_itself_with_group_0() -> None:
    assert identify("65532", IMAGE) == Identity(65532, 0)


def test_a_given_group_takes_the_place_of_all_others() -> None:
    assert identify("web:daemon", IMAGE) == Identity(1000, 1, (), "/srv/web")
    assert identify("web:77", IMAGE) == Identity(1000, 77, (), "/srv/web")
    assert identify(":44", IMAGE) == Identity(0, 44, (), "/root")


def test_an_empty_group_is_none_given() -> None:
    assert identify("web:", IMAGE) == identify("web", IMAGE)


def test_a_number_is_never_taken_for_a_name() -> None:
    # Otherwise an image could make "--user 1000" run as root.
    hostile = Accounts("1000:x:0:0::/root:/bin/sh\n", "1000:x:0:\n")
    assert identify("1000:1000", hostile) == Identity(1000, 1000)
    assert identify("1000", hostile) == Identity(1000, 0)


@pytest.mark.parametrize("user", ["nobody", "Web", "-1", "4294967295", "4294967296", "1000 ", "٣", "1.0", "9" * 5000])
def test_a_user_that_is_neither_known_nor_a_number_is_an_error_with_a_hint(user: str) -> None:
    with pytest.raises(UsageError, match="the image has no user") as caught:
        identify(user, IMAGE)
    assert caught.value.hint is not None


@pytest.mark.parametrize("user", ["web:wheel", "web:-1", "web:4294967295", "web:1:2"])
def test_a_group_that_is_neither_known_nor_a_number_is_an_error(user: str) -> None:
    with pytest.raises(UsageError, match="the image has no group"):
        identify(user, IMAGE)


def test_the_highest_id_is_one_below_the_kernel_s_word_for_unchanged() -> None:
    assert identify(str(MAX_ID), Accounts()).uid == (1 << 32) - 2


@pytest.mark.parametrize(
    "line",
    [
        "web",
        "web:x:1000",
        "web:x::1000::/:/bin/sh",
        "web:x:-1:0::/:/bin/sh",
        "web:x:4294967295:0::/:/bin/sh",
        "web:x:" + "9" * 5000 + ":0::/:/bin/sh",
        "web:x:1:" + "9" * 5000 + "::/:/bin/sh",
        "web:x:1:::/:/bin/sh",
        "# web:x:1:1::/:/bin/sh",
        "x\u2028web:x:1:1::/:/bin/sh",
        "x\x0bweb:x:1:1::/:/bin/sh",
        "x\rweb:x:1:1::/:/bin/sh",
    ],
)
def test_a_line_that_is_no_account_is_passed_over(line: str) -> None:
    with pytest.raises(UsageError):
        identify("web", Accounts(line + "\n" + "other:x:5:5::/:\n"))


def test_the_first_of_two_equal_names_counts() -> None:
    twice = Accounts("web:x:7:7::/a:/bin/sh\nweb:x:8:8::/b:/bin/sh\n")
    assert identify("web", twice) == Identity(7, 7, (), "/a")


def test_as_many_groups_as_the_kernel_takes_each_once() -> None:
    rows = [f"g{number}:x:{number}:web\n" for number in range(MAX_GROUPS + 1)]
    most = Accounts(PASSWD, "".join(rows[1:] * 2))
    assert identify("web", most).groups == tuple(range(1, MAX_GROUPS + 1))
    with pytest.raises(UsageError, match="65537"):
        identify("web", Accounts(PASSWD, "".join(rows)))


@given(st.text(max_size=12), st.text(max_size=60), st.text(max_size=60))
def test_whatever_the_image_holds_ids_are_in_range_or_it_is_a_usage_error(user: str, passwd: str, group: str) -> None:
    try:
        found = identify(user, Accounts(passwd, group))
    except UsageError:
        return
    assert all(0 <= number <= MAX_ID for number in (found.uid, found.gid, *found.groups))
