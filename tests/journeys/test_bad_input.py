"""What a user gets for a mistake: one message that says where, exit code 2, and nothing half done."""

import re
import shutil
import sqlite3
from contextlib import closing

import pytest

from tests.delivery.campaigns import CAMPAIGN, block, with_file
from tests.journeys.desk import Desk
from tests.journeys.sink import free_port

pytestmark = pytest.mark.journey

NO_DEFAULT = block("First")
UNDEFINED = block("Hello {{ recipient.frist_name }}", default="true")
BROKEN = "---\ncategory: news\ndefault: true\n---\n<mj-section><mj-column><mj-text>First</mj-column></mj-section>\n"


def audience(text: str) -> str:
    """campaign.yaml with another audience, which is on its line 4."""
    return CAMPAIGN.replace('"TRUE"', f'"{text}"')


@pytest.mark.parametrize(
    ("file", "content", "place", "said"),
    [
        ("hero/first.mjml", NO_DEFAULT, r"news/hero: ", "hero has no default variant"),
        ("hero/first.mjml", UNDEFINED, r"news/hero/first\.mjml:5", "recipient has no column 'frist_name' (did you mean 'first_name'?)"),
        ("hero/first.mjml", BROKEN, r"news/hero/first\.mjml:5", "mj-text"),
        ("letter.mjml", None, r"news", "letter.mjml"),
        ("campaign.yaml", CAMPAIGN.replace("hero: {}", "hreo: {}"), r"news/(letter\.mjml:7|campaign\.yaml:7)", "hreo"),
        ("campaign.yaml", audience("frist_name = 'Ann'"), r"news/campaign\.yaml:4", "there is no column 'frist_name'"),
        ("campaign.yaml", audience("TRUE; DROP TABLE recipients"), r"news/campaign\.yaml:4", "cannot change anything (DROP)"),
        ("campaign.yaml", audience("FALSE"), "", "nobody"),
    ],
    ids=["no default", "undefined variable", "broken MJML", "no letter", "unknown placement", "no column", "writes", "nobody"],
)
def test_a_mistake_in_a_campaign_is_told_with_its_place_and_nothing_is_begun(
    desk: Desk, file: str, content: str | None, place: str, said: str
) -> None:
    """`send` refuses with file and line; no send is opened, no letter goes out, and the recipients are all still there."""
    shutil.rmtree(desk.campaign)
    with_file(desk.home / "templates", file, content)
    told = desk.refused("send", "news")
    assert re.search(place, told) and said in told, told
    assert not desk.sends
    assert not list((desk.home / "var").rglob("*.eml"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("send", "nwes"), "there is no campaign 'nwes'"),
        (("send", "news", "--at", "tomorrow"), "--at: 'tomorrow' is no instant"),
        (("send", "news", "--dry"), "No such option: --dry"),
        (("status", "news-1"), "there is no send 'news-1'"),
        (("resume", "news-1"), "there is no send 'news-1'"),
        (("why", "news-1", "r001"), "there is no send 'news-1'"),
        (("sned", "news"), "No such command 'sned'"),
    ],
    ids=["campaign", "instant", "option", "status", "resume", "why", "command"],
)
def test_a_wrong_word_on_the_command_line_is_told(desk: Desk, arguments: tuple[str, ...], said: str) -> None:
    """The message names what was not understood."""
    assert said in desk.refused(*arguments)


def test_the_installed_script_answers_alike(desk: Desk) -> None:
    """What the other tests see in forked processes is what the script in the environment does."""
    ran = desk.exec("status", "news-1")
    assert (ran.code, ran.out, ran.err) == (2, "", "letterpress: there is no send 'news-1' (newest: none yet)\n")


def test_prefects_server_being_down_is_told_before_anything_is_begun(desk: Desk) -> None:
    """A Prefect server that is named and does not answer is named in the message, and no send is opened."""
    url = f"http://127.0.0.1:{free_port()}/api"
    desk.environment["PREFECT_API_URL"] = url
    assert f"{url}: Prefect's server does not answer" in desk.refused("send", "news")
    assert not desk.sends


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("shard_size = \n", "letterpress.toml: not valid TOML"),
        ("shard_sise = 10\n", "letterpress.toml: unknown setting 'shard_sise'"),
        ('shard_size = "many"\n', "letterpress.toml: shard_size takes a whole number"),
    ],
)
def test_broken_settings_are_told(desk: Desk, text: str, said: str) -> None:
    """A mistake in letterpress.toml names the file and the key."""
    (desk.home / "letterpress.toml").write_text(text)
    desk.environment.clear()
    assert said in desk.refused("status")


@pytest.mark.parametrize(
    ("setting", "url"),
    [
        ("redis_url", "redis://127.0.0.1:{port}"),
        ("database_url", "postgresql://letterpress:secret@127.0.0.1:{port}/letterpress"),
        ("esp", "smtp://127.0.0.1:{port}/?starttls=none"),
    ],
)
def test_a_service_that_is_down_is_told_before_anything_is_begun(desk: Desk, setting: str, url: str) -> None:
    """`send` names the service and where it was looked for, without its password, and opens no send."""
    port = free_port()
    before = dict(desk.environment)
    desk.set(**{setting: url.format(port=port)})
    told = desk.refused("send", "news")
    assert str(port) in told and "secret" not in told
    assert {"redis_url": "decision store", "database_url": "database", "esp": "relay"}[setting] in told
    desk.environment = before
    assert not desk.sends


def test_an_address_with_a_line_break_costs_its_row_and_nothing_else(desk: Desk) -> None:
    """The import of the desk refused that one row, with its number and the reason, and kept the 301 good ones."""
    [rejects] = (desk.home / "var" / "rejects").iterdir()
    kept = rejects.read_text()
    assert "injected" in kept and "302" in kept.splitlines()[1]
    assert desk.does("audience", "news", "--json").json["candidates"] == 301


def test_a_model_that_was_trained_on_other_attributes_is_refused(desk: Desk) -> None:
    """An incumbent that looks at an attribute which recipients have no more stops the send before it begins."""
    rows = (f"r{n % 300:03},news.hero,{('first', 'second')[n % 2]},{n % 5 == 0},2026-10-{1 + n // 100:02}" for n in range(3000))
    (desk.home / "shown.csv").write_text("\n".join(("recipient_id,placement,variant,clicked,decided_at", *rows)))
    desk.does("import", "decisions", "shown.csv")
    model = desk.does("train", "news", "--json").json["card"]["model_version"]
    with closing(sqlite3.connect(desk.home / "var" / "letterpress.db", isolation_level=None)) as database:
        database.execute("DELETE FROM attributes WHERE name = 'plan'")
    told = desk.refused("send", "news")
    assert "plan" in told and model
    assert not desk.sends
