"""Kernel parameters: those of the network are the supervisor's to set, and never the host's."""

from __future__ import annotations

from typing import Any

import pytest

from whit.packer.support.errors import UsageError
from whit.runtime.engine.parameters import taken_out


def _asked(network: str, **sysctl: str) -> tuple[dict[str, Any], tuple[tuple[str, str], ...]]:
    return taken_out({"linux": {"sysctl": {name.replace("_", "."): value for name, value in sysctl.items()}}}, network)


def test_those_of_the_network_are_taken_out_and_the_others_stay() -> None:
    made, found = _asked("none", net_core_somaxconn="77", kernel_msgmax="1")
    assert made == {"linux": {"sysctl": {"kernel.msgmax": "1"}}}
    assert found == (("net/core/somaxconn", "77"),)
    assert taken_out({"linux": {}}, "none") == ({"linux": {}}, ())


def test_a_name_that_leads_elsewhere_is_refused() -> None:
    with pytest.raises(UsageError, match="is no kernel parameter"):
        taken_out({"linux": {"sysctl": {"net/../kernel/panic": "1"}}}, "none")


def test_the_host_s_network_is_left_as_it_is() -> None:
    with pytest.raises(UsageError, match=r"net\.core\.somaxconn: the container has the host's network"):
        _asked("host", net_core_somaxconn="77")
