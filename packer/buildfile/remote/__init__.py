"""What a build takes from elsewhere: files by HTTP, git repositories, contexts that are neither folder nor Dockerfile.

- ``downloads``: a URL → a file that is kept, asked for anew only where it may be another
- ``gitting``: the program git, shut off from all that could lead it elsewhere; ``repositories``: an address → a folder
- ``sources``: both, for one build
- ``contexts``: a context that is a repository, a URL or a tar on standard input; ``named``: ``--build-context``
"""
