"""Certificates that vouch for themselves: for the simulator's TLS ports, and for the key of its Amazon SNS."""

import datetime as dt
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

_VALID = dt.timedelta(days=365)
_LOOPBACK = ("127.0.0.1", "::1")
PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


def certificate_of(key: PrivateKey, name: str) -> bytes:
    """A PEM certificate of a key, signed by itself, valid for this name and for loopback, from yesterday for a year."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    yesterday = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
    names = [x509.DNSName(name), x509.DNSName("localhost"), *(x509.IPAddress(ip_address(address)) for address in _LOOPBACK)]
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(yesterday)
        .not_valid_after(yesterday + _VALID)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    )
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def write_server_certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for this server and its key, as files: the first is the authority to trust."""
    folder.mkdir(parents=True, exist_ok=True)
    key = ec.generate_private_key(ec.SECP256R1())
    certificate_file, key_file = folder / "certificate.pem", folder / "key.pem"
    certificate_file.write_bytes(certificate_of(key, "localhost"))
    kind = serialization.PrivateFormat.PKCS8
    key_file.touch(mode=0o600)
    key_file.write_bytes(key.private_bytes(serialization.Encoding.PEM, kind, serialization.NoEncryption()))
    return certificate_file, key_file
