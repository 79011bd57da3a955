"""The verbs that run things, one a file."""
