"""``whit compose``: the group, what is given before its verbs, and one file a verb or a few that belong together."""
