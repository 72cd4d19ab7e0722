"""User agents of machines: the published list `crawler-user-agents`, and what mail security calls itself.

The list is of crawlers of the web. Mail scanners that name themselves are few and not on it; most pretend to be browsers.
"""

import re
from functools import lru_cache

from crawleruseragents import is_crawler

# Names that scanners and clients' own link checks have been seen with. Outlook itself asks as "Microsoft Office/16.0 …" before the browser.
_MAIL_SECURITY = re.compile(
    r"barracuda|proofpoint|mimecast|ironport|ciscosecureemail|trend ?micro|\btmes\b|fortimail|fortiguard|sophos|symantec|messagelabs"
    r"|trustwave|forcepoint|zscaler|safelinks|urldefense|linkprotect|microsoft office|ms-office|msoffice",
    re.IGNORECASE,
)
_LIBRARIES = re.compile(r"^(java|aiohttp|jakarta|jetty|ruby|perl|php|node-fetch|axios|lua-resty-http|undici)\b", re.IGNORECASE)
# These load pictures at the moment a person opens the letter, so the open is that person's.
_OPENS_FOR_PEOPLE = re.compile(r"GoogleImageProxy|YahooMailProxy|DuckDuckGo-Email", re.IGNORECASE)
BARE = "Mozilla/5.0"


@lru_cache(maxsize=65_536)
def is_bot(agent: str) -> bool:
    """Whether an agent says that it is a machine. Programming libraries are machines: no mail program asks through them."""
    if _OPENS_FOR_PEOPLE.search(agent):
        return False
    return bool(_MAIL_SECURITY.search(agent) or _LIBRARIES.search(agent)) or is_crawler(agent)
