"""Executable → image: analysis, resolution, image specification, layers, store."""
