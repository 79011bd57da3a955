"""What is told of WebAssembly that can't be run here, before it is compiled."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.programs.make_wasm import COMPONENT as HEADER
from tests.programs.make_wasm import name, number, section, vector
from whit.packer.support.errors import InvalidFileError, UnsupportedError
from whit.packer.wasm.contents import Contents
from whit.runtime.wasm.settings import COMPONENT, MODULE, SERVICE
from whit.runtime.wasm.suitable import Wasm, check, read_wasm, uncompiled

if TYPE_CHECKING:
    from pathlib import Path

RUN = "wasi:cli/run@0.2.3"
MODULES = {
    "a host of one's own": (["env.foo", "env.bar"], "it imports env.foo and 1 more, which WASI preview 1 doesn't have", "or run it by what it was made for"),
    "before preview 1": (["wasi_unstable.fd_write"], "it imports wasi_unstable.fd_write", "made for WASI before preview 1"),
    "threads": (["wasi.thread-spawn"], "it imports wasi.thread-spawn", "made for a host with threads"),
    "a browser": (["gojs.runtime.wasmExit"], "it imports gojs.", "GOOS=wasip1"),
    "a component's part": (["wasi:cli/stdout@0.2.0.get-stdout"], "it imports wasi:cli/stdout", "wasm-tools component new"),
}  # fmt: skip
COMPONENTS = {
    "a draft's import": (["wasi:cli/environment@0.2.0-rc-2023-12-05"], [RUN], "environment@0.2.0-rc-2023-12-05, which WASI 0.2 doesn't have", "a draft of WASI 0.2"),
    "0.3's import": (["wasi:cli/environment@0.3.0"], [RUN], "it imports wasi:cli/environment@0.3.0", "made for WASI 0.3.0: build it for WASI 0.2"),
    "another's": (["me:lib/api@1.0.0"], [RUN], "it imports me:lib/api@1.0.0, which", "wac plug"),
    "beyond 0.2": (["wasi:keyvalue/store@0.2.0-draft"], [RUN], "it imports wasi:keyvalue/store", "compose it"),
    "a draft": ([], ["wasi:cli/run@0.2.0-rc-2023-12-05"], "it exports wasi:cli/run@0.2.0-rc-2023-12-05, and", "a draft of WASI 0.2"),
    "a draft's service": ([], ["wasi:http/incoming-handler@0.2.0-rc-2023-12-05"], "it exports wasi:http/incoming-handler@0.2.0-rc", "a draft"),
    "0.3": ([], ["wasi:cli/run@0.3.0-rc-2025-09-16"], "it exports wasi:cli/run@0.3.0-rc", "build it for WASI 0.2"),
    "0.3's service": ([], ["wasi:http/handler@0.3.0"], "it exports wasi:http/handler@0.3.0, and", "build it for WASI 0.2"),
    "functions": ([], ["hello", "bye"], "it is a library, not a program", "calls one of its own functions: hello, bye"),
    "interfaces": ([], ["me:lib/api@1.0.0"], "it exports neither wasi:cli/run nor wasi:http/incoming-handler", "compose it"),
}  # fmt: skip


def told(wasm: Wasm, function: str = "") -> tuple[str, str]:
    with pytest.raises(UnsupportedError) as error:
        check("/a.wasm", wasm, function)
    assert error.value.exit_code == 126
    return error.value.message, error.value.hint or ""


@pytest.mark.parametrize("case", MODULES)
def test_a_module_s_imports_that_nobody_has(case: str) -> None:
    imports, message, hint = MODULES[case]
    said = told(Wasm(MODULE, Contents(imports=imports)))
    assert (said[0].startswith(f"/a.wasm: {message}"), hint in said[1]) == (True, True), said


def test_a_module_for_threads() -> None:
    message, hint = told(Wasm(MODULE, Contents(features={"shared-memory"})))
    assert message == "/a.wasm: its memory is one that threads share, and here are none"
    assert "without threads" in hint


@pytest.mark.parametrize("case", COMPONENTS)
def test_components_of_other_worlds_and_releases(case: str) -> None:
    imports, exports, message, hint = COMPONENTS[case]
    said = told(Wasm(COMPONENT, Contents(imports=imports, exports=exports)))
    assert (message in said[0], hint in said[1]) == (True, True), said


@pytest.mark.parametrize("release", ["0.2.0", "0.2.12", "0.2.99"])
def test_programs_of_any_0_2_are_run(release: str) -> None:
    imports = [f"wasi:cli/environment@{release}"]
    check("/a.wasm", Wasm(COMPONENT, Contents(imports=imports, exports=[f"wasi:cli/run@{release}"])), "")
    check("/a.wasm", Wasm(MODULE, Contents(imports=["wasi_snapshot_preview1.fd_write"])), "")


def test_of_a_library_a_function_can_be_called() -> None:
    check("/a.wasm", Wasm(COMPONENT, Contents(exports=["hello"])), "hello")


def test_what_can_t_be_read_is_the_compiler_s_matter() -> None:
    check("/a.wasm", Wasm(COMPONENT), "")


def component(folder: Path, *exports: str) -> Path:
    path = folder / "c.wasm"
    entries = (b"\0" + name(export) + b"\1" + number(0) + b"\0" for export in exports)
    path.write_bytes(HEADER + section(11, vector(*entries)))
    return path


def test_the_kind_is_by_what_it_exports(tmp_path: Path) -> None:
    def kind(*exports: str) -> str | None:
        wasm = read_wasm(component(tmp_path, *exports))
        return wasm.kind if wasm else None

    assert kind(RUN) == COMPONENT
    assert kind("wasi:http/incoming-handler@0.2.0") == SERVICE
    assert kind("wasi:http/incoming-handler@0.2.0-rc-2023-12-05") == COMPONENT
    path = component(tmp_path, RUN)
    path.write_bytes(b"\0asm\x0a\0\1\0" + path.read_bytes()[8:])
    assert read_wasm(path) == Wasm(COMPONENT)
    (tmp_path / "text").write_text("text")
    assert read_wasm(tmp_path / "text") is None
    (tmp_path / "cut.wasm").write_bytes(b"\0asm\1\0\0\0\1\xff")
    assert read_wasm(tmp_path / "cut.wasm") == Wasm(MODULE)


@pytest.mark.parametrize(
    ("said", "message", "hint"),
    [
        ("async component functions require the component model async feature", "it is made for WASI 0.3: async", "for WASI 0.2"),
        ("unknown binary version: 0x1000a", "a component of another form than today's: unknown", "build it anew"),
        ("the custom page sizes proposal must be enabled to", "it uses what this engine hasn't: the custom", "without that proposal"),
        ("cannot define continuation types when stack switching is disabled", "it uses what", "without that proposal"),
        ("wide arithmetic support is not enabled", "it uses what", "without that proposal"),
        ("legacy exceptions feature required for try instruction", "it uses what", "without that proposal"),
        ("type mismatch: expected i32", "this can't be compiled: type mismatch", "it isn't valid"),
    ],
)  # fmt: skip
def test_a_compiler_s_words_are_told_with_what_helps(said: str, message: str, hint: str) -> None:
    error = uncompiled("/a.wasm", said)
    assert isinstance(error, UnsupportedError | InvalidFileError)
    assert message in error.message
    assert hint in (error.hint or "")
