"""Readers of WebAssembly modules and components. Pure: bytes in, dataclasses out."""
