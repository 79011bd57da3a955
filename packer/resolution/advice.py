"""What a person should know and no file can mend."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from whit.packer.executable.analysis import Libc, Linkage
from whit.packer.needs.exec import programs
from whit.packer.needs.facts import listed
from whit.packer.needs.model import Grade, Verdict
from whit.packer.needs.observed import observe
from whit.packer.resolution.model import Advice

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from whit.packer.executable.analysis import Analysis, WasmInfo
    from whit.packer.needs.model import Need
    from whit.packer.needs.observed import Observed

UNSTARTABLE = ("imports", "start")
"""What advice is about that whoever packs the program is to know."""

_CGROUP_AWARE_GO = (1, 25)
_LOCAL = re.compile(r"127\.|\[::1\]|localhost:")
_TEMPORARY = "/tmp"  # noqa: S108 - a path in the image
_MOST_PORTS, _MOST_VARIABLES = 3, 8
_SETS_GOMAXPROCS = "go.uber.org/automaxprocs"


def advise(analysis: Analysis, needs: Mapping[str, Need]) -> tuple[Advice, ...]:
    """The findings on one executable, most weighty first; ``needs`` by their names."""
    found = (
        *_webassembly(analysis.wasm),
        _plug_ins(analysis, needs),
        _programs(analysis, needs),
        _converters(needs),
        _system_log(needs),
        _processors(analysis),
        *_seen(observe(analysis)),
    )
    return tuple(filter(None, found))


def _webassembly(wasm: WasmInfo | None) -> Iterator[Advice]:
    """What keeps it from being started by a WASI host."""
    if wasm is None:
        return
    if wasm.foreign:
        cure = f": {wasm.cure}" if wasm.cure else ", unless it has more than WASI"
        yield Advice("imports", f"It imports {listed(wasm.foreign)}, with which no host starts it{cure}.")
    if wasm.world in (None, "reactor"):
        wanted = "wasi:cli/run nor wasi:http/incoming-handler" if wasm.wasi == "wasip2" else ""
        lacks = f"It exports neither {wanted}" if wanted else "It exports no function _start"
        yield Advice("start", f"{lacks}: it is a library, and can't be started.")


def _plug_ins(analysis: Analysis, needs: Mapping[str, Need]) -> Advice | None:
    need = needs["dlopen"]
    if need.verdict is not Verdict.NEEDED or analysis.linkage is Linkage.DYNAMIC:
        return None
    if analysis.libc is Libc.MUSL:
        text = "It loads libraries while it runs, which a static musl program can never do: link them in."
    else:
        text = "It loads libraries while it runs, and the image has none: link them in."
    return Advice("dlopen", text)


def _programs(analysis: Analysis, needs: Mapping[str, Need]) -> Advice | None:
    if needs["exec"].verdict is not Verdict.NEEDED:
        return None
    names = f" ({listed(found)})" if (found := programs(analysis)) else ""
    return Advice("exec", f"It can run other programs{names}, and the image has none, not even a shell.")


def _seen(seen: Observed) -> Iterator[Advice]:
    """What constants in the code show."""
    if seen.listens:
        ports = dict.fromkeys(address.rpartition(":")[2] for address in seen.listens)
        published = " ".join(f"-p {port}:{port}" for port in list(ports)[:_MOST_PORTS])
        yield Advice("ports", f"It can listen on {listed(seen.listens)}: publish with {published}.")
        if local := [address for address in seen.listens if _LOCAL.match(address)]:
            yield Advice(
                "ports", f"Nobody outside its container reaches {listed(local)}: let it listen on all addresses."
            )
    if seen.health:
        yield Advice("health", f"It answers for its health: {listed(seen.health)}.")
    lasting = [path for path in seen.writes if not path.startswith(_TEMPORARY)]
    if lasting:
        yield Advice("writes", f"It can write to {listed(lasting)}: mount a volume there, for the image is read-only.")
    if seen.reads:
        yield Advice("reads", f"It can read {listed(seen.reads)}, which the image has only if it is added.")
    if seen.variables:
        yield Advice("environment", f"It asks for {listed(seen.variables, _MOST_VARIABLES)}.")


def _converters(needs: Mapping[str, Need]) -> Advice | None:
    if needs["gconv"].grade is not Grade.LINKED:
        return None
    return Advice(
        "gconv",
        "Its iconv knows Unicode and ASCII only: --add glibc's folder of converters, gconv, at its own place for others.",
    )


def _system_log(needs: Mapping[str, Need]) -> Advice | None:
    if needs["syslog"].grade is not Grade.LINKED:
        return None
    return Advice("syslog", "There is no system log in a container: let it log to stderr, or mount /dev/log.")


def _processors(analysis: Analysis) -> Advice | None:
    """Go reads cgroup CPU limits since 1.25 (release notes, "Container-aware GOMAXPROCS")."""
    version = re.match(r"go(\d+)\.(\d+)", analysis.language.version or "") if analysis.language.name == "go" else None
    if not version or (int(version[1]), int(version[2])) >= _CGROUP_AWARE_GO:
        return None
    if any(path == _SETS_GOMAXPROCS for path, _ in analysis.build.dependencies):
        return None
    text = f"{version[0]} doesn't see CPU limits: set GOMAXPROCS to the limit, or build with Go 1.25 or newer."
    return Advice("cpu", text)
