"""Nim and Zig: from what is read to the commands that build."""

from __future__ import annotations

import pytest

from tests.unit.toolchains.kits import ZIG as ZIG_TOOL
from tests.unit.toolchains.kits import FakeKit
from whit.packer.image.platform import Platform, parse_platform
from whit.packer.support.errors import UnsupportedError, UsageError
from whit.toolchains.model import Language, Project, Target, Tool, Wish
from whit.toolchains.nim import NIM, loaded, parse_nimble
from whit.toolchains.tools import TOOLS
from whit.toolchains.zig import ZIG

NIM_TOOL = Tool("nim", "/usr/bin/nim", "1.6.10", "/usr/bin")
AMD64 = Platform("linux", "amd64")
NIMBLE = 'srcDir = "src"\nbin = @["svc", "sub/tool"]\nnamedBin["sub/tool"] = "helper"\nrequires "nim >= 1.6.0"\n'
BUILD_ZIG = 'const a = b.addExecutable(.{\n .name = "svc",\n});\n// b.addExecutable(.{ .name = "not" })\n'


def nim_kit(text: str = NIMBLE, **files: str) -> FakeKit:
    return FakeKit({"/p/p.nimble": text, **files}, tools=(ZIG_TOOL, NIM_TOOL))


NIM_PROJECT = Project(Language.NIM, "/p", "/p", "p", "p.nimble")
ZIG_PROJECT = Project(Language.ZIG, "/p", "/p", "p", "build.zig")


def test_a_nimble_file_is_read_as_far_as_it_declares() -> None:
    package = parse_nimble(NIMBLE + '# bin = @["no"]\nrequires "jester >= 0.5, nim > 1", "x"\n')
    assert package.bins == (("svc", "svc"), ("sub/tool", "helper"))
    assert package.source == "src"
    assert package.requires == ("nim >= 1.6.0", "jester >= 0.5", "nim > 1", "x")
    assert package.least == "1.6.0"


def test_nim_s_programs_are_those_of_the_package() -> None:
    assert NIM.targets(NIM_PROJECT, nim_kit()) == (
        Target("svc", "src/svc.nim"),
        Target("helper", "src/sub/tool.nim"),
    )


def test_nim_compiles_with_zig_for_any_processor() -> None:
    target = Target("svc", "src/svc.nim")
    recipe = NIM.recipe(NIM_PROJECT, (target,), Wish(Platform("linux", "arm64")), "/out", nim_kit())
    (step,) = recipe.steps
    assert step.argv[:2] == ("/usr/bin/nim", "c")
    assert {"-d:release", "--opt:size", "--cpu:arm64", "--arm64.linux.gcc.exe:/out/tools/cc"} <= set(step.argv)
    assert recipe.strips


def test_packages_that_others_are_needed_for_are_brought_by_nimble() -> None:
    recipe = NIM.recipe(
        NIM_PROJECT, (Target("svc", "src/svc.nim"),), Wish(AMD64), "/out", nim_kit(NIMBLE + 'requires "jester"\n')
    )
    assert [step.argv[:3] for step in recipe.steps] == [
        ("/usr/bin/nimble", "--accept", "install"),
        ("/usr/bin/nimble", "--accept", "c"),
    ]


def test_confined_they_are_brought_in_the_box_as_nimble_evaluates_what_they_say() -> None:
    wish = Wish(AMD64, hermetic=True)
    recipe = NIM.recipe(
        NIM_PROJECT, (Target("svc", "src/svc.nim"),), wish, "/out", nim_kit(NIMBLE + 'requires "jester"\n')
    )
    (prepared,) = recipe.prepares
    assert prepared.evaluates
    assert [step.argv[2] for step in recipe.steps] == ["c"]
    assert recipe.hermetic
    assert ("NIMBLE_DIR", "nimble") in recipe.hermetic.caches


def test_packages_that_are_in_the_tree_need_no_nimble() -> None:
    machine = nim_kit(NIMBLE + 'requires "jester"\n', **{"/p/nimbledeps/pkgs/jester-0.5.0/jester.nim": ""})
    recipe = NIM.recipe(NIM_PROJECT, (Target("svc", "src/svc.nim"),), Wish(AMD64), "/out", machine)
    (step,) = recipe.steps
    assert step.argv[:3] == ("/usr/bin/nim", "c", "--nimblePath:/p/nimbledeps/pkgs")
    assert recipe.prepares == ()


def test_a_package_that_asks_for_a_newer_nim() -> None:
    with pytest.raises(UnsupportedError, match=r"p\.nimble asks for Nim 2\.0, and here is 1\.6\.10"):
        NIM.recipe(NIM_PROJECT, (), Wish(AMD64), "/out", nim_kit('requires "nim >= 2.0"'))


def test_nim_s_ssl_can_t_be_static_and_that_is_told_before() -> None:
    machine = nim_kit(**{"/p/config.nims": 'switch("define", "ssl")'})
    (warning,) = NIM.recipe(NIM_PROJECT, (Target("svc", "src/svc.nim"),), Wish(AMD64), "/out", machine).warnings
    assert "loads OpenSSL while the program runs" in warning


@pytest.mark.parametrize("name", ["svc.nim.cfg", "svc.nims", "nim.cfg"])
def test_ssl_is_seen_in_the_configuration_beside_a_program_s_source_and_not_told_of_where_it_is_left_out(
    name: str,
) -> None:
    machine = nim_kit(**{f"/p/src/{name}": "-d:ssl\n"})
    target = Target("svc", "src/svc.nim")
    assert NIM.recipe(NIM_PROJECT, (target,), Wish(AMD64), "/out", machine).warnings
    wish = Wish(AMD64, variables=(("OPTIONS", "--undef:ssl"),))
    assert not NIM.recipe(NIM_PROJECT, (target,), wish, "/out", machine).warnings


@pytest.mark.parametrize(("language", "chain", "ending"), [(Language.NIM, NIM, "nim"), (Language.ZIG, ZIG, "zig")])
def test_of_lone_files_main_is_the_program(language: Language, chain: object, ending: str) -> None:
    files = (f"lib.{ending}", f"main.{ending}")
    project = Project(language, "/p", "/p", "p", files=files)
    recipe = chain.recipe(project, chain.targets(project, nim_kit()), Wish(AMD64), "/out", nim_kit())  # type: ignore[attr-defined]
    assert f"main.{ending}" in recipe.steps[-1].argv


@pytest.mark.parametrize(("language", "chain", "ending"), [(Language.NIM, NIM, "nim"), (Language.ZIG, ZIG, "zig")])
def test_a_lone_file_whose_name_looks_like_an_option_is_a_file(language: Language, chain: object, ending: str) -> None:
    project = Project(language, "/p", "/p", "-x", files=(f"-x.{ending}",))
    recipe = chain.recipe(project, chain.targets(project, nim_kit()), Wish(AMD64), "/out", nim_kit())  # type: ignore[attr-defined]
    assert f"./-x.{ending}" in recipe.steps[-1].argv


@pytest.mark.parametrize(("language", "ending"), [(Language.NIM, "nim"), (Language.ZIG, "zig")])
def test_of_lone_files_without_main_one_has_to_be_named(language: Language, ending: str) -> None:
    project = Project(language, "/p", "/p", "p", files=(f"a.{ending}", f"b.{ending}"))
    asked = (
        NIM.targets if language is Language.NIM else lambda *_: ZIG.recipe(project, (), Wish(AMD64), "/out", FakeKit())
    )
    with pytest.raises(UsageError, match="is main"):
        asked(project, nim_kit())


def test_build_zig_names_its_programs() -> None:
    assert ZIG.targets(ZIG_PROJECT, FakeKit({"/p/build.zig": BUILD_ZIG})) == (Target("svc", "svc"),)


def test_zig_builds_for_every_processor_of_a_kind_and_keeps_its_checks() -> None:
    recipe = ZIG.recipe(ZIG_PROJECT, (Target("svc", "svc"),), Wish(AMD64), "/out", FakeKit())
    (step,) = recipe.steps
    assert {"-Dtarget=x86_64-linux-musl", "-Dcpu=x86_64", "--release=safe"} <= set(step.argv)
    assert recipe.programs == (("svc", "bin/svc"),)
    assert recipe.strips


def test_zig_for_webassembly() -> None:
    recipe = ZIG.recipe(ZIG_PROJECT, (Target("svc", "svc"),), Wish(Platform("wasi", "wasm")), "/out", FakeKit())
    assert "-Dtarget=wasm32-wasi" in recipe.steps[0].argv
    assert recipe.programs == (("svc", "bin/svc.wasm"),)


def test_zig_that_is_too_old_is_told_before() -> None:
    machine = FakeKit({"/p/build.zig.zon": '.minimum_zig_version = "0.99.0"'})
    with pytest.raises(UnsupportedError, match=r"asks for Zig 0\.99\.0, and here is 0\.17\.1"):
        ZIG.recipe(ZIG_PROJECT, (), Wish(AMD64), "/out", machine)


def test_an_unknown_way_to_optimize() -> None:
    with pytest.raises(UsageError, match="OPTIMIZE=much: it is safe, small, fast"):
        ZIG.recipe(ZIG_PROJECT, (), Wish(AMD64, variables=(("OPTIMIZE", "much"),)), "/out", FakeKit())


ZON = '.dependencies = .{ .a = .{ .path = "../a" }, .b = .{ .path = "b" } }'


def test_folders_that_build_zig_zon_names_are_part_of_it_and_those_that_these_name() -> None:
    files = {"/p/build.zig.zon": ZON, "/a/build.zig.zon": '.c = .{ .path = "../c" }, .p = .{ .path = "../p/b" }'}
    assert ZIG.outside(ZIG_PROJECT, FakeKit(files)) == ("/a", "/c")


@pytest.mark.parametrize("where", ["/p", "/a"])
def test_confined_zig_s_packages_are_brought_in_the_box_whichever_manifest_names_them(where: str) -> None:
    files = {"/p/build.zig.zon": ZON, "/a/build.zig.zon": ""}
    files[f"{where}/build.zig.zon"] += '.d = .{ .url = "https://example.com/d.tar.gz" }'
    wish = Wish(AMD64, hermetic=True)
    recipe = ZIG.recipe(ZIG_PROJECT, (Target("svc", "svc"),), wish, "/out", FakeKit(files))
    (prepared,) = recipe.prepares
    assert prepared.argv[1:3] == ("build", "--fetch")
    assert recipe.hermetic
    assert ("ZIG_LOCAL_PKG_DIR", "zig-pkg") in recipe.hermetic.caches


def test_zig_s_packages_in_the_tree_are_sources() -> None:
    files = {"/p/build.zig.zon": '.d = .{ .url = "https://example.com/d.tar.gz" }'}
    target = Target("svc", "svc")
    assert "zig-pkg" not in ZIG.ignores
    there = FakeKit({**files, "/p/zig-pkg/d-1.0.0-abc/build.zig": ""})
    recipe = ZIG.recipe(ZIG_PROJECT, (target,), Wish(AMD64, hermetic=True), "/out", there)
    assert (recipe.steps[0].env, recipe.prepares) == ((), ())


LOADING = """import std/[strutils, re],
  db_sqlite
# import nre
proc version(): cstring {.importc, dynlib: "libz.so(|.1)".}
"""


def test_libraries_that_nim_loads_while_it_runs_are_told_before() -> None:
    assert loaded(LOADING) == ("SQLite", "PCRE", "libz.so(|.1)")
    machine = nim_kit(**{"/p/src/svc.nim": "import sub/tool", "/p/src/sub/tool.nim": "import re"})
    (warning,) = NIM.recipe(NIM_PROJECT, (Target("svc", "src/svc.nim"),), Wish(AMD64), "/out", machine).warnings
    assert warning == "it loads PCRE while it runs: a static program can't, and ends"


@pytest.mark.parametrize(("platform", "is_wide"), [("linux/arm/v7", True), ("linux/386", True), ("linux/arm64", False)])
def test_nim_is_told_where_times_are_wider_in_musl_than_it_takes_them_for(platform: str, is_wide: bool) -> None:
    target = Target("svc", "src/svc.nim")
    (step,) = NIM.recipe(NIM_PROJECT, (target,), Wish(parse_platform(platform)), "/out", nim_kit()).steps
    assert ("-d:nimUse64BitCTime" in step.argv) is is_wide


CONFIGURED = {
    "/p/src/svc.nim": "",
    "/p/src/nim.cfg": '--path:"../lib"\n',
    "/p/src/svc.nimcfg": "",
    "/p/config.nims": 'switch("path", "../beside")\n--path:"$projectDir"\n',
    "/nim.cfg": "path=/all # not one of them\n",
    "/over/config.nims": "",
    "/beside/a.nim": "",
    "/p/lib/b.nim": "",
}


def test_configuration_above_a_package_and_folders_that_configuration_names_are_what_nim_builds_from() -> None:
    assert NIM.outside(NIM_PROJECT, nim_kit(**CONFIGURED)) == ("/nim.cfg", "/beside")


def test_what_is_above_is_above_where_links_lead() -> None:
    machine = nim_kit(**CONFIGURED)
    machine.links["/p"] = "/over/p"
    assert NIM.outside(NIM_PROJECT, machine)[:2] == ("/over/config.nims", "/nim.cfg")


def test_a_confined_nim_sees_the_configuration_above() -> None:
    target = Target("svc", "src/svc.nim")
    recipe = NIM.recipe(NIM_PROJECT, (target,), Wish(AMD64, hermetic=True), "/out", nim_kit(**CONFIGURED))
    assert recipe.hermetic
    assert "/nim.cfg" in recipe.hermetic.shows


def test_a_folder_that_holds_the_project_is_not_read_for_a_name_of_it_and_that_is_told() -> None:
    project = Project(Language.NIM, "/a/p", "/a/p", "p", "p.nimble")
    machine = nim_kit(**{"/a/p/p.nimble": NIMBLE, "/a/p/nim.cfg": 'path = ".."\n', "/a/secret": ""})
    assert NIM.outside(project, machine) == ()
    (warning,) = NIM.recipe(project, (Target("svc", "src/svc.nim"),), Wish(AMD64), "/out", machine).warnings
    assert warning.startswith("/a/p/nim.cfg names a folder that holds the project itself")


def test_another_configuration_of_the_machine_is_another_nim() -> None:
    recipe = NIM.recipe(NIM_PROJECT, (Target("svc", "src/svc.nim"),), Wish(AMD64), "/out", nim_kit())
    assert {"/etc/nim/nim.cfg", "/usr/config/config.nims"} <= set(recipe.watched)


def test_a_nimble_file_s_table_of_programs_and_its_backend() -> None:
    package = parse_nimble('backend = "cpp"\nnamedBin = {"main": "svc",\n "sub/x": "y"}.toTable()\n')
    assert package.bins == (("main", "svc"), ("sub/x", "y"))
    assert package.backend == "cpp"
    machine = nim_kit('bin = @["svc"]\nbackend = "cpp"\n')
    (step,) = NIM.recipe(NIM_PROJECT, (Target("svc", "svc.nim"),), Wish(AMD64), "/out", machine).steps
    assert step.argv[1] == "cpp"
    assert {"--gcc.cpp.exe:/out/tools/c++", "--amd64.linux.gcc.cpp.linkerexe:/out/tools/c++"} <= set(step.argv)
    with pytest.raises(UnsupportedError, match=r"p\.nimble compiles to js"):
        NIM.recipe(NIM_PROJECT, (), Wish(AMD64), "/out", nim_kit('backend = "js"'))


def test_nim_says_that_it_builds_for_what_it_builds_for() -> None:
    for text in TOOLS["nim"].platforms:
        recipe = NIM.recipe(NIM_PROJECT, (Target("svc", "svc.nim"),), Wish(parse_platform(text)), "/out", nim_kit())
        assert recipe.steps
    with pytest.raises(UnsupportedError):
        NIM.recipe(NIM_PROJECT, (Target("svc", "svc.nim"),), Wish(Platform("linux", "s390x")), "/out", nim_kit())


def test_zig_s_programs_may_be_named_by_constants() -> None:
    text = (
        'const app = "svc";\n_ = b.addExecutable(.{ .name = app, .x = y });\n_ = b.addExecutable(.{ .name = "two" });\n'
    )
    machine = FakeKit({"/p/build.zig": text})
    assert [target.name for target in ZIG.targets(ZIG_PROJECT, machine)] == ["svc", "two"]


def test_zig_s_packages_are_brought_in_the_box() -> None:
    machine = FakeKit({"/p/build.zig": BUILD_ZIG, "/p/build.zig.zon": '.{ .dependencies = .{ .a = .{ .url = "x" } } }'})
    recipe = ZIG.recipe(ZIG_PROJECT, (Target("svc", "svc"),), Wish(AMD64, hermetic=True), "/out", machine)
    (step,) = recipe.prepares
    assert step.evaluates
    assert step.argv[1:3] == ("build", "--fetch")
    assert recipe.hermetic
    assert ("ZIG_LOCAL_PKG_DIR", "zig-pkg") in recipe.hermetic.caches
    # but not those that the tree has already
    machine.files["/p/zig-pkg/a/build.zig"] = ""
    assert ZIG.recipe(ZIG_PROJECT, (Target("svc", "svc"),), Wish(AMD64, hermetic=True), "/out", machine).prepares == ()
