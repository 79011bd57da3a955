"""A service → its container. Pure."""

from __future__ import annotations

import re

from whit.packer.support.light import TYPE_CHECKING
from whit.runtime.scaleout.kubernetes.model import filled
from whit.runtime.scaleout.kubernetes.naming import label
from whit.runtime.scaleout.kubernetes.ports import ports_of
from whit.runtime.scaleout.kubernetes.quantities import cpus, size

if TYPE_CHECKING:
    from whit.runtime.compose.project import Service, Values
    from whit.runtime.scaleout.kubernetes.model import Context, Document

_VARIABLE = re.compile(r"[-._a-zA-Z][-._a-zA-Z0-9]*", re.ASCII)
_SHARES = 1024
"""``cpu_shares`` of one processor."""

_PULL = {"always": "Always", "never": "Never", "missing": "IfNotPresent", "if_not_present": "IfNotPresent"}


def container_of(context: Context, service: Service) -> Document:
    """The container, but for its mounts, probes and security. Raises :class:`UnsupportedError`."""
    values = service.values
    return filled(
        {
            "name": label(service.name),
            "image": _image(context, service),
            "imagePullPolicy": _pull(context, service),
            **_command(context, service),
            "workingDir": values.get("working_dir"),
            "env": _variables(context, service),
            "ports": [{"containerPort": one.target, "protocol": one.protocol} for one in ports_of(service)],
            "resources": _resources(context, service),
            "lifecycle": _hooks(context, service),
            "stdin": bool(values.get("stdin_open")) or None,
            "tty": bool(values.get("tty")) or None,
        }
    )


def _variables(context: Context, service: Service) -> list[Document]:
    environment: Values = service.values.get("environment") or {}
    for name in environment:
        if not _VARIABLE.fullmatch(name):
            here = ("services", service.name, "environment", name)
            raise context.refused(here, "no variable is called that on Kubernetes", "letters, digits, '_', '-' and '.'")
    return [{"name": name, "value": literal(str(value))} for name, value in environment.items() if value is not None]


def literal(text: str) -> str:
    """As the program is to see it: Kubernetes expands ``$(NAME)`` in commands and variables, and makes one dollar of two."""
    return text.replace("$", "$$") if "$(" in text or "$$" in text else text


def _image(context: Context, service: Service) -> str:
    if not service.is_built:
        return service.image
    prefix = context.options.registry.rstrip("/")
    image = f"{prefix}/{service.image}" if prefix else service.image
    context.tell(("services", service.name, "build"), f"nodes pull {image}: push it first")
    return image


def _pull(context: Context, service: Service) -> str | None:
    policy = str(service.values.get("pull_policy") or "")
    if not policy or policy in _PULL:
        return _PULL.get(policy)
    if policy == "build":
        return None
    context.tell(("services", service.name, "pull_policy"), "images are asked for anew at each start")
    return "Always"


def _command(context: Context, service: Service) -> Document:
    """``command`` is Compose's entrypoint, ``args`` its command; neither is the image's own."""
    values = service.values
    entrypoint, command = values.get("entrypoint"), [literal(str(word)) for word in values.get("command") or ()]
    if entrypoint is None:
        if values.get("command") is not None and not command:
            raise _no_empty(context, service, "command")
        return {"args": command}
    words = [literal(str(word)) for word in entrypoint]
    if not words:
        if not command:
            raise _no_empty(context, service, "entrypoint")
        return {"command": command}
    return {"command": words, "args": command}


def _no_empty(context: Context, service: Service, key: str) -> Exception:
    return context.refused(
        ("services", service.name, key), "Kubernetes can't take away the image's own", "say what is run"
    )


def _resources(context: Context, service: Service) -> Document:
    values = service.values
    said: Values = (values.get("deploy") or {}).get("resources") or {}
    limits, reserved = said.get("limits") or {}, said.get("reservations") or {}
    quota = int(values.get("cpu_quota") or 0)
    processors = values.get("cpus") or limits.get("cpus")
    if not processors and quota > 0:
        processors = quota / int(values.get("cpu_period") or 100_000)
    memory = values.get("mem_limit") or limits.get("memory")
    weight = int(values.get("cpu_shares") or 0) / _SHARES
    least = reserved.get("cpus") or min(weight, float(processors or weight))
    most = {"cpu": cpus(processors) if processors else None, "memory": size(memory) if memory else None}
    disk = (values.get("storage_opt") or {}).get("size")
    reserve = values.get("mem_reservation") or reserved.get("memory")
    asked = {"cpu": cpus(least) if least else None, "memory": size(reserve) if reserve else None}
    _check_order(context, service, (least, processors), (reserve, memory))
    most["ephemeral-storage"] = _disk(context, service, str(disk)) if disk else None
    return filled({"requests": filled(asked), "limits": filled(most)})


def _check_order(context: Context, service: Service, *pairs: tuple[object, object]) -> None:
    for least, most in pairs:
        if least and most and float(str(least)) > float(str(most)):
            path = ("services", service.name)
            raise context.refused(path, f"it reserves {least}, and may have {most}", "reserve at most the limit")


def _disk(context: Context, service: Service, text: str) -> str:
    from whit.runtime.compose.model.units import size as parse  # noqa: PLC0415 - seldom

    count = parse(text)
    if not count or count < 0:
        raise context.refused(("services", service.name, "storage_opt"), f"'{text[:40]}' is no size", "size: 1g")
    return size(count)


def _hooks(context: Context, service: Service) -> Document:
    made: Document = {}
    for key, word in (("post_start", "postStart"), ("pre_stop", "preStop")):
        hooks = service.values.get(key) or ()
        if not hooks:
            continue
        here = ("services", service.name, key)
        if len(hooks) > 1:
            raise context.refused(here, "Kubernetes has one hook of a kind", "put them into one program")
        command = [str(one) for one in hooks[0].get("command") or ()]
        if not command:
            raise context.refused((*here, 0), "Kubernetes has no form for a hook without a command", "say what is run")
        made[word] = {"exec": {"command": command}}
    return made
