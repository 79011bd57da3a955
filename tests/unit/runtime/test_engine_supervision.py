"""A supervisor's settings: what of a container is in them, and that no plan can hold them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.fuzz.fuzz_supervision import BASE, containers, main
from whit.packer.support.errors import InvalidFileError
from whit.runtime.encode import decode
from whit.runtime.engine.model import Policy, Restart
from whit.runtime.engine.supervision import NO_END, encode_supervision, supervision_ops
from whit.runtime.opcodes import BY_NAME, Stage


def _ops(**changes: object) -> dict[str, tuple[object, ...]]:
    container = replace(BASE, **changes)  # type: ignore[arg-type]  # any field of a container
    return {op.name: op.args for op in supervision_ops(container, "/folder", "/records", "")}


def test_every_setting_is_some_container_s() -> None:
    settings = {op.name for container in containers() for op in supervision_ops(container, "/folder", "/records", "")}
    assert settings == {name for name, row in BY_NAME.items() if row.stage is Stage.SUPERVISE}


def test_policies_have_the_launcher_s_numbers() -> None:
    assert [_ops(restart=Restart(policy))["KEEP_RUNNING"][0] for policy in Policy] == [0, 1, 2, 3]


def test_a_stop_without_end_is_a_number_that_no_time_has() -> None:
    assert _ops(stop_seconds=-1)["KEEP_STOPPING"] == (15, NO_END)


@pytest.mark.parametrize(("network", "said"), [(None, None), ("", ""), ("/proc/7/ns/net", "/proc/7/ns/net")])
def test_the_network_is_the_caller_s_a_new_one_or_another_s(network: str | None, said: str | None) -> None:
    ops = {op.name: op.args for op in supervision_ops(BASE, "/folder", "/records", network)}
    assert ops.get("KEEP_NETWORK") == (None if said is None else (said,))


def test_settings_are_no_launch_plan() -> None:
    with pytest.raises(InvalidFileError):
        decode(encode_supervision(supervision_ops(BASE, "/folder", "/records", "")))


@pytest.mark.peer("clang")
def test_the_fuzzer_is_built_and_finds_nothing_in_what_it_begins_with() -> None:
    assert main(0) == 0
