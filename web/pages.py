"""The few pages that recipients see. Self-contained, readable in light and dark, at any width, by any reader."""

import base64
import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from html import escape

from fastapi.responses import HTMLResponse

from domain.preference import Preferences

_STYLE = """
:root { color-scheme: light dark; --ink: #1c1a17; --soft: #5d574e; --paper: #faf8f4; --card: #ffffff; --edge: #e4dfd5; --press: #8a2b1f }
@media (prefers-color-scheme: dark) {
  :root { --ink: #f1ede6; --soft: #b5aea2; --paper: #181613; --card: #211e1a; --edge: #3a352e; --press: #f0917f }
}
* { box-sizing: border-box }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1.5rem; background: var(--paper); color: var(--ink);
  font: 1.0625rem/1.55 ui-serif, Georgia, "Times New Roman", serif }
main { width: 100%; max-width: 30rem; padding: clamp(1.5rem, 6vw, 2.75rem); background: var(--card); border: 1px solid var(--edge);
  border-top: 4px solid var(--press); border-radius: 4px }
h1 { margin: 0 0 .75rem; font-size: 1.6rem; line-height: 1.2; font-weight: 600; text-wrap: balance }
p { margin: 0 0 1rem; color: var(--soft) }
h2 { margin: 2rem 0 .25rem; font-size: 1.1rem; font-weight: 600 }
h2 + form { margin-top: .75rem }
label { display: flex; gap: .75rem; align-items: center; min-height: 2.75rem; color: var(--ink) }
input { width: 1.25rem; height: 1.25rem; accent-color: var(--press) }
.quiet { margin-top: .5rem; background: none; border: 1px solid var(--press); color: var(--press) }
p:last-child { margin-bottom: 0 }
button { width: 100%; min-height: 3rem; padding: .6rem 1.25rem; border: 0; border-radius: 4px; background: var(--press); color: var(--card);
  font: inherit; font-weight: 600; cursor: pointer }
button:hover { filter: brightness(1.08) }
button:focus-visible { outline: 3px solid var(--ink); outline-offset: 3px }
form { margin: 1.5rem 0 0 }
"""

_NO_MORE = "No more letters will be sent to this address. One that is already on its way may still arrive."

STYLE_HASH = "sha256-" + base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<main>
<h1>{title}</h1>
{body}
</main>
</body>
</html>
"""


@dataclass(frozen=True, slots=True)
class Question:
    """What the page about somebody's letters shows. `sender`: whom the letter at hand came from; `topic`: what it is about; `topics`:
    what letters are about at all. `held`: what they asked for before. `pauses`: offered, in days."""

    sender: str | None = None
    topic: str | None = None
    topics: tuple[str, ...] = ()
    held: Preferences = field(default_factory=Preferences)
    pauses: tuple[int, ...] = ()


def page(title: str, *paragraphs: str, more: str = "", status: int = 200) -> HTMLResponse:
    """A page of plain text, with `more` HTML below."""
    body = [f"<p>{escape(paragraph)}</p>" for paragraph in paragraphs]
    return HTMLResponse(_PAGE.format(title=escape(title), style=_STYLE, body="\n".join([*body, more])), status_code=status)


def ask(question: Question) -> HTMLResponse:
    """Before unsubscribing, from everything or some. Looking at this page changes nothing: mail scanners follow every link."""
    if question.held.suppressed:
        return page("You are unsubscribed", _NO_MORE)
    whom = f"{question.sender} will" if question.sender else "We will"
    sections = (_form(_button("all", "Unsubscribe")), _about(question), _pausing(question), _choosing(question))
    more = "\n".join(filter(None, sections))
    return page("Stop these letters?", f"{whom} send no more letters to the address this one came to.", more=more)


def noted(held: Preferences) -> HTMLResponse:
    """After asking for fewer letters: what holds now."""
    if held.suppressed:
        return gone()
    said = [f"No letters about {', '.join(sorted(held.without))}."] if held.without else []
    said += [f"No letters until {_day(held.paused_until)}."] if held.paused_until else []
    return page("Saved", *(said or ["You get all letters again."]), "One that is already on its way may still arrive.")


def _about(question: Question) -> str:
    if question.topic is None or question.topic in question.held.without:
        return ""
    return f"<h2>Only letters about {escape(question.topic)}?</h2>" + _form(_button("stop-topic", "Stop this topic", quiet=True))


def _pausing(question: Question) -> str:
    if until := question.held.paused_until:
        return f"<h2>Paused until {_day(until)}</h2>" + _form(_button("resume", "Send letters again", quiet=True))
    buttons = (_button(f"pause-{days}", f"Pause for {days} days", quiet=True) for days in question.pauses)
    return "<h2>Only for a while?</h2>" + _form("".join(buttons)) if question.pauses else ""


def _choosing(question: Question) -> str:
    """A box per topic. `shown` says which boxes there were: an empty box and one that was not there must not be the same."""
    if not question.topics:
        return ""
    boxes = "".join(
        f'<input type="hidden" name="shown" value="{escape(topic)}"><label><input type="checkbox" name="topic" value="{escape(topic)}"'
        f"{'' if topic in question.held.without else ' checked'}> {escape(topic)}</label>"
        for topic in question.topics
    )
    return "<h2>Which topics?</h2>" + _form(boxes + _button("topics", "Save topics", quiet=True))


def _form(inside: str) -> str:
    return f'<form method="post">{inside}</form>'


def _button(wish: str, said: str, *, quiet: bool = False) -> str:
    look = ' class="quiet"' if quiet else ""
    return f'<button type="submit" name="wish" value="{wish}"{look}>{escape(said)}</button>'


def _day(at: datetime) -> str:
    return f"{at.day} {at:%B %Y}"


def gone() -> HTMLResponse:
    """After unsubscribing, however often."""
    return page("You are unsubscribed", _NO_MORE)


def broken_link() -> HTMLResponse:
    """For a link that was not made here."""
    return page(
        "This link does not work",
        "It may have been cut off on its way, or it belongs to a letter we no longer know.",
        "Opening it from the letter itself, rather than from a copy, often helps.",
        status=404,
    )


def try_again() -> HTMLResponse:
    """While something we stand on is away."""
    answer = page("Please try again in a moment", "We could not do this just now. Nothing was changed.", status=503)
    answer.headers["Retry-After"] = "30"
    return answer


def not_here(status: int) -> HTMLResponse:
    """For an address without a page, or a way of asking that the page does not know."""
    return page("There is nothing here", "Please check the address.", status=status)
