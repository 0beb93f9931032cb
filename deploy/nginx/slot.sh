#!/bin/sh
# slot NAME: new requests go to the container of this name, or with `backend` to whichever there is.
# What is under way stays where it is: nginx keeps its old workers until their last connection is closed.
set -eu

name=${1:?usage: slot NAME}
out=/tmp/prosaas
case $name in
  '' | *[!a-zA-Z0-9_.-]*) echo "slot: '$name' is no name of a container" >&2; exit 2 ;;
esac

cp "$out/slot.conf" /tmp/slot.before
# shellcheck disable=SC2016
printf 'map $host $backend { default %s:5000; }\n' "$name" >"$out/slot.conf"
if ! nginx -e stderr -t -q -c /etc/prosaas/nginx.conf; then
  cp /tmp/slot.before "$out/slot.conf"
  echo "slot: nginx refuses it; nothing was changed" >&2
  exit 1
fi
nginx -e stderr -c /etc/prosaas/nginx.conf -s reload
