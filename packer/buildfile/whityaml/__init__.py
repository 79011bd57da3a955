"""``whit.yaml``: what an image is to be made of, in one small file. docs/whit-yaml.md, docs/whit.schema.json.

- ``located``: the file's bytes → YAML nodes that know their line and column
- ``variables``: ``${NAME}`` in texts
- ``reading``: nodes → ``model.BuildFile``, once for each platform
- ``orders``: a build file → what ``packer/pipeline.py`` packs
"""
