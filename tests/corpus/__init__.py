"""Long comparisons over everything that this machine has; each is a command, see the Makefile's target ``corpus``."""
