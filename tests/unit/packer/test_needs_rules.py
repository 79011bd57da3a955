"""The rules on evidence made by hand: what each fact alone says."""

from __future__ import annotations

import dataclasses

import pytest

from tests.unit.packer.analyses import component, go, native, unstripped, wasm
from whit.packer.executable.analysis import Evidence, EvidenceKind, Language, Libc
from whit.packer.needs import RULES, WANTED, judge_all
from whit.packer.needs.model import Grade, Need, Verdict

NAMES = (
    *("ca", "zones", "localtime", "users", "groups", "dns", "services", "mime", "temp", "exec"),
    *("shm", "term", "syslog", "locale", "gconv", "dlopen", "home"),
)
ROOTS = "crypto/x509.loadSystemRoots"
HANDSHAKE = "crypto/tls.(*Conn).clientHandshake"
SERVER = "net/http.(*conn).serve"
GRPC_HANDSHAKE = "google.golang.org/grpc/credentials.(*tlsCreds).ClientHandshake"
GRPC_SERVER = "google.golang.org/grpc.(*Server).Serve"
BUNDLE, OTHER_BUNDLE = b"/etc/ssl/certs/ca-certificates.crt", b"/etc/pki/tls/certs/ca-bundle.crt"
READERS = ("_nss_files_getpwnam_r", "_nss_files_getgrnam_r", "_nss_files_getservbyname_r")
ZONES = b"/usr/share/zoneinfo"


def verdict(name: str, needs: tuple[Need, ...]) -> Need:
    return next(need for need in needs if need.name == name)


def test_each_need_is_judged_once_in_the_order_that_people_see() -> None:
    assert tuple(rule.name for rule in RULES) == NAMES
    assert tuple(need.name for need in judge_all(go())) == NAMES


def test_all_that_rules_ask_for_is_asked_in_one_pass() -> None:
    assert all(rule.wanted.functions <= WANTED.functions for rule in RULES)
    assert all(rule.wanted.strings <= WANTED.strings for rule in RULES)
    assert b"" not in WANTED.strings


def test_a_go_program_that_links_nothing_needs_nothing() -> None:
    assert {need.verdict for need in judge_all(go())} == {Verdict.NOT}


def test_webassembly_needs_nothing_and_says_why() -> None:
    for need in judge_all(wasm()):
        assert (need.verdict, need.grade) == (Verdict.NOT, Grade.NONE)
        assert "host" in need.reason


def test_a_component_that_asks_others_needs_its_image_s_certificates() -> None:
    """Given a component that imports wasi:http's client, then its host needs the image's certificates, and nothing else is needed."""
    asking = judge_all(component("wasi:http/types@0.2.3", "wasi:http/outgoing-handler@0.2.3"))
    assert [need.name for need in asking if need.verdict is not Verdict.NOT] == ["ca"]
    assert [evidence.detail for evidence in verdict("ca", asking).evidence] == ["wasi:http/outgoing-handler@0.2.3"]
    answering = judge_all(component("wasi:http/types@0.2.3"))
    assert {need.verdict for need in answering} == {Verdict.NOT}


def test_strings_say_nothing_of_a_go_program_whose_functions_are_known() -> None:
    strings = tuple((text, 1) for text in WANTED.texts)
    judged = judge_all(dataclasses.replace(go(), strings=strings))
    assert {need.name for need in judged if need.verdict is not Verdict.NOT} == {"shm", "term"}


def test_strings_speak_for_a_garbled_go_program() -> None:
    garbled = native(BUNDLE, OTHER_BUNDLE, language=Language("go"))
    assert verdict("ca", judge_all(garbled)).verdict is Verdict.NEEDED


def test_what_a_garbled_go_program_hides_is_maybe_needed() -> None:
    judged = judge_all(native(b"fork/exec", language=Language("go")))
    assert verdict("exec", judged).verdict is Verdict.NEEDED
    assert {verdict(name, judged).verdict for name in ("ca", "zones", "localtime", "users")} == {Verdict.MAYBE}
    assert {verdict(name, judged).verdict for name in ("locale", "gconv", "dlopen")} == {Verdict.NOT}


@pytest.mark.parametrize(
    ("functions", "expected"),
    [
        ((), Verdict.NOT),
        ((ROOTS, HANDSHAKE, SERVER, "crypto/tls.Client"), Verdict.NOT),
        ((ROOTS, HANDSHAKE), Verdict.NOT),
        ((HANDSHAKE, "net/http.(*Transport).dialConn"), Verdict.NOT),
        ((ROOTS, HANDSHAKE, "crypto/tls.Client"), Verdict.NEEDED),
        ((ROOTS, HANDSHAKE, SERVER, "net/http.(*Transport).dialConn"), Verdict.NEEDED),
        ((ROOTS, HANDSHAKE, SERVER, "crypto/x509.SystemCertPool"), Verdict.NEEDED),
        ((ROOTS, HANDSHAKE, GRPC_HANDSHAKE, "google.golang.org/grpc.NewClient"), Verdict.NEEDED),
        ((ROOTS, HANDSHAKE, "google.golang.org/grpc.NewClient"), Verdict.NOT),
        ((ROOTS, HANDSHAKE, GRPC_HANDSHAKE, GRPC_SERVER, "crypto/tls.Client"), Verdict.NOT),
        ((ROOTS, HANDSHAKE, SERVER, "github.com/nats-io/nats%2ego.(*Conn).makeTLSConn"), Verdict.NEEDED),
        ((ROOTS,), Verdict.NEEDED),
    ],
    ids=[
        "nothing",
        "server",
        "listener",
        "client with roots pruned",
        "bare client",
        "http client",
        "roots asked for",
        "grpc client",
        "grpc client without TLS",
        "grpc server",
        "nats client in a server",
        "verifies without TLS",
    ],
)
def test_go_needs_certificates_as_a_client_only(functions: tuple[str, ...], expected: Verdict) -> None:
    assert verdict("ca", judge_all(go(*functions))).verdict is expected


def test_go_with_roots_of_its_own_needs_none() -> None:
    need = verdict("ca", judge_all(go(ROOTS, "crypto/tls.dial", "crypto/x509.SetFallbackRoots")))
    assert (need.verdict, need.grade) == (Verdict.NOT, Grade.EMBEDDED)


@pytest.mark.parametrize(
    ("strings", "expected", "grade"),
    [
        ((BUNDLE,), Verdict.NOT, Grade.NONE),
        ((BUNDLE, OTHER_BUNDLE), Verdict.NEEDED, Grade.LINKED),
        ((b"SSL_CERT_FILE",), Verdict.NEEDED, Grade.LINKED),
        ((b"statem_clnt.c",), Verdict.NEEDED, Grade.LINKED),
        ((b"ISRG Root X1",), Verdict.NOT, Grade.EMBEDDED),
        ((b"ISRG Root X1", BUNDLE, OTHER_BUNDLE), Verdict.NEEDED, Grade.LINKED),
    ],
)
def test_certificates_by_strings(strings: tuple[bytes, ...], expected: Verdict, grade: Grade) -> None:
    need = verdict("ca", judge_all(native(*strings)))
    assert (need.verdict, need.grade) == (expected, grade)


def test_zones_in_a_go_program_are_embedded_or_needed() -> None:
    assert verdict("zones", judge_all(go("time.LoadLocation"))).verdict is Verdict.NEEDED
    need = verdict("zones", judge_all(go("time.LoadLocation", "time.registerLoadFromEmbeddedTZData")))
    assert (need.verdict, need.grade) == (Verdict.NOT, Grade.EMBEDDED)


def test_a_libc_that_can_read_zones_needs_them_only_where_zones_are_named() -> None:
    assert verdict("zones", judge_all(native(ZONES, b"TZif"))).verdict is Verdict.MAYBE
    assert verdict("zones", judge_all(native(ZONES, b"TZif", b"Asia/"))).verdict is Verdict.NEEDED
    assert verdict("zones", judge_all(native(b"Asia/"))).verdict is Verdict.NOT


def test_a_static_glibc_s_name_services_are_told_apart_by_symbols_only() -> None:
    strings = (b"/etc/passwd", b"/etc/group", b"/etc/services", b"/etc/resolv.conf")
    stripped = judge_all(native(*strings, libc=Libc.GLIBC))
    assert {verdict(name, stripped).verdict for name in ("users", "groups", "dns", "services")} == {Verdict.MAYBE}
    named = judge_all(
        dataclasses.replace(unstripped("getgrnam", *READERS), strings=tuple((text, 1) for text in strings))
    )
    assert verdict("groups", named).verdict is Verdict.NEEDED
    assert {verdict(name, named).verdict for name in ("users", "dns", "services")} == {Verdict.NOT}


def test_the_execve_system_call_is_looked_for_in_the_program_s_own_instructions() -> None:
    amd64 = bytes.fromhex("b83b0000000f05")
    need = verdict("exec", judge_all(native(amd64)))
    assert need.verdict is Verdict.NEEDED
    assert need.evidence == (Evidence(EvidenceKind.INSTRUCTION, "the execve system call", 0x1000),)
    arm64 = bytes.fromhex("a81b80d2010000d4")
    assert verdict("exec", judge_all(native(arm64))).verdict is Verdict.NOT


def test_evidence_names_what_was_found_and_where() -> None:
    [fact] = verdict("home", judge_all(native(b"HOME"))).evidence
    assert (fact.kind, fact.detail, fact.offset) == (EvidenceKind.STRING, "HOME", 0x1000)
    [fact] = verdict("mime", judge_all(go("mime.TypeByExtension"))).evidence
    assert (fact.kind, fact.detail, fact.offset) == (EvidenceKind.FUNCTION, "mime.TypeByExtension", None)


def test_every_verdict_but_not_has_a_reason_and_evidence() -> None:
    everything = dataclasses.replace(
        native(*WANTED.strings), functions=WANTED.functions, functions_known=True, language=Language("go")
    )
    for analysis in (everything, native(*WANTED.strings, libc=Libc.MUSL), native(*WANTED.strings, libc=Libc.GLIBC)):
        for need in judge_all(analysis):
            assert need.reason
            assert need.evidence or need.verdict is Verdict.NOT


def test_a_path_that_no_part_of_glibc_brought_is_the_program_s_own() -> None:
    strings = ((b"/etc/passwd", 1), (b"/etc/group", 2))
    judged = judge_all(unstripped("main", strings=strings))

    assert {verdict(name, judged).verdict for name in ("users", "groups")} == {Verdict.NEEDED}


def test_protocols_are_looked_up_in_a_file_by_glibc_only() -> None:
    assert verdict("services", judge_all(unstripped("getprotobyname"))).verdict is Verdict.NEEDED
    assert verdict("services", judge_all(unstripped("getprotobyname", libc=Libc.MUSL))).verdict is Verdict.NOT
