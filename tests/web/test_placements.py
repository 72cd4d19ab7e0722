"""What pages show in their placements: decisions for those who prove who they are, defaults in every other case, errors in none."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from delivery.recipient_tokens import RecipientTokens
from domain.campaign import Campaign, Placement, PlacementKind
from domain.content import Block, Content, Frame, Variant
from domain.ids import CampaignId, ContentVersion, PlacementId, RecipientId, SendId, VariantId, decision_id_of
from domain.publication import Publication, PublicationState
from storage.contents import Contents
from storage.decision_reader import DecisionReader
from tests.web.serving import AT, HERO, KEYS, Gone, Served
from web.app import create_app

HOME, STRIP = PlacementId("web.home_hero"), PlacementId("web.home_strip")
REFRESH = SendId("web-20261123T090000Z")
KEY = "a-secret-of-the-shops-server"
TOKENS = RecipientTokens(KEYS)
ADA = RecipientId("r1")


def token(who: str = ADA, hours: float = 1, tokens: RecipientTokens = TOKENS) -> str:
    """A page's token."""
    return tokens.sign(RecipientId(who), AT + timedelta(hours=hours))


def web_variant(placement: PlacementId, name: str, *, rank: int | None = None) -> Variant:
    """A variant of a page."""
    block = Block("", "", False)
    return Variant(VariantId(name), placement, name, "shoes", rank is not None, block, default_rank=rank, web=f"<p>{name}</p>")


def web_content() -> Content:
    """A campaign on the web: a hero of one position, a strip of two."""
    placements = (
        Placement(HOME, "home_hero", kind=PlacementKind.WEB),
        Placement(STRIP, "home_strip", positions=2, kind=PlacementKind.WEB),
    )
    campaign = Campaign(CampaignId("web"), "Web", None, "", "true", placements)
    variants = (
        *(web_variant(HOME, name, rank=1 if name == "plain" else None) for name in ("plain", "tents", "boots")),
        *(web_variant(STRIP, name, rank=rank) for name, rank in (("one", 1), ("two", 2), ("three", None))),
    )
    return Content(ContentVersion("w1"), campaign, Frame(("",), ("",), ()), variants, ())


def url_of(placement: str, variant: str) -> str:
    """Where a variant's content is."""
    return f"https://cdn.example/{placement}/variant-{variant}.0a1b2c3d.json"


def step(parts: Served, placement: PlacementId, variant: str, state: PublicationState = PublicationState.PUBLISHED) -> None:
    """A variant's content gets somewhere."""
    digest, url = f"0a1b2c3d{variant}", url_of(placement, variant)
    parts.placements.publications.step(Publication(placement, VariantId(variant), digest, url, state, parts.clock()))


def decide(parts: Served, placement: PlacementId, *variants: str, who: str = ADA, hours: float = 24) -> None:
    """Publish a decision."""
    row = (RecipientId(who), placement, tuple(map(VariantId, variants)), REFRESH)
    parts.decisions.publish([row], timedelta(hours=hours), AT)


@pytest.fixture
def site(parts: Served) -> Served:
    """Two placements on the web, published but for one variant, and what was decided for one recipient."""
    Contents(parts.database).save(web_content(), AT)
    for placement, names in ((HOME, ("plain", "tents")), (STRIP, ("one", "two", "three"))):
        for name in names:
            step(parts, placement, name)
            parts.placements.documents[placement, name, f"0a1b2c3d{name}"] = b'{"html":"<p>%b</p>"}' % name.encode()
    decide(parts, HOME, "tents")
    decide(parts, STRIP, "three", "one")
    parts.placements.servers = {KEY: "shop"}
    parts.placements.origins = frozenset({"https://shop.example"})
    return parts


@pytest.fixture
def page(site: Served) -> Iterator[TestClient]:
    """A page's client."""
    with TestClient(create_app(site), base_url="http://127.0.0.1:8085") as client:
        yield client


def ask(client: TestClient, placement: str = HOME, **params: Any) -> Any:
    """One placement's answer."""
    answer = client.get(f"/v1/placements/{placement}", params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


def figures(page: TestClient) -> dict[str, int]:
    """Defaults so far, by reason."""
    return dict(page.app.placements.figures.defaults)  # type: ignore[attr-defined]


DEFAULT = {
    "placement": HOME,
    "is_default": True,
    "chosen_for": "everyone",
    "shown": [{"position": 1, "variant": "plain", "content_url": url_of(HOME, "plain"), "decision_id": None}],
    "expires_at": None,
    "token": "none",
}


def test_a_decision_is_shown_to_whom_it_is_for(page: TestClient) -> None:
    """Variant, content and the decision's id, that events name, for whoever's token it is."""
    assert ask(page, recipient=token()) == {
        "placement": HOME,
        "is_default": False,
        "chosen_for": "recipient",
        "shown": [
            {
                "position": 1,
                "variant": "tents",
                "content_url": url_of(HOME, "tents"),
                "decision_id": decision_id_of(REFRESH, ADA, HOME, 1),
            }
        ],
        "expires_at": "2026-11-24T09:00:00Z",
        "token": "valid",
    }
    assert figures(page) == {}


def test_several_placements_come_in_one_answer(page: TestClient) -> None:
    """In the order asked for, of several campaigns; names that are none are said, and keep nobody from the others."""
    answer = page.get("/v1/placements", params={"names": f"{STRIP},{HERO},web.nothing", "recipient": token()}).json()
    assert [one["placement"] for one in answer["placements"]] == [STRIP, HERO]
    assert [(one["position"], one["variant"]) for one in answer["placements"][0]["shown"]] == [(1, "three"), (2, "one")]
    assert answer["placements"][1]["shown"][0]["variant"] == "spring"
    assert (answer["unknown"], answer["token"]) == (["web.nothing"], "valid")


def test_content_comes_along_when_asked_for(page: TestClient) -> None:
    """Word for word as it was published, for decisions and defaults."""
    found = ask(page, recipient=token(), inline=1)
    assert found["shown"][0]["content"] == {"html": "<p>tents</p>"}
    assert ask(page, inline=1)["shown"][0]["content"] == {"html": "<p>plain</p>"}


def test_nobody_in_particular_gets_the_default(page: TestClient) -> None:
    """Without a token, with one for somebody of whom nothing was decided, and with one that is too old."""
    assert ask(page) == DEFAULT
    assert ask(page, recipient=token("stranger")) == DEFAULT | {"token": "valid"}
    assert ask(page, recipient=token(hours=-1)) == DEFAULT | {"token": "expired"}
    assert figures(page) == {"anonymous": 1, "missing": 1, "expired_token": 1}


def test_stale_decisions_give_way_to_the_default(page: TestClient, site: Served) -> None:
    """From their expiry on, whether or not Redis has deleted them."""
    site.clock.now = AT + timedelta(days=1)
    assert ask(page, recipient=token(hours=30))["is_default"]
    assert figures(page) == {"stale": 1}


def test_what_is_not_published_is_not_shown(page: TestClient, site: Served) -> None:
    """A decision for a variant whose content never got through, or was withdrawn, is answered with the default."""
    decide(site, HOME, "boots")
    assert ask(page, recipient=token())["shown"][0]["variant"] == "plain"
    decide(site, HOME, "tents")
    assert ask(page, recipient=token())["shown"][0]["variant"] == "tents"
    step(site, HOME, "tents", PublicationState.WITHDRAWN)
    site.clock.now = AT + timedelta(seconds=20)
    ask(page, recipient=token())  # what may be shown is read anew behind the back of this one
    while ask(page, recipient=token())["shown"][0]["variant"] != "plain":
        pass
    assert figures(page)["unpublished"] >= 2


def test_a_default_without_content_has_no_address(page: TestClient, site: Served) -> None:
    """The page keeps what stands in it: there is nothing to fetch."""
    step(site, HOME, "plain", PublicationState.WITHDRAWN)
    with TestClient(create_app(site), base_url="http://127.0.0.1:8085") as fresh:
        assert ask(fresh)["shown"] == [{"position": 1, "variant": "plain", "content_url": None, "decision_id": None}]


def test_strangers_are_served_by_what_is_known_of_them(page: TestClient, site: Served) -> None:
    """The first context that something was decided for holds, for whoever has no decision; it is no decision of theirs."""
    decide(site, HOME, "tents", who="~country=DE")
    found = ask(page, context=["city:Wien", "country:DE"])
    assert (found["is_default"], found["chosen_for"], found["shown"][0]["variant"]) == (True, "context", "tents")
    assert found["shown"][0]["decision_id"] is None
    assert ask(page, context="country:AT") == DEFAULT
    assert ask(page, recipient=token("stranger"), context="country:DE")["chosen_for"] == "context"
    assert ask(page, recipient=token(), context="country:DE")["chosen_for"] == "recipient"


def test_ids_alone_open_nothing(page: TestClient) -> None:
    """A recipient's id in place of a token, a token of another installation, or one that was changed: 401, and no content."""
    foreign = RecipientTokens({"k1": b"somebody else's"})
    for given_ in ("r1", "a.b.c.d", token(tokens=foreign), token()[:-2] + "xx", token().replace(".", ".9", 1), "é" * 9):
        answer = page.get(f"/v1/placements/{HOME}", params={"recipient": given_})
        assert (answer.status_code, answer.headers["cache-control"]) == (401, "no-store")


def test_servers_ask_by_id(page: TestClient) -> None:
    """With a key as bearer token; with a wrong one nobody is answered."""
    url = f"/v1/placements/{HOME}?recipient=r1"
    answer = page.get(url, headers={"authorization": f"Bearer {KEY}"})
    assert answer.json()["chosen_for"] == "recipient"
    assert page.get(url, headers={"authorization": "Bearer no-key-of-anybody"}).status_code == 401


def test_keys_are_changed_one_after_the_other(page: TestClient) -> None:
    """Tokens made with an older key go on being read."""
    assert ask(page, recipient=token(tokens=RecipientTokens({"k0": KEYS["k0"]})))["token"] == "valid"


def test_pages_of_our_origins_may_read(page: TestClient) -> None:
    """Others' pages get no leave from the browser; asking before costs nothing and is remembered for a day."""
    ours, theirs = {"origin": "https://shop.example"}, {"origin": "https://evil.example"}
    url = f"/v1/placements/{HOME}"
    assert page.get(url, headers=ours).headers["access-control-allow-origin"] == "https://shop.example"
    assert "access-control-allow-origin" not in page.get(url, headers=theirs).headers
    before = page.options(url, headers=ours | {"access-control-request-method": "GET"})
    assert (before.status_code, before.headers["access-control-allow-methods"]) == (204, "GET")
    assert before.headers["access-control-allow-origin"] == "https://shop.example"
    assert "access-control-allow-origin" not in page.options(url, headers=theirs).headers
    assert "origin" in page.get(url).headers["vary"]


def test_every_origin_is_one_word(site: Served) -> None:
    """`*` lets every site's pages read."""
    site.placements.origins = frozenset({"*"})
    with TestClient(create_app(site), base_url="http://127.0.0.1:8085") as client:
        answer = client.get(f"/v1/placements/{HOME}", headers={"origin": "https://any.example"})
    assert answer.headers["access-control-allow-origin"] == "*"


def test_what_a_page_has_is_not_sent_again(page: TestClient, site: Served) -> None:
    """304 as long as the answer is the same; kept by the visitor alone."""
    url = f"/v1/placements/{HOME}?recipient={token()}"
    first = page.get(url)
    assert first.headers["cache-control"] == "private, no-cache"
    again = page.get(url, headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    decide(site, HOME, "plain")
    assert page.get(url, headers={"if-none-match": first.headers["etag"]}).status_code == 200


def test_a_network_has_its_share(site: Served) -> None:
    """Past it the answer is 429 and says when to come again; servers with a key have no such bound."""
    site.placements.per_network = 1
    with TestClient(create_app(site), client=("93.184.216.34", 1), base_url="http://127.0.0.1:8085") as client:
        answers = [client.get(f"/v1/placements/{HOME}") for _ in range(62)]
        assert [answer.status_code for answer in answers].count(200) >= 60
        assert (answers[-1].status_code, answers[-1].headers["retry-after"]) == (429, "1")
        assert client.get(f"/v1/placements/{HOME}", headers={"authorization": f"Bearer {KEY}"}).status_code == 200


def test_misspelt_placements_are_noticed(page: TestClient) -> None:
    """404 and not a default, if nothing that is asked for is known."""
    assert page.get("/v1/placements/web.home_herro").status_code == 404
    assert page.get("/v1/placements?names=web.a,web.b").status_code == 404
    assert page.get("/v1/placements/web/home_hero").status_code == 404


@pytest.mark.parametrize(
    "query",
    [
        "/v1/placements",
        "/v1/placements?names=",
        "/v1/placements?names=" + "a," * 30 + "b",
        "/v1/placements?names=a,,b",
        f"/v1/placements/{HOME}?context=DE",
        f"/v1/placements/{HOME}?inline=maybe",
        f"/v1/placements/{HOME}?recipient=" + "x" * 2_000,
        f"/v1/placements/{HOME}?recipient=%ff",
    ],
)
def test_what_cannot_be_read_is_said(page: TestClient, query: str) -> None:
    """422 with the parameter's name, and without what was given."""
    answer = page.get(query)
    assert answer.status_code == 422
    assert "xxx" not in answer.text


def test_only_reading_is_possible(page: TestClient) -> None:
    """405 says what is; HEAD is GET without a body."""
    assert page.post(f"/v1/placements/{HOME}").headers["allow"] == "GET, HEAD, OPTIONS"
    assert (page.head(f"/v1/placements/{HOME}").status_code, page.head(f"/v1/placements/{HOME}").content) == (200, b"")


def test_without_redis_the_default_is_shown(site: Served) -> None:
    """A decision store that is away costs personalisation, not the answer, and is counted."""
    site.placements.reader = DecisionReader("redis://127.0.0.1:1", budget=timedelta(milliseconds=10))
    with TestClient(create_app(site), base_url="http://127.0.0.1:8085") as client:
        assert ask(client, recipient=token()) == DEFAULT | {"token": "valid"}
        assert figures(client) == {"redis_away": 1}


def test_without_the_database_what_was_known_is_shown(page: TestClient, site: Served) -> None:
    """A process that knows what may be shown needs no database; one that never knew says 503."""
    assert ask(page, recipient=token())["chosen_for"] == "recipient"
    site.sends, site.placements.publications, site.clock.now = Gone(), Gone(), AT + timedelta(minutes=5)
    page.app.placements.shelves.sends = Gone()  # type: ignore[attr-defined]
    assert all(ask(page, recipient=token())["chosen_for"] == "recipient" for _ in range(5))
    with TestClient(create_app(site), base_url="http://127.0.0.1:8085") as fresh:
        assert fresh.get(f"/v1/placements/{HOME}").status_code == 503


def test_metrics_count_placements(site: Served) -> None:
    """Answers by status, defaults by reason, the time they take, and how the breaker stands."""
    with TestClient(create_app(site), client=("127.0.0.1", 1), base_url="http://127.0.0.1:8085") as client:
        for who in (token(), token("stranger")):
            ask(client, recipient=who)
        told = client.get("/metrics").text
    assert 'letterpress_placements_total{status="200"} 2.0' in told
    assert 'letterpress_placement_defaults_total{reason="missing"} 1.0' in told
    assert "letterpress_placements_seconds_count 2.0" in told
    assert "letterpress_decision_breaker 0.0" in told
    assert "letterpress_placements_p99_seconds 0.0" in told


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(st.sampled_from(["/v1/placements", "/v1/placements/", f"/v1/placements/{HOME}"]), st.binary(max_size=60), st.binary(max_size=20))
def test_garbage_never_breaks_it(page: TestClient, path: str, query: bytes, more: bytes) -> None:
    """Whatever stands in path and query, the answer is no server error."""
    tail = "".join(f"%{byte:02x}" for byte in more)
    for given_ in (
        f"{path}{tail}?recipient={_escaped(query)}",
        f"{path}?names={_escaped(query)}",
        f"{path}?{_escaped(query)}&context={tail}",
    ):
        assert page.get(given_).status_code < 500


def _escaped(data: bytes) -> str:
    return "".join(f"%{byte:02x}" for byte in data)
