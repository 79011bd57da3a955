"""The Dockerfile language: a file's bytes → stages and instructions. Pure: nothing is read, nothing runs.

``parsing.parse(data, file)`` gives the whole file as ``instructions.Dockerfile``; on the way are

- ``directives``: ``# syntax=``, ``# escape=``, ``# check=``
- ``lexing``: bytes → logical lines with their here-documents
- ``splitting``: line → instruction, flags, words
- ``reading``: one reader an instruction (and ``flags``, ``mounts``, ``health``)
- ``instructions``: what they make, one frozen record an instruction
- ``words``: ``expand("${x:-y}", variables)``, as BuildKit's lexer (``globs``: the patterns in ``${x#p}``)
- ``problems``: ``Place``, and ``DockerfileError``, which every mistake becomes
"""
