"""`init`, `validate`, `preview` and `schema`, as they are typed."""

import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from delivery.picture import find_chromium
from letterpress.main import _run
from letterpress.starter import settings_file
from tests.delivery.campaigns import block, with_file, write


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command ended."""

    returncode: int
    stdout: str
    stderr: str


Run = Callable[..., Ran]


@pytest.fixture
def letterpress(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs the command in a folder, away from this machine's settings."""
    for name in [name for name in os.environ if name.startswith("LETTERPRESS_")]:
        monkeypatch.delenv(name)

    def run(*arguments: str, home: Path) -> Ran:
        monkeypatch.chdir(home)
        monkeypatch.setattr(sys, "argv", ["letterpress", *arguments])
        code = _run()  # `main` would end this process with it
        out, err = capsys.readouterr()
        return Ran(code, out, err)

    return run


@pytest.fixture
def home(tmp_path: Path, letterpress: Run) -> Path:
    """A home that `init` laid down."""
    assert letterpress("init", "shop", home=tmp_path).returncode == 0
    return tmp_path / "shop"


def test_the_command_is_there_as_a_program(tmp_path: Path) -> None:
    """Typed for real, a mistake ends with 2 and one message."""
    command = [sys.executable, "-m", "letterpress", "validate", "nothing"]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert (ran.returncode, ran.stderr.startswith("letterpress: there is no campaign")) == (2, True)


def test_a_new_home_validates_without_a_database(letterpress: Run, home: Path) -> None:
    """What `init` lays down has no mistakes, and checking it leaves no trace."""
    ran = letterpress("validate", home=home)
    assert (ran.returncode, ran.stdout.splitlines()[0]) == (0, "web, weekly: no mistakes")
    assert "columns were not checked" in ran.stdout
    assert not (home / "var").exists()


def test_a_new_home_has_all_it_needs(home: Path) -> None:
    """Campaigns, the schema that campaign.yaml points to, settings, and what git should not keep."""
    first = (home / "templates" / "weekly" / "campaign.yaml").read_text().splitlines()[0]
    schema = home / "templates" / "weekly" / first.partition("$schema=")[2]
    assert json.loads(schema.read_text())["title"] == "Letterpress campaign"
    assert "var/" in (home / ".gitignore").read_text().splitlines()


def test_init_overwrites_nothing(letterpress: Run, tmp_path: Path) -> None:
    """One file that is there already stops it before the first is written."""
    (tmp_path / "letterpress.toml").write_text("mine")
    ran = letterpress("init", ".", home=tmp_path)
    assert ran.returncode == 2
    assert "nothing was written" in ran.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["letterpress.toml"]


def test_every_setting_is_explained_and_valid() -> None:
    """Taking the comment signs away gives a file that says the defaults."""
    text = "\n".join(line.removeprefix("# ") for line in settings_file().splitlines() if " = " in line)
    assert tomllib.loads(text)["shard_size"] == 25_000


def test_validate_lists_every_mistake_and_ends_with_2(letterpress: Run, tmp_path: Path) -> None:
    """One line each, file:line first, however many; as JSON the same."""
    write(tmp_path / "templates")
    broken = block("{{ nme }} <b>x", where="orders >")
    with_file(tmp_path / "templates", "hero/second.mjml", broken)
    ran, as_json = letterpress("validate", home=tmp_path), letterpress("validate", "--json", home=tmp_path)
    lines = ran.stdout.splitlines()
    assert (ran.returncode, as_json.returncode) == (2, 2)
    assert [line.partition(": ")[0] for line in lines[:3]] == [f"templates/news/hero/second.mjml:{line}" for line in (3, 5, 5)]
    assert lines[3] == "news: 3 mistakes"
    found = json.loads(as_json.stdout)
    assert (len(found["mistakes"]), found["columns_known"], found["campaigns"]) == (3, False, ["news"])


def test_validate_of_a_campaign_that_is_not_there_names_those_that_are(letterpress: Run, home: Path) -> None:
    """No traceback, exit 2."""
    ran = letterpress("validate", "weakly", home=home)
    assert (ran.returncode, "there: web, weekly" in ran.stderr, "Traceback" in ran.stderr) == (2, True, False)


def test_preview_needs_nobody_and_nothing(letterpress: Run, home: Path) -> None:
    """Without a recipient it prints the letter of a reader about whom nothing is known."""
    ran = letterpress("preview", "weekly", "--text", "--variant", "hero=winter-garden", "--html", "letter.html", home=home)
    assert ran.returncode == 0, ran.stderr
    assert "weekly.hero: winter-garden (asked for)" in ran.stdout
    assert "Good morning." in ran.stdout
    assert "https://shop.foundryandfern.example/garden/winter" in (home / "letter.html").read_text()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--variant", "hero=wintergarden"), "hero has no variant 'wintergarden' (did you mean 'winter-garden'?)"),
        (("--variant", "heroo=x"), "there is no placement 'heroo' (did you mean 'hero'?)"),
        (("--variant", "hero=welcome,winter-garden"), "hero shows 1 to 1 variants, not 2"),
        (("--variant", "hero=thank-you"), "recipient.orders is empty"),
    ],
)
def test_preview_says_what_is_wrong(letterpress: Run, home: Path, arguments: tuple[str, ...], said: str) -> None:
    """A name that is not there, or a letter that cannot be printed for this recipient."""
    ran = letterpress("preview", "weekly", *arguments, home=home)
    assert ran.returncode != 0
    assert said in ran.stderr
    assert "Traceback" not in ran.stderr


@pytest.mark.chromium
@pytest.mark.skipif(find_chromium() is None, reason="no Chromium on this machine")
def test_preview_takes_a_picture(letterpress: Run, home: Path) -> None:
    """A PNG where it was asked for."""
    ran = letterpress("preview", "weekly", "--png", "letter.png", "--dark", home=home)
    assert ran.returncode == 0, ran.stderr
    assert (home / "letter.png").read_bytes().startswith(b"\x89PNG")


def test_schema_writes_both(letterpress: Run, tmp_path: Path) -> None:
    """For editors, into a folder of one's choice."""
    assert letterpress("schema", "--out", "s", home=tmp_path).returncode == 0
    assert sorted(path.name for path in (tmp_path / "s").iterdir()) == ["campaign.schema.json", "variant.schema.json"]


@pytest.fixture
def peopled(home: Path, letterpress: Run) -> Path:
    """The home with one recipient, whose first name is known and whose orders are not."""
    people = ("id,mail,first_name,orders,tier", "7,zoe@example.org,Zoë,,gold", "8,al@example.org,Al,3,none")
    (home / "people.csv").write_text("\n".join(people))
    shop = "'DE' AS country, 'books' AS favourite"
    sql = f"SELECT id AS recipient_id, mail AS address, true AS consent, first_name, orders::DOUBLE AS orders, tier, {shop} FROM source"  # noqa: S608
    ran = letterpress("import", "recipients", "people.csv", "--map", sql, home=home)
    assert ran.returncode == 0, ran.stderr
    return home


def test_with_recipients_columns_are_checked(peopled: Path, letterpress: Run) -> None:
    """A column that nobody has is a mistake, in Jinja and in SQL, with what was meant."""
    hero = peopled / "templates" / "weekly" / "hero" / "welcome.mjml"
    text = hero.read_text().replace("Two candles", "{{ recipient.fist_name }} has two candles")
    hero.write_text(text.replace("default: true", "default: true\nwhere: teir = 'gold'"))
    ran = letterpress("validate", home=peopled)
    assert ran.returncode == 2
    assert [line.partition(" (")[0] for line in ran.stdout.splitlines()[:2]] == [
        "templates/weekly/hero/welcome.mjml:5: there is no column 'teir'",
        "templates/weekly/hero/welcome.mjml:12: recipient has no column 'fist_name'",
    ]
    assert "columns were not checked" not in ran.stdout


def test_preview_shows_a_recipients_own_letter(peopled: Path, letterpress: Run) -> None:
    """By id or by address, with their name in it."""
    by_id = letterpress("preview", "weekly", "--as", "7", "--text", home=peopled)
    by_address = letterpress("preview", "weekly", "--as", "ZOE@example.org", "--text", home=peopled)
    assert "Good morning, Zoë." in by_id.stdout, by_id.stderr
    assert by_id.stdout == by_address.stdout


def test_preview_of_nobody_we_know_is_refused(peopled: Path, letterpress: Run) -> None:
    """Exit 2, and no address in the message."""
    ran = letterpress("preview", "weekly", "--as", "nobody@example.org", home=peopled)
    assert (ran.returncode, "nobody@" in ran.stderr) == (2, False)
