"""What of go.mod and go.work has to be known before Go is started."""

from __future__ import annotations

import pytest

from whit.toolchains.gomod import GoMod, parse_gomod
from whit.toolchains.model import is_older


def test_module_version_and_local_folders() -> None:
    text = """
    module "example.com/a" // the module

    go 1.27.1
    toolchain go1.28.0
    require example.com/b v1.0.0
    replace example.com/b => ../b
    replace (
        example.com/c v1.2.3 => ./c   // here
        example.com/d => example.com/e v1.0.0
        example.com/f => `/srv/f`
    )
    """
    assert parse_gomod(text) == GoMod("example.com/a", "1.27.1", ("../b", "./c", "/srv/f"))


def test_a_workspace_s_modules() -> None:
    assert parse_gomod("go 1.22\nuse ./a\nuse (\n  ./b\n  .\n)\n").folders == ("./a", "./b", ".")


@pytest.mark.parametrize("text", ["", "replace", "replace =>", "use", "module", ")", "((((", "\0\0", "replace a =>"])
def test_what_isn_t_understood_is_left_to_go(text: str) -> None:
    assert parse_gomod(text) == GoMod()


@pytest.mark.parametrize(
    ("version", "wanted", "older"),
    [
        ("1.26.3", "1.27", True),
        ("1.26.3", "1.26.4", True),
        ("1.26.3", "1.26", False),
        ("1.26.3", "1.9", False),
        ("1.27rc1", "1.27", False),
        ("1.26.3", "", False),
    ],
)
def test_versions_are_compared_number_by_number(version: str, wanted: str, older: bool) -> None:
    assert is_older(version, wanted) is older
