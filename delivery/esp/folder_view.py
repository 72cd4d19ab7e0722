"""Letters of a folder as pages to look at: a list, and one page per letter with its headers, HTML and text. Pure.

A letter's own HTML is shown in a frame that runs no scripts, exactly as it would reach a mail program.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from html import escape

_STYLE = """
:root { color-scheme: light dark; --edge: light-dark(#ddd6c9, #3a352e); --soft: light-dark(#6a6358, #b0a99c);
  --press: light-dark(#8a2b1f, #f0917f) }
body { margin: 0 auto; max-width: 62rem; padding: 2rem 1.25rem; background: light-dark(#faf8f4, #181613);
  color: light-dark(#1c1a17, #f1ede6); font: 1rem/1.5 ui-serif, Georgia, serif }
h1 { font-size: 1.5rem; border-top: 4px solid var(--press); padding-top: 1rem }
h2 { font-size: 1rem; color: var(--soft); font-weight: 600 }
table { width: 100%; border-collapse: collapse }
th { text-align: left; font-weight: 600; color: var(--soft) }
th, td { padding: .45rem .75rem .45rem 0; border-bottom: 1px solid var(--edge); vertical-align: top; overflow-wrap: anywhere }
a { color: var(--press) }
iframe { width: 100%; height: 75vh; border: 1px solid var(--edge); border-radius: 4px; background: #fff }
pre { white-space: pre-wrap; overflow-wrap: anywhere; border: 1px solid var(--edge); border-radius: 4px; padding: 1rem }
"""

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title><style>{style}</style></head>
<body><h1>{title}</h1>
{body}
</body></html>
"""


@dataclass(frozen=True, slots=True)
class Listed:
    """A letter in the list. `view` and `file` are paths relative to the list's page."""

    message_id: str
    arrived_at: datetime
    to: str
    subject: str
    view: str
    file: str


def index_page(title: str, listed: Iterable[Listed]) -> str:
    """The list of letters."""
    head = "<tr><th>Arrived (UTC)</th><th>To</th><th>Subject</th><th>File</th></tr>"
    return _page(title, f"<table>{head}{''.join(map(_row, listed))}</table>")


def letter_page(letter: EmailMessage) -> str:
    """One letter: headers, the HTML part in a frame, the text part as it is."""
    headers = "".join(f"<tr><th>{escape(name)}</th><td>{escape(str(value))}</td></tr>" for name, value in letter.items())
    html, text = _part(letter, "html"), _part(letter, "plain")
    frame = "allow-popups allow-popups-to-escape-sandbox"
    shown = f'<iframe title="The letter" sandbox="{frame}" srcdoc="{escape(html)}"></iframe>' if html else "<p>It has no HTML part.</p>"
    parts = (shown, f"<h2>Text</h2><pre>{escape(text)}</pre>", f"<h2>Headers</h2><table>{headers}</table>")
    return _page(str(letter["Subject"] or "(no subject)"), "\n".join(parts))


def _row(one: Listed) -> str:
    subject, file = f'<a href="{escape(one.view)}">{escape(one.subject)}</a>', f'<a href="{escape(one.file)}">.eml</a>'
    cells = (f"{one.arrived_at:%Y-%m-%d %H:%M}", escape(one.to), subject, file)
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def _part(letter: EmailMessage, kind: str) -> str:
    part = letter.get_body(preferencelist=(kind,))
    if not isinstance(part, EmailMessage):
        return ""
    try:
        return str(part.get_content())
    except (LookupError, ValueError):  # a charset nobody knows, or a broken encoding: shown as it came
        return part.as_bytes().decode("latin-1")


def _page(title: str, body: str) -> str:
    return _PAGE.format(title=escape(title), style=_STYLE, body=body)
