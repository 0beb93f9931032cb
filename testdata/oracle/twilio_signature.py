"""Random requests with the verdict of the official Twilio helper, one JSON object a line.

    python twilio_signature.py COUNT SEED > requests.jsonl

Each object holds the request as a server receives it (method, URL, headers, raw body), the secret, the
helper's verdict, and the case it was made from. `computed` is the helper's own signature over the URL and
the decoded parameters, for comparison with our signing function.

The helper judges what a well-behaved web framework hands it: the decoded parameters of a form, or the body's
text when the URL carries `bodySHA256`.
"""

import base64
import hashlib
import json
import random
import sys
from urllib.parse import quote_plus, urlencode

from twilio.request_validator import HMAC_SHA1, HMAC_SHA256, RequestValidator

ALPHABETS = [
    "abcdefghijklmnopqrstuvwxyz",
    "ABCDEFGHIJKLMNOPQRSTUVWXYZ_",
    "0123456789",
    " +&=%#?/;:@!'()*~\"<>",
    "שלוםעולםדנהכהן",
    "éüñßøœ€™",
    "日本語中文한국어",
    "😀🎉👩‍💻",
    "\t\n\r\u00a0\u200f",
]
FORM = "application/x-www-form-urlencoded"
SETTINGS = "X-Twilio-Webhooks-Signature-Settings"


class Values(dict):
    """Decoded parameters with repeated keys, as the helper reads Django's."""

    def __init__(self, pairs):
        super().__init__(pairs)
        self.pairs = pairs

    def getlist(self, name):
        return [value for key, value in self.pairs if key == name]


def text(rng, longest=24):
    alphabet = "".join(rng.sample(ALPHABETS, rng.randint(1, 3)))
    return "".join(rng.choice(alphabet) for _ in range(rng.randint(0, longest)))


def name(rng):
    usual = ["CallSid", "AccountSid", "From", "To", "Digits", "Body", "MediaUrl", "a", "B", "_z", "CallerName"]
    return rng.choice(usual) if rng.random() < 0.7 else (text(rng, 10) or "x")


def pairs(rng):
    made = [(name(rng), text(rng)) for _ in range(rng.randint(0, 12))]
    for _ in range(rng.randint(0, 3)):
        if made:
            key, value = rng.choice(made)
            made.insert(rng.randint(0, len(made)), (key, value if rng.random() < 0.4 else text(rng)))
    return made


def url(rng, scheme):
    host = rng.choice(["voice.example.com", "Voice.Example.COM", "a-b.example.org", "localhost", "127.0.0.1"])
    port = rng.choice(["", "", "", ":443", ":80", ":8443", ":5000"])
    parts = ["webhook", "voice", "Incoming_Call", "a%20b", "x~y", "", "%D7%A9", "it's", "a;b=1", "a+b"]
    path = "".join("/" + rng.choice(parts) for _ in range(rng.randint(1, 4)))
    query = ""
    if rng.random() < 0.4:
        encode = rng.choice([quote_plus, lambda value: value.replace(" ", "%20")])
        simple = [("tenant", "acme"), ("x", "1"), ("name", "Jane Doe"), ("q", "a"), ("From", "+15005550006")]
        chosen = [rng.choice(simple) for _ in range(rng.randint(1, 3))]
        query = "?" + "&".join(f"{key}={encode(value)}" for key, value in chosen)
    return f"{scheme}://{host}{port}{path}{query}"


def encoded(rng, decoded):
    """The form body; clients differ in what they escape, and the signature must not depend on it."""
    style = rng.choice(["plus", "percent"])
    if style == "plus":
        return urlencode(decoded).encode()
    everything = lambda value: "".join(f"%{byte:02X}" for byte in value.encode())
    return "&".join(f"{everything(key)}={everything(value)}" for key, value in decoded).encode()


def toggled_port(address):
    """The same URL with its default port written out, or left out: senders differ in this."""
    scheme, rest = address.split("://", 1)
    host, slash, path = rest.partition("/")
    default = "443" if scheme == "https" else "80"
    if ":" in host:
        host = host.split(":")[0]
    else:
        host = f"{host}:{default}"
    return f"{scheme}://{host}{slash}{path}"


def known_difference(rng, case):
    """Turns the case into one where our verdict differs from the helper's on purpose.

    Returns the difference's name and the URL that is signed; the reasons stand in
    docs/decisions/0006-signature-oracle.md.
    """
    if case["kind"] == "websocket":
        case["address"] = "wss://voice.example.com/media"
        return "wss signed with :443", "wss://voice.example.com:443/media"
    if case["kind"] == "json":
        before, digest = case["address"].split("bodySHA256=")
        if digest.isdigit():
            return None
        case["address"] = f"{before}bodySHA256={digest.upper()}"
        return "body hash in capitals", case["address"]
    if case["kind"] == "get":
        # The helper's URL parser drops an empty query before signing; the sender signed what it sent.
        case["address"] = case["address"].split("?")[0] + "?"
        wrong = rng.random() < 0.5
        return ("empty query dropped", case["address"][:-1]) if wrong else ("empty query kept", case["address"])
    case["address"] = "https://[2001:db8::1]:8443/voice"
    return "IPv6 port stripped", "https://[2001:db8::1]/voice"


def flip(rng, value):
    """`value` with one character changed, so that it differs and keeps its length."""
    at = rng.randrange(len(value))
    other = rng.choice([c for c in "ABCDwxyz0189" if c != value[at]])
    return value[:at] + other + value[at + 1 :]


def make(rng, number):
    kind = rng.choices(["form", "get", "json", "websocket"], [60, 12, 16, 12])[0]
    scheme = {"websocket": rng.choice(["wss", "wss", "ws"])}.get(kind, rng.choice(["https", "https", "https", "http"]))
    address = url(rng, scheme)
    secret = "".join(rng.choice("0123456789abcdef") for _ in range(32))
    algorithm = HMAC_SHA256 if rng.random() < 0.2 else HMAC_SHA1
    decoded, body, headers = [], b"", {}
    if kind == "form":
        decoded = pairs(rng)
        body = encoded(rng, decoded)
        headers["Content-Type"] = rng.choice([FORM, FORM + "; charset=UTF-8"])
    elif kind == "json":
        body = json.dumps({"event": text(rng), "n": rng.randint(0, 99)}, ensure_ascii=False).encode()
        digest = hashlib.sha256(body).hexdigest()
        address += ("&" if "?" in address else "?") + "bodySHA256=" + digest
        headers["Content-Type"] = "application/json"
    if algorithm == HMAC_SHA256:
        headers[SETTINGS] = "key=webhooks_sharedkey_1,algorithm=HMAC_SHA256"
    return {
        "number": number,
        "kind": kind,
        "address": address,
        "secret": secret,
        "algorithm": algorithm,
        "decoded": decoded,
        "body": body,
        "headers": headers,
    }


def tamper(rng, case):
    """Changes the request after it was signed. Returns what was done."""
    choices = ["url", "signature", "secret", "empty signature", "short signature", "algorithm"]
    if case["kind"] == "form":
        choices += ["value", "extra", "drop", "reorder", "double"] * 2
    if case["kind"] == "json":
        choices += ["body"] * 4
    what = rng.choice(choices)
    decoded = list(case["decoded"])
    if what == "url":
        case["address"] += rng.choice(["/", "x", "%20", "//"])
    elif what == "signature":
        case["signature"] = flip(rng, case["signature"])
    elif what == "secret":
        case["secret"] = flip(rng, case["secret"])
    elif what == "empty signature":
        case["signature"] = ""
    elif what == "short signature":
        case["signature"] = case["signature"][: rng.randint(1, 20)]
    elif what == "algorithm":
        if case["algorithm"] == HMAC_SHA256:
            case["algorithm"] = HMAC_SHA1
            case["headers"].pop(SETTINGS)
        else:
            case["algorithm"] = HMAC_SHA256
            case["headers"][SETTINGS] = "key=webhooks_sharedkey_1,algorithm=HMAC_SHA256"
    elif what == "body":
        case["body"] += b" "
    elif what == "extra":
        decoded.insert(rng.randint(0, len(decoded)), (name(rng), text(rng)))
    elif what == "reorder":
        rng.shuffle(decoded)
    elif decoded:
        at = rng.randrange(len(decoded))
        key, value = decoded[at]
        if what == "value":
            decoded[at] = (key, value + "x")
        elif what == "drop":
            decoded.pop(at)
        elif what == "double":
            decoded.append((key, value))
    if case["kind"] == "form":
        case["decoded"] = decoded
        case["body"] = encoded(rng, decoded)
    return what


def main():
    count, seed = int(sys.argv[1]), int(sys.argv[2])
    rng = random.Random(seed)
    for number in range(count):
        case = make(rng, number)
        params = Values(case["decoded"])
        signer = RequestValidator(case["secret"])
        signed_address, what = case["address"], "genuine"
        difference = known_difference(rng, case) if rng.random() < 0.04 else None
        if difference:
            what, signed_address = difference
        elif rng.random() < 0.2:
            signed_address, what = toggled_port(case["address"]), "port toggled"
        case["signature"] = signer.compute_signature(signed_address, params, case["algorithm"])
        if not difference and rng.random() < 0.45:
            what += ", " + tamper(rng, case)
        params = Values(case["decoded"])
        judge = RequestValidator(case["secret"])
        judged = case["body"].decode() if case["kind"] == "json" else params
        line = {
            "number": number,
            "case": f"{case['kind']}: {what}",
            "differs": what if difference else None,
            "transport": "websocket" if case["kind"] == "websocket" else "http",
            "method": "GET" if case["kind"] in ("get", "websocket") else "POST",
            "url": case["address"],
            "headers": {**case["headers"], "X-Twilio-Signature": case["signature"]},
            "body": base64.b64encode(case["body"]).decode(),
            "pairs": case["decoded"],
            "secret": case["secret"],
            "algorithm": case["algorithm"],
            "accepted": bool(judge.validate(case["address"], judged, case["signature"], case["algorithm"])),
            "computed": judge.compute_signature(case["address"], params, case["algorithm"]),
        }
        print(json.dumps(line))


if __name__ == "__main__":
    main()
