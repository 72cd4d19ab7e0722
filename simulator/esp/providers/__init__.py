"""The providers that the server speaks for, one file each. Another one is a file here and a line in the table."""

from collections.abc import Mapping

from simulator.esp.calls import Provider
from simulator.esp.names import SMTP
from simulator.esp.providers.brevo import Brevo
from simulator.esp.providers.mailgun import Mailgun
from simulator.esp.providers.mailjet import Mailjet
from simulator.esp.providers.postmark import Postmark
from simulator.esp.providers.resend import Resend
from simulator.esp.providers.sendgrid import SendGrid
from simulator.esp.providers.ses import Ses
from simulator.esp.providers.sparkpost import SparkPost


def providers(seed: int) -> Mapping[str, Provider]:
    """All of them by name; their ids are made from the seed."""
    made: tuple[Provider, ...] = (
        Ses(seed),
        SendGrid(seed),
        Mailgun(seed),
        Postmark(seed),
        SparkPost(seed),
        Resend(seed),
        Mailjet(seed),
        Brevo(seed),
    )
    return {provider.name: provider for provider in made}


SCOPES = (*providers(0), SMTP)
