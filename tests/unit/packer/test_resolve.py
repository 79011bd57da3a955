"""From an analysis to the files beside the program."""

from __future__ import annotations

import dataclasses

import pytest

from tests.unit.packer.analyses import go, host, native, unstripped, wasm
from whit.packer.executable.analysis import Analysis, BuildInfo, Language, Libc, Linkage
from whit.packer.executable.linkage import refuse_missing
from whit.packer.image.spec import Inline
from whit.packer.resolution import wellknown
from whit.packer.resolution.choices import Choices, SourceChoice
from whit.packer.resolution.resolve import resolve
from whit.packer.support.errors import UnsupportedError

ALWAYS = ["/etc/group", "/etc/passwd", "/home/nonroot", "/tmp"]
CLIENT = go("crypto/x509.loadSystemRoots", "net/http.(*Transport).dialConn", "net.readServices")


def paths(analysis: Analysis) -> list[str]:
    return [file.path for file in resolve(analysis, host=host()).files]


def test_every_image_has_accounts_a_home_and_a_place_for_temporary_files() -> None:
    files = {file.path: file for file in resolve(go(), host=host()).files}
    assert list(files) == ALWAYS
    assert (files["/tmp"].mode, files["/tmp"].uid, files["/tmp"].content) == (0o1777, 0, None)
    home = files["/home/nonroot"]
    assert (home.mode, home.uid, home.gid, home.content) == (0o700, 65532, 65532, None)
    assert all(file.reasons for file in files.values())


def test_accounts_agree_with_each_other() -> None:
    users = [line.split(":") for line in wellknown.PASSWD.decode().splitlines()]
    groups = {fields[2] for fields in (line.split(":") for line in wellknown.GROUP.decode().splitlines())}
    assert all(len(fields) == 7 for fields in users)
    assert {fields[3] for fields in users} == groups
    assert ["nonroot", "65532", "65532", "/home/nonroot"] in [[f[0], f[2], f[3], f[5]] for f in users]


def test_a_tls_client_gets_certificates_and_the_image_remembers_whose() -> None:
    found = resolve(CLIENT, host=host())
    [file] = [file for file in found.files if file.need == "ca"]
    assert file.path == "/etc/ssl/certs/ca-certificates.crt"
    assert file.mode == 0o644
    assert found.sources == (("ca", "certifi 2026.10.18"),)


def test_the_host_s_certificates_are_taken_on_request() -> None:
    machine = host({"/etc/ssl/certs/ca-certificates.crt": b"PEM"})
    found = resolve(CLIENT, Choices(SourceChoice.HOST), machine)
    assert found.sources == (("ca", "host /etc/ssl/certs/ca-certificates.crt"),)


def test_zones_come_whole_or_not_at_all() -> None:
    assert [path for path in paths(go("time.LoadLocation")) if "zoneinfo" in path] == [
        "/usr/share/zoneinfo/Etc/GMT+1",
        "/usr/share/zoneinfo/Europe/Berlin",
        "/usr/share/zoneinfo/UTC",
    ]
    assert not any("zoneinfo" in path for path in paths(native(b"/usr/share/zoneinfo", b"TZif", libc=Libc.MUSL)))


def test_what_is_cheap_and_linked_is_there_even_if_only_configuration_asks_for_it() -> None:
    assert "/etc/services" in paths(go("net.readServices"))
    assert "/etc/mime.types" in paths(go("mime.TypeByExtension"))
    assert "/etc/services" not in paths(go())


def test_name_services_are_configured_where_something_reads_the_configuration() -> None:
    resolver = ("net.(*Resolver).goLookupIPCNAMEOrder", "net.Dial")
    assert "/etc/nsswitch.conf" in paths(go(*resolver))
    assert "/etc/nsswitch.conf" in paths(unstripped("getpwnam"))
    assert "/etc/nsswitch.conf" not in paths(unstripped())
    assert "/etc/nsswitch.conf" not in paths(unstripped("getaddrinfo", libc=Libc.MUSL))


def test_the_configuration_of_name_services_is_never_the_host_s() -> None:
    machine = host({"/etc/nsswitch.conf": b"passwd: files systemd\n"})
    [file] = [f for f in resolve(unstripped("getpwnam"), host=machine).files if f.path == "/etc/nsswitch.conf"]
    assert file.content == Inline(wellknown.NSSWITCH)
    assert b"systemd" not in wellknown.NSSWITCH


def test_services_and_types_are_well_formed() -> None:
    services = [line.split() for line in wellknown.SERVICES.decode().splitlines()]
    assert len({(name, port) for name, port, *_ in services}) == len(services)
    assert ["imap", "143/tcp", "imap2"] in services
    for _, port, *aliases in services:
        number, protocol = port.split("/")
        assert 0 < int(number) < 65536
        assert protocol in {"tcp", "udp"}
        assert not any("/" in alias for alias in aliases)
    types = [line.split() for line in wellknown.MIME_TYPES.decode().splitlines()]
    assert sorted(types) == types
    assert all(media.count("/") == 1 and extensions for media, *extensions in types)


def test_webassembly_gets_nothing_beside_it() -> None:
    found = resolve(wasm(), host=host())
    assert (found.files, found.sources, found.missing) == ((), (), ())


def test_resolving_twice_gives_the_same() -> None:
    assert resolve(CLIENT, host=host()) == resolve(CLIENT, host=host())


DYNAMIC = dataclasses.replace(
    native(),
    linkage=Linkage.DYNAMIC,
    interpreter="/lib64/ld-linux-x86-64.so.2",
    libraries=("libz.so.1", "libc.so.6"),
)


def test_a_dynamic_executable_is_resolved_with_what_it_lacks() -> None:
    found = resolve(DYNAMIC, host=host())
    assert [lack.what for lack in found.missing] == ["/lib64/ld-linux-x86-64.so.2", "libz.so.1", "libc.so.6"]
    with pytest.raises(UnsupportedError) as raised:
        refuse_missing("server", found)
    assert "server is a dynamic executable" in raised.value.message
    assert "/lib64/ld-linux-x86-64.so.2" in raised.value.message
    assert "libz.so.1, libc.so.6" in raised.value.message


@pytest.mark.parametrize(
    ("language", "build", "libraries", "cure"),
    [
        ("go", BuildInfo(settings=(("CGO_ENABLED", "1"),)), ("libc.so.6",), "CGO_ENABLED=0"),
        ("go", BuildInfo(settings=(("CGO_ENABLED", "0"), ("-buildmode", "pie"))), (), "without -buildmode=pie"),
        ("rust", BuildInfo(), ("libc.so.6",), "+crt-static"),
        ("nim", BuildInfo(), ("libc.so.6",), "--passL:-static"),
        ("c", BuildInfo(), ("libc.so.6",), "-static"),
        ("zig", BuildInfo(), ("libc.so.6",), "musl"),
        ("unknown", BuildInfo(), ("libc.so.6",), "static"),
    ],
)
def test_the_cure_is_in_the_words_of_the_language(
    language: str, build: BuildInfo, libraries: tuple[str, ...], cure: str
) -> None:
    analysis = dataclasses.replace(DYNAMIC, language=Language(language), build=build, libraries=libraries)
    assert cure in resolve(analysis, host=host()).missing[0].cure


def advice(analysis: Analysis) -> set[str]:
    return {found.about for found in resolve(analysis, host=host()).advice}


def test_a_person_is_told_what_no_file_can_mend() -> None:
    assert advice(go()) == set()
    assert advice(go("os.StartProcess")) == {"exec"}
    assert advice(go("log/syslog.New")) == {"syslog"}
    assert advice(unstripped("dlopen", libc=Libc.MUSL)) == {"dlopen"}
    assert advice(native(b"libssl.so(", libc=Libc.GLIBC)) == {"dlopen"}
    assert advice(unstripped("iconv_open")) == {"gconv"}


def test_an_old_go_runtime_that_does_not_see_limits_is_told_of() -> None:
    def built_with(version: str, *dependencies: tuple[str, str]) -> Analysis:
        return go(language=Language("go", version), build=BuildInfo(dependencies=dependencies))

    assert advice(built_with("go1.24.5")) == {"cpu"}
    assert advice(built_with("go1.25")) == set()
    assert advice(built_with("go1.24.5", ("go.uber.org/automaxprocs", "v1.6.0"))) == set()
    assert advice(built_with("devel +abc")) == set()
