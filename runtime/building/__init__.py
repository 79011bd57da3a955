"""What executes the steps of a build (packer/buildfile/build/steps.py): roots of many layers, and programs in them.

- ``overlay``: layers → one mount that nobody else sees
- ``bundle``: a RUN → the OCI configuration that whit-oci runs, with docker build's defaults
- ``runner``: the ``StepRunner`` that ``whit build`` is given; ``child``: its process in namespaces of its own
- ``stubs``: places that were made to mount something on, taken away again
- ``network``: a RUN's place in a network
- ``leftovers``: what the kernel doesn't clear away of builds that were killed
"""
