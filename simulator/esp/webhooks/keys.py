"""The secrets with which posts are signed. All but SNS's RSA key come from the seed, so that a receiver can be set up beforehand."""

from base64 import b64encode
from functools import cached_property

import xxhash
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from simulator.esp.certificates import certificate_of

TOPIC = "arn:aws:sns:us-east-1:123456789012:letterpress-simulated"
_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_RSA_BITS = 2_048


class Keys:
    """The signing keys of all providers, and the password of those that have only that."""

    user = "letterpress"

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def secret(self, name: str, length: int = 32) -> bytes:
        """Bytes that seed and name decide."""
        return b"".join(xxhash.xxh3_128_digest(f"{name}|{self._seed}|{block}".encode()) for block in range(-(-length // 16)))[:length]

    @property
    def password(self) -> str:
        """Of basic authentication: Postmark, SparkPost, Mailjet, Brevo."""
        return self.secret("password", 12).hex()

    @property
    def basic(self) -> str:
        """The value of Authorization."""
        return "Basic " + b64encode(f"{self.user}:{self.password}".encode()).decode()

    @property
    def mailgun(self) -> str:
        """Mailgun's webhook signing key."""
        return f"key-{self.secret('mailgun', 16).hex()}"

    @property
    def svix(self) -> str:
        """Resend's signing secret."""
        return "whsec_" + b64encode(self.secret("svix", 24)).decode()

    @cached_property
    def sendgrid(self) -> ec.EllipticCurvePrivateKey:
        """SendGrid's key, on P-256."""
        return ec.derive_private_key(1 + int.from_bytes(self.secret("sendgrid")) % (_P256_ORDER - 1), ec.SECP256R1())

    @cached_property
    def sns(self) -> rsa.RSAPrivateKey:
        """Amazon SNS's key: drawn anew each time."""
        return rsa.generate_private_key(65_537, _RSA_BITS)

    @cached_property
    def sns_certificate(self) -> bytes:
        """The PEM certificate of that key, which signatures name by its URL."""
        return certificate_of(self.sns, "sns.amazonaws.com")

    def sign_sendgrid(self, data: bytes) -> str:
        """ECDSA over SHA-256, ASN.1, base64."""
        return b64encode(self.sendgrid.sign(data, ec.ECDSA(hashes.SHA256()))).decode()

    def sign_sns(self, data: bytes, version: int) -> str:
        """RSA over SHA-1 in version 1, over SHA-256 in version 2."""
        digest = hashes.SHA1() if version == 1 else hashes.SHA256()  # noqa: S303 - as SNS does in its first version
        return b64encode(self.sns.sign(data, padding.PKCS1v15(), digest)).decode()

    def published(self) -> dict[str, str]:
        """What a receiver needs in order to verify."""
        public = self.sendgrid.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        return {
            "sendgrid_public_key": b64encode(public).decode(),
            "mailgun_signing_key": self.mailgun,
            "resend_signing_secret": self.svix,
            "basic_user": self.user,
            "basic_password": self.password,
            "sns_topic": TOPIC,
            "sns_certificate": self.sns_certificate.decode(),
        }
