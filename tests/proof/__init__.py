"""The filter of a program's own calls, proven by test: many static programs at real work (``make proof``)."""
