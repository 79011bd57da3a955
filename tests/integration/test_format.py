"""``--format`` beside docker's own: the same templates over the same values."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.integration.engines import write_image
from whit.packer.template import TemplateError, parse, render_rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import RunWhit
    from tests.peers.dockerd import Dockerd

IMAGE = "whit-format:1"
CONTAINER = "whit-format"
HEADERS = {
    "ID": "CONTAINER ID", "Names": "NAMES", "Image": "IMAGE", "Command": "COMMAND", "CreatedAt": "CREATED AT",
    "RunningFor": "CREATED", "Ports": "PORTS", "State": "STATE", "Status": "STATUS", "Size": "SIZE", "Labels": "LABELS",
    "Mounts": "MOUNTS", "LocalVolumes": "LOCAL VOLUMES", "Networks": "NETWORKS", "Platform": "PLATFORM",
}  # fmt: skip

INSPECT = (
    "{{.Id}} {{.Name}}",
    "{{.ID}} {{.Name}}",
    "{{.State.Status}} {{.State.Running}} {{.State.ExitCode}} {{.State.Error}}",
    "{{json .State}}",
    "{{json .Config.Labels}} {{json .Config.Env}} {{json .Mounts}}",
    "{{json .HostConfig.PortBindings}} {{json .Config.ExposedPorts}}",
    "{{.Config.Labels}}",
    "{{.Config.Cmd}} {{.Args}} {{.Path}} {{len .Args}}",
    "{{range .Config.Env}}{{println .}}{{end}}",
    "{{range $k, $v := .Config.Labels}}{{$k}}={{$v}};{{end}}",
    '{{index .Config.Labels "org.example.team"}} [{{index .Config.Labels "absent"}}] {{.Config.Labels.absent}}',
    '{{if .State.Running}}up{{else}}down{{end}} {{if eq .State.Status "created"}}new{{end}}',
    '{{join .Args " "}} {{upper .Name}} {{title .State.Status}} {{truncate .ID 12}} {{pad .Name 1 1}}|',
    '{{(index .Args 0)}} {{index (split .Config.Image ":") 1}} {{.Name | printf "%q"}}',
    "{{range $p, $conf := .HostConfig.PortBindings}} {{$p}} -> {{(index $conf 0).HostPort}} {{end}}",
    "{{with .Config.WorkingDir}}{{.}}{{else}}none{{end}} {{- /* no */ -}} {{.HostConfig.NetworkMode}}",
    "{{.HostConfig.Memory}} {{.HostConfig.NanoCPUs}} {{.HostConfig.RestartPolicy.Name}}",
    r"a\tb\n{{.Name}}",
    "{{range .Mounts}}{{.Type}}:{{.Source}}:{{.Destination}}:{{.RW}} {{end}}",
    "{{if .State.Health}}{{.State.Health.Status}}{{else}}none{{end}} [{{.Config.StopSignal}}] {{len .HostConfig.Tmpfs}}",
    "{{.Nonsense}}",
    "{{.State.Nonsense}}",
    "{{nonsense .Id}}",
    "{{.Id",
    "{{if .Id}}",
)
LISTS = (
    "{{.Names}}",
    "{{.ID}}: {{.Image}} {{.Command}} {{.State}} {{.Status}}",
    r"table {{.ID}}\t{{.Names}}\t{{.Image}}\t{{.Labels}}",
    r"table {{.Names}}\t{{.Ports}}\t{{.Status}}",
    r"table {{upper .Names}}\t{{truncate .ID 4}}\t{{.Networks}}",
    r'table {{.Names}}\t{{.Label "org.example.team"}}',
    '{{.Label "org.example.team"}}|{{.Label "absent"}}',
    r"{{.Names}}\t{{.State}}\n",
    "{{json .Names}}",
    "{{.Nonsense}}",
)  # fmt: skip


@pytest.fixture(scope="module")
def containers(dockerd: Dockerd, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dockerd]:
    folder = tmp_path_factory.mktemp("image")
    write_image(folder / "image.tar")
    dockerd.docker("import", folder / "image.tar", IMAGE)
    options = ["--label", "org.example.team=blue", "--label", "a=b <&> c", "-e", "GREETING=hello you", "-p", "8080:80"]
    dockerd.docker("create", "--name", CONTAINER, *options, "-v", "/tmp:/x:ro", "-m", "64m", IMAGE, "echo", 'a "b"')
    dockerd.docker("create", "--name", f"{CONTAINER}-2", IMAGE, "sh", "-c", "echo a rather long line of words")
    yield dockerd
    dockerd.docker("rm", "--force", CONTAINER, f"{CONTAINER}-2")


@pytest.mark.root
@pytest.mark.peer("dockerd", "docker", "busybox-static")
@pytest.mark.parametrize("template", INSPECT)
def test_a_template_makes_of_a_container_what_docker_inspect_does(containers: Dockerd, template: str) -> None:
    (document,) = json.loads(containers.docker("inspect", CONTAINER).stdout)
    theirs = containers.docker("inspect", "--format", template, CONTAINER, check=False)
    try:
        ours = parse(template).render(document) + "\n"
    except TemplateError:
        assert theirs.returncode != 0
    else:
        assert ours == theirs.stdout


@pytest.mark.root
@pytest.mark.peer("dockerd", "docker", "busybox-static")
@pytest.mark.parametrize("template", LISTS)
def test_rows_look_as_docker_ps_shows_them(containers: Dockerd, template: str) -> None:
    rows = [json.loads(line) for line in containers.docker("ps", "-a", "--format", "json").stdout.splitlines()]
    labels = {row["ID"]: dict(pair.split("=") for pair in row["Labels"].split(",") if pair) for row in rows}
    methods = {"Label": lambda row, name: labels[row["ID"]].get(name, "")}
    theirs = containers.docker("ps", "-a", "--format", template, check=False)
    try:
        ours = render_rows(template, rows, HEADERS, methods)
    except TemplateError:
        assert theirs.returncode != 0
    else:
        assert ours == theirs.stdout


@pytest.mark.root
@pytest.mark.peer("dockerd", "docker", "busybox-static")
def test_json_has_a_line_a_row_with_docker_s_fields(containers: Dockerd) -> None:
    theirs = containers.docker("ps", "-a", "--format", "json").stdout
    rows = [json.loads(line) for line in theirs.splitlines()]
    # docker escapes what HTML would take for its own, which is the same to whoever reads it
    assert render_rows("json", rows, HEADERS).splitlines() == [
        json.dumps(row, separators=(",", ":"), ensure_ascii=False) for row in rows
    ]


@pytest.mark.peer("busybox-static")
def test_images_are_listed_by_a_template(run_whit: RunWhit) -> None:
    # given an image in the store
    assert run_whit("pack", "/bin/busybox", "-t", "me/box:1").returncode == 0
    # when it is listed by templates, as JSON, and by one that is wrong
    named = run_whit("images", "--format", "{{.Repository}}:{{.Tag}}")
    as_json = run_whit("images", "--format", "json")
    table = run_whit("images", "--format", r"table {{.Tag}}\t{{.Repository}}")
    wrong = run_whit("images", "--format", "{{.Repo}}")
    # then it looks as docker would show it
    assert named.stdout == "me/box:1\n"
    assert json.loads(as_json.stdout)["Repository"] == "me/box"
    assert table.stdout == "TAG       REPOSITORY\n1         me/box\n"
    assert wrong.returncode == 1
    assert wrong.stderr.splitlines()[1].startswith("hint: known fields: Repository, ")
