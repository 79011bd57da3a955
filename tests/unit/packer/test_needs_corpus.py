"""The rules on real programs, built from source: the whole verdict of each, so that a false one shows like a missed one.

The tables name what is needed and what is "maybe"; everything else must be "not".
"""

from __future__ import annotations

import pytest

from tests.programs.build import build
from whit.packer.executable.file import open_executable
from whit.packer.needs import WANTED, judge_all
from whit.packer.needs.model import Verdict
from whit.packer.resolution.resolve import resolve

GO = {
    "hello": ("", ""),
    "exit": ("", ""),
    "client": ("ca dns", "localtime services"),
    "server": ("", "dns localtime services"),
    "everything": ("ca dns exec groups home mime temp users zones", "localtime services"),
    "exec": ("exec", "localtime"),
    "files": ("mime", ""),
    "temp": ("temp", ""),
    "users": ("home users", ""),
    "zones": ("zones", "localtime"),
    "needs-certpool": ("ca", "localtime"),
    "needs-current": ("home users", ""),
    "needs-dialtcp": ("dns", "localtime services"),
    "needs-dns": ("dns", "localtime services"),
    "needs-groups": ("groups", ""),
    "needs-home": ("home", ""),
    "needs-localtime": ("", "localtime"),
    "needs-lookupport": ("services", "localtime"),
    "needs-smtp": ("ca dns", "localtime services"),
    "needs-sysexec": ("exec", ""),
    "needs-syslog": ("dns", "localtime services syslog"),
    "needs-tempdir": ("temp", ""),
    "needs-tlsclient": ("ca dns", "localtime services"),
    "needs-tlsdial": ("ca dns", "localtime services"),
    "needs-tlslistener": ("", "dns localtime services"),
    "needs-tzembed": ("", "localtime"),
    "needs-upload": ("temp", "dns localtime services"),
    "needs-verify": ("ca", "localtime"),
}

GLIBC = {
    "hello": ("", "dlopen locale"),
    "needs-dlopen": ("", "dlopen locale"),
    "needs-dns": ("dns", "dlopen locale services"),
    "needs-exec": ("exec", "dlopen locale"),
    "needs-groups": ("groups", "dlopen dns locale"),
    "needs-home": ("home", "dlopen locale"),
    "needs-iconv": ("", "dlopen gconv locale"),
    "needs-locale": ("", "dlopen locale"),
    "needs-localtime": ("", "dlopen locale localtime zones"),
    "needs-popen": ("exec", "dlopen locale"),
    "needs-services": ("services", "dlopen dns locale"),
    "needs-shm": ("shm", "dlopen locale"),
    "needs-spawn": ("exec", "dlopen locale"),
    "needs-syslog": ("", "dlopen locale localtime syslog zones"),
    "needs-system": ("exec", "dlopen locale"),
    "needs-temp": ("temp", "dlopen locale"),
    "needs-tmpfile": ("temp", "dlopen locale"),
    "needs-users": ("users", "dlopen dns locale"),
    "needs-zones": ("zones", "dlopen locale localtime"),
}

NAME_SERVICES = "dlopen dns gconv groups locale services temp users"

GLIBC_STRIPPED = {
    "hello": ("", "dlopen gconv locale temp"),
    "needs-dlopen": ("", "dlopen gconv locale temp"),
    "needs-dns": ("dns", "dlopen gconv groups locale services temp users"),
    "needs-exec": ("exec", "dlopen gconv locale temp"),
    "needs-groups": ("", NAME_SERVICES),
    "needs-home": ("home", "dlopen gconv locale temp"),
    "needs-iconv": ("", "dlopen gconv locale temp"),
    "needs-locale": ("", "dlopen gconv locale temp"),
    "needs-localtime": ("", "dlopen gconv locale localtime temp zones"),
    "needs-popen": ("exec", "dlopen gconv locale temp"),
    "needs-services": ("", NAME_SERVICES),
    "needs-shm": ("shm", "dlopen gconv locale temp"),
    "needs-spawn": ("exec", "dlopen gconv locale temp"),
    "needs-syslog": ("", "dlopen gconv locale localtime syslog temp zones"),
    "needs-system": ("exec", "dlopen gconv locale temp"),
    "needs-temp": ("temp", "dlopen gconv locale"),
    "needs-tmpfile": ("", "dlopen gconv locale temp"),
    "needs-users": ("", NAME_SERVICES),
    "needs-zones": ("zones", "dlopen gconv locale localtime temp"),
}

MUSL = {
    "hello": ("", ""),
    "needs-dlopen": ("dlopen", ""),
    "needs-dns": ("dns", "services"),
    "needs-exec": ("exec", ""),
    "needs-groups": ("groups", ""),
    "needs-home": ("home", ""),
    "needs-iconv": ("", ""),
    "needs-locale": ("", "locale"),
    "needs-localtime": ("", "localtime zones"),
    "needs-popen": ("exec", ""),
    "needs-services": ("services", ""),
    "needs-shm": ("shm", ""),
    "needs-spawn": ("exec", ""),
    "needs-syslog": ("", "localtime syslog zones"),
    "needs-system": ("exec", ""),
    "needs-temp": ("temp", ""),
    "needs-tmpfile": ("temp", ""),
    "needs-users": ("users", ""),
    "needs-zones": ("zones", "localtime"),
}

MUSL_STRIPPED = MUSL | {"needs-services": ("", "services")}

CASES = [
    *((name, "go", True, *expected) for name, expected in GO.items()),
    *((name, "go", False, *GO[name]) for name in ("hello", "client", "server", "everything")),
    *((name, "c-glibc", False, *expected) for name, expected in GLIBC.items()),
    *((name, "c-glibc", True, *expected) for name, expected in GLIBC_STRIPPED.items()),
    *((name, "c-musl", False, *expected) for name, expected in MUSL.items()),
    *((name, "c-musl", True, *expected) for name, expected in MUSL_STRIPPED.items()),
]

FILES_THAT_MAKE_IT_WORK = {
    "needs-users": "/etc/passwd",
    "needs-groups": "/etc/group",
    "needs-services": "/etc/services",
    "needs-temp": "/tmp",
    "needs-tmpfile": "/tmp",
    "needs-home": "/home/nonroot",
    "needs-zones": "/usr/share/zoneinfo/Asia/Tokyo",
}


def _id(case: tuple[str, str, bool, str, str]) -> str:
    return f"{case[1]}-{case[0]}{'-stripped' if case[2] else ''}"


@pytest.mark.parametrize("case", CASES, ids=_id)
def test_each_program_needs_what_it_uses_and_no_more(case: tuple[str, str, bool, str, str]) -> None:
    name, language, stripped, needed, maybe = case
    analysis = open_executable(str(build(name, language, stripped=stripped)), WANTED).analysis
    judged = judge_all(analysis)
    by_verdict = {verdict: {need.name for need in judged if need.verdict is verdict} for verdict in Verdict}
    assert by_verdict[Verdict.NEEDED] == set(needed.split())
    assert by_verdict[Verdict.MAYBE] == set(maybe.split())


@pytest.mark.parametrize("stripped", [False, True])
@pytest.mark.parametrize("language", ["c-glibc", "c-musl"])
@pytest.mark.parametrize("name", FILES_THAT_MAKE_IT_WORK)
def test_what_a_program_opens_is_there_even_where_stripping_left_only_a_maybe(
    name: str, language: str, stripped: bool
) -> None:
    analysis = open_executable(str(build(name, language, stripped=stripped)), WANTED).analysis
    assert FILES_THAT_MAKE_IT_WORK[name] in {file.path for file in resolve(analysis).files}
