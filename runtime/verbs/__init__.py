"""What everyday commands do once their words are read, one a file: by plain.py at once, else by click (runtime/commands)."""
