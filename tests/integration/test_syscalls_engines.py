"""podman with the filter of a program's own calls, as root and as a user: programs start, serve and stop, under any runtime.

Any other call ends the program, and so would the runtime's own between the filter and the program.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.conftest import lacking
from tests.integration.compiled import compiled
from tests.integration.profiles import KILLED, TERMINATED, pack_programs
from tests.integration.rootless_podman import Said, give_machine, run_script
from tests.peers import find_peer
from tests.programs.build import build

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import RunWhit

pytestmark = [pytest.mark.root, pytest.mark.peer("podman", "conmon", "catatonit", "newuidmap", "ip")]

SLOW = pytest.mark.slow
RUNTIMES = (pytest.param("runc", marks=SLOW), "crun", pytest.param("whit-oci", marks=SLOW))

AS_ROOT = ("unshare", "--mount", "--")

SCRIPT = """
umount /sys/fs/cgroup/unified 2>/dev/null
run() { program=$1; shift; pod run --network none --ulimit nofile=1024:1024 --ulimit nproc=1024:1024 $(filter_of $program) "$@"; }
listens() { tries=0; until pod logs $1 | grep -q listening || test $tries -gt 300; do sleep 0.1; tries=$((tries + 1)); done; pod logs $1; }
for name in hello server net; do pod load -i $name.tar >/dev/null || exit; done
case_of hello run hello --rm hello
run server -d --name server server >/dev/null
case_of listening listens server
case_of again pod exec server /server nonsense
case_of stopped pod stop -t 60 server
case_of status pod inspect --format '{{.State.ExitCode}}' server
run net -d --name net net serve 7000 >/dev/null
listens net >/dev/null
case_of asked pod exec net /net ask 127.0.0.1:7000 abc
# The container's end may come before the one who asked for it says so.
pod exec net /net ask 127.0.0.1:7000 end >/dev/null 2>&1
case_of served pod wait net
case_of wrong run wrong --rm hello
pod rm -f -t 0 --all >/dev/null
"""

WITH_PROFILES = 'filter_of() { echo "--security-opt seccomp=$HOME/$1.json"; }\n'
"""The exported document; that of another program for what goes wrong."""

WITH_NOTHING = "filter_of() { :; }\n"
"""Nothing is said: the image's annotations tell it."""


def _run(folder: Path, runtime: str | Path, script: str, before: tuple[str, ...] = AS_ROOT) -> dict[str, Said]:
    return run_script(before, folder, runtime, script + SCRIPT)


def _assert_works(cases: dict[str, Said]) -> None:
    assert cases["hello"] == Said(0, "hello from c", ""), cases
    assert "listening on" in cases["listening"].output, cases
    assert (cases["again"].status, "missing port" in cases["again"].error) == (1, True), cases
    assert cases["status"].output == str(TERMINATED), cases
    assert cases["asked"] == Said(0, "cba", ""), cases
    assert cases["served"].output == "0", cases


@pytest.fixture
def place() -> Iterator[Path]:
    """A short path: a socket's has room for a hundred characters, of which podman takes its share."""
    with tempfile.TemporaryDirectory(prefix="w", ignore_cleanup_errors=True) as name:
        yield Path(name)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_programs_work_under_their_profiles(runtime: str, place: Path, whit: Path) -> None:
    pack_programs(place, whit)
    program = whit.with_name(runtime) if runtime == "whit-oci" else find_peer(runtime)
    if program is None:
        lacking(f"no {runtime}")

    cases = _run(place, program, WITH_PROFILES)

    _assert_works(cases)
    assert cases["wrong"].status == KILLED


@pytest.mark.parametrize("who", ["root", pytest.param("a user", marks=SLOW)])
def test_podman_on_whit_oci_takes_the_filter_from_the_image(
    who: str, place: Path, run_whit: RunWhit, everybodys_whit: Path, whit: Path
) -> None:
    """Nothing is asked for; and an image that tells wrong calls shows that they are taken."""
    pack_programs(place, whit)
    (place / "hello.tar").rename(place / "right.tar")
    told = {"dev.whit.syscalls": "read", "dev.whit.syscalls.program": "/hello", "dev.whit.syscalls.else": "kill"}
    words = [word for key, value in told.items() for word in ("--annotation", f"{key}={value}")]
    program = compiled(lambda: build("hello", "c-zig", stripped=True))
    run_whit("pack", *words, program, "-t", "hello", "-o", place / "hello.tar")

    before = AS_ROOT if who == "root" else give_machine(place)
    cases = _run(place, everybodys_whit.with_name("whit-oci"), WITH_NOTHING, before)

    assert cases["hello"].status == KILLED
    _assert_works({**cases, "hello": Said(0, "hello from c", "")})


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_user_s_podman_takes_them_too(runtime: str, place: Path, whit: Path, everybodys_whit: Path) -> None:
    pack_programs(place, whit)
    program = everybodys_whit.with_name(runtime) if runtime == "whit-oci" else find_peer(runtime)
    if program is None:
        lacking(f"no {runtime}")

    cases = _run(place, program, WITH_PROFILES, give_machine(place))

    _assert_works(cases)
    assert cases["wrong"].status == KILLED
