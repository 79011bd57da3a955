"""What is decided of a WebAssembly run before anything is started."""

from __future__ import annotations

import errno
from dataclasses import replace

import pytest

from tests.unit.runtime.plans import PROGRAM, ROOT_V1
from whit.packer.support.errors import InvalidFileError, UnsupportedError, UsageError
from whit.runtime.explain import explain
from whit.runtime.limits import Limits, parse_timeout
from whit.runtime.options import Network, RunOptions, Wasm
from whit.runtime.plan import compile_plan
from whit.runtime.wasm.bounds import Bounds, bounds
from whit.runtime.wasm.compile import _refuse
from whit.runtime.wasm.settings import COMPONENT, MODULE, SERVICE, Tuning, annotation, settings_text, tuning

WASM = Wasm("/cache/engine/K/whit-wasm", "/cache/code/K.D", "module")


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (RunOptions(), "whit-wasm,kind=module"),
        (RunOptions(timeout_ms=1500, fuel=7), "whit-wasm,kind=module,timeout=1500,fuel=7"),
        (RunOptions(network=Network.HOST), "whit-wasm,kind=module,network"),
        (RunOptions(limits=Limits(memory=64 << 20)), f"whit-wasm,kind=module,memory={60 << 20}"),
        (RunOptions(limits=Limits(memory=1 << 20)), f"whit-wasm,kind=module,memory={1 << 19}"),
    ],
)
def test_settings(options: RunOptions, text: str) -> None:
    assert settings_text(WASM, options) == text


def test_a_function_s_name_may_have_any_letter_and_stands_last() -> None:
    wasm = replace(WASM, function="a,fuel=1 ü#b")
    text = settings_text(wasm, RunOptions(network=Network.HOST))
    assert text == "whit-wasm,kind=module,network,function=a,fuel=1 ü#b"


def test_code_counts_only_what_is_asked_for() -> None:
    assert tuning(MODULE, RunOptions()) == Tuning()
    assert tuning(COMPONENT, RunOptions(timeout_ms=1)) == Tuning(epoch=True)
    assert tuning(MODULE, RunOptions(fuel=1)) == Tuning(fuel=True)
    assert tuning(SERVICE, RunOptions()) == Tuning(epoch=True)


def test_a_kept_container_s_settings() -> None:
    assert annotation(RunOptions()) == "network"
    assert annotation(RunOptions(timeout_ms=5, fuel=6)) == "timeout=5,fuel=6,network"


def test_the_engine_is_opened_before_the_root_hides_it_and_executed_with_its_settings_first() -> None:
    plan = compile_plan(replace(PROGRAM, wasm=WASM), RunOptions(arguments=("a",)), ROOT_V1)
    names = [op.name for op in plan.ops]
    assert names.index("CLONE") < names.index("OPEN_ENGINE") < names.index("ROOT_ATTACH")
    words = plan.ops[-1].args[1]
    assert isinstance(words, tuple)
    assert words[0] == "whit-wasm,kind=module"
    assert words[1:] == (*PROGRAM.config.entrypoint, "a")


def test_landlock_lets_the_engine_be_executed_and_looks_for_no_program() -> None:
    plan = compile_plan(replace(PROGRAM, wasm=WASM), RunOptions(landlock=True), ROOT_V1)
    assert "FIND_PROGRAM" not in [op.name for op in plan.ops]


@pytest.mark.parametrize("options", [RunOptions(timeout_ms=1), RunOptions(fuel=1)])
def test_its_limits_are_for_webassembly_alone(options: RunOptions) -> None:
    with pytest.raises(UsageError, match="is for WebAssembly"):
        compile_plan(PROGRAM, options, ROOT_V1)


def test_an_engine_that_can_t_be_executed_is_told_as_that() -> None:
    plan = compile_plan(replace(PROGRAM, wasm=WASM), RunOptions(), ROOT_V1)
    error = explain(plan, len(plan.ops) - 1, errno.EACCES, lambda _: None, "amd64")
    assert error.message == "can't execute the WebAssembly engine /cache/engine/K/whit-wasm: Permission denied"
    assert "noexec" in str(error.hint)


@pytest.mark.parametrize(("text", "milliseconds"), [("500ms", 500), ("10s", 10_000), ("1m30s", 90_000)])
def test_a_timeout(text: str, milliseconds: int) -> None:
    assert parse_timeout(text) == milliseconds


@pytest.mark.parametrize("text", ["", "10", "0", "1us", "-1s", "x"])
def test_what_is_no_timeout(text: str) -> None:
    with pytest.raises(UsageError):
        parse_timeout(text)


@pytest.mark.parametrize(
    ("status", "said", "kind", "told"),
    [
        (1, "unknown import", InvalidFileError, "/x: this can't be compiled: unknown import"),
        (1, "Traceback\nMemoryError: ", UnsupportedError, "more memory than"),
        (-6, "memory allocation of 1 bytes failed", UnsupportedError, "more memory than"),
        (-24, "", UnsupportedError, "more CPU time than"),
        (-9, "", UnsupportedError, "more CPU time than"),
    ],
)
def test_a_compiler_that_gave_no_code(status: int, said: str, kind: type[Exception], told: str) -> None:
    with pytest.raises(kind, match=told):
        _refuse("/x", status, said, Bounds())


def test_what_compiling_may_take_is_the_usual_or_what_a_person_gives_it() -> None:
    assert bounds({}) == Bounds(6 << 30, 600)
    assert bounds({"WHIT_WASM_MEMORY": "512m", "WHIT_WASM_SECONDS": "20"}) == Bounds(512 << 20, 20)
    assert (Bounds().told, Bounds(512 << 20, 20).told) == ("6 GiB, 600 s", "512 MiB, 20 s")


@pytest.mark.parametrize(
    "given", [{"WHIT_WASM_MEMORY": "much"}, {"WHIT_WASM_SECONDS": "0"}, {"WHIT_WASM_SECONDS": "1m"}]
)
def test_what_is_no_bound_is_told_with_its_variable(given: dict[str, str]) -> None:
    with pytest.raises(UsageError, match=next(iter(given))) as error:
        bounds(given)
    assert next(iter(given)) in (error.value.hint or "")


def test_the_hint_names_the_variable_that_gives_more() -> None:
    with pytest.raises(UnsupportedError, match=r"more CPU time than whit gives it \(6 GiB, 600 s\)") as late:
        _refuse("/x", -24, "", Bounds())
    assert "WHIT_WASM_SECONDS=1200" in (late.value.hint or "")
    with pytest.raises(UnsupportedError, match="more memory than") as large:
        _refuse("/x", 1, "MemoryError", Bounds())
    assert "WHIT_WASM_MEMORY=12g" in (large.value.hint or "")
