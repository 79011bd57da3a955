"""``whit build`` with sources of C, Zig, Nim and Rust: built static, packed, run; and the same from another folder."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.conftest import lacking
from tests.integration.sources import done, write
from tests.peers import find_peer
from whit.toolchains.tools import locate

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import RunWhit

C_MAIN = '#include <stdio.h>\n#include "said.h"\nint main(void) { printf("c: %s %s\\n", SAID, __FILE__); return 0; }\n'
CXX = """#include <map>
#include <stdexcept>
#include <string>

extern "C" int counted() {
    std::map<char, int> seen;
    for (char letter : std::string("banana")) seen[letter]++;
    try {
        return seen.at('x');
    } catch (const std::out_of_range &) {
        return static_cast<int>(seen.size());
    }
}
"""
CXX_BUILD = """use std::{env, process::Command};

fn main() {
    let out = env::var("OUT_DIR").unwrap();
    let target = env::var("TARGET").unwrap().replace('-', "_");
    let run = |name: &str, usual: &str, words: &[&str]| {
        let program = env::var(format!("{name}_{target}")).unwrap_or(usual.into());
        assert!(Command::new(program).args(words).status().unwrap().success());
    };
    let (object, library) = (format!("{out}/counted.o"), format!("{out}/libcounted.a"));
    run("CXX", "c++", &["-c", "src/counted.cpp", "-o", &object]);
    run("AR", "ar", &["rcs", &library, &object]);
    println!("cargo:rustc-link-search=native={out}\\ncargo:rustc-link-lib=static=counted\\ncargo:rustc-link-lib=stdc++");
}
"""
PROJECTS: dict[str, tuple[dict[str, str], str]] = {
    "make": (
        {
            "Makefile": "svc: main.o\n\tgcc -o $@ $^ one.o two.o\n%.o: %.c\n\t$(CC) -march=native -Iinc -c -o $@ $<\n\t$(CC) -c one.c two.c\n",
            "main.c": C_MAIN,
            "one.c": "int one;\n",
            "two.c": "int two;\n",
            "main.o": "an object of another compiler",
            "inc/said.h": '#define SAID "make"\n',
        },
        "c: make main.c",
    ),
    "cmake": (
        {
            "CMakeLists.txt": "cmake_minimum_required(VERSION 3.10)\nproject(svc C)\nadd_executable(svc main.c)\n"
            "target_compile_definitions(svc PRIVATE HERE)\ntarget_include_directories(svc PRIVATE inc)\n",
            "main.c": C_MAIN,
            "inc/said.h": '#define SAID "cmake"\n',
        },
        "c: cmake main.c",
    ),
    "lone c": ({"a.c": C_MAIN, "said.h": '#define SAID "lone"\n'}, "c: lone a.c"),
    "lone zig": (
        {"main.zig": 'pub fn main() void { @import("std").debug.print("zig\\n", .{}); }\n'},
        "",
    ),
    "nim": (
        {
            "svc.nimble": 'srcDir = "src"\nbin = @["svc"]\nrequires "nim >= 1.4.0"\n',
            "src/svc.nim": 'import std/[strutils, times]\necho "nim: ", "svc".toUpperAscii, " ", now().year > 2000\n',
        },
        "nim: SVC true",
    ),
    "nim with threads": (
        {
            "main.nim": "proc work(n: int) {.thread.} = echo n\nvar one: Thread[int]\ncreateThread(one, work, 7)\njoinThread(one)\n",
            "main.nim.cfg": "--threads:on\n",
        },
        "7",
    ),
    "rust": (
        {
            "Cargo.toml": '[package]\nname = "svc"\nversion = "1.2.3"\nedition = "2021"\n[dependencies]\nlocal = { path = "local" }\n',
            "Cargo.lock": 'version = 3\n[[package]]\nname = "local"\nversion = "0.3.0"\n\n'
            '[[package]]\nname = "svc"\nversion = "1.2.3"\ndependencies = ["local"]\n',
            "src/main.rs": 'fn main() { println!("rust: {} {}", local::said(), file!()); }\n',
            "local/Cargo.toml": '[package]\nname = "local"\nversion = "0.3.0"\nedition = "2021"\n',
            "local/src/lib.rs": 'pub fn said() -> &\'static str { "local" }\n',
        },
        "rust: local src/main.rs",
    ),
    "rust with c++": (
        {
            "Cargo.toml": '[package]\nname = "svc"\nversion = "1.0.0"\nedition = "2021"\n',
            "Cargo.lock": 'version = 3\n[[package]]\nname = "svc"\nversion = "1.0.0"\n',
            "build.rs": CXX_BUILD,
            "src/counted.cpp": CXX,
            "src/main.rs": 'extern "C" { fn counted() -> i32; }\nfn main() { println!("{}", unsafe { counted() }); }\n',
        },
        "3",
    ),
    "meson": (
        {
            "meson.build": "project('svc', 'c')\nexecutable('svc', 'main.c', include_directories: 'inc')\n",
            "main.c": C_MAIN.replace(" %s", "", 1).replace("SAID, __FILE__", "SAID"),
            "inc/said.h": '#define SAID "meson"\n',
        },
        "c: meson",
    ),
}
NEEDS = {
    "meson": "meson",
    "make": "make",
    "cmake": "cmake",
    "nim": "nim",
    "nim with threads": "nim",
    "rust": "cargo",
    "rust with c++": "cargo",
}

SLOW = {"make", "meson", "rust with c++"}


def project(folder: Path, which: str) -> Path:
    tool = NEEDS.get(which, "zig")
    if locate(tool) is None or locate("zig") is None:
        lacking(f"{tool} or Zig isn't installed")
    return write(folder / "svc", PROJECTS[which][0])


@pytest.mark.parametrize(
    "which", [pytest.param(which, marks=[pytest.mark.slow] if which in SLOW else []) for which in PROJECTS]
)
def test_a_project_is_built_static_and_runs_and_is_the_same_from_another_folder(
    run_whit: RunWhit, tmp_path: Path, which: str
) -> None:
    first = json.loads(done(run_whit, "build", "--json", project(tmp_path / "a", which)))
    assert first["source"]["built"] == [True]
    assert done(run_whit, "run", "svc").strip() == PROJECTS[which][1]
    saved = json.loads(done(run_whit, "inspect", "--json", extracted(run_whit, tmp_path)))
    assert saved["linkage"] in {"static", "static-pie"}
    elsewhere = run_whit("build", "--json", project(tmp_path / "b" / "c d", which), root=tmp_path / "root", timeout=300)
    assert elsewhere.returncode == 0, elsewhere.stderr
    assert json.loads(elsewhere.stdout)["digest"] == first["digest"]


def test_files_whose_names_look_like_options_stay_and_are_compiled(run_whit: RunWhit, tmp_path: Path) -> None:
    if locate("zig") is None:
        lacking("Zig isn't installed")
    names = ("-MJa.c", "-Wp,-MD,a.c", "-oa.c", "@rsp.c")
    files = {name: f"int f{number}(void) {{ return 1; }}\n" for number, name in enumerate(names)}
    files["a.c"] = (
        "#include <stdio.h>\nint f0(void); int f1(void); int f2(void); int f3(void);\n"
        'int main(void) { printf("%d\\n", f0() + f1() + f2() + f3()); }\n'
    )
    folder = write(tmp_path / "-svc", files)
    done(run_whit, "build", "-t", "svc", folder)
    assert done(run_whit, "run", "svc").strip() == "4"
    assert {path.name: path.read_text() for path in folder.iterdir()} == files


def extracted(run_whit: RunWhit, folder: Path) -> Path:
    """The image's program, as a file."""
    done(run_whit, "create", "--name", "made", "svc")
    done(run_whit, "cp", "made:/svc", folder / "program")
    done(run_whit, "rm", "made")
    return folder / "program"


def test_crates_are_in_the_sbom_of_a_rust_program(run_whit: RunWhit, tmp_path: Path) -> None:
    done(run_whit, "build", project(tmp_path, "rust"))
    document = json.loads(done(run_whit, "sbom", "svc"))
    assert {("svc", "1.2.3"), ("local", "0.3.0")} <= {
        (package["name"], package.get("versionInfo")) for package in document["packages"]
    }


def test_what_c_doesn_t_compile_is_told_in_the_compiler_s_words(run_whit: RunWhit, tmp_path: Path) -> None:
    folder = write(tmp_path / "svc", {"a.c": "int main(void) { return nothing; }\n"})
    result = run_whit("build", folder, timeout=300)
    assert result.returncode == 1
    assert "a.c:1:25: error: use of undeclared identifier 'nothing'" in result.stderr
    assert result.stderr.endswith("whit: cc failed with exit status 1\nhint: its own words stand above\n")
    write(folder, {"a.c": "#include <zlib.h>\nint main(void) { return 0; }\n"})
    assert "hint: the library of zlib.h must be in the tree, for musl" in run_whit("build", folder, timeout=300).stderr
    write(folder, {"a.c": "int inflate(void);\nint main(void) { return inflate(); }\n"})
    assert "hint: the library that has inflate isn't linked" in run_whit("build", folder, timeout=300).stderr


@pytest.mark.slow
@pytest.mark.parametrize("which", ["make", "lone zig", "nim", "rust"])
def test_confined_it_is_the_same(run_whit: RunWhit, tmp_path: Path, which: str) -> None:
    folder = project(tmp_path, which)
    digests = {
        json.loads(done(run_whit, "build", "--json", *words, folder, timeout=600))["digest"]
        for words in ((), ("--hermetic",))
    }
    assert len(digests) == 1


@pytest.mark.slow
@pytest.mark.parametrize("which", ["make", "cmake", "nim", "lone zig"])
def test_programs_for_arm64_need_no_emulator_to_be_built_and_run_in_one(
    run_whit: RunWhit, tmp_path: Path, which: str
) -> None:
    folder = project(tmp_path, which)
    done(run_whit, "build", "--platform", "linux/arm64", folder, timeout=600)
    program = extracted(run_whit, tmp_path)
    assert json.loads(done(run_whit, "inspect", "--json", program))["platform"]["architecture"] == "arm64"
    ended = subprocess.run(["qemu-aarch64", program], capture_output=True, text=True, check=True, timeout=60)
    assert ended.stdout.strip() == PROJECTS[which][1]


def test_a_program_of_another_rust_is_built_anew(run_whit: RunWhit, tmp_path: Path) -> None:
    """Given a program that was built, when rustup's variable names a toolchain, then what was built without isn't taken."""
    rustup = shutil.which("rustup")
    if rustup is None:
        lacking("rustup isn't installed")
    words = [rustup, "show", "active-toolchain"]
    name = subprocess.run(words, capture_output=True, text=True, check=True, timeout=60).stdout.split()[0]
    file = write(tmp_path / "tree", {"hello.rs": 'fn main() { println!("hello"); }\n'}) / "hello.rs"
    built = [
        json.loads(run_whit("build", "--json", file, environment=more, timeout=300).stdout)["source"]["built"][0]
        for more in ({}, {}, {"RUSTUP_TOOLCHAIN": name})
    ]
    assert built == [True, False, True]


NIM_TIMES = """import std/[monotimes, os, times]

let begun = getMonoTime()
sleep 10
echo fromUnix(5_000_000_000).utc.year, " ", getLastModificationTime(paramStr(0)).toUnix > 1_600_000_000
echo now().year >= 2024, " ", (getMonoTime() - begun).inMilliseconds >= 10
"""


@pytest.mark.slow
def test_nim_tells_the_time_on_processors_of_32_bits_beyond_their_numbers_too(
    run_whit: RunWhit, tmp_path: Path, whit_root: Path
) -> None:
    """Given times after 2038, of files, and of now, when they are asked for on 386 and ARM, then they are those of 64 bits."""
    if locate("nim") is None or locate("zig") is None:
        lacking("Nim or Zig isn't installed")
    source = write(tmp_path / "svc", {"svc.nim": NIM_TIMES})
    done(run_whit, "build", "--platform", "linux/386,linux/arm/v7", source, timeout=1500)
    programs = list((whit_root / "build" / "caches").glob("source-*/svc"))
    said = []
    for path in programs:
        machine = json.loads(done(run_whit, "inspect", "--json", path))["platform"]["architecture"]
        emulator = find_peer({"386": "qemu-i386", "arm": "qemu-arm"}[machine])
        if emulator is None:
            lacking("qemu-user isn't installed; tests/setup.sh peers installs it")
        ran = subprocess.run([emulator, path], capture_output=True, text=True, check=False, timeout=120)
        said.append(ran.stdout)
    assert said == ["2128 true\ntrue true\n"] * 2
