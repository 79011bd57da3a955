"""Files for what isn't about one key: variables, resets, includes, extends, profiles, anchors, names, env files."""

from __future__ import annotations

from typing import Any


def _variables() -> list[tuple[str, dict[str, str], dict[str, Any]]]:
    texts = [
        "$SET", "${SET}", "${SET:-d}", "${SET-d}", "${NOT:-d}", "${NOT-d}", "${EMPTY:-d}", "${EMPTY-d}", "${SET:?e}", "${SET?e}",
        "${EMPTY?e}", "${SET:+r}", "${SET+r}", "${NOT:+r}", "${NOT+r}", "${EMPTY:+r}", "${EMPTY+r}", "${NOT:-${SET}}",
        "${NOT:-${ALSO:-deep}}", "${SET:+${SET}x}", "$$", "$$SET", "$$$SET", "a$", "$ b", "$1", "x${SET}y$SET.z", "${NOT:-a b}",
        "${NOT:-a:b}", "${NOT:-a-b}", "${NOT:--}", "${NOT:-}", "${NOT-}", "${SET:-${NOT:?no}}", "${NOT:-$$x}", "${NOT:-{a}}",
        "${NOT:-'q'}", "${NOT-?x}", "${NOT:-a}b${SET}", "$SET$SET", "${_X:-u}", "${SET}}", "${NOT:-a${SET}b}c}",
    ]  # fmt: skip
    made: list[tuple[str, dict[str, str], dict[str, Any]]] = []
    for number, text in enumerate(texts):
        quoted = text.replace("'", "''")
        file = f"services:\n  web:\n    image: i\n    environment:\n      V: '{quoted}'\n    labels: ['l={quoted}']\n"
        made.append((f"variable-{number}", {"compose.yaml": file}, {}))
    return made


_TYPED = """
services:
  web:
    image: "i:${NUMBER}"
    init: ${FLAG}
    privileged: "${FLAG}"
    scale: ${NUMBER}
    cpus: "${NUMBER}.5"
    mem_limit: ${NUMBER}m
    ports: ["${NUMBER}000:80", {target: "${NUMBER}", published: "${NUMBER}1"}]
    healthcheck: {test: x, retries: "${NUMBER}", interval: "${NUMBER}s"}
    ulimits: {nofile: "${NUMBER}", nproc: {soft: "${NUMBER}", hard: "${NUMBER}"}}
    depends_on: {b: {condition: service_started, required: "${FLAG}", restart: "${FLAG}"}}
    volumes: [{type: volume, source: vol, target: /v, read_only: "${FLAG}"}, "./${NUMBER}:/x"]
    ${SET}: kept
  b: {image: b}
volumes: {vol: {external: "${FLAG}"}}
""".replace("    ${SET}: kept\n", "")

_ANCHORS = """
x-base: &base
  image: i
  environment: &env {A: "1", B: "2"}
x-more: &more {restart: always, environment: {A: "0"}}
services:
  one:
    <<: *base
    environment: {<<: *env, B: "3"}
  two:
    <<: [*base, *more]
    command: &c [a, b]
  three: {<<: *more, image: j, command: *c, labels: {k: &v text, l: *v}}
"""

_RESET = {
    "compose.yaml": """
services:
  web:
    image: i
    command: a
    ports: ["80:80", "81:81"]
    environment: {A: "1", B: "2"}
    volumes: ["./a:/a"]
    deploy: {replicas: 2, resources: {limits: {cpus: "1"}}}
    labels: {x: y}
    networks: [n, default]
  gone: {image: g}
networks: {n: null}
""",
    "over.yaml": """
services:
  web:
    command: !reset null
    ports: !override ["82:82"]
    environment: {A: !reset null, C: "3"}
    volumes: !reset []
    deploy: {replicas: !reset null, resources: !override {limits: {memory: 1g}}}
    networks: !override [default]
  gone: !reset null
""",
}

_INCLUDE = {
    "compose.yaml": """
include:
  - path: [sub/compose.yaml, sub/over.yaml]
    env_file: sub/own.env
  - {path: more/compose.yaml, project_directory: ./elsewhere}
  - other.yaml
services:
  web: {image: "w:${TAG:-none}", depends_on: [inner, more], networks: [inner_net]}
""",
    "sub/compose.yaml": """
services:
  inner: {image: "in:${TAG:-none}", volumes: ["./d:/d"], env_file: [e.env], networks: [inner_net], environment: [TAG, SET]}
networks: {inner_net: {driver: bridge}}
""",
    "sub/over.yaml": "services:\n  inner: {labels: {a: '${TAG}'}, secrets: [sec]}\nsecrets: {sec: {environment: TAG}}\n",
    "sub/own.env": "TAG=1.0\n",
    "sub/e.env": "FROM=file\n",
    "more/compose.yaml": "services:\n  more: {image: m, build: {context: ./ctx}, env_file: x.env}\n",
    "elsewhere/.env": "UNUSED=1\n",
    "elsewhere/x.env": "X=elsewhere\n",
    "other.yaml": "include: [deep/compose.yaml]\nservices:\n  other: {image: 'o:${DEEP:-no}'}\n",
    "deep/compose.yaml": "services:\n  deep: {image: 'd:${DEEP:-no}', volumes: ['.:/here']}\n",
    "deep/.env": "DEEP=yes\n",
}

_EXTENDS = {
    "compose.yaml": """
services:
  web:
    extends: {file: sub/common.yaml, service: app}
    environment: {B: main}
    ports: ["81:81"]
  local:
    extends: base
    command: [x]
  base:
    extends: {file: sub/common.yaml, service: lowest}
    image: base
  reset:
    extends: {file: sub/common.yaml, service: app}
    environment: !reset null
    ports: !override ["90:90"]
volumes: {data: null}
""",
    "sub/common.yaml": """
services:
  app:
    extends: {file: deeper/d.yaml, service: deepest}
    image: app
    environment: {A: common, B: common}
    ports: ["80:80"]
    volumes: ["./rel:/rel", "data:/data"]
    env_file: c.env
  lowest: {build: ./low, labels: {l: "1"}, healthcheck: {test: a, retries: 1}}
""",
    "sub/c.env": "C=file\nA=no\n",
    "sub/deeper/d.yaml": "services:\n  deepest: {command: deep, volumes: ['./deep:/deep'], environment: [D=deep, B=deep], cap_add: [A]}\n",
}

_PROFILES = """
services:
  a: {image: a}
  b: {image: b, profiles: [dev], depends_on: [a], networks: [n], volumes: ["vol:/v"]}
  c: {image: c, profiles: [test, dev]}
  d: {image: d, depends_on: {b: {condition: service_started, required: false}}}
  e: {image: e, profiles: [other], secrets: [s]}
networks: {n: null, unused: null}
volumes: {vol: null, unused: null}
secrets: {s: {file: s}}
"""

CASES: list[tuple[str, dict[str, str], dict[str, Any]]] = [
    *_variables(),
    ("typed-variables", {"compose.yaml": _TYPED}, {}),
    ("anchors", {"compose.yaml": _ANCHORS}, {}),
    ("reset", _RESET, {"named": ("compose.yaml", "over.yaml")}),
    ("include", _INCLUDE, {}),
    ("extends", _EXTENDS, {}),
    ("profiles-none", {"compose.yaml": _PROFILES}, {}),
    ("profiles-dev", {"compose.yaml": _PROFILES}, {"options": ("--profile", "dev")}),
    ("profiles-two", {"compose.yaml": _PROFILES}, {"options": ("--profile", "test", "--profile", "other")}),
    ("profiles-all", {"compose.yaml": _PROFILES}, {"options": ("--profile", "*")}),
    ("profiles-variable", {"compose.yaml": _PROFILES}, {"environment": {"COMPOSE_PROFILES": "test, other"}}),
    ("name-option", {"compose.yaml": "name: in-file\nservices: {a: {image: 'x:${COMPOSE_PROJECT_NAME}'}}\n"}, {"options": ("-p", "given")}),
    ("name-variable", {"compose.yaml": "name: in-file\nservices: {a: {image: x}}\n"}, {"environment": {"COMPOSE_PROJECT_NAME": "fromenv"}}),
    ("name-file", {"compose.yaml": "name: in-${SET:+file}\nservices: {a: {image: 'x:${COMPOSE_PROJECT_NAME}'}}\n"}, {}),
    ("name-later-file", {"compose.yaml": "name: one\nservices: {a: {image: x}}\n", "over.yaml": "name: two\n"}, {"named": ("compose.yaml", "over.yaml")}),
    ("dot-env", {"compose.yaml": "services: {a: {image: 'x:${FROM_DOT}', environment: [FROM_DOT, SET]}}\n", ".env": "FROM_DOT=dotted\nSET=not this\n"}, {}),
    ("env-file-option", {"compose.yaml": "services: {a: {image: 'x:${K}'}}\n", ".env": "K=dot\n", "o.env": "K=o\n", "p.env": "K=${K}p\n"}, {"options": ("--env-file", "o.env", "--env-file", "p.env")}),
    ("compose-file-variable", {"a.yaml": "services: {a: {image: x}}\n", "b.yaml": "services: {a: {command: y}}\n"}, {"named": (), "environment": {"COMPOSE_FILE": "a.yaml:b.yaml"}}),
    ("path-separator", {"a.yaml": "services: {a: {image: x}}\n", "b.yaml": "services: {a: {command: y}}\n"}, {"named": (), "environment": {"COMPOSE_FILE": "a.yaml,b.yaml", "COMPOSE_PATH_SEPARATOR": ","}}),
    ("override-file", {"compose.yaml": "services: {a: {image: x}}\n", "compose.override.yaml": "services: {a: {command: over}}\n"}, {"named": ()}),
    ("found-names", {"docker-compose.yml": "services: {a: {image: x}}\n"}, {"named": ()}),
    ("project-directory", {"compose.yaml": "services: {a: {image: 'x:${P}', volumes: ['./d:/d'], build: .}}\n", "dir/.env": "P=dir\n"}, {"options": ("--project-directory", "dir")}),
    ("several-documents", {"compose.yaml": "services: {a: {image: x, ports: ['80']}}\n---\nservices: {a: {command: y, ports: ['81']}, b: {image: z}}\n"}, {}),
    ("three-files", {"compose.yaml": "services: {a: {image: x, environment: [A=1]}}\n", "b.yaml": "services: {a: {environment: {A: 2, B: 1}}}\n", "c.yaml": "services: {a: {environment: [B=2, C]}}\n"}, {"named": ("compose.yaml", "b.yaml", "c.yaml")}),
    ("null-in-override", {"compose.yaml": "services: {a: {image: x, environment: {A: 1}, deploy: {replicas: 1}}}\nvolumes: {vol: {name: n}}\n", "b.yaml": "services: {a: {deploy: null}}\nvolumes: {vol: null}\n"}, {"named": ("compose.yaml", "b.yaml")}),
    ("only-volumes-in-override", {"compose.yaml": "services: {a: {image: x, volumes: ['vol:/v']}}\nvolumes: {vol: null}\n", "b.yaml": "volumes: {vol: {driver: d}}\n"}, {"named": ("compose.yaml", "b.yaml")}),
    ("scale-and-deploy", {"compose.yaml": "services: {a: {image: x, scale: 3, deploy: {resources: {}}}}\n"}, {}),
    ("old-develop", {"compose.yaml": "services: {a: {image: x, x-develop: {watch: [{path: ., action: sync, target: /t, x-initialSync: true}]}}}\n"}, {}),
    ("dotted-names", {"compose.yaml": "services: {'a.b': {image: x}, c_d-e: {image: y, depends_on: [a.b]}}\n"}, {}),
    ("unicode", {"compose.yaml": "services:\n  a:\n    image: x\n    labels: {ключ: 'значение ✓', emoji: \"\\U0001F600\"}\n    command: ['ä', '\\n', \"\\t\\n\"]\n"}, {}),
    ("block-texts", {"compose.yaml": "services:\n  a:\n    image: x\n    command: |\n      sh -c 'a\n      b'\n    labels:\n      f: >\n        folded\n        text\n      k: |-\n        kept\n         so\n"}, {}),
    ("include-merge", {"compose.yaml": "include: [inc.yaml]\nservices: {a: {command: mine, environment: {A: 2}}}\n", "inc.yaml": "services: {a: {image: x, command: theirs, environment: [A=1, B=1]}}\n"}, {}),
    ("include-diamond", {"compose.yaml": "include: [l.yaml, r.yaml]\nservices: {z: {image: z}}\n", "l.yaml": "include: [base.yaml]\nservices: {l: {image: l}}\n", "r.yaml": "include: [base.yaml]\nservices: {r: {image: r}}\n", "base.yaml": "services: {base: {image: b, ports: ['80:80']}}\n"}, {}),
    ("extends-included", {"compose.yaml": "include: [inc.yaml]\nservices: {a: {extends: b, command: c}}\n", "inc.yaml": "services: {b: {image: x, environment: {A: 1}}}\n"}, {}),
    ("selected", {"compose.yaml": _PROFILES}, {"options": ("SERVICE", "b")}),
]  # fmt: skip
"""Name, files, and what is said of the command line."""
