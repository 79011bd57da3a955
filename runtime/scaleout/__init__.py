"""The same Compose file on many hosts: what other engines are given of it."""
