"""What a dynamic program needs beyond what its loader loads at the start, and how its imports decide its needs."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.loaders import Workshop
from tests.unit.packer.analyses import host as machine
from whit.packer.executable.file import open_executable
from whit.packer.needs import WANTED
from whit.packer.needs.model import Grade, Verdict
from whit.packer.resolution.choices import Choices
from whit.packer.resolution.resolve import resolve_executable
from whit.packer.resolution.sources import HERE
from whit.packer.store.filetree import HostTree

if TYPE_CHECKING:
    from pathlib import Path

    from whit.packer.needs.model import Need
    from whit.packer.resolution.model import Resolution

pytestmark = pytest.mark.peer("gcc")

CALLS = """
#define _GNU_SOURCE
{includes}
int main(int argc, char **argv) {{ if (argc > 99) {{ {call}; }} return 0; }}
"""
LIBRARY_CALLS = {
    "users": ("#include <pwd.h>", "getpwnam(argv[0])"),
    "dns": ("#include <netdb.h>", "getaddrinfo(argv[0], 0, 0, 0)"),
    "gconv": ("#include <iconv.h>", "iconv_open(argv[0], argv[1])"),
    "locale": ("#include <locale.h>", "setlocale(LC_ALL, argv[0])"),
    "threads": ("#include <pthread.h>", "pthread_exit(0)"),
    "time": ("#include <time.h>", "localtime(0)"),
    "dlopen": ("#include <dlfcn.h>", "dlopen(argv[0], RTLD_NOW)"),
}


@pytest.fixture
def shop(tmp_path: Path) -> Workshop:
    return Workshop(tmp_path)


def calling(shop: Workshop, need: str) -> Path:
    includes, call = LIBRARY_CALLS[need]
    return shop.program(need, source=CALLS.format(includes=includes, call=call), flags=("-pthread",))


def resolved(program: Path, choices: Choices | None = None) -> Resolution:
    return resolve_executable(open_executable(str(program), WANTED), choices or Choices(), host=HERE)


def need(resolution: Resolution, name: str) -> Need:
    return next(found for found in resolution.needs if found.name == name)


def sonames(resolution: Resolution) -> set[str]:
    return {library.soname for library in resolution.libraries}


def test_what_the_program_imports_it_calls(shop: Workshop) -> None:
    found = resolved(calling(shop, "users"))
    assert (need(found, "users").verdict, need(found, "users").grade) == (Verdict.NEEDED, Grade.CALLED)
    assert "/etc/nsswitch.conf" in {file.path for file in found.files}
    assert need(resolved(calling(shop, "dns")), "dns").verdict is Verdict.NEEDED
    nothing = resolved(shop.program("nothing"))
    assert {name for name in ("users", "dns", "gconv") if need(nothing, name).verdict is not Verdict.NOT} == set()
    assert "/etc/nsswitch.conf" not in {file.path for file in nothing.files}


def test_what_only_a_library_imports_is_maybe_and_says_which(shop: Workshop) -> None:
    line = ["gcc", "-shared", "-fPIC", "-o", str(shop.folder / "libaccounts.so"), "-x", "c", "-"]
    source = b'#include <pwd.h>\nchar *who(void) { return getpwnam("x")->pw_dir; }'
    subprocess.run(line, input=source, check=True)
    program = shop.program("app", "libaccounts.so", flags=("-Wl,-rpath,$ORIGIN",))
    found = need(resolved(program), "users")
    assert found.verdict is Verdict.MAYBE
    assert "libaccounts.so" in found.reason
    assert [fact.detail for fact in found.evidence] == ["getpwnam by libaccounts.so"]


def test_a_tls_library_s_client_code_asks_for_certificates(shop: Workshop) -> None:
    line = ["gcc", "-shared", "-fPIC", "-o", str(shop.folder / "libclient.so"), "-x", "c", "-"]
    subprocess.run(
        line,
        input=b"int SSL_CTX_set_default_verify_paths(void *); int f(void) { return SSL_CTX_set_default_verify_paths(0); }",
        check=True,
    )
    program = shop.program("app", "libclient.so", flags=("-Wl,-rpath,$ORIGIN",))
    found = resolved(program)
    assert need(found, "ca").verdict is Verdict.NEEDED
    assert "libclient.so" in need(found, "ca").reason


def test_a_thread_that_may_end_early_brings_libgcc(shop: Workshop) -> None:
    found = resolved(calling(shop, "threads"))
    assert "libgcc_s.so.1" in sonames(found)
    [file] = [file for file in found.files if file.path.endswith("/libgcc_s.so.1")]
    assert "when a thread ends early" in file.reasons[0]
    assert "libgcc_s.so.1" not in sonames(resolved(shop.program("nothing")))


def test_iconv_brings_the_most_used_converters_unless_a_person_says_no(shop: Workshop) -> None:
    program = calling(shop, "gconv")
    found = resolved(program)
    names = {file.path.rpartition("/")[2] for file in found.files if file.need == "gconv"}
    if HostTree().file("/usr/lib/x86_64-linux-gnu/gconv/gconv-modules.cache") is None:
        assert names == set()
        return
    assert {"gconv-modules.cache", "UTF-16.so", "ISO8859-1.so"} <= names
    assert sum(file.size for file in found.files if file.need == "gconv") < 400_000
    without = resolved(program, Choices(needs=(("gconv", False),)))
    assert not [file for file in without.files if file.need == "gconv"]


def test_local_time_is_known_by_the_import_and_gives_no_file(shop: Workshop) -> None:
    found = resolved(calling(shop, "time"))
    assert {need(found, name).verdict for name in ("zones", "localtime")} == {Verdict.MAYBE}
    assert not [file for file in found.files if "zoneinfo" in file.path]
    given = resolved(calling(shop, "time"), Choices(needs=(("zones", True),)))
    assert [file for file in given.files if "zoneinfo" in file.path]


def test_a_locale_costs_more_than_it_is_worth_unasked(shop: Workshop) -> None:
    found = need(resolved(calling(shop, "locale")), "locale")
    assert found.verdict is Verdict.MAYBE
    assert "LANG" in found.reason


def test_a_program_that_names_c_utf8_gets_it(shop: Workshop) -> None:
    """tmux, for one, ends without a UTF-8 locale."""
    source = '#include <locale.h>\nint main(void) { return !setlocale(LC_ALL, "C.UTF-8"); }'
    program = shop.program("unicode", source=source)
    found = resolved(program)
    assert need(found, "locale").verdict is Verdict.NEEDED
    if HostTree().file("/usr/lib/locale/C.utf8/LC_CTYPE") is None:
        return
    files = {file.path for file in found.files if file.need == "locale"}
    assert {"/usr/lib/locale/C.utf8/LC_CTYPE", "/usr/lib/locale/C.utf8/LC_MESSAGES/SYS_LC_MESSAGES"} <= files
    without = resolved(program, Choices(needs=(("locale", False),)))
    assert not [file for file in without.files if file.need == "locale"]


def noted(shop: Workshop, *entries: dict[str, object]) -> Path:
    """A program with a ``.note.dlopen`` section (systemd, "ELF dlopen metadata")."""
    text = json.dumps(list(entries)).encode() + b"\0"
    text += bytes(-len(text) % 4)
    source = f"""
    __attribute__((section(".note.dlopen"), used, aligned(4)))
    static const struct {{ unsigned sizes[2], type; char owner[4]; unsigned char text[{len(text)}]; }} note =
        {{ {{ 4, {len(text)} }}, 0x407c0c0a, "FDO", {{ {", ".join(map(str, text))} }} }};
    int main(void) {{ return 0; }}
    """
    return shop.program("noted", source=source)


def test_a_required_note_s_library_is_there_and_another_s_is_advice(shop: Workshop) -> None:
    program = noted(
        shop,
        {"soname": ["libnone.so.9", "libz.so.1"], "priority": "required", "description": "compression"},
        {"soname": ["liblzma.so.5"], "priority": "recommended", "feature": "xz"},
        {"soname": ["libbz2.so.1.0"], "priority": "suggested"},
    )
    found = resolved(program)
    assert "libz.so.1" in sonames(found)
    assert not {"liblzma.so.5", "libbz2.so.1.0"} & sonames(found)
    told = [advice.text for advice in found.advice if advice.about == "dlopen"]
    assert any("liblzma.so.5 (xz), recommended" in text for text in told)
    assert any("libbz2.so.1.0" in text for text in told)


def test_a_required_note_s_library_that_is_missing_keeps_the_program_from_starting(shop: Workshop) -> None:
    [lack] = resolved(noted(shop, {"soname": ["libnone.so.9"], "priority": "required"})).missing
    assert lack.what == "libnone.so.9"
    assert ".note.dlopen" in lack.cure


def test_a_program_that_loads_libraries_by_itself_is_told_of(shop: Workshop) -> None:
    found = resolved(calling(shop, "dlopen"))
    assert need(found, "dlopen").verdict is Verdict.NEEDED
    assert any(advice.about == "dlopen" and "--add" in advice.text for advice in found.advice)


def test_names_of_libraries_in_a_program_that_loads_some_are_told(shop: Workshop) -> None:
    source = """
    #include <dlfcn.h>
    int main(int argc, char **argv) {
        return !dlopen(argc > 1 ? "libvulkan.so.1" : "/opt/lib/libown.so", RTLD_NOW) || !dlopen("libc.so.6", RTLD_NOW);
    }
    """
    [found] = [advice for advice in resolved(shop.program("app", source=source)).advice if advice.about == "dlopen"]
    assert "libvulkan.so.1" in found.text
    assert "/opt/lib/libown.so" in found.text
    assert "libc.so.6" not in found.text


def old_libc(shop: Workshop) -> Path:
    """Another system whose libc is called 2.31, with the modules that such a one loads."""
    root = shop.folder / "root"
    folder = root / "lib/x86_64-linux-gnu"
    folder.mkdir(parents=True)
    (root / "lib64").mkdir()
    (root / "lib64/ld-linux-x86-64.so.2").write_bytes(open_bytes("/lib64/ld-linux-x86-64.so.2"))
    names = [f"GLIBC_2.{minor}" for minor in (2, 31, 33, 34) if minor != 34]
    script = shop.folder / "script"
    script.write_text("GLIBC_2.2.5 { global: *; };\n" + "".join(f"{name} {{ }};\n" for name in names))
    line = ["gcc", "-shared", "-nostdlib", "-fPIC", f"-Wl,--version-script={script}", "-Wl,-soname,libc.so.6"]
    source = b"int getaddrinfo(void) { return 0; } int getpwnam(void) { return 0; }"
    subprocess.run([*line, "-o", str(folder / "libc.so.6"), "-x", "c", "-"], input=source, check=True)
    for name, needs in {"libnss_files.so.2": (), "libnss_dns.so.2": ("libresolv.so.2",), "libresolv.so.2": ()}.items():
        shop.library(f"root/lib/x86_64-linux-gnu/{name}", *needs)
    return root


def open_bytes(path: str) -> bytes:
    with HostTree().mapped(path) as data:
        return data[:]


@pytest.mark.parametrize(
    ("function", "modules"),
    [
        ("getpwnam", {"libnss_files.so.2"}),
        ("getaddrinfo", {"libnss_files.so.2", "libnss_dns.so.2", "libresolv.so.2"}),
    ],
)
def test_a_glibc_before_2_34_gets_its_name_service_modules(shop: Workshop, function: str, modules: set[str]) -> None:
    root = old_libc(shop)
    libc = root / "lib/x86_64-linux-gnu/libc.so.6"
    program = shop.folder / "old"
    source = f"int {function}(void); void _start(void) {{ {function}(); for (;;) ; }}"
    subprocess.run(
        ["gcc", "-nostdlib", "-fno-builtin", "-o", str(program), "-x", "c", "-", "-x", "none", str(libc)],
        input=source.encode(),
        check=True,
    )
    found = resolved(program, Choices(sysroot=str(root)))
    assert found.missing == ()
    assert sonames(found) - {"libc.so.6", "ld-linux-x86-64.so.2"} == modules


def test_without_a_program_to_look_into_all_that_it_asks_for_is_missing(shop: Workshop) -> None:
    executable = open_executable(str(shop.program("app", "libz.so.1")), WANTED)
    found = resolve_executable(executable, host=machine())
    assert {lack.what for lack in found.missing} >= {"/lib64/ld-linux-x86-64.so.2", "libz.so.1", "libc.so.6"}
