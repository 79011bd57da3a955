"""Longer comparisons on many programs, outside ``make test``: ``make corpus``, or ``python -m tests.corpus NAME``."""
