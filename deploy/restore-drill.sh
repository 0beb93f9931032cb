#!/usr/bin/env bash
# restore-drill.sh FOLDER [ERASURES.KEY]: is this backup good? Restores it into a throw-away database of this machine, starts nothing
# that callers reach, and says how many rows came back. Nothing of the installation is changed.
set -euo pipefail
cd "$(dirname "$0")/.."

from=${1:?usage: restore-drill.sh backups/DATE [erasures.key]}
key=${2:-}
tag=${PROSAAS_TAG:-$(sed -n 's/^PROSAAS_TAG=//p' .env 2>/dev/null | tail -n 1)}
image=prosaas-backend:${tag:-latest}

(cd "$from" && sha256sum --check --quiet SHA256SUMS)
echo "drill: the files are what was written"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
gunzip <"$from/database.gz" >"$work/database"
mkdir "$work/data"
tar -C "$work/data" -xzf "$from/files.tar.gz"
# With the key people who were erased are erased again; take it from your secrets for the drill.
if [ -n "$key" ]; then cp "$key" "$work/data/erasures.key"; fi

began=$(date +%s)
# Its own user inside, no network: the copy can reach nobody.
docker run --rm --user "$(id -u):$(id -g)" --network none --read-only --cap-drop ALL --tmpfs /tmp \
  --volume "$work:/drill" --env PROSAAS_ENV=development --env DATA_DIR=/drill/data --env DATABASE_URL=sqlite:/drill/data/drill.db \
  "$image" restore /drill/database
docker run --rm --user "$(id -u):$(id -g)" --network none --read-only --cap-drop ALL --tmpfs /tmp \
  --volume "$work:/drill" --env PROSAAS_ENV=development --env DATA_DIR=/drill/data --env DATABASE_URL=sqlite:/drill/data/drill.db \
  "$image" admin business list >"$work/businesses"
echo "drill: $(grep -c . "$work/businesses") businesses, restored in $(($(date +%s) - began)) s"
