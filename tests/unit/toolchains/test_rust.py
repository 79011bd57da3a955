"""Rust: from cargo's metadata to the commands that build, and the list of crates that is written into a program."""

from __future__ import annotations

import json
import zlib
from typing import Any

import pytest

from tests.unit.toolchains.kits import ZIG, FakeKit
from whit.packer.image.platform import Platform
from whit.packer.support.errors import UnsupportedError, WhitError
from whit.toolchains import crates
from whit.toolchains.model import Language, Project, Target, Tool, Wish
from whit.toolchains.rust import RUST

RUSTC = Tool("rustc", "/r/rustc", "1.95.0", "/r")
CARGO = Tool("cargo", "/r/cargo", "1.95.0", "/r")
AMD64 = Platform("linux", "amd64")
HOST = "x86_64-unknown-linux-gnu"
MUSL = "x86_64-unknown-linux-musl"
PROJECT = Project(Language.RUST, "/p", "/p", "p", "Cargo.toml")
SVC = Target("svc", "svc/svc", ".", is_main=True)
CRATES_IO = "registry+https://github.com/rust-lang/crates.io-index"


def package(name: str, *bins: str, place: str = "/p", source: str | None = None, **more: object) -> dict[str, Any]:
    targets = [{"name": one, "kind": ["bin"]} for one in bins] + [{"name": "lib", "kind": ["lib"]}]
    told = {"id": name, "name": name, "version": "1.0.0", "source": source, "targets": targets}
    return {**told, "manifest_path": f"{place}/Cargo.toml", **more}


def edge(name: str, *kinds: str | None) -> dict[str, Any]:
    return {"pkg": name, "dep_kinds": [{"kind": kind} for kind in kinds]}


METADATA: dict[str, Any] = {
    "packages": [
        package("svc", "svc", "tool"),
        package("serde", source=CRATES_IO, place="/c/serde"),
        package("cc", source=CRATES_IO, place="/c/cc"),
        package("zlib-sys", source="git+https://x", place="/c/z", links="z"),
        package("tests-only", source=CRATES_IO, place="/c/t"),
    ],
    "workspace_members": ["svc"],
    "resolve": {
        "nodes": [
            {"id": "svc", "deps": [edge("serde", None), edge("zlib-sys", None), edge("tests-only", "dev")]},
            {"id": "serde", "deps": []},
            {"id": "zlib-sys", "deps": [edge("cc", "build")]},
            {"id": "cc", "deps": []},
            {"id": "tests-only", "deps": []},
        ]
    },
}


def kit(*libraries: str, **files: str) -> FakeKit:
    there = {f"/r/lib/rustlib/{name}/lib/std": "" for name in (HOST, *libraries)}
    answers = {"metadata": json.dumps(METADATA), "-vV": f"release: 1.95.0\nhost: {HOST}\n", "sysroot": "/r\n"}
    files = {f"/p/{name}": text for name, text in {"Cargo.lock": "", **files}.items()}
    return FakeKit({**there, **files}, answers, (ZIG, RUSTC, CARGO))


def test_programs_are_the_workspace_s_own_and_the_package_s_namesake_is_meant() -> None:
    assert RUST.targets(PROJECT, kit()) == (SVC, Target("tool", "svc/tool", "."))


def test_a_default_run_is_meant_before_the_namesake() -> None:
    metadata = {**METADATA, "packages": [package("svc", "svc", "tool", default_run="tool")]}
    assert [target.is_main for target in crates.programs(metadata, "/p")] == [False, True]


def test_the_list_of_crates_has_what_is_in_the_program_and_what_built_it_and_no_test_s() -> None:
    document = json.loads(zlib.decompress(crates.audit_data(METADATA, "svc")))
    packages = document["packages"]
    assert [one["name"] for one in packages] == ["cc", "serde", "svc", "zlib-sys"]
    assert packages[0]["kind"] == "build"
    assert packages[2] == {"name": "svc", "version": "1.0.0", "source": "local", "dependencies": [1, 3], "root": True}
    assert packages[3]["source"] == "git"


def test_without_musl_s_standard_library_glibc_is_linked_statically() -> None:
    recipe = RUST.recipe(PROJECT, (SVC,), Wish(AMD64), "/out", kit())
    listed, built, copied = recipe.steps
    assert listed.argv[0] == "/r/rustc"
    assert {"rustc", f"--target={HOST}", "--package=svc", "--bin=svc", "--locked"} <= set(built.argv)
    flags = dict(built.env)["CARGO_ENCODED_RUSTFLAGS"].split("\x1f")
    assert "target-feature=+crt-static" in flags
    assert "/p=." in flags
    assert copied.argv[0] == "cp"
    assert any("z" in warning for warning in recipe.warnings)
    assert "isn't installed" in recipe.notes[0].reason


def test_with_it_musl_is_taken_and_zig_compiles_what_is_of_c() -> None:
    recipe = RUST.recipe(PROJECT, (SVC,), Wish(AMD64), "/out", kit(MUSL))
    step = next(step for step in recipe.steps if f"--bin={SVC.name}" in step.argv)
    assert f"--target={MUSL}" in step.argv
    cc = dict(step.env)["CC_x86_64_unknown_linux_musl"]
    assert cc.startswith("/kept/cargo-")
    assert cc.endswith(f"/p/whit-{MUSL}/tools/cc")
    assert recipe.tools == (Tool("rustc", "/r/rustc", "1.95.0", "/r"), CARGO, ZIG)


def test_what_compiles_and_links_has_one_name_in_all_builds_so_that_crates_aren_t_compiled_again() -> None:
    env = {
        output: next(
            step.env for step in RUST.recipe(PROJECT, (SVC,), Wish(AMD64), output, kit(MUSL)).steps if step.env
        )
        for output in ("/out-1", "/out-2")
    }
    assert env["/out-1"] == env["/out-2"]


def test_debug_information_is_always_made_and_only_linking_says_whether_it_stays() -> None:
    """The compiler makes other instructions without it, and what is compiled is compiled once for both."""
    plain, full = (
        RUST.recipe(PROJECT, (SVC,), Wish(AMD64, keeps_debug=kept), "/out", kit()).steps[1] for kept in (False, True)
    )
    assert full.env == plain.env
    assert "debuginfo=2" in dict(plain.env)["CARGO_ENCODED_RUSTFLAGS"]
    assert full.argv == (*plain.argv, "-C", "strip=none")


def test_a_platform_whose_standard_library_isn_t_here_is_refused_with_the_way_to_get_it() -> None:
    with pytest.raises(UnsupportedError) as caught:
        RUST.recipe(PROJECT, (SVC,), Wish(Platform("linux", "arm64")), "/out", kit())
    assert "for linux/arm64 Rust's standard library isn't here" in caught.value.message
    assert caught.value.hint == "rustup target add aarch64-unknown-linux-musl"


def test_what_the_project_says_of_its_profile_and_flags_stays() -> None:
    files = {
        "Cargo.toml": "[profile.release]\nlto = false\n",
        ".cargo/config.toml": '[build]\nrustflags = ["--cfg", "x"]\n',
    }
    env = dict(RUST.recipe(PROJECT, (SVC,), Wish(AMD64), "/out", kit(**files)).steps[1].env)
    assert env["CARGO_ENCODED_RUSTFLAGS"].startswith("--cfg\x1fx\x1f")
    assert "CARGO_PROFILE_RELEASE_LTO" not in env
    assert env["CARGO_PROFILE_RELEASE_CODEGEN_UNITS"] == "1"


def test_without_a_lock_file_that_is_told() -> None:
    machine = kit()
    del machine.files["/p/Cargo.lock"]
    recipe = RUST.recipe(PROJECT, (SVC,), Wish(AMD64), "/out", machine)
    assert "there is no Cargo.lock" in recipe.warnings[0]
    assert "--locked" not in recipe.steps[1].argv


def test_features_and_profiles_come_into_the_command() -> None:
    wish = Wish(AMD64, variables=(("FEATURES", "a,b"), ("NO_DEFAULT_FEATURES", "1"), ("PROFILE", "dist")))
    words = RUST.recipe(PROJECT, (SVC,), wish, "/out", kit()).steps[1].argv
    assert {"--features=a,b", "--no-default-features", "--profile=dist"} <= set(words)


def test_folders_beside_the_tree_are_found_through_all_that_name_them() -> None:
    machine = FakeKit(
        {
            "/p/Cargo.toml": '[dependencies]\na = { path = "../a" }\nb = { path = "b" }\n[[bin]]\nname = "x"\npath = "x.rs"\n',
            "/a/Cargo.toml": '[dependencies.c]\npath = "../c"\n[dev-dependencies]\nd = { path = "/etc" }\n',
            "/c/Cargo.toml": "",
        }
    )
    assert RUST.outside(PROJECT, machine) == ("/a", "/c")


def test_cargo_s_configuration_names_folders_beside_the_tree_too_and_a_crate_its_workspace() -> None:
    machine = FakeKit(
        {
            "/p/Cargo.toml": '[workspace]\nmembers = ["in", "../out"]\n',
            "/p/.cargo/config.toml": 'paths = ["../over"]\n[patch.crates-io]\na = { path = "../ws/a" }\n',
            "/out/Cargo.toml": "",
            "/over/Cargo.toml": "",
            "/ws/a/Cargo.toml": "[package]\nversion.workspace = true\n",
            "/ws/Cargo.toml": '[workspace]\nmembers = ["a"]\n',
        }
    )
    assert RUST.outside(PROJECT, machine) == ("/out", "/over", "/ws", "/ws/a")


def test_hermetic_cargo_is_told_what_the_configuration_patches() -> None:
    config = 'paths = ["over"]\n[patch.crates-io]\na = { path = "../a", package = "b" }\n'
    machine = kit(**{".cargo/config.toml": config, "Cargo.toml": "", "/a/Cargo.toml": ""})
    machine.is_hermetic = True
    RUST.targets(PROJECT, machine)
    (step,) = (step for step in machine.asked if "metadata" in step.argv)
    assert {'patch."crates-io"."a".path="/p/../a"', 'patch."crates-io"."a".package="b"', 'paths=["/p/over"]'} <= set(
        step.argv
    )


def test_metadata_that_can_t_be_understood_is_told() -> None:
    with pytest.raises(WhitError, match="cargo metadata said something"):
        crates.parse_metadata("[]")


def test_a_lone_file_is_compiled_by_itself() -> None:
    project = Project(Language.RUST, "/s", "/s", "hello", files=("hello.rs",))
    recipe = RUST.recipe(project, RUST.targets(project, kit()), Wish(AMD64), "/out", kit())
    assert recipe.steps[0].argv[-2:] == ("/out/hello", "hello.rs")


def test_a_lone_file_whose_name_looks_like_an_option_is_a_file() -> None:
    project = Project(Language.RUST, "/s", "/s", "-x", files=("-x.rs",))
    recipe = RUST.recipe(project, RUST.targets(project, kit()), Wish(AMD64), "/out", kit())
    assert recipe.steps[0].argv[-1] == "./-x.rs"


def test_hermetic_cargo_isn_t_shown_what_the_tree_says_is_to_be_executed() -> None:
    """Given a wrapper of rustc and vendored crates in the tree, when cargo is asked, then it is told of the crates alone."""
    config = (
        '[build]\nrustc-wrapper = "./rw.sh"\n[source.crates-io]\nreplace-with = "v"\n[source.v]\ndirectory = "vendor"\n'
    )
    machine = kit(**{".cargo/config.toml": config, "Cargo.toml": ""})
    machine.is_hermetic = True
    RUST.recipe(PROJECT, RUST.targets(PROJECT, machine), Wish(AMD64, hermetic=True), "/out", machine)
    for step in (step for step in machine.asked if "metadata" in step.argv):
        assert step.cwd == "/"
        assert {"--manifest-path=/p/Cargo.toml", 'source."v".directory="/p/vendor"'} <= set(step.argv)
        assert "rw.sh" not in " ".join(step.argv)


@pytest.mark.parametrize("name", ["rust-toolchain", "rust-toolchain.toml"])
def test_hermetic_a_toolchain_in_the_tree_isn_t_asked_outside_of_the_box(name: str) -> None:
    machine = kit(**{name: '[toolchain]\npath = "evil"\n'})
    machine.is_hermetic = True
    with pytest.raises(UnsupportedError, match="names a toolchain by its path"):
        RUST.targets(PROJECT, machine)
    assert machine.asked == []


def test_the_list_of_crates_is_a_section_of_webassembly_too() -> None:
    listed, built, _ = RUST.recipe(PROJECT, (SVC,), Wish(Platform("wasi", "wasm")), "/out", kit("wasm32-wasip1")).steps
    made = listed.argv[listed.argv.index("-o") + 1]
    assert made.endswith(".o")
    assert {f"link-arg={made}", "link-arg=--keep-section=.dep-v0"} <= set(built.argv)


def test_cargo_s_version_is_that_of_the_project_s_own_toolchain() -> None:
    """Given a rust-toolchain.toml, when rustup's shim would be another version elsewhere, then the one that builds is told."""
    machine = kit()
    machine.files["/r/bin/cargo"] = machine.files["/r/bin/rustc"] = ""
    machine.answers["/r/bin/cargo --version"] = "cargo 1.99.1 (abc 2026-01-01)\n"
    recipe = RUST.recipe(PROJECT, (SVC,), Wish(AMD64), "/out", machine)
    assert [tool.title for tool in recipe.tools] == ["rustc 1.95.0", "cargo 1.99.1"]


def test_a_standard_library_that_is_added_and_rustup_s_default_have_it_built_anew() -> None:
    machine = kit()
    machine.answers["sysroot"] = "/h/toolchains/stable\n"
    machine.files[f"/h/toolchains/stable/lib/rustlib/{HOST}/lib/std"] = ""
    watched = RUST.recipe(PROJECT, (SVC,), Wish(AMD64), "/out", machine).watched
    assert {"/h/toolchains/stable/lib/rustlib", "/h/settings.toml"} <= set(watched)


KINDS: dict[str, tuple[str, list[dict[str, str]], str]] = {
    "a macro": ("proc-macro", [], "p is a macro, which the compiler loads while it compiles others (proc-macro)"),
    "a library in C's form": ("cdylib", [], "p is a library that other programs load while they run (cdylib)"),
    "an extension": ("cdylib", [{"name": "pyo3"}], "p is an extension of Python, whose interpreter loads it"),
}


@pytest.mark.parametrize("case", KINDS)
def test_what_becomes_no_program_is_told_with_the_reason(case: str) -> None:
    kind, dependencies, reason = KINDS[case]
    one = package("p", dependencies=dependencies)
    one["targets"] = [{"name": "p", "kind": [kind]}]
    machine = kit()
    machine.answers["metadata"] = json.dumps({"packages": [one], "workspace_members": ["p"]})
    with pytest.raises(UnsupportedError, match="has no program: ") as told:
        RUST.targets(PROJECT, machine)
    assert told.value.message.endswith(reason)


@pytest.mark.parametrize(
    ("variant", "triple"),
    [("v5", "armv5te-unknown-linux-musleabi"), ("v6", "arm-unknown-linux-musleabihf"), ("v7", "armv7-unknown-linux-musleabihf")],
)  # fmt: skip
def test_older_arms_have_a_standard_library_of_their_own(variant: str, triple: str) -> None:
    with pytest.raises(UnsupportedError) as told:
        RUST.recipe(PROJECT, (SVC,), Wish(Platform("linux", "arm", variant)), "/out", kit())
    assert told.value.hint == f"rustup target add {triple}"
