"""Bodies of HTML forms: fields by name, in order. Both kinds that providers take; files as their bytes."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

_BOUNDARY = re.compile(r'boundary="?([^";]+)"?', re.IGNORECASE)
_NAME = re.compile(rb'[; ]name="((?:[^"\\]|\\.|%22)*)"', re.IGNORECASE)


@dataclass(slots=True)
class Form:
    """A form's fields. `files` are those sent with a file's name."""

    fields: dict[str, list[str]] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)

    def first(self, name: str) -> str | None:
        """The first value of a field."""
        return next(iter(self.fields.get(name, ())), None)

    def prefixed(self, prefix: str) -> dict[str, str]:
        """The fields whose name begins so, without that beginning; several values joined by commas."""
        return {name.removeprefix(prefix): ", ".join(values) for name, values in self.fields.items() if name.startswith(prefix)}


def read_form(headers: Mapping[str, str], body: bytes) -> tuple[str, Form]:
    """The media type and the form. Raises ValueError for a body that is no such form."""
    kind, _, parameters = headers.get("content-type", "").partition(";")
    kind = kind.strip().casefold()
    if kind == "multipart/form-data":
        return kind, _multipart(parameters, body)
    form = Form()
    for name, value in parse_qsl(body.decode(), keep_blank_values=True):
        form.fields.setdefault(name, []).append(value)
    return kind, form


def _multipart(parameters: str, body: bytes) -> Form:
    boundary = _BOUNDARY.search(parameters)
    if not boundary:
        raise ValueError("no boundary")
    form = Form()
    parts = (b"\r\n" + body).split(b"\r\n--" + boundary[1].encode())
    if len(parts) < 2 or not parts[-1].startswith(b"--"):  # noqa: PLR2004 - what comes before, and the end
        raise ValueError("not closed")
    for part in parts[1:-1]:
        _add(form, part)
    return form


def _add(form: Form, part: bytes) -> None:
    head, found, value = part.partition(b"\r\n\r\n")
    name = _NAME.search(head)
    if not found or not name:
        raise ValueError("a part without a name")
    label = name[1].decode().replace("%22", '"').replace('\\"', '"')
    if b"filename=" in head:
        form.files[label] = value
    else:
        form.fields.setdefault(label, []).append(value.decode())
