"""Open the press of a send: its frozen content, with links signed as they were when it was opened."""

from delivery.compose import Composer
from delivery.links import Signer
from domain.content import Content
from domain.send import Send
from runtime.house import House
from runtime.keys import signing_keys


def open_press(house: House, send: Send) -> Composer:
    """The composer of an opened send. InputError if the key that its links were signed with is gone."""
    return press_for(house, house.contents.load(send.content_version), send)


def press_for(house: House, content: Content, send: Send) -> Composer:
    """The composer of a send with its content at hand, whether or not it was opened."""
    return Composer(content, send, Signer(signing_keys(house.settings), send.key_id))
