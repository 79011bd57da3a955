"""Endurance: many containers one after the other, many at once, and runtimes killed at random points; what is left behind."""
