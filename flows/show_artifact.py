"""Artifacts on a run's page: the keys that Prefect allows, and pictures that stand in the page itself."""

import base64
import re

from prefect.artifacts import create_image_artifact

_NOT_ALLOWED = re.compile(r"[^a-z0-9]+")


def artifact_key(*parts: str) -> str:
    """The key of an artifact that is about these. Prefect takes small letters, digits and dashes."""
    return _NOT_ALLOWED.sub("-", "-".join(parts).lower()).strip("-")


def show_picture(picture: bytes, key: str, description: str) -> None:
    """Show a PNG."""
    create_image_artifact("data:image/png;base64," + base64.b64encode(picture).decode(), key=key, description=description)
