"""A path → what the executable there is (``analysis``); ``packer/elf/`` and ``packer/wasm/`` know the formats.

- ``file``: opens and maps it; ``analyse``: its bytes → ``analysis``; ``foreign``: what else it may be, told by name
- ``observed``: what a Go program's constants tell; ``linkage``: what a dynamic one lacks, and how to build it without
"""
