"""The folder that real programs work on."""

from __future__ import annotations

import lzma
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

FILES = {
    "app.ts": 'import { greet } from "./greet"\nconsole.log(greet("whit"))\n',
    "greet.ts": "export const greet = (name: string): string => `hello, ${name}`\n",
    "app.js": "const fs = require('fs')\nconsole.log(fs.readFileSync('data.json', 'utf8').length, process.argv.length)\n",
    "app.py": "import os\nprint('hello')\n",
    "report.py": "import json, sqlite3, hashlib\nrows = json.load(open('data.json'))\ndb = sqlite3.connect(':memory:')\n"
    "db.execute('create table t (n, v)')\ndb.executemany('insert into t values (?, ?)', [(r['name'], r['value']) for r in rows])\n"
    "print(db.execute('select sum(v) from t').fetchone(), hashlib.sha256(b'whit').hexdigest())\n",
    "report.php": "<?php $rows = json_decode(file_get_contents('data.json'), true);\n"
    "echo array_sum(array_column($rows, 'value')), ' ', hash('sha256', 'whit'), \"\\n\";\n",
    "report.lua": "local n = 0\nfor line in io.lines('data.csv') do n = n + #line end\nprint(_VERSION, n)\n",
    "report.pl": "open(my $f, '<', 'data.csv') or die $!; my $n = 0; while (<$f>) { $n += length } print \"$n\\n\";\n",
    "data.json": '[{"name": "one", "value": 1}, {"name": "two", "value": 41}]\n',
    "data.csv": "name,value\none,1\ntwo,41\n",
    "data.yaml": "servers:\n  - name: one\n    port: 80\n  - name: two\n    port: 443\n",
    "pyproject.toml": '[project]\nname = "demo"\nversion = "1.2.3"\nrequires-python = ">=3.11"\n',
    "untidy.toml": "[a]\nb   =   1\n[a.c]\nd=[1,2,\n3]\n",
    "count.sh": 'while read -r line; do ((n += ${#line})); done <app.ts; echo "$BASH_VERSION $n"; exit 3\n',
    "bad.sh": "#!/bin/sh\nfor f in $(ls *.txt); do echo $f; done\n",
    "bad.sql": "ALTER TABLE users ADD COLUMN age int NOT NULL;\n",
    "justfile": "# Build it\nbuild:\n    cc main.c\n\n# Test it\ntest: build\n    ./a.out\n",
    "makefile": "all: one two\none two:\n\techo $@\n",
    "note.md": "#Title\n\nsome teh text   \n* a\n- b\n",
    "Dockerfile": "FROM debian:latest\nRUN apt-get install curl\n",
    "build.ninja": "rule cat\n  command = cat $in > $out\nbuild b.txt: cat data.csv\nbuild c.txt: cat b.txt\n",
    "workflow.yml": "name: ci\non: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n"
    "      - uses: actions/checkout@v2\n      - run: echo ${{ github.event.issue.title }}\n",
    "greet.proto": 'syntax = "proto3";\npackage demo.v1;\nmessage Hello { string name=1; }\n'
    "service Greeter { rpc Greet(Hello) returns (Hello); }\n",
    "Caddyfile": ":8080 {\n\trespond /health 200\n\troot * /srv\n\tfile_server\n}\n",
    "nginx.conf": "pid /tmp/nginx.pid;\nerror_log stderr;\nevents {}\nhttp {\n  access_log off;\n"
    + "".join(f"  {name}_temp_path /tmp/{name};\n" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    + "  server { listen 8080; location / { return 200; } }\n}\n",
    "haproxy.cfg": "defaults\n  mode http\n  timeout connect 1s\n  timeout client 1s\n  timeout server 1s\n"
    "frontend f\n  bind :8080\n  default_backend b\nbackend b\n  server s 127.0.0.1:8081\n",
    "nats.conf": 'port: 4222\nauthorization { user: "a", password: "b" }\n',
    "migrations/001_users.sql": "-- migrate:up\ncreate table users (id integer);\n-- migrate:down\ndrop table users;\n",
    "sub/inner.txt": "greet me\n",
    "key.pub": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f whit\n",
}


def lay(folder: Path) -> None:
    """Writes the files; all may read them."""
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (folder / "data.csv.xz").write_bytes(lzma.compress(FILES["data.csv"].encode()))
