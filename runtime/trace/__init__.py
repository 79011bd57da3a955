"""``whit trace``: a program is run confined, and what it opens, executes and misses is watched (seccomp_unotify(2))."""
