"""Containers in one file: the launcher, launch plans and an image's files in one static executable (docs/bundle.md)."""
