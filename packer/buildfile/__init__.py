"""Files that say how an image is built."""
