"""Capabilities by name: every spelling that people use, and the nearest name for those that are none."""

from __future__ import annotations

import pytest

from whit.packer.support.errors import UsageError
from whit.runtime.capabilities import NAMES, mask, parse_capability


@pytest.mark.parametrize("text", ["NET_ADMIN", "net_admin", "CAP_NET_ADMIN", "cap_net_admin"])
def test_a_capability_is_known_by_any_of_its_spellings(text: str) -> None:
    assert parse_capability(text) == "NET_ADMIN"


def test_a_name_that_is_none_gets_the_nearest_one_as_a_hint() -> None:
    with pytest.raises(UsageError, match="'net_admn' is no capability") as caught:
        parse_capability("net_admn")
    assert caught.value.hint == "did you mean NET_ADMIN?"


@pytest.mark.parametrize("text", ["", "CAP_", "CAP_CAP_KILL", "12", "sys adm\u0131n", "sys_adm\u0131n"])
def test_other_words_are_no_capability(text: str) -> None:
    with pytest.raises(UsageError, match="is no capability"):
        parse_capability(text)


def test_bits_are_the_kernel_s_numbers() -> None:
    # include/uapi/linux/capability.h
    known = {"CHOWN": 0, "KILL": 5, "NET_BIND_SERVICE": 10, "SYS_ADMIN": 21, "AUDIT_READ": 37, "CHECKPOINT_RESTORE": 40}
    for name, number in known.items():
        assert mask(frozenset({name})) == 1 << number


def test_the_mask_of_several_is_their_union() -> None:
    assert mask(frozenset()) == 0
    assert mask(frozenset({"CHOWN", "KILL"})) == 0b100001
    assert mask(frozenset(NAMES)) == (1 << 41) - 1
