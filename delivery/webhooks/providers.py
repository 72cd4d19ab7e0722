"""The providers there are. A new one is a file, and its name here."""

from collections.abc import Mapping

from delivery.webhooks import brevo, mailchimp, mailgun, mailjet, postmark, resend, sendgrid, ses, sparkpost
from delivery.webhooks.posts import Provider

PROVIDERS: Mapping[str, Provider] = {
    module.PROVIDER.name: module.PROVIDER for module in (ses, sendgrid, mailgun, postmark, sparkpost, resend, mailjet, brevo, mailchimp)
}
ALSO_KNOWN_AS: Mapping[str, str] = {"mandrill": "mailchimp", "sendinblue": "brevo", "sns": "ses"}


def provider_named(name: str) -> Provider | None:
    """A provider by its name, or by another that it goes by."""
    plain = name.strip().casefold()
    return PROVIDERS.get(ALSO_KNOWN_AS.get(plain, plain))
