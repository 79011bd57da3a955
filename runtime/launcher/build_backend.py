"""PEP 517 build backend: setuptools, with the native launcher compiled first.

The wheel carries ``whit`` and ``whit-oci`` as data files, so it is tagged with this machine's platform.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

from setuptools import build_meta
from setuptools.build_meta import (  # noqa: F401 - hooks that need nothing of ours
    get_requires_for_build_sdist,
    prepare_metadata_for_build_editable,
    prepare_metadata_for_build_wheel,
)

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(Path(__file__).parent))

Settings = dict[str, str | list[str] | None] | None


def _compiler_requirement() -> list[str]:
    from compile_native import find_compiler  # noqa: PLC0415 - beside this file, importable only after the path is set

    return [] if find_compiler() else ["ziglang"]


def _compile() -> None:
    subprocess.run([sys.executable, str(Path(__file__).with_name("compile_native.py"))], cwd=ROOT, check=True)


def get_requires_for_build_wheel(config_settings: Settings = None) -> list[str]:
    """Setuptools' own requirements, and PyPI's ziglang where there is no C compiler."""
    return [*build_meta.get_requires_for_build_wheel(config_settings), *_compiler_requirement()]


def get_requires_for_build_editable(config_settings: Settings = None) -> list[str]:
    """As for a wheel."""
    return [*build_meta.get_requires_for_build_editable(config_settings), *_compiler_requirement()]


def build_wheel(wheel_directory: str, config_settings: Settings = None, metadata_directory: str | None = None) -> str:
    """A wheel with the launcher in its ``bin``, tagged for this platform."""
    _compile()
    os.chdir(ROOT)
    platform_tag = sysconfig.get_platform().replace("-", "_").replace(".", "_")
    settings = {**(config_settings or {}), "--build-option": ["--plat-name", platform_tag]}
    return str(build_meta.build_wheel(wheel_directory, settings, metadata_directory))


def build_editable(
    wheel_directory: str, config_settings: Settings = None, metadata_directory: str | None = None
) -> str:
    """An editable wheel; the launcher is compiled, and the Makefile puts it beside the venv's python."""
    _compile()
    return str(build_meta.build_editable(wheel_directory, config_settings, metadata_directory))


def build_sdist(sdist_directory: str, config_settings: Settings = None) -> str:
    """Setuptools' source distribution; the data files must exist for it."""
    _compile()
    return str(build_meta.build_sdist(sdist_directory, config_settings))
