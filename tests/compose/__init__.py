"""Compose files of our own that use every key, and how they are read beside docker compose."""
