"""The order in which libraries are sought: cases built from source, each compared with the real loader's own answer."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.loaders import GLIBC, MUSL, NOT_FOUND, Workshop, loader_says, rpath, runpath, whit_says

pytestmark = pytest.mark.peer("gcc", "musl-gcc")

X86_64_FOREIGN = b"\xb7\x00"
"""e_machine of aarch64."""


@pytest.fixture(params=[GLIBC, MUSL])
def both(request: pytest.FixtureRequest, tmp_path: Path) -> Workshop:
    """Cases in which the two loaders may differ, and each is asked."""
    return Workshop(tmp_path, request.param)


@pytest.fixture
def glibc(tmp_path: Path) -> Workshop:
    return Workshop(tmp_path)


@pytest.fixture
def musl(tmp_path: Path) -> Workshop:
    return Workshop(tmp_path, MUSL)


def agreed(program: Path, **environment: str) -> dict[str, str]:
    """What both say; the paths of libraries below the program's folder are shown relative to it."""
    folders = tuple(filter(None, environment.get("LD_LIBRARY_PATH", "").split(":")))
    real, ours = loader_says(program, **environment), whit_says(program, environment=folders)
    assert ours == real
    root = f"{program.parent}/"
    return {name: path.removeprefix(root) for name, path in ours.items() if not name.startswith("libc.")}


def test_what_is_nearest_to_the_program_comes_first(both: Workshop) -> None:
    """Breadth first: the program's own liba needs libc2, which is loaded for the program before liba's is sought."""
    both.library("one/libx.so")
    both.library("two/libx.so")
    both.library("one/liba.so", "libx.so", flags=runpath(f"{both.folder}/one"))
    program = both.program("app", "liba.so", "libx.so", flags=runpath(f"{both.folder}/two", f"{both.folder}/one"))
    assert agreed(program) == {"liba.so": "one/liba.so", "libx.so": "two/libx.so"}


def test_runpath_is_for_its_own_object_with_glibc_and_for_all_below_with_musl(both: Workshop) -> None:
    both.library("lib/libb.so")
    both.library("lib/liba.so", "libb.so")
    program = both.program("app", "liba.so", flags=runpath(f"{both.folder}/lib"))
    expected = NOT_FOUND if both.compiler == GLIBC else "lib/libb.so"
    assert agreed(program) == {"liba.so": "lib/liba.so", "libb.so": expected}


def test_rpath_is_inherited(both: Workshop) -> None:
    both.library("lib/libb.so")
    both.library("lib/liba.so", "libb.so")
    program = both.program("app", "liba.so", flags=rpath(f"{both.folder}/lib"))
    assert agreed(program) == {"liba.so": "lib/liba.so", "libb.so": "lib/libb.so"}


def test_rpath_is_inherited_from_the_one_that_asked_before_the_program(both: Workshop) -> None:
    for folder in ("own", "main"):
        both.library(f"{folder}/libc2.so")
    both.library("main/libb.so", "libc2.so")
    both.library("main/liba.so", "libb.so", flags=rpath(f"{both.folder}/own"))
    program = both.program("app", "liba.so", flags=rpath(f"{both.folder}/main"))
    assert agreed(program)["libc2.so"] == "own/libc2.so"


def test_an_object_with_runpath_doesn_t_inherit_rpath_with_glibc(both: Workshop) -> None:
    both.library("main/libb.so")
    both.library("main/liba.so", "libb.so", flags=runpath(f"{both.folder}/nowhere"))
    program = both.program("app", "liba.so", flags=rpath(f"{both.folder}/main"))
    assert agreed(program)["libb.so"] == (NOT_FOUND if both.compiler == GLIBC else "main/libb.so")


def test_of_two_files_the_first_folder_s_is_taken(both: Workshop) -> None:
    both.library("b/libx.so")
    both.library("a/libx.so")
    program = both.program("app", "libx.so", flags=runpath(f"{both.folder}/b", f"{both.folder}/a"))
    assert agreed(program) == {"libx.so": "b/libx.so"}


@pytest.mark.parametrize("token", ["$ORIGIN/lib", "${ORIGIN}/lib", "$ORIGIN/nowhere/../lib", "$ORIGIN/./lib//"])
def test_origin_is_the_folder_of_the_object_that_says_it(both: Workshop, token: str) -> None:
    for folder in ("nowhere", "lib/sub/nowhere"):
        (both.folder / folder).mkdir(parents=True)
    both.library("lib/sub/lib/libb.so")
    both.library("lib/sub/liba.so", "libb.so", flags=runpath(token))
    both.library("lib/libtop.so", "liba.so", flags=runpath("$ORIGIN/sub"))
    program = both.program("app", "libtop.so", flags=runpath(token))
    found = {name: os.path.normpath(path) for name, path in agreed(program).items()}
    assert found["libb.so"].endswith("lib/sub/lib/libb.so")


def test_a_token_that_isn_t_one_is_a_name(both: Workshop) -> None:
    """musl drops a whole path that has another ``$``; glibc takes what is no token as it stands."""
    both.library("$OTHER/libx.so")
    both.library("lib/libx.so")
    program = both.program("app", "libx.so", flags=runpath(f"{both.folder}/$OTHER", f"{both.folder}/lib"))
    assert agreed(program)["libx.so"] == ("$OTHER/libx.so" if both.compiler == GLIBC else NOT_FOUND)


def test_lib_is_the_default_directory_s_name(glibc: Workshop) -> None:
    glibc.library("lib/x86_64-linux-gnu/libx.so")
    program = glibc.program("app", "libx.so", flags=runpath("$ORIGIN/$LIB"))
    assert agreed(program) == {"libx.so": "lib/x86_64-linux-gnu/libx.so"}


def test_platform_is_the_architecture(glibc: Workshop) -> None:
    """On newer processors of Intel's the loader says haswell or xeon_phi: an image is the same wherever it is made."""
    glibc.library("x86_64/libx.so")
    program = glibc.program("app", "libx.so", flags=runpath("$ORIGIN/${PLATFORM}"))
    ours = whit_says(program)
    assert ours["libx.so"] == f"{glibc.folder}/x86_64/libx.so"
    assert loader_says(program)["libx.so"] in {ours["libx.so"], NOT_FOUND}


def test_a_name_is_sought_among_sonames_first_with_glibc(both: Workshop) -> None:
    both.library("lib/libreal.so.1", soname="libother.so")
    both.library("lib/libother.so")
    program = both.program("app", "libreal.so.1", "libother.so", flags=runpath(f"{both.folder}/lib"))
    expected = {"libreal.so.1": "lib/libreal.so.1"}
    assert agreed(program) == (expected if both.compiler == GLIBC else {**expected, "libother.so": "lib/libother.so"})


def test_two_names_of_one_file_are_one_object(both: Workshop) -> None:
    both.library("lib/libx.so.1.2", soname=None)
    both.link("lib/libx.so.1", "libx.so.1.2")
    both.link("lib/libx.so", "libx.so.1.2")
    program = both.program("app", "libx.so.1", "libx.so", flags=runpath(f"{both.folder}/lib"))
    assert whit_says(program)["libx.so.1"] == f"{both.folder}/lib/libx.so.1"
    assert agreed(program).keys() >= {"libx.so.1"}


def test_a_file_for_another_machine_is_passed_over_by_glibc_and_ends_musl_s_search(both: Workshop) -> None:
    foreign = both.library("foreign/libx.so")
    both.library("lib/libx.so")
    data = bytearray(foreign.read_bytes())
    if both.compiler == GLIBC:
        data[18:20] = X86_64_FOREIGN
    else:
        data[16:18] = b"\x01\x00"  # an object file: musl doesn't look at the machine, and would crash
    foreign.write_bytes(data)
    program = both.program("app", "libx.so", flags=runpath(f"{both.folder}/foreign", f"{both.folder}/lib"))
    assert agreed(program)["libx.so"] == ("lib/libx.so" if both.compiler == GLIBC else NOT_FOUND)


def test_a_folder_of_the_name_and_a_link_to_nowhere_are_no_libraries(glibc: Workshop) -> None:
    glibc.link("one/libx.so", "nowhere")
    glibc.library("two/libx.so")
    program = glibc.program("app", "libx.so", flags=runpath(f"{glibc.folder}/one", f"{glibc.folder}/two"))
    assert agreed(program) == {"libx.so": "two/libx.so"}


def test_a_name_with_a_slash_is_a_path(both: Workshop) -> None:
    library = both.library("deep/libx.so")
    both.library("lib/libx.so")
    program = both.program("app", str(library), flags=runpath(f"{both.folder}/lib"))
    assert agreed(program) == {str(library): "deep/libx.so"}


def test_a_library_loaded_by_path_answers_to_its_soname_with_glibc_only(both: Workshop) -> None:
    library = both.library("deep/libx.so")
    both.library("lib/libx.so")
    program = both.program("app", str(library), "libx.so", flags=runpath(f"{both.folder}/lib"))
    expected = {str(library): "deep/libx.so"}
    assert agreed(program) == (expected if both.compiler == GLIBC else {**expected, "libx.so": "lib/libx.so"})


def test_origin_in_a_needed_name_is_replaced_by_glibc(glibc: Workshop) -> None:
    glibc.library("deep/libx.so")
    program = glibc.program("app", "$ORIGIN/deep/libx.so")
    assert list(agreed(program).values()) == ["deep/libx.so"]


def test_no_default_directories_where_the_object_forbids_them(glibc: Workshop) -> None:
    (glibc.folder / "lib").mkdir()
    (glibc.folder / "lib" / "libc.so.6").write_bytes(Path("/lib/x86_64-linux-gnu/libc.so.6").read_bytes())
    program = glibc.program("app", "libz.so.1", flags=("-Wl,-z,nodefaultlib", *runpath(f"{glibc.folder}/lib")))
    assert agreed(program)["libz.so.1"] == NOT_FOUND


def test_the_environment_comes_after_rpath_and_before_runpath(glibc: Workshop) -> None:
    for folder in ("env", "path"):
        glibc.library(f"{folder}/libx.so")
    env = f"{glibc.folder}/env"
    by_rpath = glibc.program("app", "libx.so", flags=rpath(f"{glibc.folder}/path"))
    by_runpath = glibc.program("app2", "libx.so", flags=runpath(f"{glibc.folder}/path"))
    assert agreed(by_rpath, LD_LIBRARY_PATH=env) == {"libx.so": "path/libx.so"}
    assert agreed(by_runpath, LD_LIBRARY_PATH=env) == {"libx.so": "env/libx.so"}


def test_the_environment_comes_first_with_musl(musl: Workshop) -> None:
    for folder in ("env", "path"):
        musl.library(f"{folder}/libx.so")
    program = musl.program("app", "libx.so", flags=rpath(f"{musl.folder}/path"))
    assert agreed(program, LD_LIBRARY_PATH=f"{musl.folder}/env") == {"libx.so": "env/libx.so"}


def test_variants_for_newer_processors_are_left_aside(glibc: Workshop) -> None:
    glibc.library("lib/glibc-hwcaps/x86-64-v2/libx.so")
    glibc.library("lib/libx.so")
    program = glibc.program("app", "libx.so", flags=runpath(f"{glibc.folder}/lib"))
    assert agreed(program) == {"libx.so": "lib/libx.so"}


def test_a_library_that_there_is_only_for_newer_processors_is_taken(glibc: Workshop) -> None:
    glibc.library("lib/glibc-hwcaps/x86-64-v3/libx.so")
    glibc.library("lib/glibc-hwcaps/x86-64-v2/libx.so")
    program = glibc.program("app", "libx.so", flags=runpath(f"{glibc.folder}/lib"))
    assert whit_says(program)["libx.so"] == f"{glibc.folder}/lib/glibc-hwcaps/x86-64-v2/libx.so"


def test_parts_of_libc_are_musl_s_loader_itself(musl: Workshop) -> None:
    program = musl.program("app", "libpthread.so.0", "libm.so.6", "libdl.so.2", "libcrypt.so.1")
    assert agreed(program) == {"libcrypt.so.1": NOT_FOUND}


def test_an_auxiliary_filter_loads_what_it_stands_for(glibc: Workshop) -> None:
    glibc.library("lib/libreal.so")
    glibc.library("lib/libfront.so", flags=("-Wl,-f,libreal.so", "-Wl,-f,libnone.so", *runpath("$ORIGIN")))
    program = glibc.program("app", "libfront.so", flags=runpath(f"{glibc.folder}/lib"))
    assert agreed(program) == {"libfront.so": "lib/libfront.so", "libreal.so": "lib/libreal.so"}


def test_a_program_behind_a_link_has_its_own_folder_as_origin(glibc: Workshop) -> None:
    glibc.library("real/libx.so")
    program = glibc.program("real/app", "libx.so", flags=runpath("$ORIGIN"))
    link = glibc.link("elsewhere/app", program)
    assert whit_says(link) == loader_says(link)
    assert whit_says(link)["libx.so"] == f"{glibc.folder}/real/libx.so"


def test_libraries_that_need_each_other_end(both: Workshop) -> None:
    both.library("lib/liba.so", "libb.so", flags=rpath("$ORIGIN"))
    both.library("lib/libb.so", "liba.so", flags=rpath("$ORIGIN"))
    program = both.program("app", "liba.so", flags=rpath(f"{both.folder}/lib"))
    assert agreed(program) == {"liba.so": "lib/liba.so", "libb.so": "lib/libb.so"}


def test_the_cache_knows_folders_that_nothing_else_names(glibc: Workshop) -> None:
    """The machine's own cache: a library that it has, in whichever folder."""
    program = glibc.program("app", "libz.so.1", "libcrypt.so.1")
    assert agreed(program)["libz.so.1"].endswith("/libz.so.1")
