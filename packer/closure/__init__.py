"""The libraries that a dynamic executable starts with, as its own loader would find them. Pure over a FileTree.

``resolve.py`` calls :func:`whit.packer.closure.closing.close`; docs/closure.md tells the rules.
"""
