"""What is taken of what a build has made."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from whit.packer.support.errors import WhitError
from whit.toolchains.finishing import finish
from whit.toolchains.model import Recipe

if TYPE_CHECKING:
    from pathlib import Path


def test_a_link_in_the_place_of_a_folder_leads_to_no_file_of_this_machine(tmp_path: Path) -> None:
    """Given a build that has put a link in the output's place, when its program is looked for, then none outside is taken."""
    program = tmp_path / "home" / "svc"
    program.parent.mkdir()
    program.write_bytes(b"\x7fELF")
    output = tmp_path / "output"
    output.mkdir()
    (output / "src").symlink_to(program.parent)
    with pytest.raises(WhitError, match="has made no svc"):
        finish(output, Recipe((), (("svc", "src/svc"),)))
    assert program.exists()
