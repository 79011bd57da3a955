"""ELF's machine, flags and ABI as an OCI platform. Pure.

Machine numbers: gABI, e_machine. ARM: "ELF for the Arm Architecture" (e_flags) and "Addenda to, and Errata in, the ABI
for the Arm Architecture" (build attributes, Tag_CPU_arch). Platform names: OCI image-spec, which takes Go's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from whit.packer.elf.file import SectionType
from whit.packer.image.platform import Platform
from whit.packer.support.errors import InvalidFileError, UnsupportedError

if TYPE_CHECKING:
    from whit.packer.elf.file import ElfFile

EM_386, EM_PPC64, EM_S390, EM_ARM, EM_X86_64, EM_AARCH64, EM_RISCV, EM_LOONGARCH = 3, 21, 22, 40, 62, 183, 243, 258

_ARCHITECTURES = {
    (EM_386, 32, "<"): "386",
    (EM_X86_64, 64, "<"): "amd64",
    (EM_AARCH64, 64, "<"): "arm64",
    (EM_ARM, 32, "<"): "arm",
    (EM_RISCV, 64, "<"): "riscv64",
    (EM_PPC64, 64, "<"): "ppc64le",
    (EM_S390, 64, ">"): "s390x",
    (EM_LOONGARCH, 64, "<"): "loong64",
}

_OTHER_MACHINES = {
    2: "SPARC",
    4: "Motorola 68000",
    8: "MIPS",
    15: "PA-RISC",
    20: "32-bit PowerPC",
    EM_PPC64: "big-endian 64-bit PowerPC",
    EM_S390: "31-bit S/390",
    EM_ARM: "big-endian ARM",
    42: "SuperH",
    43: "64-bit SPARC",
    50: "Itanium",
    EM_X86_64: "x32, the 32-bit ABI of x86-64,",
    EM_AARCH64: "big-endian or 32-bit ABI AArch64",
    EM_RISCV: "32-bit RISC-V",
    247: "BPF",
    0x9026: "Alpha",
}

_SYSTEMS = {2: "NetBSD", 6: "Solaris", 9: "FreeBSD", 12: "OpenBSD"}
"""EI_OSABI of systems whose executables Linux doesn't run; their note owners are the same names."""

_EF_ARM_HARD_FLOAT = 0x400
_TAG_FILE, _TAG_CPU_ARCH, _TAG_CPU_RAW_NAME, _TAG_CPU_NAME, _TAG_COMPATIBILITY = 1, 6, 4, 5, 32
_ARM_ARCH_VARIANTS = {6: "v6", 7: "v6", 8: "v6", 9: "v6", 10: "v7"}
_NEWER_THAN_V7 = 13


def require_system(elf: ElfFile, note_owners: frozenset[str]) -> None:
    """Raise UnsupportedError for an executable of another operating system."""
    foreign = _SYSTEMS.get(elf.abi) or next((name for name in _SYSTEMS.values() if name in note_owners), None)
    if foreign:
        raise UnsupportedError(f"an executable for {foreign}: it doesn't run on Linux", hint="build it for Linux")


def architecture(elf: ElfFile) -> str:
    """The architecture in OCI's words; UnsupportedError for machines that whit makes no images for."""
    name = _ARCHITECTURES.get((elf.machine, elf.bits, elf.order))
    if name is None:
        raise UnsupportedError(
            f"an executable for {_OTHER_MACHINES.get(elf.machine, f'ELF machine {elf.machine}')}",
            hint=f"whit makes images for {', '.join(sorted(_ARCHITECTURES.values()))}",
        )
    return name


def platform(elf: ElfFile, architecture: str, goarm: str | None) -> Platform:
    """The OCI platform. ``goarm`` is Go's build setting GOARM: it says more of the ARM version than the header."""
    return Platform("linux", architecture, _arm_variant(elf, goarm) if architecture == "arm" else None)


def _arm_variant(elf: ElfFile, goarm: str | None) -> str:
    if goarm and goarm[:1] in "567":
        return f"v{goarm[:1]}"
    section = next((section for section in elf.sections if section.type == SectionType.ARM_ATTRIBUTES), None)
    if section is not None:
        try:
            return _variant_from_attributes(elf.data[section.offset : section.offset + min(section.size, 4096)])
        except (IndexError, InvalidFileError):
            pass
    return "v7" if elf.flags & _EF_ARM_HARD_FLOAT else "v6"


def _variant_from_attributes(data: bytes) -> str:
    """Tag_CPU_arch out of 'A', length, "aeabi" and NUL, Tag_File, length, then (tag, value) pairs."""
    at = data.index(b"aeabi\0") + 6 if b"aeabi\0" in data[:64] else len(data)
    if data[:1] != b"A" or data[at] != _TAG_FILE:
        raise InvalidFileError("not a valid ELF file: .ARM.attributes holds no file attributes")
    at += 5
    while True:
        tag, at = _uleb128(data, at)
        if tag in (_TAG_CPU_RAW_NAME, _TAG_CPU_NAME) or (tag > _TAG_COMPATIBILITY and tag % 2):
            at = _after_string(data, at)
            continue
        value, at = _uleb128(data, at)
        if tag == _TAG_COMPATIBILITY:
            at = _after_string(data, at)
        if tag == _TAG_CPU_ARCH:
            return _ARM_ARCH_VARIANTS.get(value, "v7" if value >= _NEWER_THAN_V7 else "v5")


def _after_string(data: bytes, at: int) -> int:
    end = data.find(b"\0", at)
    if end < 0:
        raise InvalidFileError("not a valid ELF file: .ARM.attributes holds an endless string")
    return end + 1


def _uleb128(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while shift < 64:  # noqa: PLR2004 - longer numbers are hostile
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:  # noqa: PLR2004 - the last byte
            return value, at
        shift += 7
    raise InvalidFileError("not a valid ELF file: .ARM.attributes holds an endless number")
