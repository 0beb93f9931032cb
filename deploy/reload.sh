#!/usr/bin/env bash
# reload.sh: nginx reads its certificates and files again; connections go on.
set -euo pipefail
cd "$(dirname "$0")/.."
docker compose exec -T frontend nginx -e stderr -t -q -c /etc/prosaas/nginx.conf </dev/null
docker compose exec -T frontend nginx -e stderr -c /etc/prosaas/nginx.conf -s reload </dev/null
