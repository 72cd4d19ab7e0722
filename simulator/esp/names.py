"""The ids that providers give to messages: made from seed and number, so that a run can be repeated."""

from uuid import UUID

import xxhash

SMTP = "smtp"  # a scope of faults and counts beside the providers of HTTP APIs


def hex_name(provider: str, seed: int, number: int) -> str:
    """32 hexadecimal digits."""
    return xxhash.xxh3_128_hexdigest(f"{provider}|{seed}|{number}".encode())


def uuid_name(provider: str, seed: int, number: int) -> str:
    """A UUID of version 4 by its look."""
    return str(UUID(hex_name(provider, seed, number), version=4))


def number_name(provider: str, seed: int, number: int) -> int:
    """A whole number of 17 digits."""
    return 10**16 + int(hex_name(provider, seed, number)[:15], 16) % (9 * 10**16)
