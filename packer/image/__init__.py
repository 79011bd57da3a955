"""Resolution → what the image will be (``spec``) → layers and OCI's documents.

- ``oci``, ``platform``, ``reference``, ``annotations``, ``probes``, ``accounts``: what the formats say
- ``layer``, ``compress``, ``decompress``, ``early``, ``assemble``: the bytes; ``layercache``, ``packcache``: bytes that were made before
- ``based``, ``below``: on top of another image; ``overlaying``, ``comparing``: images as a container sees them
- ``indexing``: images for several platforms under one name
"""
