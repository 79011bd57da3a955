"""A Compose project → manifests for Kubernetes. Pure, but for reading what is bound and writing what was made.

    Project ─generating.py─▶ manifests and notes ─documents.py─▶ files ─writing.py─▶ a folder

Nothing of a file is passed over: what Kubernetes has otherwise is told of in a line (a note), what it can't do is refused
by name, both with the place in the file.
"""
