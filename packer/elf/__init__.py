"""Readers of ELF files: headers, notes, sections, Go's tables. Pure: bytes in, dataclasses out."""
