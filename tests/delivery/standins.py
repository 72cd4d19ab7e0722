"""Other people's stand-ins for providers, as processes of their own on loopback, and the letters they hold.

Those from npm are installed once into a folder outside the repository (LETTERPRESS_TEST_CACHE, else `~/.cache/letterpress-tests`), at
the versions below and without running their install scripts. Where node, npm or the package cannot be had, their tests are skipped
and say why. With CI set that is a failure, because nobody reads what a build machine skips, unless LETTERPRESS_OFFLINE says that
there is no registry on purpose.
"""

import fcntl
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import httpx
import pytest

VERSIONS = {"aws-ses-v2-local": "2.10.2", "maildev": "3.0.0"}
_ACCOUNT = {  # what GetAccount answers; every field has to be there
    "DedicatedIpAutoWarmupEnabled": False,
    "Details": {
        "AdditionalContactEmailAddresses": [],
        "ContactLanguage": "EN",
        "MailType": "MARKETING",
        "ReviewDetails": {"CaseId": "1", "Status": "GRANTED"},
        "UseCaseDescription": "letters",
        "WebsiteURL": "https://shop.example",
    },
    "EnforcementStatus": "HEALTHY",
    "ProductionAccessEnabled": True,
    "SendingEnabled": True,
    "SendQuota": {"Max24HourSend": 1_000, "MaxSendRate": 10, "SentLast24Hours": 0},
    "SuppressionAttributes": {"SuppressedReasons": []},
}
_PATIENCE = 60.0  # seconds
_INSTALLING = 300.0


@dataclass(frozen=True, slots=True)
class StandIn:
    """A running server. `smtp`: the port of its SMTP side, where it has one."""

    port: int
    smtp: int = 0

    @property
    def host(self) -> str:
        """HOST:PORT, as an ESP's address names it."""
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://{self.host}"


@contextmanager
def moto() -> Iterator[StandIn]:
    """moto's server, from our own environment."""
    port = _free_port()
    with _running([str(Path(sys.executable).with_name("moto_server")), "-H", "127.0.0.1", "-p", str(port)], {}):
        yield _answering(StandIn(port), "/moto-api/data.json")


@contextmanager
def aws_ses_v2_local() -> Iterator[StandIn]:
    """The npm package of that name."""
    port = _free_port()
    command = [*_npm("aws-ses-v2-local"), "--host", "127.0.0.1", "--port", str(port)]
    with _running(command, {"AWS_SES_ACCOUNT": json.dumps(_ACCOUNT)}):
        yield _answering(StandIn(port), "/health-check")


@contextmanager
def maildev() -> Iterator[StandIn]:
    """The npm package of that name, with its letters in a temporary folder."""
    web, smtp = _free_port(), _free_port()
    ports = ["--smtp", str(smtp), "--ip", "127.0.0.1", "--web", str(web), "--web-ip", "127.0.0.1"]
    with tempfile.TemporaryDirectory() as folder, _running([*_npm("maildev"), *ports, "--mail-directory", folder], {}):
        yield _answering(StandIn(web, smtp), "/api/email")


def _npm(package: str) -> list[str]:
    """The command that runs an npm package, installed now unless it was before."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if not (node and npm):
        _cannot(f"{package} needs node and npm, which are not there")
    folder = cache() / f"{package}-{VERSIONS[package]}"
    binary = folder / "node_modules" / ".bin" / package
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / f"{package}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # tests run side by side
        if not binary.exists():
            _install(str(npm), f"{package}@{VERSIONS[package]}", folder)
    return [str(node), str(binary)]


def _install(npm: str, package: str, folder: Path) -> None:
    making = folder.with_suffix(".making")
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir(parents=True)
    command = [npm, "install", "--prefix", str(making), "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error", package]
    try:
        done = subprocess.run(command, cwd=making, capture_output=True, text=True, timeout=_INSTALLING, check=False)
    except subprocess.TimeoutExpired:
        _cannot(f"npm did not install {package} within {_INSTALLING:.0f} s")
    if done.returncode:
        _cannot(f"npm cannot install {package}: {(done.stderr.strip().splitlines() or ['it does not say why'])[-1]}")
    making.rename(folder)


def _cannot(why: str) -> NoReturn:
    """Skip, or on a build machine that has a registry, fail."""
    if os.environ.get("CI") and not os.environ.get("LETTERPRESS_OFFLINE"):
        pytest.fail(f"{why} (LETTERPRESS_OFFLINE=1 skips it)")
    pytest.skip(why)


def cache() -> Path:
    """Where npm packages are kept between test runs."""
    given = os.environ.get("LETTERPRESS_TEST_CACHE")
    return Path(given) if given else Path.home() / ".cache" / "letterpress-tests"


@contextmanager
def _running(command: Sequence[str], environment: Mapping[str, str]) -> Iterator[None]:
    """The process runs within, and is ended by its id."""
    process = subprocess.Popen(
        command, env=os.environ | environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _answering(server: StandIn, path: str) -> StandIn:
    """The server, once it answers."""
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        try:
            httpx.get(server.url + path, timeout=5).raise_for_status()
        except httpx.HTTPError:
            time.sleep(0.1)
        else:
            return server
    raise AssertionError(f"{server.url}{path} did not answer within {_PATIENCE:.0f} s")


def _free_port() -> int:
    with socket.socket() as line:
        line.bind(("127.0.0.1", 0))
        return int(line.getsockname()[1])
