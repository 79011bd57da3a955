"""The verbs that make and look at images, one a file."""
