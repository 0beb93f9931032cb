#!/usr/bin/env bash
# cloudflare.sh: asks Cloudflare for its networks and has nginx believe what they say about who asks.
# Run it once, and from a timer every week: without it all clients look like Cloudflare.
set -euo pipefail
cd "$(dirname "$0")/.."

new=$(mktemp)
trap 'rm -f "$new"' EXIT
echo "# Written by deploy/cloudflare.sh." >"$new"
for list in ips-v4 ips-v6; do
  networks=$(curl --silent --show-error --fail --max-time 20 "https://www.cloudflare.com/$list")
  while read -r network; do
    [[ $network =~ ^[0-9a-fA-F.:]+/[0-9]+$ ]] || { echo "cloudflare: '$network' is no network; nothing was changed" >&2; exit 1; }
    echo "set_real_ip_from $network;" >>"$new"
  done <<<"$networks"
done
echo "real_ip_header CF-Connecting-IP;" >>"$new"
install -m 0644 "$new" deploy/edge/cloudflare.conf

if docker compose ps --quiet --status running frontend 2>/dev/null </dev/null | grep -q .; then
  deploy/reload.sh
fi
echo "cloudflare: $(grep -c set_real_ip_from "$new") networks"
