"""What else is of a project, as docker compose lists it: the images of its containers, its volumes."""

from __future__ import annotations

import json

from whit.packer.showing.console import human_size, print_json, say
from whit.packer.support.errors import WhitError
from whit.packer.support.light import TYPE_CHECKING
from whit.packer.support.shortid import short_id
from whit.runtime.compose.running.listed import table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from whit.runtime.compose.running.session import Session
    from whit.runtime.engine.model import Container
    from whit.runtime.engine.volumeform import Volume

_COLUMNS = ("CONTAINER", "REPOSITORY", "TAG", "PLATFORM", "IMAGE ID", "SIZE", "CREATED")


def list_images(session: Session, what: str) -> None:
    """In a ``table``, as ``json`` in docker compose's form, as a ``document`` of whit's, or ``ids``."""
    view = session.look()
    chosen = sorted(session.chosen_of(view), key=lambda seen: seen.name)
    found = [_image(session, view.kept[one.id].container) for one in chosen]
    if what == "ids":
        for image in dict.fromkeys(str(one["id"]) for one in found):
            say(image)
    elif what == "json":
        say(json.dumps([_docker_s(one) for one in found]))
    elif what == "document":
        print_json({"schema": "whit-compose-images/1", "images": found})
    else:
        table(_COLUMNS, map(_row, found))


def _image(session: Session, container: Container) -> dict[str, object]:
    """``platform``, ``size`` and ``created`` are empty where the image isn't in the store any more."""
    name, colon, tag = container.image.rpartition(":")
    if not colon or "/" in tag:
        name, tag = container.image, "latest"
    found: dict[str, object] = {"container": container.name, "repository": name, "tag": tag, "id": container.image_id}
    try:
        image = session.store.resolve(container.image_digest)
    except WhitError:
        return {**found, "platform": "", "size": 0, "created": None}
    return {**found, "platform": str(image.platform), "size": image.size, "created": image.config.created}


def _docker_s(one: dict[str, object]) -> dict[str, object]:
    made = {
        "ID": one["id"],
        "ContainerName": one["container"],
        "Repository": one["repository"],
        "Tag": one["tag"],
        "Platform": one["platform"],
        "Size": one["size"],
    }
    return made if one["created"] is None else {**made, "Created": one["created"]}


def _row(one: dict[str, object]) -> Sequence[str]:
    from whit.packer.commands.images import age  # noqa: PLC0415 - for the table alone

    names = (str(one[key]) for key in ("container", "repository", "tag", "platform"))
    identity = short_id(str(one["id"]))
    created = one["created"]
    return (*names, identity, human_size(int(str(one["size"]))), age(None if created is None else str(created)))


def list_volumes(session: Session, what: str) -> None:
    """In a ``table``, as ``json`` (a document a line, docker's), as a ``document`` of whit's, or ``names``."""
    found = _volumes(session)
    if what == "names":
        for one in found:
            say(one.name)
    elif what == "json":
        from whit.runtime.engine.volumeform import row  # noqa: PLC0415 - for this form alone
        from whit.runtime.engine.volumes import Volumes  # noqa: PLC0415

        volumes = Volumes(session.root)
        for one in found:
            say(json.dumps(row(one, str(volumes.data(one.name)))))
    elif what == "document":
        rows = [{"name": one.name, "driver": "local"} for one in found]
        print_json({"schema": "whit-compose-volumes/1", "volumes": rows})
    else:
        table(("DRIVER", "VOLUME NAME"), (("local", one.name) for one in found))


def _volumes(session: Session) -> list[Volume]:
    """Those that were made for the project, or those of them that the named services mount."""
    from whit.runtime.compose import labels  # noqa: PLC0415 - as above
    from whit.runtime.engine.volumes import Volumes  # noqa: PLC0415

    every = [one for one in Volumes(session.root).every() if (labels.PROJECT, session.name) in one.labels]
    if session.services:
        project = session.file.project
        keys = (key for name in session.services for key in project.service(name).volumes())
        wanted = {project.volume_name(key) for key in keys}
        every = [one for one in every if one.name in wanted]
    return sorted(every, key=lambda one: one.name)
