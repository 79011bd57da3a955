"""What compiling WebAssembly may take of the machine, and how a person gives it more."""

from __future__ import annotations

import os
import re
import resource

from whit.packer.support.errors import UsageError
from whit.packer.support.light import TYPE_CHECKING, dataclass
from whit.runtime.limits import parse_size

if TYPE_CHECKING:
    from collections.abc import Mapping

MEMORY, SECONDS = "WHIT_WASM_MEMORY", "WHIT_WASM_SECONDS"
"""Variables of whit's own environment: a size as ``--memory`` takes it, and seconds of CPU time."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Bytes of address space and seconds of CPU time. A Go program of 50 MB takes a sixth of the usual ones."""

    memory: int = 6 << 30
    seconds: int = 600

    @property
    def told(self) -> str:
        """For people."""
        large = self.memory >= 1 << 30
        return f"{self.memory / (1 << (30 if large else 20)):.3g} {'GiB' if large else 'MiB'}, {self.seconds} s"


def bounds(environment: Mapping[str, str] = os.environ) -> Bounds:
    """Those that a person has asked for, as far as the process may have them (setrlimit(2)). Raises :class:`UsageError`."""
    usual = Bounds()
    memory, seconds = environment.get(MEMORY, ""), environment.get(SECONDS, "")
    if not re.fullmatch(r"([1-9][0-9]{0,8})?", seconds, re.ASCII):
        raise UsageError(f"{SECONDS}: '{seconds}' is no number of seconds", hint=f"{SECONDS}=1200")
    try:
        wanted = Bounds(parse_size(memory) if memory else usual.memory, int(seconds or usual.seconds))
    except UsageError as error:
        raise UsageError(f"{MEMORY}: {error.message}", hint=f"{MEMORY}=12g") from None
    return Bounds(_least(resource.RLIMIT_AS, wanted.memory), _least(resource.RLIMIT_CPU, wanted.seconds))


def _least(kind: int, wanted: int) -> int:
    _, hard = resource.getrlimit(kind)
    return wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
