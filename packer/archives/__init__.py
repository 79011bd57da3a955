"""Images outside of the store: OCI's and docker's archives, and tars of root file systems, out and in."""
