"""AWS Signature Version 4 for one request, by botocore's signer, at a moment that is an argument."""

from dataclasses import replace
from datetime import UTC, datetime

from botocore.auth import SIGV4_TIMESTAMP, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials

from delivery.esp.provider import Request

_SERVICE = "ses"


def signed(request: Request, url: str, region: str, credentials: ReadOnlyCredentials, at: datetime) -> Request:
    """The request with X-Amz-Date, Authorization and, for temporary credentials, X-Amz-Security-Token. `url` is the whole one."""
    stamp = at.astimezone(UTC).strftime(SIGV4_TIMESTAMP)
    token = {"X-Amz-Security-Token": credentials.token} if credentials.token else {}
    headers = {**request.headers, "X-Amz-Date": stamp, **token}
    subject = AWSRequest(method=request.method, url=url, data=request.body, headers=headers)
    subject.context["timestamp"] = stamp
    signer = SigV4Auth(credentials, _SERVICE, region)
    signature = signer.signature(signer.string_to_sign(subject, signer.canonical_request(subject)), subject)
    names = signer.signed_headers(signer.headers_to_sign(subject))
    authorization = f"AWS4-HMAC-SHA256 Credential={signer.scope(subject)}, SignedHeaders={names}, Signature={signature}"
    return replace(request, headers={**headers, "Authorization": authorization})
