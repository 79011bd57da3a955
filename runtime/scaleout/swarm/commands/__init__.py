"""``whit stack``, a file a verb or two."""
