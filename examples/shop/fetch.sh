#!/bin/sh
# Fetches the shop's programs that others have written, and packs each: by Go's own client, static, in these versions.
#
#   fetch.sh [FOLDER]     where programs are kept that were compiled once (default: programs)
#
# REGISTRY=registry.example/ stands before the images' names, as in compose.yaml.
set -eu
cd "$(dirname "$0")"
folder=$(realpath -m "${1:-programs}")
whit=${WHIT:-whit}

fetch() { # name, package@version, build tags
    test -x "$folder/$1" || CGO_ENABLED=0 GOFLAGS='' GOBIN="$folder" go install -tags "${3:-}" "$2"
    "$whit" pack "$folder/$1" -t "${REGISTRY:-}shop/$1" >/dev/null
}

fetch caddy github.com/caddyserver/caddy/v2/cmd/caddy@v2.11.9
fetch nats-server github.com/nats-io/nats-server/v2@v2.15.2
fetch migrate github.com/golang-migrate/migrate/v4/cmd/migrate@v4.20.1 sqlite
