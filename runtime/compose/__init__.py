"""Compose: several containers of one YAML file, on whit's own engine. See docs/compose.md.

model/     files → the canonical configuration (what ``docker compose config`` means); pure
project.py the canonical configuration → what runs; pure
graph/     what is to run, and what is there → steps in their order; pure
running/   steps → the engine
commands/  ``whit compose VERB``
"""
