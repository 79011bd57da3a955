"""Image → process: the launch plan, its encoding, and the launcher that executes it."""
