"""Services and jobs (compose-spec, 05-services.md, deploy.md, develop.md)."""

from __future__ import annotations

from whit.packer.support.light import TYPE_CHECKING
from whit.runtime.compose.model import shortforms
from whit.runtime.compose.model.collections import ListOf, MapOf, Pairs, Record, Short, before_equals
from whit.runtime.compose.model.commands import Command, Probe
from whit.runtime.compose.model.keys.build import BUILD
from whit.runtime.compose.model.keys.container import CONTAINER
from whit.runtime.compose.model.keys.deploy import DEPLOY
from whit.runtime.compose.model.keys.provider import PROVIDER
from whit.runtime.compose.model.keys.shared import FilePath
from whit.runtime.compose.model.scalars import DURATION, FLAG, KEPT_FLAG, TEXT, Flag, Text, Whole

if TYPE_CHECKING:
    from whit.runtime.compose.model.kinds import Kind

_DEPENDENCY = Record(
    {
        "condition": Text("service_started", "service_healthy", "service_completed_successfully"),
        "restart": FLAG,
        "required": KEPT_FLAG,
    },
    required=("condition",),
    always={"required": True},
)

_PORT = Record(
    {
        "name": TEXT,
        "mode": TEXT,
        "host_ip": TEXT,
        "target": Whole(0, 65535),
        "published": Text(extra=(int,)),
        "protocol": TEXT,
        "app_protocol": TEXT,
    }
)

WORKLOAD: dict[str, Kind] = {
    "build": BUILD,
    "depends_on": MapOf(_DEPENDENCY, listed=shortforms.dependency),
    "expose": ListOf(Text(extra=(int, float)), key=before_equals),
    "healthcheck": Record(
        {
            "test": Probe(),
            "timeout": DURATION,
            "interval": DURATION,
            "retries": Whole(0, keep=True),
            "start_period": DURATION,
            "start_interval": DURATION,
            "disable": FLAG,
        }
    ),
    "ports": shortforms.Ports(_PORT),
    "stdin_open": FLAG,
    "tty": FLAG,
}
"""``workload_spec`` of the schema."""

_HOOK = Record(
    {"command": Command(), "user": TEXT, "privileged": FLAG, "working_dir": TEXT, "environment": Pairs(unset=True)},
    required=("command",),
    always={"command": None},
)

_WATCH = Record(
    {
        "path": FilePath(),
        "action": Text("rebuild", "sync", "restart", "sync+restart", "sync+exec"),
        "target": TEXT,
        "exec": _HOOK,
        "include": ListOf(single=True, distinct=True),
        "ignore": ListOf(single=True, distinct=True),
        "initial_sync": Flag(texts=False),
    },
    required=("path", "action"),
)

_EXTENDS = Short(
    {"service": TEXT, "file": FilePath()},
    lambda node, _: shortforms.record(node, service=node.value),
    required=("service",),
    extensions=False,
)

_BARE = {"command": None, "entrypoint": None}
"""What docker compose shows even where it isn't set."""

HOOK_CONTAINER = Record({**CONTAINER, "per_replica": FLAG}, always=_BARE)
"""A container that runs before a service starts."""

SERVICE = Record(
    {
        "profiles": ListOf(key=before_equals),
        "deploy": DEPLOY,
        "develop": Record({"watch": ListOf(_WATCH)}, nullable=True),
        "restart": TEXT,
        "scale": Whole(keep=True),
        "attach": KEPT_FLAG,
        "container_name": Text(pattern="[a-zA-Z0-9][a-zA-Z0-9_.-]+"),
        "provider": PROVIDER,
        "extends": _EXTENDS,
        "external_links": ListOf(distinct=True),
        "links": ListOf(key=before_equals),
        "pre_start": ListOf(HOOK_CONTAINER),
        "post_start": ListOf(_HOOK),
        "pre_stop": ListOf(_HOOK),
        **CONTAINER,
        **WORKLOAD,
    },
    always=_BARE,
)

_SCHEDULE = Short(
    {"cron": TEXT, "timezone": TEXT, "concurrency": Text("forbid", "queue"), "missed_fires": Text("one", "skip")},
    shortforms.schedule,
    required=("cron",),
)

JOB = Record(
    {
        "profiles": ListOf(key=before_equals),
        "triggers": Record({"manual": KEPT_FLAG, "schedule": ListOf(_SCHEDULE)}),
        "extends": _EXTENDS,
        **CONTAINER,
        **WORKLOAD,
    },
    required=("triggers",),
    always=_BARE,
)
