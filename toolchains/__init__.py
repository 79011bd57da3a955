"""Source tree → static executable."""
