"""Executable → image, folder by folder along the data's way (``pipeline`` is all of it):

- ``executable/`` what the program is, with ``elf/`` and ``wasm/`` for the formats
- ``resolution/`` what must stand beside it, with ``needs/`` (files that programs open) and ``closure/`` (libraries that they load)
- ``image/`` what the image will be: documents and layers, with ``tar/``
- ``store/`` images on this machine; ``archives/`` and ``registry/`` images elsewhere
- ``buildfile/`` Dockerfiles and whit.yaml → the same; ``supply/`` what goes with an image; ``lint/`` what is wrong with one
- ``commands/`` the command line, ``verbs/`` what of it is answered without click, with ``showing/`` and ``template/`` for what it prints; ``support/`` what all stand on
"""
