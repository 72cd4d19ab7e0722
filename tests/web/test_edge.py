"""The recipes for the edge, run by Node: they answer what `letterpress serve` answers, and defaults when the store is away."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import xxhash
from fastapi.testclient import TestClient

from delivery.compile import compile_campaign
from delivery.published_files import default_files, file_of, listing_of, published_variants
from delivery.recipient_tokens import RecipientTokens
from domain.ids import RecipientId, SendId, VariantId
from domain.publication import Publication, PublicationState
from storage.contents import Contents
from storage.database import Database
from storage.decision_layout import place_of
from storage.decision_store import DecisionStore
from tests.web.http_redis import TOKEN, http_redis
from tests.web.serving import KEYS, Served, served
from tests.web.shop_home import HERO, STRIP, TEMPLATES, Reply, server_of, serving_pages
from web.app import create_app

RECIPES = Path(__file__).resolve().parents[2] / "docs" / "edge"
NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(NODE is None and os.environ.get("CI") != "true", reason="Node is not installed")

NAMES = f"{HERO},{STRIP}"
TOKENS = RecipientTokens(KEYS)
SITE = TOKENS.site_key
PEOPLE = ("r1", "c-1001", "müller", "山田太郎", "r" * 120, "a.b|c;d:e,f", "r2")  # r2 is decided for in part
_WITHIN = SendId("web-20261123T090000Z+12")


@dataclass(frozen=True, slots=True)
class Edge:
    """What a worker has: the HTTP interface of Redis, content, and the same house behind `letterpress serve` to compare with."""

    store: str
    content: str
    served: Served
    serve: TestClient

    def parts(self, **changed: object) -> dict[str, object]:
        """For `answer`."""
        keys = {SITE.key_id: SITE.key}
        return {"redis": {"url": self.store, "token": TOKEN}, "content": self.content, "keys": keys, "budget": 5_000} | changed

    def answers(self, questions: list[str], **changed: object) -> list[Any]:
        """What the worker answers to each, in one process as a warm worker."""
        ask = f"for (const one of {json.dumps(questions)}) found.push(await answer(one, {json.dumps(self.parts(**changed))}))"
        program = f"import {{ answer }} from '{RECIPES}/letterpress-edge.js'\nconst found = []\n{ask}\nconsole.log(JSON.stringify(found))"
        return list(node(program))


def node(program: str, folder: Path | None = None, environment: Mapping[str, str] | None = None) -> Any:
    """What a program prints, as JSON."""
    command = [NODE or "node", "--input-type=module", "--eval", program]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, cwd=folder, env=environment)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def publish(parts: Served, folder: Path, address: str) -> None:
    """Everything of the starter's pages but one variant, which was withdrawn; files as `letterpress publish` writes them."""
    content, at = compile_campaign(TEMPLATES), parts.clock() - timedelta(minutes=1)
    Contents(parts.database).save(content, at)
    files = {file.key: file for file in map(file_of, published_variants(content)) if file.variant != "merino"}
    steps = [Publication(*key, file.version, file.url(address), PublicationState.PUBLISHED, at) for key, file in files.items()]
    parts.placements.publications.step(*steps)
    lists = [listing_of(name, content.default_slate(name), [one for one in steps if one.placement == name]) for name in (HERO, STRIP)]
    for file in (*files.values(), *lists, *default_files(content)):
        (folder / file.path).parent.mkdir(parents=True, exist_ok=True)
        (folder / file.path).write_bytes(file.body)
    parts.placements.documents.update({(file.placement, file.variant, file.version): file.body for file in files.values()})


@pytest.fixture
def edge(sqlite_database: Database, decision_store: DecisionStore, redis_url: str, tmp_path: Path) -> Iterator[Edge]:
    """A shop whose decisions a worker reads."""

    class Files(SimpleHTTPRequestHandler):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments, directory=str(tmp_path / "content"))

        def log_message(self, *_: object) -> None:
            pass

    parts = served(sqlite_database, decision_store, redis_url)
    parts.clock.now = datetime.now(UTC).replace(microsecond=0)
    with serving_pages(http_redis(redis_url)) as store, serving_pages(ThreadingHTTPServer(("127.0.0.1", 0), Files)) as content:
        publish(parts, tmp_path / "content", content)
        decide(parts)
        with TestClient(create_app(parts), base_url="http://127.0.0.1:8085") as serve:
            yield Edge(store, content, parts, serve)


def decide(parts: Served) -> None:
    """For everybody; for the last of them in one placement alone, and what is withdrawn, stale, and within a session too."""
    now, day = parts.clock(), timedelta(days=1)
    heroes, slates = ("slow-kitchen", "winter-garden", "small-hands"), (("starter", "tulips", "rainy-day"), ("starter", "merino", "tulips"))
    rows = [
        (RecipientId(who), placement, tuple(map(VariantId, variants)), _WITHIN if number % 2 else SendId("web-20261123T090000Z"))
        for number, who in enumerate(PEOPLE)
        for placement, variants in ((HERO, [heroes[number % 3]]), (STRIP, slates[number % 2]))
        if not (who == "r2" and placement == STRIP)
    ]
    parts.decisions.publish(rows, day, now)
    parts.decisions.publish([(RecipientId("stale"), HERO, (VariantId("slow-kitchen"),), _WITHIN)], day, now - 2 * day)
    parts.decisions.publish([(RecipientId("~country=DE"), HERO, (VariantId("winter-garden"),), _WITHIN)], day, now)


def question(who: str | None = None, *, hours: float = 1, **more: str) -> str:
    """What a page asks."""
    token = TOKENS.sign(RecipientId(who), datetime.now(UTC) + timedelta(hours=hours)) if who else ""
    return urlencode({"names": NAMES, "recipient": token} | more)


def test_the_edge_answers_what_serving_answers(edge: Edge) -> None:
    """For ids of all kinds, decisions whole and in part, of sessions, stale and withdrawn, with contexts, content and tokens that are too
    old: the same JSON, decision ids and all."""
    asked = [question(who) for who in PEOPLE]
    asked += [question(who, context="country:DE") for who in ("r2", "stale", "nobody")]
    asked += [question("r1", inline="1"), question("r1", hours=-1), question(), question(context="country:DE", inline="1")]
    asked += [question("r1", names=f"{STRIP},web.nothing")]
    expected = [edge.serve.get(f"/v1/placements?{one}").json() for one in asked]
    assert edge.answers(asked) == expected
    kinds = {one["chosen_for"] for answer in expected for one in answer["placements"]}
    assert kinds == {"recipient", "context", "everyone"}


def test_words_that_are_new_are_read(edge: Edge) -> None:
    """A decision with a variant that no decision had before, published while the worker is warm."""
    program = f"""
import {{ answer, placeOf }} from '{RECIPES}/letterpress-edge.js'
const parts = {json.dumps(edge.parts())}, query = '{question("late")}'
const before = await answer(query, parts)
process.stdout.write(JSON.stringify(before.placements[0].chosen_for) + '\\n')
await new Promise(done => process.stdin.once('data', done))
process.stdout.write(JSON.stringify((await answer(query, parts)).placements[0].shown[0].variant) + '\\n')
process.exit(0)
"""
    command = [NODE or "node", "--input-type=module", "--eval", program]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdin and worker.stdout
        assert json.loads(worker.stdout.readline()) == "everyone"
        edge.served.decisions.publish(
            [(RecipientId("late"), HERO, (VariantId("reading-chair"),), SendId("web-later"))], timedelta(1), edge.served.clock()
        )
        worker.stdin.write("go\n")
        worker.stdin.flush()
        assert json.loads(worker.stdout.readline()) == "reading-chair"


def test_places_are_those_of_the_store() -> None:
    """Numbers and fields, for ids of all kinds."""
    program = f"import {{ placeOf }} from '{RECIPES}/letterpress-edge.js'\n"
    program += f"console.log(JSON.stringify(await Promise.all({json.dumps(PEOPLE)}.map(placeOf))))"
    assert node(program) == [[number, field.decode()] for number, field in (place_of(RecipientId(who)) for who in PEOPLE)]


def test_digests_are_those_of_xxhash() -> None:
    """For every length that is promised; for others there is none."""
    texts = ["é" * (size // 2) + "x" * (size % 2) for size in range(10, 260)]
    found = node(f"import {{ xxh3 }} from '{RECIPES}/xxh3.js'\nconsole.log(JSON.stringify({json.dumps(texts)}.map(xxh3)))")
    assert found == [xxhash.xxh3_128_hexdigest(text.encode()) if 17 <= len(text.encode()) <= 240 else None for text in texts]


@pytest.mark.parametrize(
    "token",
    ["x", "a.b.c.d", f"{SITE.key_id}.9999999999.cjE.AAAA", "", f"{SITE.key_id}.x.cjE.AAAA", "__proto__.9999999999.cjE.AAAA", "a.b.c.d.e"],
)
def test_a_forged_token_is_nobody(edge: Edge, token: str) -> None:
    """And no error."""
    [answer] = edge.answers([question(recipient=token)])
    assert (answer["token"], {one["chosen_for"] for one in answer["placements"]}) == ("none", {"everyone"})


@pytest.mark.parametrize("wrong", ["gone", "refuses", "confused"])
def test_a_store_that_does_not_answer_means_defaults(edge: Edge, wrong: str) -> None:
    """Gone, with a token that it does not take, or with an answer that is none."""
    with serving_pages(server_of(lambda _path: Reply(b"{}"))) as confused:
        places = {"gone": ("http://127.0.0.1:1", TOKEN), "refuses": (edge.store, "another"), "confused": (confused, TOKEN)}
        url, token = places[wrong]
        [answer] = edge.answers([question("r1")], redis={"url": url, "token": token})
    assert [one["chosen_for"] for one in answer["placements"]] == ["everyone", "everyone"]
    assert [piece["variant"] for piece in answer["placements"][1]["shown"]] == ["one-pan", "tulips", "three-novels"]


def test_without_content_there_are_no_placements(edge: Edge) -> None:
    """A page that hears of none keeps what it has."""
    [answer] = edge.answers([question("r1")], content="http://127.0.0.1:1")
    assert answer == {"placements": [], "unknown": [HERO, STRIP], "token": "valid"}


def test_through_serving_or_from_what_is_published(edge: Edge) -> None:
    """The answer of `letterpress serve` as it is; the published defaults, with their content, when that is an error or comes too late."""
    told = edge.serve.get(f"/v1/placements?{question('r1')}").content
    with serving_pages(server_of(lambda _path: Reply(told))) as good, serving_pages(server_of(lambda _path: Reply(told, 503))) as bad:
        ways = [{"serve": serve, "content": edge.content, "budget": 5_000} for serve in (good, bad, "http://127.0.0.1:1")]
        ask = f"await Promise.all({json.dumps(ways)}.map(way => answerThrough({json.dumps(question('r1'))}, way)))"
        found = node(f"import {{ answerThrough }} from '{RECIPES}/through-serving.js'\nconsole.log(JSON.stringify({ask}))")
    assert found[0] == json.loads(told)
    assert found[1] == found[2]
    hero, strip = found[1]["placements"]
    assert (hero["chosen_for"], hero["shown"][0]["variant"]) == ("everyone", "welcome")
    assert "A house that is ready" in hero["shown"][0]["content"]["html"]
    assert [piece["variant"] for piece in strip["shown"]] == ["one-pan", "tulips", "three-novels"]


def recipe(name: str, folder: Path) -> Path:
    """A folder with the modules and the first program of a recipe, as it stands in its page; with the patience of a busy machine."""
    shutil.copy(RECIPES / "xxh3.js", folder / "xxh3.js")
    module = (RECIPES / "letterpress-edge.js").read_text("utf-8")
    assert module.count("budget ?? 60)") == module.count("AbortSignal.timeout(500)") == 1
    patient = module.replace("budget ?? 60)", "budget ?? 5000)").replace("AbortSignal.timeout(500)", "AbortSignal.timeout(5000)")
    (folder / "letterpress-edge.js").write_text(patient)
    code = re.findall(r"```js\n(.*?)```", (RECIPES / name).read_text("utf-8"), re.S)[0].replace("../lib/", "./")
    (folder / "recipe.mjs").write_text(code)
    (folder / "package.json").write_text('{"type": "module"}')
    return folder


# HTMLRewriter as far as the recipe goes: elements of one selector, without others inside.
_REWRITER = r"""
globalThis.HTMLRewriter = class {
  on(selector, handler) { this.handler = handler; return this }
  transform(page) { return { headers: new Headers(page.headers), text: async () => (await page.text()).replace(
    /<div ([^>]*)>(.*?)<\/div>/g, (all, attributes, inner) => {
      const named = Object.fromEntries([...attributes.matchAll(/([\w-]+)="([^"]*)"/g)].map(one => one.slice(1)))
      let own = inner
      this.handler.element({ getAttribute: name => named[name] ?? null, setInnerContent: text => { own = text } })
      return `<div ${attributes}>${own}</div>`
    }) } }
}
"""


def test_the_worker_of_cloudflare_fills_pages(edge: Edge, tmp_path: Path) -> None:
    """A page comes with the visitor's own content, and is nobody else's; the script's question is answered on the same domain."""
    page = '<div data-letterpress="web.home_hero">ours</div><div data-letterpress="web.home_strip" data-position="4">ours</div>'
    environment = {"REDIS_REST_URL": edge.store, "REDIS_REST_TOKEN": TOKEN, "CONTENT_URL": edge.content, "PLACEMENTS": NAMES}
    environment |= {"SITE_KEY": f"{SITE.key_id}:{SITE.key}"}
    token = TOKENS.sign(RecipientId("r1"), datetime.now(UTC) + timedelta(hours=1))
    with serving_pages(server_of(lambda _path: Reply(page.encode(), headers={"Content-Type": "text/html"}))) as origin:
        program = f"""{_REWRITER}
const {{ default: worker }} = await import('{recipe("cloudflare-workers.md", tmp_path)}/recipe.mjs')
const env = {json.dumps(environment)}
const page = await worker.fetch(new Request('{origin}/', {{ headers: {{ cookie: 'a=b; letterpress={token}' }} }}), env)
const told = await worker.fetch(new Request('{origin}/lp/v1/placements?{question("r1")}'), env)
console.log(JSON.stringify([await page.text(), page.headers.get('cache-control'), await told.json()]))"""
        text, cache, told = node(program)
    assert "Three hours, one pot, no hurry" in text
    assert 'data-position="4">ours</div>' in text
    assert cache == "private, no-store"
    assert told == edge.serve.get(f"/v1/placements?{question('r1')}").json()


def test_the_function_of_lambda_answers_cloudfront(edge: Edge, tmp_path: Path) -> None:
    """With the answer in CloudFront's form."""
    folder = recipe("lambda-edge.md", tmp_path)
    (folder / "parts.mjs").write_text(f"export const parts = {json.dumps(edge.parts())}")
    asked = {"Records": [{"cf": {"request": {"uri": "/lp/v1/placements", "querystring": question("r1")}}}]}
    program = f"const {{ handler }} = await import('{folder}/recipe.mjs')\nconsole.log(JSON.stringify(await handler({json.dumps(asked)})))"
    told = node(program)
    assert (told["status"], told["headers"]["cache-control"][0]["value"]) == ("200", "private, no-store")
    assert json.loads(told["body"]) == edge.serve.get(f"/v1/placements?{question('r1')}").json()


def test_the_function_of_vercel_answers(edge: Edge, tmp_path: Path) -> None:
    """From the variables that Vercel sets."""
    ours = {"KV_REST_API_URL": edge.store, "KV_REST_API_READ_ONLY_TOKEN": TOKEN, "LETTERPRESS_CONTENT_URL": edge.content}
    ours |= {"LETTERPRESS_SITE_KEY": f"{SITE.key_id}:{SITE.key}"}
    asked = f"new Request('https://shop.example/lp/v1/placements?{question('r1')}')"
    program = (
        f"const {{ GET }} = await import('{recipe('vercel.md', tmp_path)}/recipe.mjs')\nconsole.log(await (await GET({asked})).text())"
    )
    assert node(program, environment=os.environ | ours) == edge.serve.get(f"/v1/placements?{question('r1')}").json()


def test_the_recipes_say_where_things_are() -> None:
    """Every file that a page of the recipes links to is there."""
    for page in RECIPES.glob("*.md"):
        for link in re.findall(r"\]\((?!http)([^)#]+)\)", page.read_text("utf-8")):
            assert (RECIPES / link).exists(), f"{page.name}: {link}"
