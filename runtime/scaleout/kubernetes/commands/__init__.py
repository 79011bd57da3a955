"""``whit kube``: one file a verb."""
