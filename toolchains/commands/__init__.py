"""The command line of what is built from source."""
