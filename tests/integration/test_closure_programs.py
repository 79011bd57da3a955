"""Dynamic programs, packed and run by whit: as they run directly, from this machine's libraries or another system's."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.loaders import GLIBC, MUSL, Workshop, loader_says, rpath, runpath, whit_says
from tests.programs.build import build
from whit.packer.executable.analysis import Linkage, Wanted
from whit.packer.executable.file import open_executable
from whit.packer.support.errors import WhitError

if TYPE_CHECKING:
    from tests.conftest import RunWhit

EVERY = 12
"""The corpus (tests/corpus/closure.py) takes all programs of this machine; this is a sample of them."""

SPEAKS = 'extern int puts(const char *); int main(void) { return puts("libraries work") < 0; }'


def sample() -> list[Path]:
    names = sorted(Path("/usr/bin").iterdir())[::EVERY]
    found = []
    for path in names:
        try:
            executable = open_executable(str(path), Wanted())
        except WhitError:
            continue
        loader = executable.analysis.interpreter
        if executable.analysis.linkage is Linkage.DYNAMIC and loader and Path(loader).exists():
            found.append(path)
    return found


@pytest.mark.peer("gcc")
def test_the_closure_of_this_machine_s_programs_is_the_loader_s_own() -> None:
    programs = sample()
    assert len(programs) >= 10
    different = {str(path) for path in programs if whit_says(path) != loader_says(path)}
    assert different == set()


@pytest.mark.root
@pytest.mark.parametrize(
    ("program", "arguments", "stdin"),
    [
        pytest.param("sqlite3", [":memory:", "select 6 * 7, sqlite_version()"], "", marks=pytest.mark.peer("sqlite3")),
        pytest.param("jq", ["-c", ".a[1:]"], '{"a": [1, 2, "drei ü"]}', marks=pytest.mark.peer("jq")),
        pytest.param("git", ["hash-object", "--stdin"], "content\n", marks=pytest.mark.peer("git")),
        pytest.param("curl", ["--silent", "file:///etc/passwd", "--range", "0-3"], "", marks=pytest.mark.peer("curl")),
        pytest.param("bash", ["-c", 'for i in {1..3}; do printf "%s " $((i * i)); done; echo ${BASH_VERSION%%(*}'], ""),
        pytest.param("sed", ["s/a/b/g"], "banana\n"),
        pytest.param("iconv", ["-f", "LATIN1", "-t", "UTF-16LE"], "gr\udcfc\udcdfe"),
        pytest.param("getent", ["services", "https"], ""),
        pytest.param("openssl", ["dgst", "-sha256"], "x", marks=pytest.mark.peer("openssl")),
        pytest.param("xz", ["--stdout", "--check=sha256"], "x" * 1000, marks=pytest.mark.peer("xz")),
    ],
    ids=lambda value: value if isinstance(value, str) and value.isalnum() and len(value) > 1 else "",
)
def test_a_program_gives_the_same_in_its_image_as_directly(
    run_whit: RunWhit, program: str, arguments: list[str], stdin: str
) -> None:
    path = shutil.which(program)
    assert path is not None
    inside = run_whit("run", path, *arguments, stdin=stdin)
    clean = {"PATH": os.environ["PATH"], "HOME": "/nonexistent"}
    directly = subprocess.run(
        [path, *arguments], input=os.fsencode(stdin), env=clean, cwd="/", capture_output=True, check=False
    )
    assert (inside.stderr, inside.returncode) == (os.fsdecode(directly.stderr), directly.returncode)
    assert inside.stdout == directly.stdout.decode(errors="surrogateescape")
    assert directly.returncode == 0


@pytest.fixture(params=[GLIBC, MUSL])
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Workshop:
    return Workshop(tmp_path, request.param)


@pytest.mark.root
@pytest.mark.peer("gcc", "musl-gcc")
@pytest.mark.parametrize("path", ["/app", "/opt/product/bin/app"])
def test_libraries_beside_the_program_stay_beside_it(run_whit: RunWhit, shop: Workshop, path: str) -> None:
    shop.library("lib/deep/libb.so")
    shop.library("lib/liba.so", "libb.so", flags=runpath("$ORIGIN/deep"))
    program = shop.program("bin/app", "liba.so", flags=runpath("$ORIGIN/../lib"), source=SPEAKS)
    packed = run_whit("pack", program, "--path", path, "--json", "-t", "app")
    assert packed.returncode == 0, packed.stderr
    lib = os.path.normpath(f"{path}/../../lib")
    files = {file["path"] for file in json.loads(packed.stdout)["files"]}
    assert {f"{lib}/liba.so", f"{lib}/deep/libb.so"} <= files
    assert run_whit("run", "app").stdout == "libraries work\n"


@pytest.mark.root
@pytest.mark.peer("gcc", "musl-gcc")
def test_libraries_from_anywhere_are_found_again(run_whit: RunWhit, shop: Workshop) -> None:
    shop.library("far/away/libb.so")
    shop.library("one/liba.so", "libb.so", flags=rpath(f"{shop.folder}/far/away"))
    program = shop.program("app", "liba.so", flags=runpath(f"{shop.folder}/one"), source=SPEAKS)
    assert run_whit("run", program).stdout == "libraries work\n"
    files = json.loads(run_whit("pack", program, "--json").stdout)["files"]
    names = {Path(file["path"]).name: file["path"] for file in files}
    assert Path(names["liba.so"]).parent == Path(names["libb.so"]).parent
    assert not names["liba.so"].startswith(str(shop.folder))


@pytest.mark.root
@pytest.mark.peer("gcc")
def test_a_second_name_of_a_library_is_a_link_to_it(run_whit: RunWhit, tmp_path: Path) -> None:
    shop = Workshop(tmp_path)
    shop.library("lib/libx.so.1", soname=None)
    shop.link("lib/libx.so", "libx.so.1")
    program = shop.program("app", "libx.so.1", "libx.so", flags=runpath(str(tmp_path / "lib")), source=SPEAKS)
    files = {file["path"]: file for file in json.loads(run_whit("pack", program, "--json").stdout)["files"]}
    assert files["/lib/x86_64-linux-gnu/libx.so"]["kind"] == "symlink"
    assert run_whit("run", program).stdout == "libraries work\n"


@pytest.mark.root
@pytest.mark.peer("gcc", "musl-gcc")
@pytest.mark.parametrize(("name", "options"), [("hello", {"pie": True}), ("cgo", {"env": (("CGO_ENABLED", "1"),)})])
def test_go_programs_that_name_a_loader(run_whit: RunWhit, name: str, options: dict[str, Any]) -> None:
    program = build(name, "go", **options)
    assert open_executable(str(program), Wanted()).analysis.linkage is Linkage.DYNAMIC
    directly = subprocess.run([program], capture_output=True, text=True, check=True).stdout
    assert run_whit("run", program).stdout == directly


@pytest.mark.root
@pytest.mark.peer("gcc")
def test_a_library_that_changes_or_appears_is_seen_the_next_time(run_whit: RunWhit, tmp_path: Path) -> None:
    shop = Workshop(tmp_path)
    first, second = tmp_path / "first", tmp_path / "second"
    source = "extern int puts(const char *); const char *word(void); int main(void) { return puts(word()) < 0; }"
    _word(second / "libword.so", "second")
    program = shop.program("app", "libword.so", flags=runpath(str(first), str(second)), source=source)
    for _ in range(2):
        assert run_whit("run", program).stdout == "second\n"
    _word(second / "libword.so", "changed")
    assert run_whit("run", program).stdout == "changed\n"
    _word(first / "libword.so", "first")
    for _ in range(2):
        assert run_whit("run", program).stdout == "first\n"


@pytest.mark.root
@pytest.mark.peer("gcc")
def test_more_places_to_look_at_than_a_plan_can_guard_cost_only_the_quick_start(
    run_whit: RunWhit, tmp_path: Path
) -> None:
    shop = Workshop(tmp_path)
    shop.library("libx.so")
    nowhere = (f"/nowhere/{number}" for number in range(1500))
    program = shop.program("app", "libx.so", flags=runpath(*nowhere, str(tmp_path)), source=SPEAKS)
    for _ in range(2):
        assert run_whit("run", program).stdout == "libraries work\n"


def _word(path: Path, word: str) -> None:
    path.parent.mkdir(exist_ok=True)
    line = ["gcc", "-shared", "-nostdlib", "-fPIC", "-o", str(path), "-x", "c", "-"]
    subprocess.run(line, input=f'const char *word(void) {{ return "{word}"; }}'.encode(), check=True)


@pytest.mark.root
@pytest.mark.peer("gcc")
def test_what_is_added_counts_as_being_there_and_brings_its_own_libraries(run_whit: RunWhit, tmp_path: Path) -> None:
    shop = Workshop(tmp_path)
    _word(tmp_path / "here/libword.so", "from below the plug-in")
    plugin = shop.library("plugin.so", "libword.so", flags=runpath(str(tmp_path / "here")))
    source = """
    #include <dlfcn.h>
    #include <stdio.h>
    int main(void) {
        void *plugin = dlopen("/opt/plugins/plugin.so", RTLD_NOW);
        const char *(*word)(void) = plugin ? dlsym(plugin, "word") : 0;
        return puts(word ? word() : dlerror()) < 0;
    }
    """
    program = shop.program("app", source=source)
    assert "can't" not in run_whit("pack", program, "-t", "bare").stderr
    packed = run_whit("pack", program, "--add", f"{plugin}:/opt/plugins/", "-t", "whole")
    assert "needed by /opt/plugins/plugin.so" in packed.stdout
    assert run_whit("run", "whole").stdout == "from below the plug-in\n"
    assert "cannot open" in run_whit("run", "bare").stdout


@pytest.mark.root
@pytest.mark.peer("gcc")
def test_a_missing_library_can_be_added(run_whit: RunWhit, tmp_path: Path) -> None:
    library = Workshop(tmp_path).library("elsewhere/libx.so")
    program = Workshop(tmp_path).program("app", "libx.so", source=SPEAKS)
    assert run_whit("pack", program).returncode == 1
    added = ("--add", f"{library}:/usr/lib/libx.so", "--add", f"{program}:/data/")
    assert run_whit("pack", program, *added, "-t", "app").returncode == 0
    assert run_whit("run", "app").stdout == "libraries work\n"


@pytest.mark.peer("gcc")
def test_the_caller_s_library_path_changes_nothing(run_whit: RunWhit, tmp_path: Path) -> None:
    for folder in ("one", "other"):
        _word(tmp_path / folder / "libword.so", folder)
    program = Workshop(tmp_path).program("app", "libword.so", flags=runpath(str(tmp_path / "one")))
    digests = set()
    for number, environment in enumerate(({}, {"LD_LIBRARY_PATH": str(tmp_path / "other"), "LD_PRELOAD": ""})):
        root = tmp_path / f"root{number}"
        packed = run_whit("pack", program, "--json", root=root, environment=environment)
        digests.add(json.loads(packed.stdout)["digest"])
    assert len(digests) == 1


@pytest.mark.peer("gcc")
def test_what_is_missing_is_named_with_who_needs_it(run_whit: RunWhit, tmp_path: Path) -> None:
    shop = Workshop(tmp_path)
    shop.library("lib/liba.so", "libnothere42.so.7")
    program = shop.program("app", "liba.so", flags=runpath(str(tmp_path / "lib")))
    done = run_whit("pack", program)
    assert done.returncode == 1
    assert "libnothere42.so.7 for liba.so" in done.stderr
    assert "libnothere42-7" in done.stderr
    found = json.loads(run_whit("inspect", "--json", program).stdout)["missing"]
    assert [(lack["what"], lack["needed_by"]) for lack in found] == [("libnothere42.so.7", "liba.so")]


@pytest.mark.peer("gcc")
def test_a_glibc_too_old_is_told_by_the_symbol_s_version(run_whit: RunWhit, tmp_path: Path) -> None:
    old = tmp_path / "old"
    for path in ("lib64/ld-linux-x86-64.so.2", "lib/x86_64-linux-gnu/libc.so.6"):
        (old / path).parent.mkdir(parents=True)
    shutil.copy("/lib64/ld-linux-x86-64.so.2", old / "lib64")
    script = tmp_path / "versions"
    script.write_text("GLIBC_2.2.5 { global: *; };\n")
    line = ["gcc", "-shared", "-nostdlib", "-fPIC", f"-Wl,--version-script={script}", "-Wl,-soname,libc.so.6"]
    subprocess.run([*line, "-o", str(old / "lib/x86_64-linux-gnu/libc.so.6"), "-x", "c", "-"], input=b"", check=True)
    program = Workshop(tmp_path).program("app")
    done = run_whit("pack", "--sysroot", old, program)
    assert done.returncode == 1
    assert "GLIBC_2.34 in /lib/x86_64-linux-gnu/libc.so.6" in done.stderr
    assert "--sysroot" in done.stderr


@pytest.mark.root
@pytest.mark.peer("gcc")
def test_another_system_s_libraries_are_taken_and_none_of_this_one_s(run_whit: RunWhit, tmp_path: Path) -> None:
    shop = Workshop(tmp_path)
    root = tmp_path / "root"
    real = Path("/lib/x86_64-linux-gnu")
    (root / "usr/lib/x86_64-linux-gnu").mkdir(parents=True)
    (root / "lib64").mkdir()
    (root / "lib").symlink_to("/usr/lib")
    shutil.copy("/lib64/ld-linux-x86-64.so.2", root / "lib64")
    shutil.copy(real / "libc.so.6", root / "usr/lib/x86_64-linux-gnu/libc-real.so")
    (root / "usr/lib/x86_64-linux-gnu/libc.so.6").symlink_to("/lib/x86_64-linux-gnu/libc-real.so")
    program = shop.program("app", source=SPEAKS)
    assert run_whit("run", "--sysroot", root, program).stdout == "libraries work\n"
    document = json.loads(run_whit("inspect", "--json", "--sysroot", root, program).stdout)
    assert document["missing"] == []
    with_z = shop.program("with-z", "libz.so.1")
    assert "libz.so.1 for /with-z" in run_whit("pack", "--sysroot", root, with_z).stderr
    assert run_whit("pack", "--sysroot", root / "nowhere", program).returncode == 1


@pytest.mark.peer("gcc")
def test_a_link_on_the_way_that_leads_elsewhere_is_noticed(run_whit: RunWhit, tmp_path: Path) -> None:
    shop = Workshop(tmp_path)
    root = tmp_path / "root"
    for system in ("one", "other"):
        folder = root / system / "x86_64-linux-gnu"
        folder.mkdir(parents=True)
        shutil.copy("/lib/x86_64-linux-gnu/libc.so.6", folder)
        _word(folder / "libword.so", system)
    (root / "lib64").mkdir()
    shutil.copy("/lib64/ld-linux-x86-64.so.2", root / "lib64")
    (root / "lib").symlink_to("one")
    shutil.copy(root / "one/x86_64-linux-gnu/libword.so", tmp_path)
    program = shop.program("app", "libword.so")

    def digest() -> str:
        packed = run_whit("pack", "--sysroot", root, program, "--json")
        return str(json.loads(packed.stdout)["digest"])

    first = digest()
    assert digest() == first
    (root / "lib").unlink()
    (root / "lib").symlink_to("other")
    assert digest() != first


@pytest.mark.peer("qemu-aarch64", "arm64-libraries")
def test_a_foreign_architecture_from_its_own_root(run_whit: RunWhit, tmp_path: Path) -> None:
    """Debian's cross libraries as the root; the image's files start under qemu with nothing else."""
    root = Path("/usr/aarch64-linux-gnu")
    program = tmp_path / "hello"
    source = tmp_path / "hello.c"
    # Without zig's own start-up code and libraries, which it would build for a minute.
    source.write_text('int puts(const char *); void exit(int); void _start(void) { puts("libraries work"); exit(0); }')
    zig = [sys.executable, "-m", "ziglang", "cc", "-target", "aarch64-linux-none", "-O2", "-fno-sanitize=all"]
    link = ["-nostdlib", str(root / "lib/libc.so.6"), "-Wl,--dynamic-linker=/lib/ld-linux-aarch64.so.1"]
    subprocess.run([*zig, "-o", str(program), str(source), *link], check=True)
    image = tmp_path / "image.tar"
    done = run_whit("pack", "--sysroot", root, program, "-o", image)
    assert done.returncode == 0, done.stderr
    with tarfile.open(image) as whole:
        [manifest] = json.loads(_member(whole, "manifest.json"))
        for layer in manifest["Layers"]:
            with tarfile.open(fileobj=io.BytesIO(_member(whole, layer))) as files:
                files.extractall(tmp_path / "files", filter="fully_trusted")
    run = subprocess.run(
        ["qemu-aarch64", "-L", tmp_path / "files", tmp_path / "files/hello"], capture_output=True, text=True, check=True
    )
    assert run.stdout == "libraries work\n"


def _member(archive: tarfile.TarFile, name: str) -> bytes:
    file = archive.extractfile(name)
    assert file is not None
    return file.read()
