#!/usr/bin/env bash
# backup.sh [FOLDER]: everything that cannot be made anew, as it is now, while calls go on.
#
# Writes FOLDER/DATE/ (by default backups/DATE): the database, the files of conversations and recordings, the
# sidecar's store and n8n. `.env` and DATA_DIR's erasures.key are not in it: keep them with your secrets.
#   BACKUP_KEEP=14    how many are kept
set -euo pipefail
cd "$(dirname "$0")/.."

folder=${1:-backups}
into=$folder/$(date -u +%Y-%m-%dT%H-%M-%SZ)
keep=${BACKUP_KEEP:-14}
compose() { docker compose "$@" </dev/null; }

umask 077
mkdir -p "$into.partial"
trap 'rm -rf "$into.partial"' EXIT

# The server writes a consistent copy of either kind of database; it is taken out of the volume and removed there.
inside=/data/backup-$$.jsonl
compose exec -T backend prosaas backup "$inside"
compose exec -T backend cat "$inside" | gzip >"$into.partial/database.gz"
compose exec -T backend rm "$inside"
gzip --test "$into.partial/database.gz"

# Files are only ever added and removed, never changed; the database knows which there are.
# One that changed or went while it was read is no failure (1); anything else is.
compose exec -T backend sh -c "tar -C /data --exclude='./backup-*' --exclude='./*.db*' --exclude=./erasures.key -cf - . || [ \$? = 1 ]" |
  gzip >"$into.partial/files.tar.gz"

# A store that is older than its last use must not be put back (docs/OPERATING.md): this one is for a machine that
# was lost together with it, and businesses may have to link again.
compose exec -T baileys sh -c 'tar -C /data -cf - . || [ $? = 1 ]' | gzip >"$into.partial/whatsapp.tar.gz" || echo "backup: no sidecar" >&2
compose exec -T n8n sh -c 'tar -C /home/node/.n8n -cf - . || [ $? = 1 ]' | gzip >"$into.partial/n8n.tar.gz" || echo "backup: no n8n" >&2

(cd "$into.partial" && sha256sum -- * >SHA256SUMS)
mv "$into.partial" "$into"
trap - EXIT
echo "backup: $into, $(du -sh "$into" | cut -f1)"

# Only folders of our own names, the oldest first.
find "$folder" -mindepth 1 -maxdepth 1 -type d -name '20*Z' | sort | head -n "-$keep" | while read -r old; do
  rm -rf -- "$old"
  echo "backup: removed $old"
done
