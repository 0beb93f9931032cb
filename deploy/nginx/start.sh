#!/bin/sh
# Writes what depends on the installation below /tmp/prosaas, then becomes nginx: the names that are served, TLS
# where there are certificates, and which container new requests go to.
set -eu

conf=${NGINX_CONF:-/etc/prosaas/nginx.conf}
tls=${TLS_DIR:-/etc/prosaas/tls}
out=${OUT_DIR:-/tmp/prosaas}

# host_of URL-OR-NAME: the bare host name; nothing where that is none.
host_of() {
  host=$(printf '%s' "$1" | sed -e 's|^[a-zA-Z]*://||' -e 's|[/:?#].*$||')
  case $host in
    *[!a-zA-Z0-9.-]*) echo "start: '$host' is no host name" >&2; exit 1 ;;
    *) printf '%s' "$host" ;;
  esac
}

# listen CERTIFICATE: the ports of a server; 443 where the certificate is there.
listen() {
  echo "    listen 80$2;"
  if [ -s "$tls/$1.pem" ] && [ -s "$tls/$1.key" ]; then
    if [ ! -r "$tls/$1.key" ]; then
      echo "start: $1.key cannot be read by user $(id -u); see DEPLOYMENT.md" >&2
      exit 1
    fi
    cat <<END
    listen 443 ssl$2;
    http2 on;
    ssl_certificate $tls/$1.pem;
    ssl_certificate_key $tls/$1.key;
    include /etc/prosaas/tls.conf;
    # In the clear only what a browser is sent away with, and what this machine asks itself.
    set \$clear "\$scheme:\$insecure_is_fine";
    if (\$clear = "http:0") {
        return 308 https://\$host\$request_uri;
    }
END
  fi
}

# server NAMES CERTIFICATE LOCATIONS [FLAGS]
server() {
  echo "server {"
  listen "$2" "${4:-}"
  [ -z "$1" ] || echo "    server_name $1;"
  echo "    include /etc/prosaas/acme.conf;"
  echo "    include /etc/prosaas/$3.conf;"
  echo "}"
}

site=$(host_of "${PUBLIC_BASE_URL:-}")
media=$(host_of "${PUBLIC_MEDIA_URL:-}")
n8n=$(host_of "${N8N_HOST:-}")

mkdir -p "$out"
{
  # A health check, a proof for a certificate authority, and another service may ask without TLS.
  cat <<'END'
map "$host:$uri" $insecure_is_fine {
    default 0;
    "~:/health$" 1;
    "~:/\.well-known/acme-challenge/" 1;
    "~^(127\.0\.0\.1|frontend):" 1;
}
END
  server "$site" site site " default_server"
  if [ -n "$media" ] && [ "$media" != "$site" ]; then server "$media" media media; fi
  if [ -n "$n8n" ] && [ "$n8n" != "$site" ]; then server "$n8n" site n8n; fi
} >"$out/servers.conf"

# At the start every container of the service is asked; deploy/upgrade.sh names one while there are two.
# shellcheck disable=SC2016
echo 'map $host $backend { default backend:5000; }' >"$out/slot.conf"

[ "${1:-}" != write ] || exit 0
exec nginx -e stderr -c "$conf" -g 'daemon off;'
