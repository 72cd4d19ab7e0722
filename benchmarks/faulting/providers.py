"""The providers that sends are killed with, and what goes wrong at each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from simulator.esp.handle import SimulatedEsp
from simulator.esp.providers.ses_signature import KNOWN_KEY, KNOWN_SECRET

# The client waits for 2 s and a late answer takes 3: it comes after nobody waits for it any more.
_PATIENCE, _LATE = 2, 3
KINDS = ("throttle", "before", "cut_reading", "cut_before", "after", "cut_after", "late", "partial", "partial_throttle")
_MOST = 0.05  # of all calls, of each kind: beyond that a send hardly gets on
_HOLDING = "late=1"


@dataclass(frozen=True, slots=True)
class Provider:
    """A provider as the benchmark meets it.

    `remembers`: a call that is repeated under its key is not carried out again. `tells`: it can be asked about a message. `rate`: letters
    per second that the account is said to allow, where the calls per second that a new account has would be all that is measured.
    `faults`: what goes wrong there.
    """

    name: str
    address: str
    remembers: bool = False
    tells: bool = False
    rate: int | None = None
    faults: Sequence[str] = KINDS

    def url(self, esp: SimulatedEsp) -> str:
        """Its address at a simulated ESP."""
        return self.address.format(http=esp.host, smtp=esp.smtp_url)


_FAST = 20_000
# Of a call that it takes in part SparkPost tells how many were rejected and not whom: all of it is unknown then, whatever is asked.
_TOLD = tuple(kind for kind in KINDS if not kind.startswith("partial"))
_HTTP = f"?timeout={_PATIENCE}"
PROVIDERS: Mapping[str, Provider] = {
    provider.name: provider
    for provider in (
        Provider("sendgrid", f"sendgrid://:KEY@{{http}}{_HTTP}"),
        Provider("ses", f"ses://{KNOWN_KEY}:{KNOWN_SECRET}@{{http}}{_HTTP}&region=eu-west-1&configuration_set=letterpress"),
        Provider("resend", f"resend://:KEY@{{http}}{_HTTP}", remembers=True, rate=_FAST),
        Provider("sparkpost", f"sparkpost://:KEY@{{http}}{_HTTP}", remembers=True, faults=_TOLD),
        Provider("brevo", f"brevo://:KEY@{{http}}{_HTTP}", remembers=True, rate=_FAST),
        Provider("smtp", f"{{smtp}}/?starttls=none&timeout={_PATIENCE}&final_timeout={_PATIENCE}"),
        Provider("postmark", f"postmark://:TOKEN@{{http}}{_HTTP}", tells=True),
        Provider("mailjet", f"mailjet://KEY:SECRET@{{http}}{_HTTP}", tells=True),
        Provider("mailgun", f"mailgun://shop.example:KEY@{{http}}{_HTTP}"),
    )
}


def faults_for(provider: Provider, calls: int, *, each: float) -> str:
    """What goes wrong in a send of about so many calls: each kind about `each` times."""
    share = min(_MOST, each / max(calls, 1))
    shares = [f"{kind}={share:.6f}" for kind in provider.faults] if each else []
    return ",".join([*shares, f"late_seconds={_LATE}", "retry_after=0", "partial_share=.2"])


def holding(faults: str) -> str:
    """The same, but that every call is taken and not answered for a while."""
    return ",".join([part for part in faults.split(",") if not part.startswith(KINDS)] + [_HOLDING, f"late_seconds={_LATE}"])
