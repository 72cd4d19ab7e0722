"""A picture of a letter: HTML → PNG through headless Chromium, where one is installed."""

import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from html import escape
from pathlib import Path

from domain.errors import InputError

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_QUIET = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--hide-scrollbars",
    "--no-first-run",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--force-device-scale-factor=1",
    "--virtual-time-budget=5000",
]
_TALLEST = 20_000  # pixels
_NARROWEST_WINDOW = 500  # Chromium's own minimum; a narrower letter stands in the middle of it
_HEIGHT = re.compile(r'data-height="(\d+)"')
# The letter stands in a frame without scripts of its own; only the page around it measures.
_PAGE = """<!doctype html><html><head><meta name="color-scheme" content="{scheme}"><style>body{{margin:0;background:#8884}}
iframe{{border:0;display:block;margin:auto;width:{width}px;height:{height}px}}</style></head><body>
<iframe id="letter" sandbox="allow-same-origin" srcdoc="{letter}"></iframe>
<script>onload = () => document.body.setAttribute("data-height",
  document.getElementById("letter").contentDocument.documentElement.scrollHeight)</script></body></html>"""


@dataclass(frozen=True, slots=True)
class View:
    """How the letter is looked at: width in CSS pixels, and whether the reader's device is set to dark."""

    width: int = 600
    dark: bool = False


def find_chromium() -> Path | None:
    """The Chromium or Chrome on this machine, or None."""
    return next((Path(found) for name in _NAMES if (found := shutil.which(name))), None)


def picture_of(html: str, view: View = View(), *, timeout: float = 60) -> bytes:
    """The letter as a PNG of its full height. Raises InputError when there is no Chromium, or it fails."""
    with tempfile.TemporaryDirectory(prefix="letterpress-picture-") as folder:
        camera = _Camera(Path(folder), html, view, timeout)
        height = camera.height()
        window = f"--window-size={max(view.width, _NARROWEST_WINDOW)},{height}"
        camera.look(height, window, f"--screenshot={Path(folder) / 'letter.png'}")
        return (Path(folder) / "letter.png").read_bytes()


@dataclass(frozen=True, slots=True)
class _Camera:
    """Headless Chromium in front of one letter, with a profile of its own in a temporary folder."""

    folder: Path
    html: str
    view: View
    timeout: float

    def height(self) -> int:
        """The letter's height in pixels."""
        found = _HEIGHT.search(self.look(800, "--dump-dom").decode("utf-8", "replace"))
        return min(int(found[1]), _TALLEST) if found else 800

    def look(self, height: int, *options: str) -> bytes:
        """What Chromium prints when it opens the letter in a frame of this height."""
        browser = find_chromium()
        if browser is None:
            raise InputError("there is no Chromium to take a picture with", hint="install chromium, or write the letter with --html FILE")
        page = self.folder / "page.html"
        scheme = "dark" if self.view.dark else "light"
        page.write_text(_PAGE.format(scheme=scheme, width=self.view.width, height=height, letter=escape(self.html)), encoding="utf-8")
        setting = f"--blink-settings=preferredColorScheme={0 if self.view.dark else 1}"
        command = [str(browser), *_QUIET, setting, f"--user-data-dir={self.folder / 'profile'}", *options, page.as_uri()]
        try:
            return subprocess.run(command, check=True, capture_output=True, timeout=self.timeout).stdout  # noqa: S603 - our own
        except (subprocess.SubprocessError, OSError) as error:
            raise InputError(f"Chromium could not take the picture ({type(error).__name__})") from None
