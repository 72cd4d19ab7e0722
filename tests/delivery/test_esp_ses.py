"""Amazon SES: signatures as botocore makes them, credentials, and a house without botocore."""

import sys
from datetime import UTC, datetime

import pytest
from botocore import auth
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials
from hypothesis import given
from hypothesis import strategies as st

from delivery.answers import Cause, Retry
from delivery.esp import build_esp
from delivery.esp.http import HttpEsp
from delivery.esp.provider import Request
from delivery.esp.ses import Ses
from delivery.esp.ses_signing import signed
from domain.errors import InputError, UnavailableError
from tests.delivery.letters import letter
from tests.delivery.providers import KEY

AT = datetime(2026, 11, 23, 9, tzinfo=UTC)
URL = "https://email.eu-west-1.amazonaws.com/v2/email/outbound-emails"


@given(st.binary(max_size=200), st.none() | st.just("session-token"))
def test_a_signature_is_botocores(body: bytes, token: str | None) -> None:
    """The same headers as botocore's own signer gives at the same moment, with and without a session token."""
    credentials = ReadOnlyCredentials("AKIDEXAMPLE", KEY, token)
    request = Request("POST", "/v2/email/outbound-emails", {"Content-Type": "application/json"}, body)
    ours = signed(request, URL, "eu-west-1", credentials, AT).headers
    theirs = AWSRequest(method="POST", url=URL, data=body, headers=dict(request.headers))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(auth, "get_current_datetime", lambda *_args, **_more: AT)
        SigV4Auth(credentials, "ses", "eu-west-1").add_auth(theirs)
    assert dict(ours) == dict(theirs.headers.items())


def ses(url: str) -> Ses:
    """The provider at this address."""
    esp = build_esp(url)
    assert isinstance(esp, HttpEsp)
    assert isinstance(esp.provider, Ses)
    return esp.provider


def test_credentials_come_from_the_address_or_from_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """The address's own go first; without them botocore looks around."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDMACHINE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "of-the-machine")
    assert ses(f"ses://AKIDMINE:{KEY}@?region=eu-west-1").credentials().access_key == "AKIDMINE"
    assert ses("ses://?region=eu-west-1").credentials().access_key == "AKIDMACHINE"


def test_a_machine_without_credentials_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing in the address and nothing around: the user's to mend."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    with pytest.raises(InputError, match="no credentials"):
        build_esp("ses://?region=eu-west-1")
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(InputError, match="AWS settings"):
        build_esp("ses://?region=eu-west-1")


def test_credentials_that_cannot_be_refreshed_make_everything_wait() -> None:
    """No letter is rejected, none is in doubt."""

    def gone() -> ReadOnlyCredentials:
        raise UnavailableError("the credentials cannot be refreshed")

    provider = ses(f"ses://AKID:{KEY}@?region=eu-west-1")
    esp = HttpEsp(Ses(provider.name, provider.endpoint, provider.region, None, gone, provider.clock))
    (answer,) = esp.hand_off([letter(1)])
    assert answer == Retry(letter(1).message_id, "the credentials cannot be refreshed", cause=Cause.UNREACHABLE)


def test_a_house_without_botocore_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything but ses:// works, and ses:// names the extra."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "botocore" or name.startswith("delivery.esp.ses")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "botocore", None)
    assert build_esp(f"sendgrid://:{KEY}@").name.startswith("sendgrid:")
    with pytest.raises(InputError, match="botocore") as refusal:
        build_esp(f"ses://AKID:{KEY}@?region=eu-west-1")
    assert "letterpress[ses]" in str(refusal.value)
    assert KEY not in str(refusal.value)
