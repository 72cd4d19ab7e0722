"""A file of this machine, written whole or not at all."""

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

if TYPE_CHECKING:
    import pyarrow as pa


def write_whole(target: Path, data: "bytes | pa.Buffer") -> None:
    """A temporary name, then a rename: nobody reads half a file. A file that stood there leaves its rights to the new one."""
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{uuid4().hex}")
    try:
        with suppress(FileNotFoundError):
            temporary.touch(mode=target.stat().st_mode & 0o777)
        temporary.write_bytes(data)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
