#!/usr/bin/env bash
# smoke.sh URL: does the site answer as it should, seen from outside? One line a check; exits with 1 when one failed.
#
#   deploy/smoke.sh https://prosaas.pro
#
# Reads from its environment, and where it is run beside the compose file from `.env`:
#   TWILIO_AUTH_TOKEN, TWILIO_ACCOUNT_SID, TWILIO_PHONE_NUMBER   to send a signed webhook; skipped without them
#   PUBLIC_MEDIA_URL, N8N_HOST                                   the other two host names
set -uo pipefail

base=${1:-}
base=${base%/}
case $base in
  https://?* | http://127.0.0.1* | http://frontend*) ;;
  *) echo "usage: smoke.sh https://HOST" >&2; exit 2 ;;
esac
folder=$(cd "$(dirname "$0")/.." && pwd)
failed=0

# setting NAME: from the environment, or from the `.env` beside the compose file.
setting() {
  if [ -n "${!1:-}" ]; then
    printf '%s' "${!1}"
  elif [ -r "$folder/.env" ]; then
    sed -n "s/^$1=//p" "$folder/.env" | tail -n 1 | sed -e 's/^"\(.*\)"$/\1/' -e "s/^'\(.*\)'$/\1/"
  fi
}

ok() { printf 'ok    %s\n' "$1"; }
skip() { printf 'skip  %s\n' "$1"; }
bad() { printf 'FAIL  %s\n' "$1"; failed=1; }

ask() { curl --silent --show-error --max-time 20 "$@"; }
status() { ask --output /dev/null --write-out '%{http_code}' "$@"; }

# expect WHAT STATUS CURL-ARGUMENTS...
expect() {
  local what=$1 wanted=$2 got
  shift 2
  got=$(status "$@")
  if [ "$got" = "$wanted" ]; then ok "$what: $got"; else bad "$what: $got instead of $wanted"; fi
}

# signature URL NAME=VALUE...: the URL and the parameters in the order of their names, HMAC-SHA1 with the token
# (Twilio, "Validating signatures"). The token goes over standard input: arguments can be seen by others.
signature() {
  local url=$1
  shift
  printf '%s\n' "$token" "$url" "$@" | python3 -c '
import base64, hashlib, hmac, sys
token, url, *pairs = sys.stdin.read().splitlines()
text = url + "".join(name + value for name, _, value in sorted(pair.partition("=") for pair in pairs))
print(base64.b64encode(hmac.new(token.encode(), text.encode(), hashlib.sha1).digest()).decode())'
}

echo "== $base"
expect "nginx answers" 200 "$base/health"
expect "the console loads" 200 "$base/"
expect "the API answers" 200 "$base/api/openapi.json"
expect "the API knows who it is for" 401 "$base/api/crm/leads"
expect "an unsigned webhook is refused" 403 --data 'CallSid=CA0' "$base/webhook/incoming_call"
expect "a webhook is no page" 405 "$base/webhook/incoming_call"
expect "what callers hear without a server" 200 --data '' "$base/webhook/fallback"
for path in /metrics /ready /internal/wa/ping /.env; do
  expect "$path is not for the internet" 404 "$base$path"
done

headers=$(ask --head "$base/" | tr -d '\r' | tr '[:upper:]' '[:lower:]')
for name in strict-transport-security content-security-policy x-content-type-options x-frame-options referrer-policy \
  cross-origin-opener-policy permissions-policy; do
  if grep -q "^$name:" <<<"$headers"; then ok "header $name"; else bad "header $name is missing"; fi
done

token=$(setting TWILIO_AUTH_TOKEN)
account=$(setting TWILIO_ACCOUNT_SID)
number=$(setting TWILIO_PHONE_NUMBER)
if [ -z "$token" ] || ! command -v python3 >/dev/null; then
  skip "a signed webhook: needs TWILIO_AUTH_TOKEN and python3"
else
  # A status of a call that nobody made and that is not over: it is verified, found nowhere, and changes nothing.
  fields=(
    "AccountSid=${account:-AC00000000000000000000000000000000}"
    "ApiVersion=2010-04-01"
    "CallSid=CA00000000000000000000000000000000"
    "CallStatus=ringing"
    "Direction=inbound"
    "From=${number:-+15005550006}"
    "To=${number:-+15005550006}"
  )
  url=$base/webhook/call_status
  signed=$(signature "$url" "${fields[@]}")
  data=()
  for field in "${fields[@]}"; do data+=(--data-urlencode "$field"); done
  got=$(status --header "X-Twilio-Signature: $signed" "${data[@]}" "$url")
  case $got in
    2??) ok "a signed webhook is taken: $got" ;;
    *) bad "a signed webhook: $got; is PUBLIC_BASE_URL exactly $base, and TWILIO_AUTH_TOKEN this account's?" ;;
  esac
fi

media=$(setting PUBLIC_MEDIA_URL)
media=${media/#wss:/https:}
if [ -n "$media" ]; then
  # Without a signature no websocket; what counts is that the server was asked, over a certificate that is believed.
  got=$(status --http1.1 --header 'Connection: Upgrade' --header 'Upgrade: websocket' \
    --header 'Sec-WebSocket-Version: 13' --header 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==' "$media")
  if [ "$got" = 403 ]; then ok "the audio's host name: $got"; else bad "the audio's host name: $got instead of 403"; fi
else
  skip "the audio's host name: PUBLIC_MEDIA_URL is not set"
fi

n8n=$(setting N8N_HOST)
if [ -n "$n8n" ]; then expect "n8n" 200 "https://$n8n/healthz"; else skip "n8n: N8N_HOST is not set"; fi

if command -v docker >/dev/null && docker compose --project-directory "$folder" ps --quiet backend 2>/dev/null | grep -q .; then
  compose() { docker compose --project-directory "$folder" "$@" </dev/null; }
  echo "== inside"
  if compose exec -T backend healthy 5000 /ready; then ok "the backend takes calls"; else bad "the backend takes no calls"; fi
  if compose exec -T backend prosaas doctor --online; then ok "prosaas doctor"; else bad "prosaas doctor"; fi
  if compose exec -T baileys node -e "fetch('http://127.0.0.1:3300/ready').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"; then
    ok "the sidecar is ready"
  else
    bad "the sidecar is not ready"
  fi
fi

cat <<'END'
== by hand
[ ] Call the number: the agent answers within two seconds, and the call with its transcript is on a lead.
[ ] Agent, WhatsApp: the QR code appears, and the phone links.
[ ] On a phone: open the console, delete a lead, and find it in the trash.
[ ] Users: invite one, remove him again.
END
exit $failed
