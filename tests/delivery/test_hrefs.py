"""Finding and naming links."""

import pytest

from delivery.hrefs import frame_links, link_id_of, number_links
from domain.ids import PlacementId, VariantId

HERO, SPRING = PlacementId("news.hero"), VariantId("spring")


def test_links_are_named_by_place_and_keep_their_address_unescaped() -> None:
    """Placement, variant and ordinal make the id; the address is what a browser would go to."""
    linked = number_links('<a class="b" href="https://a.example/?a=1&amp;b=2">x</a><A HREF=\'https://c.example\'>y</A>', HERO, SPRING, "ab")
    assert [(link.link_id, link.url, link.ordinal, link.dynamic) for link in linked.links] == [
        (link_id_of(HERO, SPRING, 1), "https://a.example/?a=1&b=2", 1, False),
        (link_id_of(HERO, SPRING, 2), "https://c.example", 2, False),
    ]
    assert linked.html.count("_links[") == 2


def test_an_address_with_jinja_is_the_recipients_own() -> None:
    """It keeps its Jinja and is printed before it is signed."""
    linked = number_links('<a href="https://a.example/{{ recipient.city | urlencode }}">x</a>', HERO, SPRING, "ab")
    assert (linked.links[0].dynamic, linked.links[0].url) == (True, "https://a.example/{{ recipient.city | urlencode }}")
    assert f'{{% filter _link("{linked.links[0].link_id}") %}}' in linked.html


@pytest.mark.parametrize("href", ["mailto:a@b.example", "tel:+49123", "#top", "{{ unsubscribe_url }}", "mailto:{{ recipient.address }}"])
def test_what_is_no_click_is_left_alone(href: str) -> None:
    """Mail, telephone, jumps and unsubscribing are not followed by us."""
    html = f'<a href="{href}">x</a>'
    assert (number_links(html, HERO, SPRING, "ab").html, number_links(html, HERO, SPRING, "ab").links) == (html, ())


@pytest.mark.parametrize("href", ["/relative", "www.a.example", "javascript:alert(1)", "data:text/html,x", "", "https://"])
def test_what_leads_nowhere_is_refused(href: str) -> None:
    """Relative addresses and scripts have no place in a letter."""
    assert number_links(f'<a href="{href}">x</a>', HERO, SPRING, "ab").refused == (href,)


def test_links_of_the_frame_are_numbered_through_its_chunks() -> None:
    """The second chunk goes on where the first one ended."""
    chunks, linked = frame_links(('<a href="https://a.example">a</a>', '<a href="https://b.example">b</a>'), "ab")
    assert [link.ordinal for link in linked.links] == [1, 2]
    assert [link.link_id in chunk for link, chunk in zip(linked.links, chunks, strict=True)] == [True, True]


def test_only_anchors_have_links() -> None:
    """A stylesheet's href and a word in the text are none."""
    assert number_links('<link href="https://a.example"> href="https://b.example"', HERO, SPRING, "ab").links == ()
