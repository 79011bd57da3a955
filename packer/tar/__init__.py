"""Tar archives as streams: what somebody else wrote is read, and what is written depends on the files alone."""
