"""Headless Chromium, spoken to by the DevTools protocol: pages as their visitors meet them."""

import base64
import json
import os
import re
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import connect
from websockets.sync.connection import Connection

from delivery.picture import find_chromium

PATIENCE = 30.0  # seconds; how long anything may take before a test is given up as hung
AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"  # nobody's robot
_OPTIONS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run", "--disable-sync", "--disable-extensions"),
    *("--disable-background-networking", "--disable-component-update", "--disable-default-apps", "--force-device-scale-factor=1"),
    *("--remote-debugging-port=0", f"--user-agent={AGENT}", "--window-size=1200,1000"),
)
# Every layout shift of a page, and what moved it. A shift right after somebody's own input counts for nothing (web.dev: CLS).
_WATCH_SHIFTS = """
window.shifts = []
new PerformanceObserver(list => shifts.push(...list.getEntries().filter(one => !one.hadRecentInput).map(one => one.value)))
  .observe({type: "layout-shift", buffered: true})
"""

# Under CI=true Chromium has to be there: a check that quietly skips is none.
needs_chromium = pytest.mark.skipif(find_chromium() is None and os.environ.get("CI") != "true", reason="no Chromium on this machine")


@dataclass
class Page:
    """A tab. `faults`: exceptions that nobody caught, and what scripts wrote to the console as errors."""

    wire: Connection
    session: str
    faults: list[str] = field(default_factory=list)
    policies: list[str] = field(default_factory=list)  # what a content security policy kept from happening
    asked: list[str] = field(default_factory=list)  # URLs of requests
    _number: int = 0

    def call(self, method: str, **params: Any) -> Any:
        """The answer of a DevTools command."""
        self._number += 1
        self.wire.send(json.dumps({"id": self._number, "method": method, "params": params, "sessionId": self.session}))
        while True:
            told = json.loads(self.wire.recv(PATIENCE))
            if told.get("id") == self._number and told.get("sessionId") == self.session:
                assert "error" not in told, told["error"]
                return told["result"]
            self._note(told)

    def open(self, url: str) -> None:
        """Go to a page; returns when the page has been parsed and its scripts have run."""
        self.call("Page.navigate", url=url)
        self.until('document.readyState == "complete" && location.href != "about:blank"')

    def does(self, script: str) -> Any:
        """The value of an expression in the page, waited for if it is a promise."""
        said = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in said, said["exceptionDetails"]
        return said["result"].get("value")

    def until(self, script: str) -> None:
        """Wait until an expression holds."""
        deadline = time.monotonic() + PATIENCE
        while not self.does(script):
            assert time.monotonic() < deadline, f"waited {PATIENCE:.0f} s for {script}"
            time.sleep(0.02)

    def text(self, selector: str) -> str:
        """What can be read in an element."""
        return str(self.does(f"document.querySelector({json.dumps(selector)})?.innerText ?? ''"))

    def click(self, selector: str) -> None:
        """Click into the middle of an element, with the mouse."""
        box = self.does(
            f"(one => {{one.scrollIntoView({{block: 'center'}}); const b = one.getBoundingClientRect();"
            f"return [b.x + b.width / 2, b.y + b.height / 2]}})(document.querySelector({json.dumps(selector)}))"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=box[0], y=box[1], button="left", clickCount=1)

    def shift(self) -> float:
        """The sum of all layout shifts so far: at least the page's CLS, which is that of the worst five seconds."""
        self.does("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        return float(self.does("shifts.reduce((sum, one) => sum + one, 0)"))

    def picture(self, path: Path, *, whole: bool = False) -> None:
        """What it looks like, as PNG."""
        shot = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(shot["data"]))

    def _note(self, told: dict[str, Any]) -> None:
        method, params = told.get("method"), told.get("params", {})
        if method == "Runtime.exceptionThrown":
            self.faults.append(str(params["exceptionDetails"]))
        elif method == "Runtime.consoleAPICalled" and params["type"] in {"error", "assert"}:
            self.faults.append(str(params["args"]))
        elif method == "Log.entryAdded" and params["entry"]["source"] == "security":
            self.policies.append(params["entry"]["text"])
        elif method == "Network.requestWillBeSent":
            self.asked.append(params["request"]["url"])


@dataclass
class Browser:
    """A running Chromium."""

    wire: Connection
    _number: int = 0

    @contextmanager
    def page(self, width: int = 1200, height: int = 1000) -> Iterator[Page]:
        """A tab with cookies and storage of its own, closed at the end."""
        context = self._call("Target.createBrowserContext")["browserContextId"]
        target = self._call("Target.createTarget", url="about:blank", browserContextId=context)["targetId"]
        page = Page(self.wire, self._call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"])
        for domain in ("Page", "Runtime", "Log", "Network"):
            page.call(f"{domain}.enable")
        page.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        page.call("Page.addScriptToEvaluateOnNewDocument", source=_WATCH_SHIFTS)
        try:
            yield page
        finally:
            self._call("Target.disposeBrowserContext", browserContextId=context)

    def _call(self, method: str, **params: Any) -> Any:
        self._number -= 1  # pages count upwards
        self.wire.send(json.dumps({"id": self._number, "method": method, "params": params}))
        while (told := json.loads(self.wire.recv(PATIENCE))).get("id") != self._number:
            pass
        assert "error" not in told, told["error"]
        return told["result"]


@contextmanager
def running_browser() -> Iterator[Browser]:
    """A Chromium with a profile of its own in a temporary folder."""
    path = find_chromium()
    assert path is not None, "no Chromium on this machine"
    with tempfile.TemporaryDirectory(prefix="letterpress-browser-", ignore_cleanup_errors=True) as folder:
        command = [str(path), *_OPTIONS, f"--user-data-dir={folder}", "about:blank"]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        try:
            assert process.stderr is not None
            address = next(found[0] for line in process.stderr if (found := re.search(r"ws://\S+", line)))
            with connect(address, max_size=None) as wire:
                yield Browser(wire)
        finally:
            process.terminate()
            process.communicate(timeout=PATIENCE)
