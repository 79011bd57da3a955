"""C: which programs build files name, and the commands that build them with zig cc."""

from __future__ import annotations

import pytest

from tests.unit.toolchains.kits import ZIG, FakeKit
from whit.packer.image.platform import Platform
from whit.packer.support.errors import UnsupportedError
from whit.toolchains import cprograms
from whit.toolchains.c import C_CHAIN
from whit.toolchains.model import Language, Project, Target, Tool, Wish

NAMES = ("make", "cmake", "meson", "ninja")
MAKE, CMAKE, MESON, NINJA = (Tool(name, f"/usr/bin/{name}", "1", "/usr/bin") for name in NAMES)
AMD64 = Platform("linux", "amd64")
PROGRAM = Target("p", "p", is_main=True)


def project(manifest: str = "", *files: str) -> Project:
    return Project(Language.C, "/p", "/p", "p", manifest, files)


def kit(**files: str) -> FakeKit:
    return FakeKit({f"/p/{name}": text for name, text in files.items()}, tools=(ZIG, MAKE, CMAKE, MESON, NINJA))


def test_cmake_names_programs_in_all_its_folders_and_through_variables() -> None:
    files = {
        "/p/CMakeLists.txt": "project(svc C)\nset(TOOL helper)\nadd_executable(${PROJECT_NAME} a.c)\nadd_subdirectory(x)\n",
        "/p/x/CMakeLists.txt": "ADD_EXECUTABLE(${TOOL} b.c) # add_executable(no c.c)\nadd_executable(e IMPORTED)\n",
    }
    assert cprograms.of_cmake(files.get, "/p") == {"svc": "svc", "helper": "helper"}


def test_a_program_of_cmake_s_is_called_what_its_properties_say() -> None:
    text = (
        'set(P "svc_exe")\nadd_executable(${P} a.c)\nset_target_properties(${P} PROPERTIES\n OUTPUT_NAME "svc" X 1)\n'
    )
    machine = kit(**{"CMakeLists.txt": text})
    assert C_CHAIN.targets(project("CMakeLists.txt"), machine) == (Target("svc", "svc_exe"),)
    steps = C_CHAIN.recipe(project("CMakeLists.txt"), (Target("svc", "svc_exe"),), Wish(AMD64), "/out", machine).steps
    assert steps[1].argv[-2:] == ("--target", "svc_exe")


def test_folders_of_cmake_that_name_each_other_are_read_once() -> None:
    assert cprograms.of_cmake({"/p/CMakeLists.txt": "add_subdirectory(.)"}.get, "/p") == {}


def test_meson_names_programs() -> None:
    files = {"/p/meson.build": "executable('svc', 'a.c')\nsubdir('x')", "/p/x/meson.build": "executable(\n 'b', 'b.c')"}
    assert cprograms.of_meson(files.get, "/p") == ("svc", "b")


def test_automake_lists_programs() -> None:
    files = {"/p/src/Makefile.am": "bin_PROGRAMS = a \\\n  b\nsbin_PROGRAMS = $(X) c\n"}
    assert cprograms.of_automake(files.get, "/p") == ("a", "b", "c")


@pytest.mark.parametrize(
    ("plan", "programs"),
    [
        ("cc -c -o a.o a.c\ncc -o prog a.o -lm", ("prog",)),
        ("gcc-12 -O2 a.c \\\n -o bin/prog", ("bin/prog",)),
        ("mkdir -p x && /usr/bin/x86_64-linux-gnu-gcc a.o -ox/prog; strip x/prog", ("x/prog",)),
        ("cc -shared -o lib.so a.o\ncc -o libx.so.1 a.o\nar rcs l.a a.o\nsort -o out in", ()),
        ("CFLAGS=x ccache cc a.c -o ./p", ("p",)),
        ("cc 'unclosed -o p", ()),
        ("cc a.c -o /usr/local/bin/p", ()),
    ],
)
def test_make_is_asked_what_it_would_link(plan: str, programs: tuple[str, ...]) -> None:
    assert cprograms.of_make(plan) == programs


def test_a_makefile_s_programs_come_from_its_plan() -> None:
    machine = kit(Makefile="")
    machine.answers = {"--dry-run": "cc -o p a.c\ncc -o tools/q b.c"}
    assert C_CHAIN.targets(project("Makefile"), machine) == (PROGRAM, Target("q", "tools/q", "./tools"))


def test_lone_files_are_one_program_small_and_static() -> None:
    recipe = C_CHAIN.recipe(project("", "a.c", "b.c"), (PROGRAM,), Wish(AMD64), "/out", kit())
    (step,) = recipe.steps
    assert step.argv == ("/out/tools/cc", "-Os", "a.c", "b.c", "-o", "/out/p", "-lm")
    assert recipe.programs == (("p", "p"),)
    assert recipe.strips
    assert "static: musl is linked in" in recipe.notes[0].reason


def test_a_file_whose_name_looks_like_an_option_is_a_file_to_the_compiler() -> None:
    names = ("-MJa.c", "-Wp,-MD,a.c", "@rsp.c", "a.c")
    words = C_CHAIN.recipe(project("", *names), (PROGRAM,), Wish(AMD64), "/out", kit()).steps[0].argv
    assert words[2:6] == ("./-MJa.c", "./-Wp,-MD,a.c", "./@rsp.c", "a.c")


def test_the_compiler_goes_by_every_name_and_leaves_out_what_fits_one_machine_alone() -> None:
    recipe = C_CHAIN.recipe(project("", "a.c"), (PROGRAM,), Wish(Platform("linux", "arm64")), "/out", kit())
    scripts = {file.path: file.data.decode() for file in recipe.files}
    assert {"tools/cc", "tools/gcc", "tools/clang", "tools/c++", "tools/g++", "tools/ar", "tools/ranlib"} <= set(
        scripts
    )
    assert "-target aarch64-linux-musl" in scripts["tools/gcc"]
    assert "-march=native|-mtune=native" in scripts["tools/gcc"]
    assert "--target=*" in scripts["tools/gcc"]
    assert "-ffile-prefix-map=/p=." in scripts["tools/gcc"]
    assert all(file.is_executable for file in recipe.files if not file.path.endswith(".c"))


@pytest.mark.parametrize("manifest", ["Makefile", "configure", "meson.build", "CMakeLists.txt"])
def test_helpers_that_a_build_executes_are_compiled_for_this_machine(manifest: str) -> None:
    recipe = C_CHAIN.recipe(project(manifest), (PROGRAM,), Wish(Platform("linux", "arm64")), "/out", kit())
    scripts = {file.path: file.data.decode() for file in recipe.files}
    step = recipe.steps[-1]
    for name in ("CC_FOR_BUILD", "BUILD_CC", "HOSTCC"):
        assert dict(step.env)[name] == "/out/tools/native-cc"
        assert (f"{name}=/out/tools/native-cc" in step.argv) == (manifest == "Makefile")
    assert dict(step.env)["CXX_FOR_BUILD"] == "/out/tools/native-c++"
    assert "aarch64" not in scripts["tools/native-cc"]
    assert "-target native-native-musl" in scripts["tools/native-cc"]


def test_make_works_on_a_copy_without_another_compiler_s_objects() -> None:
    recipe = C_CHAIN.recipe(project("Makefile"), (PROGRAM,), Wish(AMD64), "/out", kit())
    copied, cleaned, made = (step.argv for step in recipe.steps)
    assert copied == ("cp", "-a", "/p/.", "/out/src")
    assert "-delete" in cleaned
    assert made[:4] == ("/usr/bin/make", "-j2", "-f", "Makefile")
    assert "CC=/out/tools/cc" in made
    assert recipe.programs == (("p", "src/**/p"),)
    assert dict(recipe.steps[2].env)["PATH"].startswith("/out/tools:")


def test_configure_is_told_the_host_and_that_nothing_is_shared() -> None:
    steps = C_CHAIN.recipe(project("configure"), (PROGRAM,), Wish(AMD64), "/out", kit()).steps
    assert steps[2].argv[:5] == ("sh", "./configure", "--host=x86_64-linux-musl", "--disable-shared", "--enable-static")


def test_cmake_has_a_folder_of_its_own_and_finds_no_library_of_this_machine() -> None:
    recipe = C_CHAIN.recipe(project("CMakeLists.txt"), (PROGRAM,), Wish(AMD64), "/out", kit())
    configured, built = (step.argv for step in recipe.steps)
    assert configured[:5] == ("/usr/bin/cmake", "-S", "/p", "-B", "/out/build")
    assert "-DCMAKE_FIND_ROOT_PATH_MODE_LIBRARY=ONLY" in configured
    assert built[-2:] == ("--target", "p")


def test_meson_is_given_a_cross_file() -> None:
    recipe = C_CHAIN.recipe(project("meson.build"), (PROGRAM,), Wish(Platform("linux", "s390x")), "/out", kit())
    cross = next(file.data.decode() for file in recipe.files if file.path == "cross.ini")
    assert "c = '/out/tools/cc'" in cross
    assert "endian = 'big'" in cross
    assert all(dict(step.env)["NINJA"] == "/usr/bin/ninja" for step in recipe.steps)
    assert recipe.steps[2].argv[-1] == "p:executable", "a library may be called the same"


def test_further_words_are_split_as_a_shell_splits_them() -> None:
    wish = Wish(AMD64, variables=(("OPTIONS", "'CFLAGS=-O2 -DX' V=1"),))
    assert C_CHAIN.recipe(project("Makefile"), (PROGRAM,), wish, "/out", kit()).steps[2].argv[-2:] == (
        "CFLAGS=-O2 -DX",
        "V=1",
    )


def test_a_platform_that_there_is_no_c_for() -> None:
    with pytest.raises(UnsupportedError, match="Zig builds no program for linux/sparc64"):
        C_CHAIN.recipe(project("", "a.c"), (PROGRAM,), Wish(Platform("linux", "sparc64")), "/out", kit())


def test_cmake_s_loops_over_words_are_programs_each() -> None:
    files = {
        "/p/CMakeLists.txt": "foreach(tool IN ITEMS one two)\n  add_executable(${tool}-x ${tool}.c)\nendforeach()\n"
    }
    assert cprograms.of_cmake(files.get, "/p") == {"one-x": "one-x", "two-x": "two-x"}


LIBRARIES: dict[str, tuple[str, tuple[str, ...]]] = {
    "CMakeLists.txt": (
        "find_package(ZLIB REQUIRED)\nfind_package(Threads)\n# find_package(No)\npkg_check_modules(X REQUIRED libcurl>=7 libuv)\n",
        ("ZLIB", "libcurl", "libuv"),
    ),
    "meson.build": ("dependency('zlib')\ndependency('threads')\n", ("zlib",)),
    "configure": ("PKG_CHECK_MODULES([GLIB], [glib-2.0 >= 2.4])\nAC_CHECK_LIB([z], [inflate])\n", ("glib-2.0", "z")),
    "Makefile": ("L := $(shell pkg-config --libs zlib libpng)\np: a.c\n\tcc -o p a.c -lm -lz -pthread --long\n", ("zlib", "libpng", "z")),
}  # fmt: skip


@pytest.mark.parametrize("manifest", LIBRARIES)
def test_libraries_of_c_that_a_build_asks_for_are_told_before_it_begins(manifest: str) -> None:
    text, wanted = LIBRARIES[manifest]
    files = {"configure.ac" if manifest == "configure" else manifest: text}
    recipe = C_CHAIN.recipe(project(manifest), (PROGRAM,), Wish(AMD64), "/out", kit(**files))
    (warning,) = recipe.warnings
    assert warning.startswith(f"it asks for {', '.join(wanted)}: a static form for musl must be in the tree")


def test_lone_files_that_load_code_while_they_run_are_told_of() -> None:
    machine = kit(**{"a.c": "void *h = dlopen (name, 1);"})
    wish = Wish(AMD64, variables=(("LIBS", "-lm -lz"),))
    asked, loads = C_CHAIN.recipe(project("", "a.c"), (PROGRAM,), wish, "/out", machine).warnings
    assert asked.startswith("it asks for z:")
    assert loads.startswith("dlopen loads code")


@pytest.mark.parametrize(
    ("variant", "words"),
    [
        ("v5", "-target arm-linux-musleabi -mcpu=arm926ej_s"),
        ("v6", "-target arm-linux-musleabihf -mcpu=arm1176jzf_s"),
        ("v7", "-target arm-linux-musleabihf -mcpu=baseline"),
    ],
)
def test_older_arms_have_programs_that_they_can_run(variant: str, words: str) -> None:
    """Given linux/arm/v6, when C is compiled, then not for what Zig takes for the least ARM, which is v7."""
    recipe = C_CHAIN.recipe(project("", "a.c"), (PROGRAM,), Wish(Platform("linux", "arm", variant)), "/out", kit())
    (cc,) = (file.data.decode() for file in recipe.files if file.path == "tools/cc")
    assert words in cc
