"""Links of a letter that lead to us rather than to a page of the sender's, beside that for unsubscribing.

They are names that a template may use: `view_url` shows the letter in a browser, `open_url` is an empty picture whose loading says that
the letter was opened. Nobody has to use them. Each is a click's token with a link id that no content has.
"""

from collections.abc import Mapping

from delivery.links import ClickSigner, link_of

VIEW, OPEN = "00000000", "00000001"  # link ids
OWN_LINKS: Mapping[str, tuple[str, str]] = {"view_url": ("v", VIEW), "open_url": ("o", OPEN)}  # name → path, link id
MADE_FOR_EACH = frozenset({"unsubscribe_url", *OWN_LINKS})


def own_links(prefix: str, clicks: ClickSigner) -> dict[str, str]:
    """Name → address, for one letter. `prefix`: what its click links begin with, which ends in `c/`."""
    root = prefix.removesuffix("c/")
    return {name: f"{root}{path}/{clicks.sign(link_of(link_id, 0)).decode()}" for name, (path, link_id) in OWN_LINKS.items()}


def own_links_of_preview(prefix: str) -> dict[str, str]:
    """Name → an address that leads nowhere."""
    root = prefix.removesuffix("c/")
    return {name: f"{root}{path}/preview" for name, (path, _) in OWN_LINKS.items()}
