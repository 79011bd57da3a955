"""The bytes of one file → what it is. Pure: see ``packer/executable/file.py`` for the file itself."""

from __future__ import annotations

import mmap
from typing import TYPE_CHECKING

from whit.packer.executable.bundled import refuse_bundle
from whit.packer.executable.foreign import refusal

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from whit.packer.executable.analysis import Analysis, Wanted

ELF_MAGIC = b"\x7fELF"
WASM_MAGIC = b"\0asm"


def analyse(data: Buffer, wanted: Wanted) -> Analysis:
    """Read an executable in place; only what ``wanted`` asks for is looked up among its functions and strings.

    ``data`` is the whole file: a map or bytes are read as they are, any other buffer is copied first. Time and memory
    are bounded by the file's size, whatever it claims. Raises InvalidFileError for a file that is broken or no
    executable, UnsupportedError for one that whit can't pack; each names the cause in one line.
    """
    whole = data if isinstance(data, (bytes, mmap.mmap)) else bytes(data)
    magic = whole[:4]
    if magic == ELF_MAGIC:
        refuse_bundle(whole)
        from whit.packer.elf.analyse import analyse_elf  # noqa: PLC0415 - only the reader that is needed

        return analyse_elf(whole, wanted)
    if magic == WASM_MAGIC:
        from whit.packer.wasm.analyse import analyse_wasm  # noqa: PLC0415

        return analyse_wasm(whole, wanted)
    raise refusal(whole[:65536])
