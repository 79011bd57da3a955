"""Analysis → what must stand beside the executable (``model``), each file with its reason; ``packer/needs/`` and ``packer/closure/`` have the rules.

- ``resolve``: the way; ``choices``: what a person decides; ``additions``: what a person adds; ``programs``: several in one image
- ``sources``, ``wellknown``: where the files come from; ``advice``: what no file can mend
"""
