"""A certificate for loopback, made at start: kubectl sends its token over TLS only."""

from __future__ import annotations

import ipaddress
import json
import subprocess
import sys
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.util import find_spec


@dataclass(frozen=True, slots=True)
class Certificate:
    """A self-signed certificate, which is its own authority, and its key; both in PEM."""

    certificate: str
    key: str

    def __repr__(self) -> str:
        return "Certificate(...)"


@cache
def self_signed(host: str) -> Certificate:
    """A certificate for ``host``, localhost and the loopback addresses, valid for ten years: one for each process.

    Another process makes it: cryptography would stay in memory with 12 MB, for this one use.

    :raises ModuleNotFoundError: cryptography is not installed.
    :raises RuntimeError: the certificate cannot be made.
    """
    if find_spec("cryptography") is None:
        raise ModuleNotFoundError("No module named 'cryptography'", name="cryptography")
    # -P: this file's folder is no place of modules.
    done = subprocess.run([sys.executable, "-P", __file__, host], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"no certificate for {host}: {done.stderr.strip()}")
    return Certificate(**json.loads(done.stdout))


def _made(host: str) -> Certificate:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509 import oid

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(oid.NameOID.COMMON_NAME, "ack-sagemaker sandbox")])
    names: list[x509.GeneralName] = [x509.DNSName("localhost")]
    for address in dict.fromkeys((host, "127.0.0.1", "::1")):
        try:
            names.append(x509.IPAddress(ipaddress.ip_address(address)))
        except ValueError:
            names.append(x509.DNSName(address))
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=3650))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.KeyUsage(
                digital_signature=True,
                content_commitment=False,
                key_encipherment=False,
                data_encipherment=False,
                key_agreement=False,
                key_cert_sign=True,
                crl_sign=False,
                encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
        .add_extension(x509.ExtendedKeyUsage([oid.ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    return Certificate(
        certificate.public_bytes(serialization.Encoding.PEM).decode(),
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode(),
    )


if __name__ == "__main__":
    print(json.dumps(asdict(_made(sys.argv[1]))))
