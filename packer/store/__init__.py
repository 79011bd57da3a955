"""Images on this machine (docs/store.md): blobs by digest, names, collection of what nothing names, and images' files unpacked.

- ``store``, ``layout``, ``places``, ``eventlog``: what is on disk; ``garbage``, ``users``: what may go
- ``unpack``, ``rootfs``, ``inroot``: layers → files below one folder; ``seeing``, ``filetree``: files that are looked at
"""
