"""Plans as the tests compare them: what whit makes of a question to BuildKit, in the words of the answer."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from whit.packer.buildfile.dockerfile.evaluate import Wishes, evaluate
from whit.packer.buildfile.dockerfile.mounts import MountKind, Sharing
from whit.packer.buildfile.dockerfile.parsing import parse
from whit.packer.buildfile.dockerfile.plan import FileStep, RunStep, WorkdirStep
from whit.packer.image.oci import parse_config
from whit.packer.image.platform import Platform, parse_platform
from whit.packer.support.errors import NotFoundError

if TYPE_CHECKING:
    from whit.packer.buildfile.dockerfile.plan import Plan, PlannedMount, Step
    from whit.packer.image.oci import ImageConfig

HERE = Platform("linux", "amd64")
_NUMBERED = re.compile(r"\[[^]]*[0-9]+/[0-9]+\] (?!FROM )(?:LINK )?")
"""Before a step's name: its stage and number. FROM is no step, and a linked layer has two."""
_CONFIG = (
    *("Env", "Cmd", "Entrypoint", "User", "WorkingDir", "Labels", "ExposedPorts", "Volumes", "StopSignal"),
    *("Healthcheck", "OnBuild", "Shell"),
)


def planned(question: dict[str, Any], *, all_stages: bool = False) -> Plan:
    """Whit's plan. Raises whatever keeps it from that."""
    images: dict[str, Any] = question.get("images", {})

    def read_base(reference: str, _platform: Platform) -> ImageConfig:
        if reference not in images:
            raise NotFoundError(f"{reference}: not found")
        return parse_config(json.dumps(images[reference]).encode())

    platform = question.get("platform")
    wishes = Wishes(
        here=HERE,
        platform=parse_platform(platform, HERE) if platform else None,
        target=question.get("target", ""),
        args=question.get("args", {}),
        all_stages=all_stages,
    )
    return evaluate(parse(question["text"].encode()), wishes, read_base)


def told_plan(question: dict[str, Any]) -> dict[str, Any]:
    """What a build makes."""
    plan = planned(question)
    steps = [step for stage in plan.stages for step in stage.steps]
    config = plan.stage(plan.target).config
    return {
        "image": _image(json.loads(config.to_json())),
        "execs": _set([_exec(step) for step in steps if isinstance(step, RunStep)]),
        "files": _set([target for step in steps for target in _targets(step)]),
        "titles": sorted({step.title for step in steps}),
    }


def told_checks(question: dict[str, Any]) -> list[list[Any]]:
    """What the checks find."""
    findings = planned(question, all_stages="target" not in question).findings
    return sorted([one.rule.value, one.place.first, one.message] for one in findings)


def answered_plan(answer: dict[str, Any]) -> dict[str, Any]:
    """BuildKit's answer, of which not everything is whit's affair."""
    return {
        "image": _image(answer["image"]),
        "execs": _set([{**one, "env": sorted(one["env"]), "mounts": _set(one["mounts"])} for one in answer["execs"]]),
        "files": _set([_target(one) for one in answer["files"] if one.get("mkdir") != "/cache"]),
        "titles": sorted({_NUMBERED.sub("", name) for name in answer["names"] if _NUMBERED.match(name)}),
    }


def _set(found: list[Any]) -> list[Any]:
    """Without an order, and each once: BuildKit's graph has equal steps once."""
    return sorted({json.dumps(one, sort_keys=True) for one in found})


def _image(document: dict[str, Any]) -> dict[str, Any]:
    config = document.get("config", {})
    history = [
        [one.get("created_by"), one.get("comment", ""), one.get("empty_layer", False)]
        for one in document.get("history", [])
    ]
    platform = [document.get(name) for name in ("os", "architecture", "variant")]
    kept = {name: config[name] for name in _CONFIG if config.get(name)}
    return {"platform": platform, "author": document.get("author", ""), "history": history, **kept}


def _exec(step: RunStep) -> dict[str, Any]:
    mounts = [_mount(one) for one in step.mounts if one.mount.kind is not MountKind.SECRET or one.target]
    if step.script:
        mounts.append({"target": "/dev/pipes/", "source": "/", "readonly": True, "type": "BIND"})
    agents = [one.target for one in step.mounts if one.mount.kind is MountKind.SSH]
    secrets = [
        [one.mount.id, one.mount.env, not one.mount.is_required] for one in step.mounts if one.mount.env is not None
    ]
    return {
        "args": list(step.words),
        "env": sorted([*step.environment, *(f"SSH_AUTH_SOCK={target}" for target in agents[:1])]),
        "cwd": step.directory,
        "user": step.user,
        "mounts": _set(mounts),
        "secrets": secrets,
        "network": {"default": "UNSET"}.get(step.network, step.network.upper()),
        "security": step.security.upper(),
    }


def _mount(planned_mount: PlannedMount) -> dict[str, Any]:
    mount = planned_mount.mount
    shown: dict[str, Any] = {
        "target": planned_mount.target,
        "type": mount.kind.upper(),
        "source": "" if mount.source == "/" else mount.source,
        "readonly": mount.is_readonly,
    }
    if mount.kind is MountKind.CACHE:
        shown |= {"id": f"/{mount.id}", "sharing": (mount.sharing or Sharing.SHARED).upper()}
        if not shown["source"] and (mount.uid, mount.gid, mount.mode) != (None, None, None):
            shown["source"] = "/cache"
    elif mount.kind is MountKind.TMPFS:
        shown |= {"size": mount.size}
    elif mount.kind in (MountKind.SECRET, MountKind.SSH):
        shown |= {
            "id": "" if mount.id == "default" else mount.id,
            "optional": not mount.is_required,
            "readonly": False,
            "source": "",
        }
        is_own = (mount.uid, mount.gid, mount.mode) != (None, None, None)
        usual = 0o400 if mount.kind is MountKind.SECRET else 0o600
        shown["mode"] = mount.mode if is_own and mount.mode is not None else usual
        if mount.kind is MountKind.SECRET:
            shown |= {"uid": mount.uid or 0, "gid": mount.gid or 0}
    return shown


def _targets(step: Step) -> list[Any]:
    if isinstance(step, WorkdirStep):
        return [["mkdir", step.path]]
    if not isinstance(step, FileStep):
        return (
            [["mkfile", "/" + step.script.path.rpartition("/")[2], step.script.content]]
            if isinstance(step, RunStep) and step.script
            else []
        )
    mode = int(step.mode, 8) if step.mode.isdigit() else 0 if step.mode else -1
    symbolic = "" if step.mode.isdigit() else step.mode
    found: list[Any] = [["copy", step.target, mode, symbolic, one.unpacks] for one in step.sources]
    return found + [["mkfile", f"/{one.value}", one.content] for one in step.sources if one.kind == "inline"]


def _target(action: dict[str, Any]) -> list[Any]:
    if "mkdir" in action:
        return ["mkdir", action["mkdir"]]
    if "mkfile" in action:
        return ["mkfile", action["mkfile"], action["data"]]
    return ["copy", action["target"], action["mode"], action["modestr"], action["unpack"]]
