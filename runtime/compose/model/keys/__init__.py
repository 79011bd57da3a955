"""All keys of the Compose Specification, and what each may hold: tables. Pure."""
