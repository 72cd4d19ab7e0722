"""The few pages that recipients see. Self-contained, readable in light and dark, at any width, by any reader."""

import base64
import hashlib
from html import escape

from fastapi.responses import HTMLResponse

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
p:last-child { margin-bottom: 0 }
button { width: 100%; min-height: 3rem; padding: .6rem 1.25rem; border: 0; border-radius: 4px; background: var(--press); color: var(--card);
  font: inherit; font-weight: 600; cursor: pointer }
button:hover { filter: brightness(1.08) }
button:focus-visible { outline: 3px solid var(--ink); outline-offset: 3px }
form { margin: 1.5rem 0 0 }
"""

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


def page(title: str, *paragraphs: str, button: str | None = None, status: int = 200) -> HTMLResponse:
    """A page of plain text, with a button that posts to the page's own address if one is named."""
    body = [f"<p>{escape(paragraph)}</p>" for paragraph in paragraphs]
    if button:
        body.append(f'<form method="post"><button type="submit" name="from" value="page">{escape(button)}</button></form>')
    return HTMLResponse(_PAGE.format(title=escape(title), style=_STYLE, body="\n".join(body)), status_code=status)


def ask(sender: str | None) -> HTMLResponse:
    """Before unsubscribing. Looking at this page changes nothing: mail scanners follow every link."""
    whom = f"{sender} will" if sender else "We will"
    return page("Stop these letters?", f"{whom} send no more letters to the address this one came to.", button="Unsubscribe")


def gone() -> HTMLResponse:
    """After unsubscribing, however often."""
    return page("You are unsubscribed", "No more letters will be sent to this address. One that is already on its way may still arrive.")


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
