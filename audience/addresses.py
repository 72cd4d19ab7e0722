"""Addresses a letter can be sent to.

Narrower than RFC 5321 on purpose: no quoted local parts, no comments, no address literals, at least one dot in the
domain, and ASCII alone, because relays without SMTPUTF8 take no more (an international domain is imported in its xn-- form).
"""

from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

MAX_ADDRESS, MAX_LOCAL = 254, 64  # RFC 5321 4.5.3.1, octets

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"  # RFC 1035: 63 octets at most
_ADDRESS = rf"^{_ATOM}(?:\.{_ATOM})*@(?:{_LABEL}\.)+{_LABEL}$"


def valid(addresses: "pd.Series[str]") -> "pd.Series[bool]":
    """Which addresses are well formed: aligned with `addresses`. Missing ones are not. RE2, so linear in their length."""
    texts: Any = pa.array(addresses, pa.string(), from_pandas=True)
    formed = pc.and_(pc.match_substring_regex(texts, _ADDRESS), pc.less_equal(pc.binary_length(texts), pa.scalar(MAX_ADDRESS)))
    short = pc.less_equal(pc.find_substring(texts, "@"), pa.scalar(MAX_LOCAL))
    return pd.Series(pc.fill_null(pc.and_(formed, short), False).to_numpy(zero_copy_only=False), index=addresses.index)
