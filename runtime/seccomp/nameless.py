"""The filter that keeps files without a name (memfd_create(2)) from being executed, where the kernel isn't told to. Pure.

What Landlock says of folders isn't said of them. Such a file is made for those who say that it shall never be executed
(``MFD_NOEXEC_SEAL``, Linux 6.3) and for nobody else, as ``vm.memfd_noexec=2`` has it (Documentation/userspace-api/mfd_noexec.rst),
but that it says ENOSYS, on which programs fall back.
"""

from __future__ import annotations

from functools import lru_cache

from whit.runtime.seccomp.bpf import compile_filter
from whit.runtime.seccomp.model import ALLOW, ENOSYS, Condition, Filter, Operator, Rule, errno

_NOEXEC_SEAL = 0x8
_COMPANIONS = {"amd64": ("386",), "arm64": ("arm",)}
"""Whose programs a kernel of the architecture may run too."""


_RULE = Rule(("memfd_create",), errno(ENOSYS), (Condition(1, Operator.MASKED_EQ, 0, _NOEXEC_SEAL),))


@lru_cache(maxsize=2)
def nameless_filter(architecture: str) -> bytes:
    """The compiled filter for a kernel of ``architecture``, OCI's word; all other calls pass."""
    architectures = (architecture, *_COMPANIONS.get(architecture, ()))
    return compile_filter(Filter(ALLOW, architectures, (_RULE,)), architecture)
