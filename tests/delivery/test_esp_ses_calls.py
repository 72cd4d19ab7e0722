"""SES's documents: what a bulk call says, held against AWS's own description of it, and what its entries' results amount to."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from botocore.session import Session
from botocore.validate import ParamValidator

from delivery.answers import Accepted, Answer, Cause, Rejected, Retry, Unknown
from delivery.compile import compile_campaign
from delivery.esp.ses_calls import headers_of, results, shared, takes, whole
from delivery.esp.shared_body import HANDLEBARS, form_of
from domain.ids import RecipientId
from domain.message import Letter
from domain.recipient import Recipient
from tests.delivery.campaigns import CAMPAIGN, press, write


@pytest.fixture
def letters(tmp_path: Path) -> list[Letter]:
    """Two letters of one body, from a sender whose name is not ASCII."""
    named = CAMPAIGN.replace("name: The shop", "name: Bücher & mehr, reply_to: care@shop.example")
    composer = press(compile_campaign(write(tmp_path, campaign_DOT_yaml=named)))
    return [
        composer.compose(Recipient(RecipientId(who), f"{who}@example.org", attributes={"first_name": who}), {}) for who in ("ada", "ben")
    ]


def faults_of(operation: str, message: dict[str, Any]) -> str:
    """What AWS's service model holds against a call."""
    shape = Session().get_service_model("sesv2").operation_model(operation).input_shape
    return str(ParamValidator().validate(message, shape).generate_report())


def test_calls_are_as_aws_describes_them(letters: list[Letter]) -> None:
    """Names, types and lengths of both calls, by botocore's own validator."""
    form, template = form_of(letters, HANDLEBARS)
    bulk = shared(letters, form, template)
    assert faults_of("SendBulkEmail", bulk) == ""
    assert faults_of("SendEmail", whole(letters[0])) == ""
    assert faults_of("SendBulkEmail", bulk | {"Entries": []}) != ""


def test_what_a_bulk_call_says(letters: list[Letter]) -> None:
    """One template; per entry its values, its tag and its unsubscribe link; the sender's name in encoded words; no Message-ID."""
    form, template = form_of(letters, HANDLEBARS)
    message: Any = shared(letters, form, template)
    assert message["FromEmailAddress"] == "=?utf-8?b?QsO8Y2hlciAmIG1laHI=?= <news@shop.example>"
    assert message["ReplyToAddresses"] == ["care@shop.example"]
    assert [header["Name"] for header in message["DefaultContent"]["Template"]["Headers"]] == [
        "List-Id",
        "List-Unsubscribe-Post",
        "Feedback-ID",
    ]
    for letter, entry in zip(letters, message["BulkEmailEntries"], strict=True):
        assert entry["Destination"] == {"ToAddresses": [letter.address]}
        assert entry["ReplacementTags"] == [{"Name": "letterpress_message", "Value": letter.message_id}]
        [leave] = entry["ReplacementHeaders"]
        assert leave == {"Name": "List-Unsubscribe", "Value": f"<https://links.shop.example/u/{letter.fillings[1]}>"}


@pytest.mark.parametrize(
    ("header", "taken"),
    [
        (("List-Id", "<news.shop.example>"), True),
        (("List-Id", ""), False),
        (("List-Id", "x" * 988), True),
        (("List-Id", "x" * 989), False),
        (("List-Id", "a\tb"), False),
        (("List-Id", "ü"), False),
    ],
)
def test_headers_that_an_entry_takes(header: tuple[str, str], taken: bool) -> None:
    """Printable ASCII, not empty, 995 characters with their name."""
    assert takes(header) is taken


def test_all_headers_of_a_letter_are_taken(letters: list[Letter]) -> None:
    """But for the Message-ID, which SES makes."""
    form = letters[0].form
    assert form
    assert [name for name, _ in headers_of(form, letters[0])] == ["List-Unsubscribe", "List-Id", "List-Unsubscribe-Post", "Feedback-ID"]
    assert all(map(takes, headers_of(form, letters[0])))


def answers(letters: Sequence[Letter], *entries: dict[str, str]) -> tuple[Answer, ...]:
    """What results amount to."""
    return results(letters, {"BulkEmailEntryResults": list(entries)})


@pytest.mark.parametrize(
    ("status", "error", "kind", "cause"),
    [
        ("SUCCESS", "", Accepted, None),
        ("MESSAGE_REJECTED", "it contained a virus", Rejected, None),
        ("MESSAGE_REJECTED", "Email address is not verified.", Retry, Cause.UNREACHABLE),
        ("INVALID_PARAMETER", "a header is not valid", Rejected, None),
        ("INVALID_PARAMETER_VALUE", "a header is not valid", Rejected, None),
        ("FAILED", "unable to process", Rejected, None),
        ("ACCOUNT_THROTTLED", "Maximum sending rate exceeded.", Retry, Cause.THROTTLED),
        ("ACCOUNT_DAILY_QUOTA_EXCEEDED", "", Retry, Cause.THROTTLED),
        ("TRANSIENT_FAILURE", "", Retry, Cause.MESSAGE),
        ("MAIL_FROM_DOMAIN_NOT_VERIFIED", "", Retry, Cause.UNREACHABLE),
        ("CONFIGURATION_SET_NOT_FOUND", "", Retry, Cause.UNREACHABLE),
        ("ACCOUNT_SENDING_PAUSED", "", Retry, Cause.UNREACHABLE),
        ("SOMETHING_NEW", "", Unknown, None),
        ("", "", Unknown, None),
    ],
)
def test_each_entry_has_its_own_answer(letters: list[Letter], status: str, error: str, kind: type[Answer], cause: Cause | None) -> None:
    """Inside one 200: taken, refused for good, later, about us; a status that nobody knows leaves it open."""
    first, second = answers(letters, {"Status": status, "Error": error, "MessageId": "m-0"}, {"Status": "SUCCESS", "MessageId": "m-1"})
    assert (type(first), first.message_id) == (kind, letters[0].message_id)
    assert not isinstance(first, Retry) or first.cause is cause
    assert second == Accepted(letters[1].message_id, "m-1")


@pytest.mark.parametrize("told", [None, {}, [], {"BulkEmailEntryResults": []}, {"BulkEmailEntryResults": [{"Status": "SUCCESS"}]}])
def test_results_that_do_not_add_up_say_nothing(letters: list[Letter], told: object) -> None:
    """One result too few, and nobody can tell whose they are."""
    assert {type(answer) for answer in results(letters, told)} == {Unknown}
