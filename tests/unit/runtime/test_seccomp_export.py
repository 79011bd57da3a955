"""The default filter as OCI's document says the same to the kernel."""

from __future__ import annotations

import pytest

from whit.runtime.seccomp.bpf import compile_filter
from whit.runtime.seccomp.export import to_oci
from whit.runtime.seccomp.oci import from_oci
from whit.runtime.seccomp.profile import default_filter


@pytest.mark.parametrize("architecture", ["amd64", "arm64", "riscv64", "ppc64le", "s390x"])
@pytest.mark.parametrize("capabilities", [frozenset(), frozenset({"CAP_NET_RAW", "CAP_SYS_ADMIN"})])
def test_a_filter_that_went_through_a_document_is_the_same_program(
    architecture: str, capabilities: frozenset[str]
) -> None:
    made = default_filter(architecture, capabilities)
    again = from_oci(to_oci(made), architecture)
    assert compile_filter(again, architecture) == compile_filter(made, architecture)
