"""What every part stands on: errors, files that are there whole or not at all, locks, JSON, light classes, times."""
