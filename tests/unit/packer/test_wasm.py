"""WebAssembly: modules and components by their bytes, what they ask of their host, and who made them."""

from __future__ import annotations

import json
import zlib

import pytest

from tests.programs.build import build
from tests.programs.make_wasm import COMPONENT, MODULE, custom, name, number, producers, section, vector
from whit.packer.executable.analyse import analyse
from whit.packer.executable.analysis import Format, Linkage, Wanted
from whit.packer.support.errors import InvalidFileError, WhitError
from whit.packer.wasm.host import asked_of_host, foreign, world

NOTHING = Wanted()
FUNCTION, TABLE, MEMORY, GLOBAL, TAG = range(5)


def imported(module: str, field: str, kind: int = FUNCTION, description: bytes = b"\0") -> bytes:
    return name(module) + name(field) + bytes([kind]) + description


def exported(field: str, kind: int = FUNCTION) -> bytes:
    return name(field) + bytes([kind, 0])


def test_a_module_says_what_it_imports_exports_and_how_much_memory_it_has() -> None:
    imports = vector(
        imported("wasi_snapshot_preview1", "path_open"),
        imported("env", "table", TABLE, b"\x70\x01\x01\x05"),
        imported("env", "typed", TABLE, b"\x63\x80\x7f\x00\x01"),
        imported("env", "global", GLOBAL, b"\x7f\x01"),
        imported("env", "tag", TAG, b"\0\0"),
        imported("wasi_snapshot_preview1", "fd_write"),
    )
    memory = vector(b"\x01" + number(17) + number(1024))
    exports = vector(exported("memory", 2), exported("_start"))
    data = MODULE + section(2, imports) + section(5, memory) + section(7, exports)

    analysis = analyse(data, NOTHING)

    assert (analysis.format, analysis.linkage, str(analysis.platform)) == (
        Format.WASM_MODULE,
        Linkage.STATIC,
        "wasip1/wasm",
    )
    assert analysis.wasm is not None
    assert analysis.wasm.wasi == "wasip1"
    assert analysis.wasm.imports[0] == "wasi_snapshot_preview1.path_open"
    assert analysis.wasm.imports[-1] == "wasi_snapshot_preview1.fd_write"
    assert analysis.wasm.exports == ("memory", "_start")
    assert (analysis.wasm.memory_min_pages, analysis.wasm.memory_max_pages) == (17, 1024)
    assert analysis.stripped


def test_an_imported_memory_counts_and_may_have_no_maximum() -> None:
    data = MODULE + section(2, vector(imported("env", "memory", MEMORY, b"\x00" + number(300))))

    wasm = analyse(data, NOTHING).wasm

    assert wasm is not None
    assert (wasm.wasi, wasm.memory_min_pages, wasm.memory_max_pages) == (None, 300, None)


def test_a_memory_of_64_bits_may_have_larger_limits() -> None:
    data = MODULE + section(5, vector(b"\x05" + number(1) + number(1 << 48)))

    wasm = analyse(data, NOTHING).wasm

    assert wasm is not None
    assert wasm.memory_max_pages == 1 << 48


@pytest.mark.parametrize(
    ("said", "language", "version"),
    [
        ({"language": ("Go", "go1.26.8"), "processed-by": ("Go cmd/compile", "go1.26.8")}, "go", "1.26.8"),
        ({"language": ("Rust", ""), "processed-by": ("rustc", "1.95.0 (59807616e 2026-04-14)")}, "rust", "1.95.0"),
        ({"language": ("C11", ""), "processed-by": ("clang", "17.0.6")}, "c", "17.0.6"),
        ({"language": ("C_plus_plus_14", ""), "processed-by": ("clang", "17.0.6")}, "c++", "17.0.6"),
        ({"language": ("Zig", "0.17.1")}, "zig", "0.17.1"),
        ({"language": ("Klingon", "1")}, "unknown", None),
        ({"processed-by": ("wasm-opt", "116")}, "unknown", None),
    ],
)
def test_the_language_is_what_the_producers_say(
    said: dict[str, tuple[str, str]], language: str, version: str | None
) -> None:
    judged = analyse(MODULE + producers(**said), NOTHING).language

    assert (judged.name, judged.version) == (language, version)
    assert bool(judged.evidence) == (language != "unknown")


def test_rust_is_told_by_its_sources_where_producers_are_missing() -> None:
    data = MODULE + section(11, vector(b"\0\x41\0\x0b" + name("....library/core/src/str/mod.rs")))

    assert analyse(data, NOTHING).language.name == "rust"


def test_strings_are_looked_for_in_data_only() -> None:
    wanted = Wanted(strings=frozenset({b"/etc/hosts", b"/etc/passwd"}))
    data = MODULE + custom("/etc/passwd") + section(11, vector(b"\0\x41\0\x0b" + name("/etc/hosts")))

    analysis = analyse(data, wanted)

    assert analysis.strings == ((b"/etc/hosts", data.index(b"/etc/hosts")),)


def test_a_name_section_means_not_stripped() -> None:
    assert not analyse(MODULE + custom("name", b"\0\0"), NOTHING).stripped


def component_import(title: str, description: bytes) -> bytes:
    return b"\0" + name(title) + description


def test_a_component_says_which_wasi_it_is_for_and_what_its_modules_hold() -> None:
    module = MODULE + section(5, vector(b"\x00\x02")) + producers(language=("Rust", ""))
    imports = vector(
        component_import("wasi:cli/environment@0.2.0", b"\x05\x00"),
        component_import("resource", b"\x03\x01"),
        component_import("alias", b"\x03\x00\x07"),
        component_import("module", b"\x00\x11\x03"),
        component_import("wasi:io/streams@0.2.0", b"\x05\x01"),
    )
    exports = vector(
        b"\0" + name("wasi:cli/run@0.2.0") + b"\x05\x02\x00",
        b"\0" + name("core") + b"\x00\x11\x01\x00",
        b"\0" + name("typed") + b"\x01\x01\x01\x01\x04",
    )
    data = COMPONENT + section(1, module) + section(10, imports) + section(11, exports)

    analysis = analyse(data, NOTHING)

    assert (analysis.format, str(analysis.platform), analysis.language.name) == (
        Format.WASM_COMPONENT,
        "wasip2/wasm",
        "rust",
    )
    assert analysis.wasm is not None
    assert analysis.wasm.imports == (
        "wasi:cli/environment@0.2.0",
        "resource",
        "alias",
        "module",
        "wasi:io/streams@0.2.0",
    )
    assert analysis.wasm.exports == ("wasi:cli/run@0.2.0", "core", "typed")
    assert analysis.wasm.memory_min_pages == 2


def test_a_component_for_an_unknown_host_is_wasi_in_general() -> None:
    analysis = analyse(COMPONENT, NOTHING)

    assert str(analysis.platform) == "wasi/wasm"
    assert analysis.wasm is not None
    assert analysis.wasm.wasi is None


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\0asm\x01", "ends within its header"),
        (b"\0asm\x02\0\0\0", "version 2, layer 0"),
        (b"\0asm\x01\0\x07\0", "version 1, layer 7"),
        (MODULE + b"\x02", "truncated"),
        (MODULE + section(7, b"x" * 9)[:-1], "truncated"),
        (MODULE + b"\x02\xff\xff\xff\xff\xff\xff", "too large"),
        (MODULE + b"\x02\xff\xff\xff\xff\x7f", "too large"),
        (MODULE + section(2, number(1 << 31)), "truncated"),
        (MODULE + section(2, number(100_001) + bytes(100_001)), "100001 imports"),
        (MODULE + section(2, vector(imported("a", "b", 9))), "unknown kind 9"),
        (MODULE + section(2, vector(imported("a", "b", TABLE, b"\x63" + b"\xff" * 9))), "too large"),
        (MODULE + section(7, vector(number(1 << 20) + b"x" * (1 << 20))), "a name of 1048576 bytes"),
        (MODULE + section(99, b""), "unknown kind 99"),
        (MODULE + section(0, b""), "truncated"),
        (MODULE + custom("") * 100_001, "more than 100000 sections"),
        (COMPONENT + section(1, MODULE + b"\x02"), "truncated"),
    ],
)
def test_broken_and_hostile_files_are_refused(data: bytes, words: str) -> None:
    with pytest.raises(InvalidFileError, match=words):
        analyse(data, NOTHING)


def test_a_broken_producers_section_means_nothing() -> None:
    assert analyse(MODULE + custom("producers", b"\x05\x01"), NOTHING).language.name == "unknown"


@pytest.mark.peer("go")
@pytest.mark.parametrize("stripped", [False, True])
def test_a_module_that_go_made_is_known_with_its_build(stripped: bool) -> None:
    data = build("depends", "wasm-go", stripped=stripped).read_bytes()
    wanted = Wanted(strings=frozenset({b"hello from ", b"no such string at all"}))

    analysis = analyse(data, wanted)

    assert str(analysis.platform) == "wasip1/wasm"
    assert analysis.language.name == "go"
    assert analysis.language.version
    assert analysis.build.main_path == "example.org/programs/depends"
    assert analysis.build.dependencies == (("example.org/greeting", "v1.2.3"),)
    assert analysis.build.setting("GOOS") == "wasip1"
    assert [text for text, _ in analysis.strings] == [b"hello from "]
    assert analysis.wasm is not None
    assert "_start" in analysis.wasm.exports


@pytest.mark.peer("go")
def test_every_cut_of_a_module_within_a_section_is_refused() -> None:
    data = build("hello", "wasm-go").read_bytes()
    for size in range(9, len(data), len(data) // 50):
        with pytest.raises(WhitError, match="truncated"):
            analyse(data[:size], NOTHING)


@pytest.mark.parametrize(
    ("imports", "asked"),
    [
        ((), ()),
        (("wasi_snapshot_preview1.proc_exit", "wasi_snapshot_preview1.fd_write"), ("standard streams",)),
        (
            ("wasi_snapshot_preview1.sock_accept", "wasi_snapshot_preview1.path_open", "env.log", "env.add"),
            ("files", "network", "env"),
        ),
        (
            ("wasi:io/streams@0.2.0", "wasi:cli/stdout@0.2.0", "wasi:http/types@0.2.1", "my:db/store@1.0.0"),
            ("standard streams", "HTTP", "my:db/store"),
        ),
        (("wasi:clocks/wall-clock@0.2.0", "wasi:filesystem/types@0.2.0"), ("files", "clocks")),
    ],
)
def test_what_the_host_must_give_is_told_by_the_imports(imports: tuple[str, ...], asked: tuple[str, ...]) -> None:
    assert asked_of_host(imports) == asked


@pytest.mark.parametrize(
    ("exports", "found"),
    [
        (("wasi:http/incoming-handler@0.2.0",), "wasi:http/proxy@0.2.0"),
        (("wasi:cli/run@0.2.0", "wasi:http/incoming-handler@0.2.3"), "wasi:http/proxy@0.2.3"),
        (("wasi:cli/run",), "wasi:cli/command"),
        (("wasi:cli/runner@0.2.0",), None),
        ((), None),
    ],
)
def test_a_component_is_for_the_world_whose_export_it_has(exports: tuple[str, ...], found: str | None) -> None:
    assert world(exports) == found


@pytest.mark.parametrize(
    ("parts", "features"),
    [
        ((custom("target_features", vector(b"+" + name("simd128"), b"-" + name("atomics"), b"=" + name("gc"))),),
         ("gc", "simd128")),
        ((section(1, vector(b"\x60\x01\x7b\x00")),), ("simd128",)),
        ((section(1, vector(b"\x60\x00\x02\x7f\x63\x00")),), ("multivalue",)),
        ((section(1, vector(b"\x5f\x00")),), ("gc",)),
        ((section(1, vector(b"\x60\xff\xff\xff")),), ()),
        ((section(5, vector(b"\x03\x01\x02")),), ("shared-memory",)),
        ((section(5, vector(b"\x04\x01", b"\x00\x01")),), ("memory64", "multimemory")),
        ((section(5, vector(b"\x08\x01\x00")),), ("custom-page-sizes",)),
        ((section(12, b"\x00"), section(13, vector(b"\x00\x00"))), ("bulk-memory", "exception-handling")),
        ((custom("target_features", b"\x05+"),), ()),
    ],
)  # fmt: skip
def test_features_are_what_the_file_says_and_shows(parts: tuple[bytes, ...], features: tuple[str, ...]) -> None:
    wasm = analyse(MODULE + b"".join(parts), NOTHING).wasm

    assert wasm is not None
    assert wasm.features == features


@pytest.mark.parametrize(
    ("exports", "started"),
    [
        ((exported("_start"),), "command"),
        ((exported("_initialize"), exported("go")), "reactor"),
        ((exported("_start", MEMORY),), None),
        ((), None),
    ],
)
def test_a_module_is_started_by_its_exports(exports: tuple[bytes, ...], started: str | None) -> None:
    wasm = analyse(MODULE + section(7, vector(*exports)), NOTHING).wasm

    assert wasm is not None
    assert wasm.world == started


def test_a_modules_own_name_and_its_producers_are_told() -> None:
    named = custom("name", b"\x00" + number(4) + name("app"))
    wasm = analyse(MODULE + named + producers(language=("Zig", "0.17.1"), sdk=("x", "")), NOTHING).wasm

    assert wasm is not None
    assert wasm.module_name == "app"
    assert wasm.producers == (("language", "Zig", "0.17.1"), ("sdk", "x", ""))


def test_components_in_components_are_looked_into_as_far_as_tools_nest_them() -> None:
    data = COMPONENT + section(1, MODULE + producers(language=("Rust", "")) + section(5, vector(b"\x03\x01\x02")))
    for _ in range(8):
        data = COMPONENT + section(4, data) + section(1, MODULE)
    deeper = COMPONENT + section(4, data)

    analysis, without = analyse(data, NOTHING), analyse(deeper, NOTHING)

    assert analysis.wasm is not None
    assert (analysis.wasm.modules, analysis.wasm.features, analysis.language.name) == (9, ("shared-memory",), "rust")
    assert without.wasm is not None
    assert (without.wasm.modules, without.language.name) == (8, "unknown")


@pytest.mark.parametrize(
    ("imports", "names", "word"),
    [
        (("wasi_snapshot_preview1.fd_write", "wasi_snapshot_preview1.sock_accept"), None, ""),
        (("wasi_snapshot_preview1.sock_open",), ("wasi_snapshot_preview1.sock_open",), ""),
        (("wasi_unstable.fd_write",), ("wasi_unstable.fd_write",), "before preview 1"),
        (("env.emscripten_date_now", "env.f"), ("env.emscripten_date_now", "env.f"), "emscripten"),
        (("wbg.__wbindgen_throw",), ("wbg.__wbindgen_throw",), "wasm-bindgen"),
        (("gojs.runtime.wasmExit",), ("gojs.runtime.wasmExit",), "GOOS=wasip1"),
        (("env.abort",), ("env.abort",), "AssemblyScript"),
        (("wasi.thread-spawn",), ("wasi.thread-spawn",), "without"),
        (("env.memory",), ("env.memory",), "link it"),
    ],
)
def test_imports_that_no_host_of_preview_1_has_are_told_with_what_is_behind_them(
    imports: tuple[str, ...], names: tuple[str, ...] | None, word: str
) -> None:
    found = foreign(imports, is_component=False)

    assert (found.names if found else None) == names
    assert word in (found.cure if found else "")


@pytest.mark.parametrize(
    ("name_", "is_foreign"),
    [
        ("wasi:cli/stdout@0.2.3", False),
        ("wasi:http/types", False),
        ("wasi:cli/stdout@0.3.0", True),
        ("wasi:nn/graph@0.2.0-rc", True),
        ("my:db/store@1.0.0", True),
        ("a-function", False),
    ],
)
def test_a_component_may_import_what_wasi_0_2_has(name_: str, is_foreign: bool) -> None:
    assert (foreign((name_,), is_component=True) is not None) == is_foreign


def test_the_crates_that_cargo_auditable_wrote_are_told() -> None:
    packages = [{"name": "app", "version": "1.0.0", "root": True}, {"name": "serde", "version": "1.0.2"}]
    text = zlib.compress(json.dumps({"packages": packages}).encode())
    build = analyse(MODULE + custom(".dep-v0", text), NOTHING).build
    assert (build.module, build.module_version, build.dependencies) == ("app", "1.0.0", (("serde", "1.0.2"),))


def test_a_list_of_crates_that_can_t_be_read_is_none() -> None:
    assert analyse(MODULE + custom(".dep-v0", b"no zlib"), NOTHING).build.dependencies == ()
