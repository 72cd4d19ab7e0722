"""A small campaign to change one thing of, and what letters of it are printed with."""

from datetime import UTC, datetime
from pathlib import Path

from delivery.compile import compile_campaign
from delivery.compose import Composer
from delivery.links import Signer
from domain.content import Content
from domain.errors import InvalidInput
from domain.ids import CampaignId, SendId
from domain.send import Send

STARTER = Path(__file__).resolve().parents[2] / "templates" / "weekly"
AT = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
KEYS = {"k1": b"1" * 32, "k0": b"0" * 32}

CAMPAIGN = """\
title: The news
sender: {name: The shop, address: news@shop.example}
postal_address: 1 High Street, Town
audience: "TRUE"
placements:
  subject: {kind: subject}
  hero: {}
  story: {positions: 2}
"""
LETTER = """\
<mjml>
  <mj-head>
    <mj-preview>{{ preheader }}</mj-preview>
  </mj-head>
  <mj-body>
    <mj-section><mj-column><mj-text>Hello {{ recipient.first_name | default("reader") }}</mj-text></mj-column></mj-section>
    <lp-placement name="hero" />
    <mj-wrapper><lp-placement name="story" /></mj-wrapper>
    <mj-section><mj-column><mj-text>
      <a href="https://shop.example/">Shop</a>
      <a href="{{ unsubscribe_url }}">Unsubscribe</a> {{ campaign.postal_address }}
    </mj-text></mj-column></mj-section>
  </mj-body>
</mjml>
"""
SECTION = "<mj-section><mj-column><mj-text>{}</mj-text></mj-column></mj-section>\n"


def variant(body: str, **front: str) -> str:
    """A variant's file."""
    lines = [f"{key}: {value}" for key, value in ({"category": "news"} | front).items()]
    return "\n".join(("---", *lines, "---", body))


def block(text: str, **front: str) -> str:
    """A block with one text."""
    return variant(SECTION.format(text), **front)


FILES = {
    "campaign.yaml": CAMPAIGN,
    "letter.mjml": LETTER,
    "subject/plain.txt": variant("News from the shop\n", default="true", preheader="What is new"),
    "subject/named.txt": variant('{{ recipient.first_name | default("Reader") }}, news for you\n'),
    "hero/first.mjml": block('First <a href="https://shop.example/first?a=1&amp;b=2">here</a>', default="true"),
    "hero/second.mjml": block("Second for {{ recipient.first_name }}"),
    "story/one.mjml": block('One <a href="https://shop.example/one">more</a>', default="1"),
    "story/three.mjml": block("Three"),
    "story/two.mjml": block('Two <a href="https://shop.example/two">more</a>', default="2"),
}


def write(folder: Path, **changes: str | None) -> Path:
    """The campaign `news` below a folder. Changes by path, `__` for `/` and `_DOT_` for `.`; None leaves a file out."""
    named = {name.replace("__", "/").replace("_DOT_", "."): content for name, content in changes.items()}
    for name, content in (FILES | named).items():
        if content is not None:
            path = folder / "news" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")
    return folder / "news"


def with_file(folder: Path, name: str, content: str | None) -> Path:
    """The campaign with one file written differently, or left out."""
    return write(folder, **{name.replace("/", "__").replace(".", "_DOT_"): content})


def mistakes_of(folder: Path, columns: tuple[str, ...] | None = None) -> list[str]:
    """What compiling complains of, each as it is shown, with paths relative to the campaign."""
    try:
        compile_campaign(folder, columns)
    except InvalidInput as error:
        return [str(mistake).removeprefix(f"{folder}/") for mistake in error.mistakes]
    return []


def send_of(content: Content, *, key_id: str = "k1", public_url: str = "https://links.shop.example") -> Send:
    """A send of the content."""
    campaign = CampaignId(content.campaign.campaign)
    return Send(SendId(f"{campaign}-1"), campaign, AT, AT, content.content_version, None, 1, "folder", public_url, key_id)


def press(content: Content) -> Composer:
    """A composer that signs with the first key."""
    return Composer(content, send_of(content), Signer(KEYS))
