"""The login of a schemathesis run, kept as a browser keeps it, and what a client knows of the things it saw.

The run's environment names the account (`PROSAAS_LOGIN_EMAIL`, `PROSAAS_LOGIN_PASSWORD`) and the one-time
token with which it chooses that password (`PROSAAS_LOGIN_RESET`).

Some operations end or change the session that asks: signing out, ending sessions, entering a business, acting
for one. A cookie that an answer sets is taken over; after a session has ended the next request signs in again.
Signing in comes from an address of its own, so that the run's thousand wrong passwords do not slow it.

A generated id names nothing. Where one stands in a request that is right otherwise, the id of a thing that an
answer showed takes its place, with the version that the answer showed. A generated `Idempotency-Key` is made
unlike all others: the same one again would be refused, and hide the route behind it.
"""

import itertools
import json
import os
import re

import requests
import schemathesis
from schemathesis.core.parameters import ParameterLocation

COOKIE = "__Host-prosaas_session"
HEADERS = {
    "Origin": "https://crm.example",
    "Sec-Fetch-Site": "same-origin",
    "X-ProSaaS-Request": "1",
    "X-Forwarded-For": "192.0.2.20",
}


class Browser:
    """The one session of the run."""

    def __init__(self):
        self.base = os.environ["PROSAAS_LOGIN_URL"]
        self.email = os.environ["PROSAAS_LOGIN_EMAIL"]
        self.password = os.environ["PROSAAS_LOGIN_PASSWORD"]
        self.reset = os.environ["PROSAAS_LOGIN_RESET"]
        self.session = None

    def post(self, path, body=None):
        cookies = {COOKIE: self.session} if self.session else {}
        answer = requests.post(self.base + path, json=body, headers=HEADERS, cookies=cookies, timeout=20)
        answer.raise_for_status()
        self.take(answer.headers.get("Set-Cookie", ""))

    def take(self, cookie):
        """Takes a session over from a `Set-Cookie` header."""
        name, _, rest = cookie.partition("=")
        if name == COOKIE:
            self.session = rest.partition(";")[0] or None

    def signed_in(self):
        if self.reset:
            self.post("/api/auth/password-reset/confirm", {"token": self.reset, "password": self.password})
            self.reset = None
        if self.session is None:
            self.post("/api/auth/login", {"email": self.email, "password": self.password})
        return self.session


class Things:
    """The things that answers showed: their ids by prefix, and their versions."""

    ID = re.compile(r"([a-z]+)_[0-9a-f]{32}")

    def __init__(self):
        self.ids = {}
        self.versions = {}

    def learn(self, value):
        if isinstance(value, dict):
            name = value.get("id")
            if isinstance(name, str) and isinstance(value.get("version"), int):
                self.versions[name] = value["version"]
            for part in value.values():
                self.learn(part)
        elif isinstance(value, list):
            for part in value:
                self.learn(part)
        elif isinstance(value, str) and (found := self.ID.fullmatch(value)):
            self.ids.setdefault(found[1], {})[value] = None

    def known(self, value):
        """The value with ids of nothing replaced by ids of something."""
        if isinstance(value, dict):
            return {key: self.known(part) for key, part in value.items()}
        if isinstance(value, list):
            return [self.known(part) for part in value]
        if isinstance(value, str) and (found := self.ID.fullmatch(value)):
            ids = self.ids.get(found[1], {})
            return value if value in ids else next(reversed(ids), value)
        return value


BROWSER = Browser()
THINGS = Things()
FRESH = itertools.count()
IF_MATCH = re.compile(r'"[0-9]+"')
KEY = re.compile(r"[A-Za-z0-9_-]{1,64}")


@schemathesis.auth(refresh_interval=None)
class Login:
    def get(self, case, context):
        return BROWSER.signed_in()

    def set(self, case, data, context):
        case.cookies = {**(case.cookies or {}), COOKIE: data}


def plus(part):
    return part.replace("%2B", "+") if isinstance(part, str) else part


@schemathesis.hook
def before_call(context, case, **kwargs):
    meta = case.meta
    right = lambda place: meta is None or not meta.is_negative_at(place)
    if case.path_parameters and right(ParameterLocation.PATH):
        # A value given anew is judged anew, as it stands: a number must not stand there percent-encoded.
        parts = THINGS.known(dict(case.path_parameters))
        case.path_parameters = {name: plus(part) for name, part in parts.items()}
    if isinstance(case.body, (dict, list)) and right(ParameterLocation.BODY):
        case.body = THINGS.known(case.body)
    headers = case.headers or {}
    if KEY.fullmatch(str(headers.get("Idempotency-Key", ""))):
        headers["Idempotency-Key"] = f"fresh-{next(FRESH)}"
    if IF_MATCH.fullmatch(str(headers.get("If-Match", ""))) and case.path_parameters:
        version = THINGS.versions.get(list(case.path_parameters.values())[-1])
        if version is not None:
            headers["If-Match"] = f'"{version}"'


@schemathesis.hook
def after_call(context, case, response):
    if b'"id"' in response.content and response.status_code < 300:
        try:
            THINGS.learn(json.loads(response.content))
        except ValueError:
            pass  # Not JSON: a calendar, a file.
    sent = response.request.headers.get("Cookie", "")
    if BROWSER.session is None or BROWSER.session not in sent:
        return
    for cookie in response.headers.get("set-cookie", []):
        BROWSER.take(cookie)
    if response.status_code == 401 and b'"unauthenticated"' in response.content:
        BROWSER.session = None
    if case.operation.label.endswith("/act") and response.status_code == 201:
        # The rest of the run is the administrator's own.
        BROWSER.post("/api/auth/acting/end")
