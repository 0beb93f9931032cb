#!/usr/bin/env bash
# upgrade.sh [TAG]: the new backend starts beside the old one, new calls go to it, the old one finishes its calls.
#
#   git pull && deploy/upgrade.sh           builds what is checked out and puts it into service
#   deploy/upgrade.sh 5254332               goes back to (or on to) a build that is on this machine
#
# Two containers of the service `backend` are the two slots; nginx is told which one is asked. Only the backend is
# changed. The other services are brought up to date at the end, but for nginx when it would cut live calls.
#   UPGRADE_BUILD=0     do not build
#   UPGRADE_WAIT=300    seconds that the new backend may take until it is ready
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf 'upgrade: %s\n' "$*"; }
die() { printf 'upgrade: %s\n' "$*" >&2; exit 1; }
compose() { docker compose "$@" </dev/null; }

[ -s .env ] || die "there is no .env here; see DEPLOYMENT.md"
# What follows asks one container after the other; a second run beside it would take the wrong one away.
exec 9>.upgrade.lock
flock --nonblock 9 || die "another upgrade is running"

database=$(sed -n 's/^DATABASE_URL=//p' .env | tail -n 1)
case $database in
  postgres://* | postgresql://*) ;;
  *) die "two servers on one SQLite file are not tried out; set DATABASE_URL to PostgreSQL, or stop and start: docker compose up -d --build" ;;
esac

tag=${1:-}
if [ -z "$tag" ]; then
  tag=$(git rev-parse --short HEAD)
  [ -z "$(git status --porcelain --untracked-files=no)" ] || tag=$tag-changed-$(date +%s)
  export PROSAAS_TAG=$tag
  if [ "${UPGRADE_BUILD:-1}" = 1 ]; then
    say "building $tag"
    compose build backend frontend baileys
  fi
fi
export PROSAAS_TAG=$tag
docker image inspect "prosaas-backend:$tag" >/dev/null 2>&1 || die "there is no image prosaas-backend:$tag on this machine"

mapfile -t running < <(compose ps --quiet --status running backend)
case ${#running[@]} in
  0) die "no backend is running; start everything with: docker compose up -d" ;;
  1) old=${running[0]} ;;
  *) die "there are ${#running[@]} backends: an upgrade was cut off. Wait until the older one is gone (docker compose ps), or stop it" ;;
esac
name_of() { docker inspect --format '{{.Name}}' "$1" | sed 's|^/||'; }
old_name=$(name_of "$old")
old_tag=$(docker inspect --format '{{.Config.Image}}' "$old")
say "in service: $old_name, $old_tag"

# What the old one keeps in files while the database is away is its own until it has stored it.
docker exec "$old" healthy 5000 /ready </dev/null 2>/dev/null ||
  die "$old_name does not take calls (is the database away?): wait until it does, or put the new build in its place: docker compose up -d"

new=
# Until nginx was told of the new one, whatever goes wrong leaves the old one in service.
undo() {
  local code=$?
  trap - EXIT
  if [ "$code" != 0 ]; then
    say "it did not work; $old_name stays in service"
    compose exec -T frontend /etc/prosaas/slot.sh "$old_name" || true
    if [ -n "$new" ]; then
      docker logs --tail 40 "$new" >&2 || true
      docker rm --force "$new" >/dev/null || true
    fi
    compose exec -T frontend /etc/prosaas/slot.sh backend || true
  fi
  exit "$code"
}
trap undo EXIT

# While the new one starts, everything goes on to the old one.
compose exec -T frontend /etc/prosaas/slot.sh "$old_name"

say "starting $tag beside it"
compose up --detach --no-deps --no-build --no-recreate --scale backend=2 backend
new=$(compose ps --quiet backend | grep -v "^${old:0:12}" | head -n 1)
[ -n "$new" ] || die "the new container cannot be found"
new_name=$(name_of "$new")

ready=
for ((second = 0; second < ${UPGRADE_WAIT:-300}; second++)); do
  if docker exec "$new" healthy 5000 /ready </dev/null 2>/dev/null; then ready=1; break; fi
  [ "$(docker inspect --format '{{.State.Running}}' "$new")" = true ] || die "$new_name ended"
  sleep 1
done
[ -n "$ready" ] || die "$new_name was not ready within ${UPGRADE_WAIT:-300} seconds"

say "new calls go to $new_name"
compose exec -T frontend /etc/prosaas/slot.sh "$new_name"
trap - EXIT

# From here on the new one is in service. Remember its tag, so that `docker compose up -d` keeps to it.
if grep -q '^PROSAAS_TAG=' .env; then
  sed -i "s|^PROSAAS_TAG=.*|PROSAAS_TAG=$tag|" .env
else
  printf '\n# Which build runs.\nPROSAAS_TAG=%s\n' "$tag" >>.env
fi

grace=$(docker inspect --format '{{with .Config.StopTimeout}}{{.}}{{end}}' "$old")
say "$old_name finishes its calls, for at most ${grace:-3660} seconds; this may be left alone (Ctrl-C changes nothing for callers)"
docker stop --time "${grace:-3660}" "$old" >/dev/null
docker rm "$old" >/dev/null
compose exec -T frontend /etc/prosaas/slot.sh backend
say "$old_name is gone"

if [ "${1:-}" = "" ]; then
  say "bringing the sidecar up to date"
  compose up --detach --no-deps --no-build baileys
  say "nginx is changed by: docker compose up -d frontend; it cuts live calls for a moment, so choose one without"
fi
say "done. Back again: deploy/upgrade.sh ${old_tag##*:}"
