"""The Dockerfile language: a file's bytes → stages and instructions → a plan of steps. Pure: nothing is read, nothing runs.

``parsing.parse(data, file)`` gives the whole file as ``instructions.Dockerfile``; on the way are

- ``directives``: ``# syntax=``, ``# escape=``, ``# check=``
- ``lexing``: bytes → logical lines with their here-documents
- ``splitting``: line → instruction, flags, words
- ``reading``: one reader an instruction (and ``flags``, ``mounts``, ``health``)
- ``instructions``: what they make, one frozen record an instruction
- ``words``: ``expand("${x:-y}", variables)``, as BuildKit's lexer (``globs``: the patterns in ``${x#p}``)
- ``problems``: ``Place``, and ``DockerfileError``, which every mistake becomes

``evaluate.evaluate(dockerfile, Wishes(...), read_base)`` makes a ``plan.Plan`` of it: for each needed stage its steps,
all words expanded, and the image's configuration with its history. ``evaluate.needed_images`` tells before which base
images that will take. On the way are

- ``scopes``: variables before the first FROM; ``state``: a stage's variables and image while it is evaluated
- ``graph``: stages, what they begin with and take from each other
- ``dispatch``: one instruction in its stage: ``configuring`` (and ``ports``) for the configuration, ``running`` and
  ``filing`` for steps
- ``checks``: BuildKit's build checks, found on the way; ``writing``: those of how the file is written

``ignorefile.parse_ignore_file`` reads .dockerignore (``ignorepattern``: one of its patterns).
"""
