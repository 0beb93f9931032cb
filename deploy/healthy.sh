#!/usr/bin/env bash
# healthy PORT PATH: asks this container's own server and exits with 0 when it answers 200 within four seconds.
# Bash alone, so that the image needs no client.
set -eu
port=$1 path=$2

ask() {
  exec 3<>"/dev/tcp/127.0.0.1/$port"
  printf 'GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n' "$path" >&3
  read -r _ status _ <&3
  [ "$status" = 200 ]
}

if [ "${3:-}" = now ]; then
  ask
else
  exec timeout 4 "$0" "$port" "$path" now
fi
