"""Erased people who are not to be written to again: of their address only a salted hash is kept, enough to know it when it comes back.

One salt per installation, made with the first erasure: whoever gets hold of a copy can still try addresses they have, but no table
made for anybody else helps them.
"""

import hashlib
import hmac
import secrets
from collections.abc import Iterable
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from domain.message import SuppressionReason
from domain.recipient import normalised
from storage.database import Database
from storage.lists import texts
from storage.schema import erased_addresses

_SALT_BYTES = 32


def keep_hashed(database: Database, connection: Connection, address: str, reason: SuppressionReason, at: datetime) -> None:
    """Remember that an address is not to be written to, without the address."""
    salt = next(iter(_salts(connection)), None) or secrets.token_hex(_SALT_BYTES)
    row = {"address_hash": _hash(salt, normalised(address)), "salt": salt, "reason": reason.value, "erased_at": at}
    connection.execute(database.insert(erased_addresses).on_conflict_do_nothing(), row)


def erased_among(connection: Connection, addresses: Iterable[str]) -> set[str]:
    """Those of the addresses, normalised, whose hashes are kept."""
    found: set[str] = set()
    wanted = {normalised(address) for address in addresses}
    for salt in _salts(connection):
        by_hash = {_hash(salt, address): address for address in wanted}
        query = sa.select(erased_addresses.c.address_hash).where(erased_addresses.c.address_hash.in_(texts(by_hash)))
        found.update(by_hash[hit] for hit in connection.scalars(query))
    return found


def _salts(connection: Connection) -> list[str]:
    return list(connection.scalars(sa.select(erased_addresses.c.salt).distinct()))


def _hash(salt: str, address: str) -> str:
    return hmac.new(bytes.fromhex(salt), address.encode(), hashlib.sha256).hexdigest()
