"""The recipients of the journeys, two of them hostile."""

import csv
import io
from collections.abc import Sequence

HOSTILE = "<script>{{ 7*7 }}{% raw %}"
Row = tuple[str, str, str, str, str]
PEOPLE: Sequence[Row] = [
    *(
        (f"r{number:03}", f"r{number:03}@mail.example", str(number % 10 != 0), f"Ann {number}", ("basic", "gold")[number % 2])
        for number in range(300)
    ),
    ("hostile", "hostile@mail.example", "True", HOSTILE, "gold"),
    ("injected", "a@mail.example\r\nBcc: b@mail.example", "True", "Ann", "gold"),
]
CONSENTING = 271  # 300 but every tenth, and the hostile name; the injected address is refused


def as_csv(people: Sequence[Row]) -> bytes:
    """A file as `letterpress import recipients` reads it."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(("recipient_id", "address", "consent", "first_name", "plan"))
    writer.writerows(people)
    return text.getvalue().encode()
