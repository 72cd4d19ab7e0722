"""Open the press of a send: its frozen content, with links signed as they were when it was opened."""

from delivery.compose import Composer
from delivery.links import Signer
from domain.send import Send
from runtime.house import House
from runtime.keys import signing_keys


def open_press(house: House, send: Send) -> Composer:
    """The composer of a send. InputError if the key that its links were signed with is gone."""
    return Composer(house.contents.load(send.content_version), send, Signer(signing_keys(house.settings), send.key_id))
