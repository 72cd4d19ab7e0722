"""Pictures of letters."""

import struct

import pytest

from delivery.picture import View, find_chromium, picture_of

needs_chromium = pytest.mark.skipif(find_chromium() is None, reason="no Chromium on this machine")


def size(png: bytes) -> tuple[int, int]:
    """Width and height of a PNG."""
    assert png.startswith(b"\x89PNG")
    width, height = struct.unpack(">II", png[16:24])
    return width, height


@needs_chromium
@pytest.mark.chromium
def test_a_picture_has_the_letters_width_and_whole_height() -> None:
    """However long the letter is."""
    letter = '<!doctype html><body style="margin:0"><div style="height:1234px">x</div>'
    assert size(picture_of(letter, View(width=600))) == (600, 1234)


@needs_chromium
@pytest.mark.chromium
def test_dark_is_another_picture() -> None:
    """A letter with a style for dark devices is seen in it."""
    letter = "<!doctype html><style>@media (prefers-color-scheme: dark) { body { background: #000 } }</style><body>x</body>"
    assert picture_of(letter, View(dark=True)) != picture_of(letter, View(dark=False))
