"""Content files in a folder, and in S3 as moto's server answers for it."""

from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer

from domain.errors import InputError, UnavailableError
from storage.content_files import ContentFiles

PATH, BODY = "web.hero/variant-spring.01234567.json", b'{"html":"<p>Spring</p>"}'
LASTING = "public, max-age=31536000, immutable"
_AWS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_DEFAULT_REGION": "eu-central-1"}


@pytest.fixture(scope="module")
def s3_server() -> Iterator[str]:
    """The address of an S3 of this module's own."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def s3(s3_server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of an S3 with a bucket `shop`; the environment says where, as it does for people."""
    for name, value in (_AWS | {"AWS_ENDPOINT_URL": s3_server}).items():
        monkeypatch.setenv(name, value)
    client, region = boto3.client("s3"), {"LocationConstraint": "eu-central-1"}
    if not client.list_buckets()["Buckets"]:
        client.create_bucket(Bucket="shop", CreateBucketConfiguration=region)  # type: ignore[typeddict-item]
    return s3_server


@pytest.fixture(params=["folder", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where the files are."""
    if request.param == "folder":
        return str(tmp_path / "content")
    request.getfixturevalue("s3")
    return f"s3://shop/{tmp_path.name}"


def put(files: ContentFiles, body: bytes = BODY, path: str = PATH) -> bool:
    """Write a file that lasts."""
    return files.put(path, body, content_type="application/json", cache=LASTING)


def test_a_file_is_written_once_and_replaced_when_it_differs(place: str) -> None:
    """Writing the same again is left out; nobody else's file is touched."""
    files = ContentFiles(place)
    assert (files.read(PATH), files.names("web.hero")) == (None, ())
    assert (put(files), put(files), files.read(PATH)) == (True, False, BODY)
    assert (put(files, b"other"), files.read(PATH)) == (True, b"other")
    assert put(files, path="web.hero+web.strip/variant-a+b.01234567.json")
    assert files.names("web.hero") == ("variant-spring.01234567.json",)


def test_a_file_that_is_removed_twice_is_gone(place: str) -> None:
    """The second time is no error."""
    files = ContentFiles(place)
    put(files)
    files.remove(PATH)
    files.remove(PATH)
    assert (files.read(PATH), files.names("web.hero")) == (None, ())


def test_s3_keeps_the_headers_that_caches_go_by(s3: str) -> None:
    """As they are sent with the upload; another process reads them."""
    put(ContentFiles("s3://shop/headers"))
    kept = boto3.client("s3").head_object(Bucket="shop", Key=f"headers/{PATH}")
    assert (kept["CacheControl"], kept["ContentType"]) == (LASTING, "application/json")


def test_a_bucket_that_is_not_there_is_told_of_by_its_name(s3: str) -> None:
    """As something to mend, not as a traceback."""
    with pytest.raises(UnavailableError, match="cannot be reached") as caught:
        put(ContentFiles("s3://nobodys/content"))
    assert "s3://nobodys/content" in str(caught.value)


def test_a_folder_never_shows_half_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A write that fails in the middle leaves what was there, and no rubbish."""
    files = ContentFiles(str(tmp_path))
    put(files)

    def full(_self: Path, _data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(UnavailableError, match="No space left"):
        put(files, b"other")
    assert files.read(PATH) == BODY
    assert [path.name for path in (tmp_path / "web.hero").iterdir()] == ["variant-spring.01234567.json"]


def test_an_address_that_nothing_can_open_is_refused() -> None:
    """Before anything is written."""
    with pytest.raises(InputError, match="not a usable address"):
        ContentFiles("nosuch://bucket/content")


class Noted:
    """A file system that notes what an upload was given."""

    protocol = ("gs", "gcs")

    def __init__(self) -> None:
        self.given: dict[str, object] = {}

    def cat_file(self, path: str) -> bytes:
        """Nothing is there yet."""
        raise FileNotFoundError(path)

    def pipe_file(self, _path: str, _value: bytes, **options: object) -> None:
        """As gcsfs has it."""
        self.given = options


def test_google_cloud_storage_is_told_the_headers_in_its_own_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """As gcsfs 2026.10 takes them; it is not installed here, so that only what it is given is looked at."""
    noted = Noted()
    monkeypatch.setattr("fsspec.core.url_to_fs", lambda _url: (noted, "bucket/content"))
    put(ContentFiles("gs://bucket/content"))
    assert noted.given == {"content_type": "application/json", "fixed_key_metadata": {"cache_control": LASTING}}
