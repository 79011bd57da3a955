"""``deploy``: how many containers, and with what (compose-spec, deploy.md)."""

from __future__ import annotations

from whit.runtime.compose.model.collections import ListOf, Pairs, Record
from whit.runtime.compose.model.keys.shared import REQUESTS
from whit.runtime.compose.model.scalars import DURATION, FRACTION, SIZE, TEXT, WHOLE, Duration, Text, Whole

_UPDATE = Record(
    {
        "parallelism": Whole(0, keep=True),
        "delay": Duration(keep=False),
        "failure_action": TEXT,
        "monitor": Duration(keep=False),
        "max_failure_ratio": FRACTION,
        "order": Text("start-first", "stop-first"),
    }
)

_DISCRETE = Record({"kind": TEXT, "value": Whole(keep=True)})

DEPLOY = Record(
    {
        "mode": TEXT,
        "replicas": Whole(keep=True),
        "labels": Pairs(),
        "update_config": _UPDATE,
        "rollback_config": _UPDATE,
        "resources": Record(
            {
                "limits": Record({"cpus": FRACTION, "memory": SIZE, "pids": WHOLE}),
                "reservations": Record(
                    {
                        "cpus": FRACTION,
                        "memory": SIZE,
                        "devices": REQUESTS,
                        "generic_resources": ListOf(Record({"discrete_resource_spec": _DISCRETE})),
                    }
                ),
            }
        ),
        "restart_policy": Record(
            {"condition": TEXT, "delay": DURATION, "max_attempts": Whole(0, keep=True), "window": DURATION}
        ),
        "placement": Record(
            {
                "constraints": ListOf(),
                "preferences": ListOf(Record({"spread": TEXT})),
                "max_replicas_per_node": Whole(0),
            }
        ),
        "endpoint_mode": TEXT,
    },
    nullable=True,
    always={"resources": {}, "placement": {}},
)
