"""Go: from what is read and asked to the commands that build."""

from __future__ import annotations

import pytest

from tests.unit.toolchains.kits import GO as GO_TOOL
from tests.unit.toolchains.kits import FakeKit
from whit.packer.image.platform import Platform
from whit.packer.support.errors import NotFoundError, UnsupportedError
from whit.toolchains.go import GO
from whit.toolchains.model import ROOM, Language, Project, Target, Wish

MODULE = Project(Language.GO, "/p", "/p", "p", "go.mod")
AMD64 = Platform("linux", "amd64")
SERVER = Target("server", "m/cmd/server", "./cmd/server")
PLAIN = '{"ImportPath": "net", "Standard": true, "CgoFiles": ["cgo.go"]}\n{"ImportPath": "m/cmd/server"}\n'
SQLITE = PLAIN + '{"ImportPath": "sqlite", "CgoFiles": ["a.go"], "CgoLDFLAGS": ["-lm", "-lpthread"]}\n'


def kit(deps: str = PLAIN, **files: str) -> FakeKit:
    return FakeKit({"/p/go.mod": "module m\ngo 1.22\n", **files}, {"list -e -deps": deps})


def test_programs_are_the_main_packages_named_as_go_names_them() -> None:
    machine = kit()
    machine.answers = {"list": "m\t/p\nm/cmd/server\t/p/cmd/server\nm/v2\t/p/v2\n"}
    assert GO.targets(MODULE, machine) == (
        Target("m", "m", ".", is_main=True),
        SERVER,
        Target("m", "m/v2", "./v2"),
    )
    assert machine.asked[0].argv[-1] == "./..."


def test_a_workspace_s_modules_are_asked_for_by_name() -> None:
    machine = FakeKit({"/p/go.work": "go 1.22\nuse ./a\nuse ./b\n"})
    GO.targets(Project(Language.GO, "/p", "/p", "p", "go.work"), machine)
    assert machine.asked[0].argv[-2:] == ("./a/...", "./b/...")
    assert ("GOWORK", "/p/go.work") in machine.asked[0].env


def test_without_cgo_the_program_is_static_small_and_the_same_everywhere() -> None:
    recipe = GO.recipe(MODULE, (SERVER,), Wish(AMD64), "/out", kit())
    (step,) = recipe.steps
    assert step.argv == (
        "/opt/go/bin/go", "build", "-trimpath", "-buildvcs=false", f"-ldflags=-s -w -buildid= -B {ROOM}",
        "-o", "/out/server", "m/cmd/server",
    )  # fmt: skip
    expected = {
        "CGO_ENABLED": "0", "GOOS": "linux", "GOARCH": "amd64", "GOAMD64": "v1",
        "GOFLAGS": "-mod=readonly", "GOTOOLCHAIN": "local", "GOWORK": "off",
    }  # fmt: skip
    assert expected.items() <= dict(step.env).items()
    assert recipe.programs == (("server", "server"),)
    assert recipe.tools == (GO_TOOL,)


def test_where_a_package_needs_cgo_zig_compiles_for_musl() -> None:
    recipe = GO.recipe(MODULE, (SERVER,), Wish(Platform("linux", "arm64")), "/out", kit(SQLITE))
    (step,) = recipe.steps
    assert dict(step.env)["CC"] == "/opt/zig/zig cc -target aarch64-linux-musl -mcpu=baseline"
    assert f"-ldflags=-s -w -buildid= -B {ROOM} -linkmode external -extldflags -static" in step.argv
    assert "-tags=netgo,osusergo" in step.argv
    assert [tool.name for tool in recipe.tools] == ["go", "zig"]
    assert "C is in sqlite" in recipe.notes[0].reason
    assert recipe.warnings == ()


def test_libraries_of_c_that_musl_doesn_t_have_are_told_before_the_build() -> None:
    deps = SQLITE + '{"ImportPath": "pcap", "CgoFiles": ["a.go"], "CgoLDFLAGS": ["-lpcap"], "CgoPkgConfig": ["gtk"]}'
    (warning,) = GO.recipe(MODULE, (SERVER,), Wish(AMD64), "/out", kit(deps)).warnings
    assert "link with pcap, gtk" in warning


def test_cgo_can_be_forbidden() -> None:
    wish = Wish(AMD64, variables=(("CGO_ENABLED", "0"),))
    assert ("CGO_ENABLED", "0") in GO.recipe(MODULE, (SERVER,), wish, "/out", kit(SQLITE)).steps[0].env


def test_variables_come_into_the_flags() -> None:
    wish = Wish(AMD64, variables=(("LDFLAGS", "-X main.version=1"), ("TAGS", "a,b")))
    argv = GO.recipe(MODULE, (SERVER,), wish, "/out", kit()).steps[0].argv
    assert f"-ldflags=-s -w -buildid= -B {ROOM} -X main.version=1" in argv
    assert "-tags=a,b" in argv


def test_debug_information_is_kept_where_that_is_asked_for() -> None:
    wish = Wish(AMD64, keeps_debug=True)
    assert f"-ldflags=-buildid= -B {ROOM}" in GO.recipe(MODULE, (SERVER,), wish, "/out", kit()).steps[0].argv


@pytest.mark.parametrize(
    ("platform", "expected"),
    [
        (Platform("linux", "arm", "v6"), {"GOARCH": "arm", "GOARM": "6"}),
        (Platform("linux", "amd64", "v3"), {"GOARCH": "amd64", "GOAMD64": "v3"}),
        (Platform("linux", "arm64"), {"GOARCH": "arm64", "GOARM64": "v8.0"}),
        (Platform("linux", "arm64", "v9"), {"GOARCH": "arm64", "GOARM64": "v9.0"}),
        (Platform("wasi", "wasm"), {"GOOS": "wasip1", "GOARCH": "wasm"}),
        (Platform("wasip1", "wasm"), {"GOOS": "wasip1", "GOARCH": "wasm"}),
    ],
)
def test_platforms_in_go_s_words(platform: Platform, expected: dict[str, str]) -> None:
    step = GO.recipe(MODULE, (SERVER,), Wish(platform), "/out", kit()).steps[0]
    assert expected.items() <= dict(step.env).items()


@pytest.mark.parametrize(
    "platform", [Platform("windows", "amd64"), Platform("linux", "sparc64"), Platform("linux", "mips")]
)
def test_a_platform_that_go_has_none_of(platform: Platform) -> None:
    with pytest.raises(UnsupportedError, match="Go builds no program for"):
        GO.recipe(MODULE, (SERVER,), Wish(platform), "/out", kit())


def test_a_module_that_asks_for_a_newer_go_is_told_before_the_build() -> None:
    machine = FakeKit({"/p/go.mod": "module m\ngo 1.99\n"})
    with pytest.raises(UnsupportedError, match=r"go\.mod asks for Go 1\.99, and here is 1\.26\.8"):
        GO.targets(MODULE, machine)
    assert machine.asked == []


@pytest.mark.parametrize(
    ("names", "flags"),
    [(["modules.txt", "example.com/a/a.go"], "-mod=vendor"), (["modules.txt"], "-mod=readonly"), ([], "-mod=readonly")],
)
def test_vendored_modules_are_used_where_they_are_there(names: list[str], flags: str) -> None:
    machine = kit(**{f"/p/vendor/{name}": "" for name in names})
    recipe = GO.recipe(MODULE, (SERVER,), Wish(AMD64), "/out", machine)
    assert ("GOFLAGS", flags) in recipe.steps[0].env
    assert bool(recipe.prepares) is (flags == "-mod=readonly")


def test_a_confined_build_sees_the_modules_and_asks_no_proxy() -> None:
    machine = kit(SQLITE)
    machine.answers["env GOMODCACHE"] = "/home/me/go/pkg/mod\n"
    hermetic = GO.recipe(MODULE, (SERVER,), Wish(AMD64, hermetic=True), "/out", machine).hermetic
    assert hermetic is not None
    assert hermetic.shows == ("/home/me/go/pkg/mod",)
    assert (hermetic.caches, hermetic.shared) == ((("ZIG_GLOBAL_CACHE_DIR", "zig"),), (("GOCACHE", "go"),))
    assert ("GOPROXY", "off") in hermetic.env


def test_without_go() -> None:
    with pytest.raises(NotFoundError, match="go isn't on this machine"):
        GO.targets(MODULE, FakeKit(tools=()))


def test_folders_beside_the_tree_are_found_through_all_that_name_them() -> None:
    machine = FakeKit(
        {
            "/p/go.mod": "replace b => ../b\nreplace c => ./c\n",
            "/b/go.mod": "replace d => /d\n",
            "/d/go.mod": "replace b => ../b\n",
        }
    )
    assert GO.outside(MODULE, machine) == ("/b", "/d")


def test_a_lone_file_is_built_by_itself() -> None:
    project = Project(Language.GO, "/s", "/s", "hello", files=("hello.go",))
    machine = FakeKit()
    targets = GO.targets(project, machine)
    assert [target.name for target in targets] == ["hello"]
    assert GO.recipe(project, targets, Wish(AMD64), "/out", machine).steps[0].argv[-1] == "/s/hello.go"


def test_plugins_can_t_be_loaded_by_a_static_program_and_that_is_told_before() -> None:
    (warning,) = GO.recipe(
        MODULE, (SERVER,), Wish(AMD64), "/out", kit(PLAIN + '{"ImportPath": "plugin", "Standard": true}\n')
    ).warnings
    assert warning.startswith("package plugin loads code while the program runs")
