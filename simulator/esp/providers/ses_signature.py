"""AWS Signature Version 4, checked as AWS checks it ("Signature Version 4 signing process" in AWS's general reference)."""

import hashlib
import hmac
import re
from urllib.parse import parse_qsl, quote

from simulator.esp.calls import Call

KNOWN_KEY, KNOWN_SECRET = "AKIALETTERPRESSSIM00", "simulated-secret-of-the-simulated-account"
_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[^/]+)/(?P<scope>(?P<date>\d{8})/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request), ?"
    r"SignedHeaders=(?P<signed>[^,]+), ?Signature=(?P<signature>[0-9a-f]{64})$"
)


def key_of(call: Call) -> str | None:
    """The access key id of a signed call; None if it is not signed, or not for SES."""
    found = _AUTHORIZATION.match(call.headers.get("authorization", ""))
    return found["key"] if found and found["service"] == "ses" and "host" in found["signed"].split(";") else None


def signature_holds(call: Call, secret: str = KNOWN_SECRET) -> bool:
    """Whether a signed call was signed with this secret."""
    found = _AUTHORIZATION.match(call.headers.get("authorization", ""))
    if not found:
        return False
    request = hashlib.sha256(_canonical(call, found["signed"]).encode()).hexdigest()
    text = "\n".join(("AWS4-HMAC-SHA256", call.headers.get("x-amz-date", ""), found["scope"], request))
    key = f"AWS4{secret}".encode()
    for part in (found["date"], found["region"], found["service"], "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.compare_digest(hmac.new(key, text.encode(), "sha256").hexdigest(), found["signature"])


def _canonical(call: Call, signed: str) -> str:
    headers = "".join(f"{name}:{' '.join(call.headers.get(name, '').split())}\n" for name in signed.split(";"))
    query = "&".join(sorted(f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}" for name, value in _pairs(call)))
    body = hashlib.sha256(call.body).hexdigest()
    return "\n".join((call.method, quote(call.path, safe="/-_.~%"), query, headers, signed, body))


def _pairs(call: Call) -> list[tuple[str, str]]:
    return parse_qsl(call.raw_query.decode(), keep_blank_values=True)
