"""Which hosts are asked past a proxy, by the words of ``no_proxy``."""

from __future__ import annotations

import pytest

from whit.packer.registry.bypass import is_bypassed


@pytest.mark.parametrize(
    ("words", "host", "is_past"),
    [
        ("", "r.example", False),
        ("*", "r.example", True),
        ("a, r.example", "R.example", True),
        ("example", "r.example", True),
        (".example", "r.example", True),
        ("*.example", "r.example", True),
        (".r.example", "r.example", False),
        ("xample", "r.example", False),
        ("r.example:5000", "r.example", True),
        ("r.example:443", "r.example", False),
        ("10.255.1.0/24", "10.255.1.7", True),
        ("10.255.1.0/24", "10.255.2.7", False),
        ("10.255.1.0/24", "r.example", False),
        ("10.255.1.0/99", "10.255.1.7", False),
        ("10.255.1.7", "10.255.1.7", True),
        ("255.1.7", "10.255.1.7", False),
        ("fd00::/8", "fd00::1", True),
        ("fd00:0::1", "fd00::1", True),
        ("[fd00::1]:5000", "fd00::1", True),
        ("[fd00::1]:1", "fd00::1", False),
        ("/,:,[,]", "r.example", False),
    ],
)
def test_hosts_and_networks_that_no_proxy_names(words: str, host: str, is_past: bool) -> None:
    assert is_bypassed(host, 5000, words) == is_past
