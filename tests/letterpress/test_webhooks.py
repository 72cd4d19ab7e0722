"""`letterpress webhooks`: accounts, what waits, and understanding it."""

from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner, Result

from domain.errors import InputError
from domain.webhook import WebhookPost
from letterpress.main import app
from storage.database import Database
from storage.events import Events
from storage.inbox import Inbox
from storage.migrations import migrate

AT = datetime(2026, 11, 23, 9, tzinfo=UTC)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with two accounts."""
    monkeypatch.setenv("LETTERPRESS_HOME", str(tmp_path))
    accounts = 'webhooks = "news=postmark:user:password news=postmark:user:another shop=sendgrid:SECRETSECRET"\n'
    (tmp_path / "letterpress.toml").write_text(accounts + 'public_url = "https://letters.example.com/"\n')
    return tmp_path


def run(*arguments: str) -> Result:
    """The command's result; its errors are raised."""
    return CliRunner().invoke(app, ["webhooks", *arguments], catch_exceptions=False)


def test_accounts_are_listed() -> None:
    """Each with the address for its ESP, and without its secrets."""
    told = run().output
    assert "https://letters.example.com/webhooks/news" in told.replace("\n", "")
    assert "0 posts wait" in told
    assert "SECRET" not in told and "password" not in told


def test_what_waits(home: Path) -> None:
    """What waits is counted, and understood where that is asked for."""
    database = Database(f"sqlite:///{home}/var/letterpress.db")
    migrate(database)
    body = b'[{"event": "open", "sg_event_id": "1"}, {"event": "spamreport", "sg_event_id": "2", "email": "ada@example.org"}]'
    Inbox(database).append([WebhookPost("shop", "sendgrid", {}, body, AT)])
    waiting = orjson.loads(run("--json").output)
    assert (waiting["waiting"], waiting["oldest_at"]) == (1, "2026-11-23T09:00:00Z")
    assert [(one["account"], one["provider"], one["secrets"]) for one in waiting["accounts"]] == [
        ("news", "postmark", 2),
        ("shop", "sendgrid", 1),
    ]
    done = orjson.loads(run("--understand", "--json").output)
    assert (done["waiting"], done["events"], done["suppressed"]) == (0, 2, 1)
    assert len(list(Events(database).between(AT, AT.replace(hour=10)))) == 2


def test_mistakes_in_the_setting(home: Path) -> None:
    """An account that is not understood is an error of the user's, told without the secret."""
    (home / "letterpress.toml").write_text('webhooks = "news=sendgrit:SECRETSECRET"\n')
    with pytest.raises(InputError, match="news has no provider that is known") as raised:
        run()
    assert "SECRET" not in str(raised.value)


QUEUES = [("https://sqs.eu-west-1.amazonaws.com/1/q", "news", "no account 'news' of provider ses"), ("letters", "aws", "URL of a queue")]


@pytest.mark.parametrize(("url", "account", "words"), QUEUES)
def test_mistakes_about_queues(home: Path, url: str, account: str, words: str) -> None:
    """A queue needs an account of Amazon SES, and a URL."""
    (home / "letterpress.toml").write_text('webhooks = "news=postmark:user:password aws=ses:arn:aws:sns:eu-west-1:1:letters"\n')
    with pytest.raises(InputError, match=words):
        CliRunner().invoke(app, ["poll", url, "--account", account], catch_exceptions=False)
