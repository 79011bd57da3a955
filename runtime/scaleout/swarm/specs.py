"""A service of a stack file → its specification for the Engine API (POST /services/create, API 1.41). Pure."""

from __future__ import annotations

from whit.packer.support.light import TYPE_CHECKING
from whit.runtime.compose.model.units import duration, size

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from whit.runtime.compose.project import Values

    Ids = Mapping[tuple[str, str], str]
    """("secrets" or "configs", name at the engine) → ID."""

NAMESPACE = "com.docker.stack.namespace"
"""The label by which docker's commands know what belongs to a stack."""
IMAGE = "com.docker.stack.image"
_FOLDERS = {"secrets": "/run/secrets/", "configs": "/"}


def service_spec(stack: str, configuration: Values, name: str, ids: Ids) -> dict[str, Any]:
    """What a service is to be. ``ids`` has all secrets and configs that it is shown."""
    service = configuration["services"][name]
    deploy: Values = service.get("deploy") or {}
    labels = {**_texts(deploy.get("labels")), NAMESPACE: stack, IMAGE: service["image"].partition("@")[0]}
    spec: dict[str, Any] = {
        "Name": f"{stack}_{name}",
        "Labels": labels,
        "TaskTemplate": _task(stack, configuration, name, ids),
        "Mode": _mode(deploy),
        "EndpointSpec": _endpoint(service, deploy),
    }
    for key, title in (("update_config", "UpdateConfig"), ("rollback_config", "RollbackConfig")):
        if deploy.get(key):
            spec[title] = _update(deploy[key])
    return spec


def _texts(values: object) -> dict[str, str]:
    return {str(key): str(value) for key, value in values.items()} if isinstance(values, dict) else {}


def _task(stack: str, configuration: Values, name: str, ids: Ids) -> dict[str, Any]:
    service = configuration["services"][name]
    deploy: Values = service.get("deploy") or {}
    task: dict[str, Any] = {
        "ContainerSpec": _container(stack, configuration, service, ids),
        "Resources": _resources(deploy.get("resources") or {}),
        "RestartPolicy": _restart(deploy.get("restart_policy") or {}),
        "Placement": _placement(deploy.get("placement") or {}),
        "Networks": [
            {"Target": configuration["networks"][key]["name"], "Aliases": [name, *((given or {}).get("aliases") or ())]}
            for key, given in (service.get("networks") or {}).items()
        ],
    }
    if service.get("logging"):
        logging = service["logging"]
        task["LogDriver"] = {"Name": logging.get("driver") or "", "Options": _texts(logging.get("options"))}
    return {key: value for key, value in task.items() if value}


def _container(stack: str, configuration: Values, service: Values, ids: Ids) -> dict[str, Any]:
    """ContainerSpec; docker's ``command`` is Swarm's Args, and ``entrypoint`` its Command."""
    plain = {
        "Image": "image",
        "Command": "entrypoint",
        "Args": "command",
        "Hostname": "hostname",
        "Dir": "working_dir",
        "User": "user",
        "StopSignal": "stop_signal",
        "TTY": "tty",
        "OpenStdin": "stdin_open",
        "ReadOnly": "read_only",
        "Init": "init",
        "Isolation": "isolation",
        "CapabilityAdd": "cap_add",
        "CapabilityDrop": "cap_drop",
    }
    made: dict[str, Any] = {
        title: service[key] for title, key in plain.items() if service.get(key) not in (None, "", False, [])
    }
    made |= {
        "Labels": {**_texts(service.get("labels")), NAMESPACE: stack},
        # Nothing, as docker says it: where it isn't said, all tasks would be made anew after a 'docker stack deploy'.
        "Privileges": {"CredentialSpec": None, "SELinuxContext": None},
        "Env": sorted(f"{key}={value}" for key, value in (service.get("environment") or {}).items()),
        "Mounts": [_mount(stack, configuration, one) for one in service.get("volumes") or ()],
        "Hosts": [_host(text) for text in service.get("extra_hosts") or ()],
        "Sysctls": _texts(service.get("sysctls")),
        "Ulimits": [_ulimit(key, value) for key, value in (service.get("ulimits") or {}).items()],
        "Healthcheck": _healthcheck(service.get("healthcheck") or {}),
        "DNSConfig": _dns(service),
        "Secrets": [_file("secrets", configuration, one, ids) for one in service.get("secrets") or ()],
        "Configs": [_file("configs", configuration, one, ids) for one in service.get("configs") or ()],
    }
    if service.get("stop_grace_period"):
        made["StopGracePeriod"] = duration(str(service["stop_grace_period"]))
    return {key: value for key, value in made.items() if value not in ({}, [], None)}


def _dns(service: Values) -> dict[str, Any]:
    made = {"Nameservers": service.get("dns"), "Search": service.get("dns_search")}
    return {key: list(value) for key, value in made.items() if value}


def _host(text: str) -> str:
    """``NAME:ADDRESS`` → a line of /etc/hosts, which is what Swarm wants."""
    name, _, address = text.partition(":")
    return f"{address} {name}"


def _ulimit(name: str, value: object) -> dict[str, Any]:
    soft, hard = (value["soft"], value["hard"]) if isinstance(value, dict) else (value, value)
    return {"Name": name, "Soft": int(str(soft)), "Hard": int(str(hard))}


def _mount(stack: str, configuration: Values, one: Values) -> dict[str, Any]:
    made: dict[str, Any] = {"Type": one["type"], "Target": one["target"]}
    if one.get("read_only"):
        made["ReadOnly"] = True
    if one["type"] == "bind":
        made["Source"] = one["source"]
        if one.get("bind"):
            made["BindOptions"] = {"Propagation": one["bind"]["propagation"]}
    elif one["type"] == "tmpfs":
        options = one.get("tmpfs") or {}
        found = {"SizeBytes": options.get("size"), "Mode": options.get("mode")}
        made["TmpfsOptions"] = {key: value for key, value in found.items() if value is not None}
    elif one.get("source"):
        volume: Values = (configuration.get("volumes") or {}).get(one["source"]) or {}
        made["Source"] = volume.get("name") or one["source"]
        options = {"NoCopy": True} if (one.get("volume") or {}).get("nocopy") else {}
        if not volume.get("external"):
            options["Labels"] = {**_texts(volume.get("labels")), NAMESPACE: stack}
            if volume.get("driver") or volume.get("driver_opts"):
                driver = {"Name": volume.get("driver") or "local", "Options": _texts(volume.get("driver_opts"))}
                options["DriverConfig"] = driver
        made["VolumeOptions"] = options
    return made


def _file(kind: str, configuration: Values, one: Values | str, ids: Ids) -> dict[str, Any]:
    given: Values = {"source": one} if isinstance(one, str) else one
    key = given["source"]
    name = configuration[kind][key]["name"]
    target = str(given.get("target") or key)
    mode = int(given["mode"]) if given.get("mode") is not None else 0o444
    file = {"UID": str(given.get("uid") or "0"), "GID": str(given.get("gid") or "0"), "Mode": mode}
    if kind == "configs" and not target.startswith("/"):
        target = f"{_FOLDERS[kind]}{target}"
    title = "Secret" if kind == "secrets" else "Config"
    return {f"{title}ID": ids[kind, name], f"{title}Name": name, "File": {"Name": target, **file}}


def _healthcheck(check: Values) -> dict[str, Any]:
    if check.get("disable"):
        return {"Test": ["NONE"]}
    times = (
        ("Interval", "interval"),
        ("Timeout", "timeout"),
        ("StartPeriod", "start_period"),
        ("StartInterval", "start_interval"),
    )
    made: dict[str, Any] = {title: duration(str(check[key])) for title, key in times if check.get(key)}
    made |= {"Test": list(check["test"])} if check.get("test") else {}
    return made | ({"Retries": int(check["retries"])} if check.get("retries") is not None else {})


def _resources(resources: Values) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for key, title in (("limits", "Limits"), ("reservations", "Reservations")):
        given: Values = resources.get(key) or {}
        found: dict[str, Any] = {}
        if given.get("cpus"):
            found["NanoCPUs"] = round(float(given["cpus"]) * 10**9)
        if given.get("memory"):
            found["MemoryBytes"] = size(str(given["memory"]))
        if given.get("pids"):
            found["Pids"] = int(given["pids"])
        if given.get("generic_resources"):
            found["GenericResources"] = [
                {"DiscreteResourceSpec": {"Kind": one["kind"], "Value": int(one["value"])}}
                for one in (row["discrete_resource_spec"] for row in given["generic_resources"])
            ]
        if found:
            made[title] = found
    return made


def _restart(policy: Values) -> dict[str, Any]:
    made: dict[str, Any] = {"Condition": policy["condition"]} if policy.get("condition") else {}
    made |= {
        title: duration(str(policy[key]))
        for title, key in (("Delay", "delay"), ("Window", "window"))
        if policy.get(key)
    }
    return made | ({"MaxAttempts": int(policy["max_attempts"])} if policy.get("max_attempts") is not None else {})


def _placement(placement: Values) -> dict[str, Any]:
    made: dict[str, Any] = {}
    if placement.get("constraints"):
        made["Constraints"] = list(placement["constraints"])
    if placement.get("preferences"):
        made["Preferences"] = [{"Spread": {"SpreadDescriptor": one["spread"]}} for one in placement["preferences"]]
    if placement.get("max_replicas_per_node"):
        made["MaxReplicas"] = int(placement["max_replicas_per_node"])
    return made


def _mode(deploy: Values) -> dict[str, Any]:
    mode = deploy.get("mode") or "replicated"
    replicas = 1 if deploy.get("replicas") is None else int(deploy["replicas"])
    if mode == "global":
        return {"Global": {}}
    if mode == "global-job":
        return {"GlobalJob": {}}
    if mode == "replicated-job":
        return {"ReplicatedJob": {"MaxConcurrent": replicas, "TotalCompletions": replicas}}
    return {"Replicated": {"Replicas": replicas}}


def _endpoint(service: Values, deploy: Values) -> dict[str, Any]:
    made: dict[str, Any] = {"Mode": deploy.get("endpoint_mode") or "vip"}
    ports = [
        {
            "Protocol": one["protocol"],
            "TargetPort": one["target"],
            "PublishMode": one["mode"],
            **({"PublishedPort": one["published"]} if one.get("published") else {}),
        }
        for one in service.get("ports") or ()
    ]
    return made | ({"Ports": ports} if ports else {})


def _update(update: Values) -> dict[str, Any]:
    """Parallelism 0 is all at once, 1 the usual one."""
    made: dict[str, Any] = {"Parallelism": 1 if update.get("parallelism") is None else int(update["parallelism"])}
    made |= {
        title: duration(str(update[key]))
        for title, key in (("Delay", "delay"), ("Monitor", "monitor"))
        if update.get(key)
    }
    made |= {
        title: update[key]
        for title, key in (("FailureAction", "failure_action"), ("Order", "order"))
        if update.get(key)
    }
    ratio = update.get("max_failure_ratio")
    return made | ({"MaxFailureRatio": float(ratio)} if ratio is not None else {})
