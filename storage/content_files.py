"""Content files: what pages fetch, kept in a folder or under an fsspec URL (`s3://…`, `gs://…`), written whole or not at all."""

import posixpath
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import fsspec

from domain.errors import InputError, LetterpressError, UnavailableError
from storage.whole_files import write_whole

_LOCAL = "file"
_EXTRAS: Mapping[str, str] = {"s3": "s3", "s3a": "s3", "gs": "gcs", "gcs": "gcs"}  # protocol → our extra that brings its file system


class ContentFiles:
    """The files under one folder or URL."""

    def __init__(self, place: str) -> None:
        self._place = place
        try:
            self._files, root = fsspec.core.url_to_fs(place)
        except (ImportError, ValueError) as error:
            extra = _EXTRAS.get(place.partition("://")[0])
            hint = f"pip install 'letterpress[{extra}]'" if extra and isinstance(error, ImportError) else None
            raise InputError(f"not a usable address for content: {error}", where=place, hint=hint) from None
        self._root: str = root.rstrip("/")
        self._protocols = (self._files.protocol,) if isinstance(self._files.protocol, str) else tuple(self._files.protocol)

    @property
    def folder(self) -> Path | None:
        """The folder they are in; None if it is not on this machine."""
        return Path(self._root) if _LOCAL in self._protocols else None

    def put(self, path: str, body: bytes, *, content_type: str, cache: str) -> bool:
        """Write a file, with these headers where the place keeps headers. False if it stood there with the same bytes."""
        if self.read(path) == body:
            return False
        with self._reachable():
            if self.folder is None:
                self._files.pipe_file(self._full(path), body, **self._headers(content_type, cache))
            else:
                write_whole(Path(self._full(path)), body)
        return True

    def read(self, path: str) -> bytes | None:
        """The bytes of a file; None if there is none."""
        with self._reachable():
            try:
                return bytes(self._files.cat_file(self._full(path)))
            except FileNotFoundError:
                return None

    def names(self, folder: str) -> tuple[str, ...]:
        """The names of the files in a folder, sorted."""
        with self._reachable():
            try:
                self._files.invalidate_cache()  # others write there, too
                found = self._files.find(self._full(folder), maxdepth=1)
            except FileNotFoundError:
                return ()
        return tuple(sorted(name for path in found if not (name := posixpath.basename(path)).startswith(".")))

    def remove(self, path: str) -> None:
        """Remove a file; one that is gone is no error."""
        with self._reachable():
            try:
                self._files.rm_file(self._full(path))
            except FileNotFoundError:
                return

    def _full(self, path: str) -> str:
        return posixpath.join(self._root, path)

    def _headers(self, content_type: str, cache: str) -> dict[str, Any]:
        """As the file system's own words have it (s3fs: arguments of PutObject; gcsfs: of an upload); others keep no headers."""
        if {"s3", "s3a"} & set(self._protocols):
            return {"ContentType": content_type, "CacheControl": cache}
        if {"gs", "gcs"} & set(self._protocols):
            return {"content_type": content_type, "fixed_key_metadata": {"cache_control": cache}}
        return {}

    @contextmanager
    def _reachable(self) -> Iterator[None]:
        """Whatever a file system fails with becomes UnavailableError: each of them has exceptions of its own."""
        try:
            yield
        except LetterpressError:
            raise
        except Exception as error:
            said = getattr(error, "strerror", None) or str(error).split("\n")[0][:200] or type(error).__name__
            raise UnavailableError(f"published content cannot be reached: {said}", where=self._place) from None
