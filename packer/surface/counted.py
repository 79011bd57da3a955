"""How the figure is counted, in words: for the page, and the same as docs/report.md says. Data only."""

from __future__ import annotations

COUNTED = (
    ("system calls that the filter lets pass, if only with some arguments", "1 each"),
    ("capabilities that it has as root, or can get by a file that gives rights", "10 each"),
    (
        "files that give their owner's rights (set-user-ID, set-group-ID) that it may execute, where that has an effect",
        "10 each",
    ),
    (
        "places that it may change: files and folders of the image by their permission bits if the root is writable, what is mounted for it",
        "10·log2(1 + n)",
    ),
    ("devices in /dev", "2 each"),
    ("programs besides its own, scripts too, that it may execute; libraries don't count", "10·log2(1 + n)"),
    ("a shell", "20"),
    ("it runs as root", "20"),
    ("a network", "10"),
    ("TCP ports that it may listen at, if it has a network: 16 if they are all", "log2(1 + n)"),
)
"""A part of the figure, and the points that it makes."""

MEANING = (
    "It counts what somebody who has taken over the program can still do and reach: what he can ask of the kernel, what he "
    "can change, what else he can run. The points of all parts are added up. Lower is better, and whatever is taken away "
    "(a call, a capability, a file, a right) never raises it. The weights are a convention that puts unlike things on one "
    "scale: so two images, or two versions of one, can be compared. It says nothing of bugs in the program or the kernel, "
    "nor of what its network reaches, and two images of one figure aren't equally safe."
)
