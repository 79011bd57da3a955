"""What a program needs beside itself: one rule a file, each from evidence to a verdict."""
