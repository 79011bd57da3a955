"""Registries: the distribution specification 1.1 as a client. docs/registry.md says what is honoured."""
