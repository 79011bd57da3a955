"""Dockerfiles and BuildKit's answers about them."""
