"""Containers as instances of images, without a daemon: see docs/engine.md."""
