"""Secrets and builders' folders: found where they are real, and nowhere else."""

from __future__ import annotations

import binascii
import mmap
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.programs import make_elf
from tests.programs.build import build
from whit.packer.lint.fetch import traces_of
from whit.packer.lint.tokens import TOKENS, has_checksum, looks_random, tokens_in
from whit.packer.lint.traces import TraceKind, traces_in

BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
RANDOM = "kD9vXq2RmT7bYw4LsZ8nHc3JfG6pVa1QeU5x"


def checked(prefix: str, body: str = RANDOM[:30]) -> bytes:
    """A token with the checksum that its maker would give it, worked out here anew."""
    value, digits = binascii.crc32(body.encode()), ""
    while value:
        digits, value = BASE62[value % 62] + digits, value // 62
    return f"{prefix}{body}{digits.rjust(6, '0')}".encode()


def joined(*parts: str) -> bytes:
    """Put together here, so that the file of this test holds no secret's form itself."""
    return "".join(parts).encode()


REAL = {
    "AWS access key": joined("AK", "IA", "QX7ZPLM4WN2RTV6K"),
    "GitHub token": checked("gh" + "p_"),
    "npm token": checked("np" + "m_"),
    "GitHub fine-grained token": joined("github", "_pat_", RANDOM[:22], "_", RANDOM, RANDOM[:23]),
    "GitLab token": joined("glp", "at-", RANDOM[:20]),
    "Slack token": joined("xo", "xb-", "123987456012-", RANDOM[:24]),
    "Slack webhook": joined("hooks.slack", ".com/services/T0Q9X8W7V6/B0P1O2I3U4/", RANDOM[:24]),
    "Google API key": joined("AI", "za", RANDOM[:35]),
    "Stripe secret key": joined("sk_l", "ive_", RANDOM[:30]),
    "Stripe restricted key": joined("rk_l", "ive_", RANDOM[:30]),
    "PyPI token": joined("pypi-", "AgEIcHlwaS5vcmc", RANDOM, RANDOM),
    "Docker Hub token": joined("dckr", "_pat_", RANDOM[:27]),
    "DigitalOcean token": joined("dop", "_v1_", "3f9a07c1e8d2b46590af" * 3, "17e2"),
    "SendGrid key": joined("S", "G.", RANDOM[:22], ".", RANDOM, RANDOM[:7]),
    "Anthropic key": joined("sk-a", "nt-api03-", RANDOM, RANDOM, RANDOM[:20]),
    "OpenAI key": joined("sk-p", "roj-", RANDOM, RANDOM),
    "Vault token": joined("hv", "s.", RANDOM, RANDOM, RANDOM),
    "age private key": joined("AGE-SECRET", "-KEY-1", "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7LQPZRY9X8GF2TVDW0S3JN54KHCE"),
}


def pem(kind: str, *, headers: str = "") -> bytes:
    body = "MIIEowIBAAKCAQEAx3mQ0hYv7Zk2Wn5Rb8TqLp1Xc4Jf6Gd9Vs0Ae7Uy3Hm2Bw5Kn"
    return f"-----BEGIN {kind}-----\n{headers}{body}\n{body}\n-----END {kind}-----\n".encode()


@pytest.mark.parametrize("name", REAL)
def test_a_real_token_is_found_between_other_strings(name: str) -> None:
    (trace,) = traces_in(b"GoString" * 9 + REAL[name] + b"/GoStringAfter")
    assert trace.kind is TraceKind.TOKEN
    assert trace.detail.startswith(f"{name} (")
    assert trace.offset == 72


@pytest.mark.parametrize("name", REAL)
def test_what_is_shown_of_a_token_is_of_no_use(name: str) -> None:
    (trace,) = traces_in(REAL[name])
    secret = REAL[name].decode()
    assert secret not in trace.detail
    longest = max(
        size
        for size in range(len(secret) + 1)
        if any(secret[at : at + size] in trace.detail for at in range(len(secret) - size + 1))
    )
    assert longest <= len(secret) - 12


def test_every_kind_of_token_has_its_example() -> None:
    assert {token.name for token in TOKENS} == set(REAL)


@pytest.mark.parametrize(
    "text",
    [
        joined("AK", "IA", "IOSFODNN7EXAMPLE"),
        joined("AK", "IA", "AAAAAAAAAAAAAAAA"),
        joined("gh", "p_", RANDOM),
        joined("gh", "p_", "0123456789abcdefghijklmnopqrstuvwxyz"),
        joined("np", "m_config_registry_and_many_other_words_that_are_long"),
        joined("sk_l", "ive_", "x" * 30),
        joined("glp", "at-", "your_token_goes_here"),
        joined("AI", "za", "Sy-this-is-no-key-it-is-just-a-words"),
        b"AKIA",
        b"ghp_",
        b"",
    ],
)
def test_what_has_the_form_alone_is_no_token(text: bytes) -> None:
    assert traces_in(b"before " + text + b" after") == ()


@given(st.binary(min_size=30, max_size=30))
@settings(max_examples=200)
def test_a_checksum_is_of_all_that_stands_before_it(data: bytes) -> None:
    body = "".join(BASE62[byte % 62] for byte in data)
    token = checked("", body)
    assert has_checksum(token)
    other = token[:-1] + (b"0" if token[-1:] != b"0" else b"1")
    assert not has_checksum(other)


def test_randomness() -> None:
    assert looks_random(RANDOM.encode())
    assert not looks_random(b"thequickbrownfoxjumpsover")
    assert not looks_random(b"a1" * 12)


@pytest.mark.parametrize("kind", ["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "OPENSSH PRIVATE KEY"])
def test_a_private_key(kind: str) -> None:
    (trace,) = traces_in(b"\0" * 5 + pem(kind))
    assert (trace.kind, trace.detail, trace.offset, trace.encrypted) == (TraceKind.KEY, kind.lower(), 5, False)


def test_a_private_key_with_a_password() -> None:
    (new,) = traces_in(pem("ENCRYPTED PRIVATE KEY"))
    (old,) = traces_in(pem("RSA PRIVATE KEY", headers="Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\n"))
    assert new.encrypted
    assert old.encrypted


def test_a_private_key_in_a_string_with_escapes() -> None:
    assert len(traces_in(pem("PRIVATE KEY").replace(b"\n", b"\\n"))) == 1
    assert len(traces_in(pem("PRIVATE KEY").replace(b"\n", b"\r\n"))) == 1


def test_headers_alone_and_public_things_are_no_private_key() -> None:
    libraries = b"-----BEGIN RSA PRIVATE KEY-----\0-----BEGIN EC PRIVATE KEY-----invalid\n"
    assert traces_in(libraries + pem("PUBLIC KEY") + pem("CERTIFICATE") + pem("RSA TESTING KEY")) == ()


def test_the_same_secret_is_told_once() -> None:
    assert len(traces_in(REAL["GitHub token"] * 3)) == 1
    assert tokens_in(REAL["GitHub token"] + pem("PRIVATE KEY")) == ("GitHub token", "private key")


def test_secrets_in_code_and_in_what_is_not_loaded_are_not_sought() -> None:
    text = make_elf.Segment(make_elf.CODE + b"\0" * 16, flags=make_elf.READ | make_elf.EXECUTE)
    data = make_elf.Segment(b"\0" * 64 + REAL["GitLab token"] + b"\0")
    found = traces_of(make_elf.Elf(segments=(text, data)).build())
    assert [trace.detail.partition(" (")[0] for trace in found] == ["GitLab token"]


@pytest.mark.parametrize(
    "path",
    [
        b"/home/mallory/src/server/main.go",
        b"/Users/mallory/.cargo/registry/src/index/x-1.0/src/lib.rs",
        b"C:\\Users\\mallory\\source\\main.c",
        b"/home/mallory/go/pkg/mod/github.com/a/b@v1.0.0/x",
    ],
)
def test_a_builders_folder(path: bytes) -> None:
    (trace,) = homes(path)
    assert trace in path.decode()
    assert "mallory" in trace


@pytest.mark.parametrize(
    "path",
    [
        b"/home/linuxbrew/.linuxbrew/bin",
        b"/home/runner/work/server/main.go",
        b"/home/user/src/main.go",
        b"/home/mallory/.cache/program",
        b"/home/",
        b"/Users/Shared/x.c",
        b"see https://example.org/home/page/index.html",
    ],
)
def test_what_is_nobodys_folder(path: bytes) -> None:
    assert homes(path) == []


def homes(text: bytes) -> list[str]:
    elf = make_elf.Elf().with_segments(make_elf.Segment(b"\0" * 16 + text + b"\0"))
    return [trace.detail for trace in traces_of(elf.build()) if trace.kind is TraceKind.HOME]


def test_a_go_program_tells_its_folder_unless_it_is_trimmed(tmp_path: Path) -> None:
    """Built in a home folder: the paths stand in the function table."""
    home = tmp_path / "home" / "mallory" / "src"
    home.mkdir(parents=True)
    stand_in = str(home).encode()
    told = build("hello", "go", flags=("-trimpath=false",)).read_bytes()
    sources = str(Path(__file__).resolve().parents[2] / "programs" / "go" / "hello").encode()
    assert sources in told
    as_if_at_home = told.replace(sources, (b"/home/mallory/" + b"x" * len(sources))[: len(sources)])
    found = [trace for trace in traces_of(as_if_at_home) if trace.kind is TraceKind.HOME]
    assert [trace.detail.startswith("/home/mallory/") for trace in found] == [True]
    assert stand_in not in told
    trimmed = build("hello", "go").read_bytes()
    assert sources not in trimmed
    assert traces_of(trimmed) == ()


@pytest.mark.parametrize("language", ["go", "rust", "nim", "c-glibc", "c-musl", "zig"])
def test_programs_without_secrets_have_none(language: str) -> None:
    for trace in traces_of(build("hello", language).read_bytes()):
        assert trace.kind is TraceKind.HOME


def test_a_map_is_read_as_bytes_are(tmp_path: Path) -> None:
    file = tmp_path / "x"
    file.write_bytes(b"\0" * 100 + REAL["Vault token"])
    with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, prot=mmap.PROT_READ) as data:
        assert len(traces_of(data)) == 1


@given(st.binary(max_size=2000))
def test_anything_is_survived(data: bytes) -> None:
    traces_in(data)
    traces_of(b"\x7fELF" + data)
    traces_of(b"\0asm" + data)
