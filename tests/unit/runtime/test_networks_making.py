"""Networks that people ask for: which subnets there can't be."""

from __future__ import annotations

import pytest

from whit.packer.support.errors import UsageError
from whit.runtime.engine.networks.making import Wishes, new_network

WANTED = ("a" * 64, "whit_a", "2026-11-29T12:00:00Z")


@pytest.mark.parametrize(
    "subnet", ["127.0.0.0/8", "127.1.0.0/16", "224.0.0.0/24", "::1/128", "ff00::/64", "10.9.8.0/33", "x"]
)
def test_a_subnet_that_no_machine_can_be_in_is_refused(subnet: str) -> None:
    with pytest.raises(UsageError, match="--subnet"):
        new_network(Wishes("inner", subnets=(subnet,)), (), (), WANTED)
