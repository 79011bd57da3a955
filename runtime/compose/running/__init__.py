"""Steps → whit's engine, in one process: the thin edges of Compose.

places.py    where a project's own files are, and its lock
seeing.py    what there is of a project
images.py    the images that services are made of: in the store, pulled, built
contents.py  secrets and configs
acting.py    a step → the engine
executing.py steps in their order, as many at once as that allows
telling.py   how it goes: lines, JSON, a live tree
following.py what containers write, with whose it is in front
uprunning.py ``up`` as a whole
"""
