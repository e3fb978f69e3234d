"""Proofs of passwords, against another client's and a library's."""

from __future__ import annotations

from base64 import b64decode

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pymysql import _auth

from cdc.errors import DecodeError, SourceRefused
from cdc.sources.mysql.protocol import ed25519
from cdc.sources.mysql.protocol.authentication import CACHING_SHA2, CLEAR, ED25519, NATIVE, SHA256, Proof
from tests.support.mysql_conversations import Said, channel_of, finished

NONCE = bytes(range(1, 21))
PASSWORDS = ["", "x", "secret", "пароль", "a" * 100]


@pytest.mark.parametrize("password", PASSWORDS)
def test_scrambled_passwords_are_those_of_another_client(password):
    secret = password.encode()
    assert Proof(NATIVE, NONCE, secret, encrypted=False).answer() == _auth.scramble_native_password(secret, NONCE)
    assert Proof(CACHING_SHA2, NONCE, secret, encrypted=False).answer() == _auth.scramble_caching_sha2(secret, NONCE)


def test_a_signature_by_a_password_of_32_bytes_is_the_standards():
    password, message = bytes(range(32)), bytes(range(100, 132))
    assert ed25519.sign(password, message) == Ed25519PrivateKey.from_private_bytes(password).sign(message)


def test_a_signature_is_right_for_the_key_that_mariadb_keeps():
    # The manual of MariaDB shows the key of this password.
    key = Ed25519PublicKey.from_public_bytes(b64decode("ZIgUREUg5PVgQ6LskhXmO+eZLS0nC8be6HPjYWR4YJY="))
    key.verify(Proof(ED25519, bytes(32), b"secret", encrypted=False).answer(), bytes(32))


def test_a_password_in_clear_needs_encryption():
    assert Proof(CLEAR, NONCE, b"secret", encrypted=True).answer() == b"secret\0"
    assert Proof(SHA256, NONCE, b"secret", encrypted=True).answer() == b"secret\0"
    assert b"secret" not in Proof(SHA256, NONCE, b"secret", encrypted=False).answer()
    with pytest.raises(SourceRefused, match="in clear") as caught:
        Proof(CLEAR, NONCE, b"secret", encrypted=False).answer()
    assert "database.ssl.mode" in caught.value.remedy


def test_an_unknown_method_is_named_with_those_that_are_known():
    with pytest.raises(SourceRefused, match="auth_gssapi_client") as caught:
        Proof("auth_gssapi_client", NONCE, b"secret", encrypted=True).answer()
    assert CACHING_SHA2 in caught.value.remedy


def pem(public: rsa.RSAPublicKey | Ed25519PublicKey) -> bytes:
    return public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


@pytest.fixture(scope="module")
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 1024)


def unmasked(key: rsa.RSAPrivateKey, sealed: bytes) -> bytes:
    """What the server makes of a password that was sealed."""
    sha1 = hashes.SHA1()
    masked = key.decrypt(sealed, padding.OAEP(padding.MGF1(sha1), sha1, None))
    return bytes(byte ^ NONCE[at % len(NONCE)] for at, byte in enumerate(masked))


def sealed(key: bytes, *, nonce: bytes = NONCE, password: bytes = b"secret") -> bytes:
    """What is sent when the server has sent its key."""
    said = Said()
    finished(Proof(SHA256, nonce, password, encrypted=False).proceed(channel_of([], said), key))
    return bytes(said.data[4:])


def test_a_password_is_sealed_with_the_servers_key(rsa_key):
    assert unmasked(rsa_key, sealed(pem(rsa_key.public_key()))) == b"secret\0"


def test_a_key_that_cannot_seal_is_told(rsa_key):
    key = pem(rsa_key.public_key())
    for wrong, fact in (
        (b"no key", "cannot be read"),
        (key.replace(b"PUBLIC", b"PRIVATE"), "cannot be read"),
        (pem(Ed25519PrivateKey.generate().public_key()), "not one of RSA"),
    ):
        with pytest.raises(DecodeError, match=fact):
            sealed(wrong)
    with pytest.raises(DecodeError, match="of 1024 bits takes no password"):
        sealed(key, password=b"a" * 100)
    with pytest.raises(DecodeError, match="no bytes to mask"):
        sealed(key, nonce=b"")
