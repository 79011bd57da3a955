"""A Dockerfile's plan, executed: steps → folders of changed files → layers → an image in the store.

- ``steps``: what executes a step must be able to do (``StepRunner``); runtime/building/ does it, and whoever calls injects it
- ``cache``: which step has given which files, on disk
- ``origins``, ``finding``, ``selecting``, ``placing``: what COPY and ADD take, from where, and where it goes
- ``owners``, ``modes``: ``--chown`` and ``--chmod``
- ``running``: RUN with its mounts; ``agents``: SSH agents for it; ``emulation``: whether it can be executed here
- ``portable``, ``sharing``, ``exchanging``, ``uppers``: steps that were done on other machines, by keys that mean the same there
- ``stages``: one stage, step by step; ``building``: all that a target needs, side by side; ``assembling``: the image
"""
