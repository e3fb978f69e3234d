"""How a client proves its password to a server.

Methods: the MySQL source documentation, "Authentication Methods"; caching_sha2_password in "Caching_sha2_password information". MariaDB's
client_ed25519 is in its knowledge base, "Authentication Plugin - ed25519".
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from cdc.errors import DecodeError, SourceRefused
from cdc.sources.mysql.protocol import ed25519
from cdc.sources.mysql.protocol.packets import PacketChannel

CACHING_SHA2: Final = "caching_sha2_password"
SHA256: Final = "sha256_password"
NATIVE: Final = "mysql_native_password"
CLEAR: Final = "mysql_clear_password"
ED25519: Final = "client_ed25519"

#: What follows the byte 1 in a packet of caching_sha2_password, and what a client sends to be told the server's key.
FAST_DONE, FULL_WANTED = 3, 4
ASK_KEY: Final = {CACHING_SHA2: b"\2", SHA256: b"\1"}


@dataclass(frozen=True, slots=True)
class Proof:
    """What is known when a password is to be proved: the method, the server's random bytes, and whether nobody can listen."""

    method: str
    nonce: bytes
    password: bytes
    encrypted: bool

    def answer(self) -> bytes:
        """Return what is sent first; raises SourceRefused for a method that is unknown, or not safe without encryption."""
        known = FIRST.get(self.method)
        if known is None:
            raise SourceRefused(
                f"the server wants the authentication method {self.method}, which cdc-stream does not know",
                f"Give the user one of {', '.join(FIRST)}.",
            )
        return known(self)

    async def proceed(self, channel: PacketChannel, said: bytes) -> None:
        """Answer what the server says after the first answer (`said` is without its first byte)."""
        if self.method == CACHING_SHA2 and said[:1] == bytes((FAST_DONE,)):
            return
        if self.method == CACHING_SHA2 and said[:1] == bytes((FULL_WANTED,)):
            await self._prove_in_full(channel)
        elif self.method in ASK_KEY:  # the key that `answer` has asked for
            channel.write(self._sealed(said))
        else:
            raise DecodeError(f"the server goes on with {self.method} in an unknown way", said)

    async def _prove_in_full(self, channel: PacketChannel) -> None:
        """Send the password itself, which the server compares with what it keeps; its cache knows it from then on."""
        if self.encrypted:
            channel.write(self.password + b"\0")
            return
        channel.write(ASK_KEY[self.method])
        answer = await channel.read()
        if answer[:1] != b"\1":
            raise DecodeError("the server did not send its key", answer)
        channel.write(self._sealed(answer[1:]))

    def _sealed(self, key: bytes) -> bytes:
        """Encrypt the password with the server's RSA key."""
        try:
            public = serialization.load_pem_public_key(key)
        except (ValueError, UnsupportedAlgorithm) as error:
            raise DecodeError("the server's key cannot be read", key) from error
        if not isinstance(public, rsa.RSAPublicKey):
            raise DecodeError("the server's key is not one of RSA", key)
        if not self.nonce:
            raise DecodeError("the server sent its key, and no bytes to mask the password with", key)
        text = self.password + b"\0"
        masked = bytes(byte ^ self.nonce[at % len(self.nonce)] for at, byte in enumerate(text))
        sha1 = hashes.SHA1()  # noqa: S303 -- what the protocol says
        try:
            return public.encrypt(masked, padding.OAEP(padding.MGF1(sha1), sha1, None))
        except ValueError as error:
            raise DecodeError(f"the server's key of {public.key_size} bits takes no password", key) from error


def _native(proof: Proof) -> bytes:
    if not proof.password:
        return b""
    once = hashlib.sha1(proof.password, usedforsecurity=False).digest()
    twice = hashlib.sha1(once, usedforsecurity=False).digest()
    return _xor(once, hashlib.sha1(proof.nonce + twice, usedforsecurity=False).digest())


def _caching_sha2(proof: Proof) -> bytes:
    if not proof.password:
        return b""
    once = hashlib.sha256(proof.password).digest()
    twice = hashlib.sha256(once).digest()
    return _xor(once, hashlib.sha256(twice + proof.nonce).digest())


def _sha256(proof: Proof) -> bytes:
    if not proof.password:
        return b"\0"
    return proof.password + b"\0" if proof.encrypted else ASK_KEY[SHA256]


def _clear(proof: Proof) -> bytes:
    if not proof.encrypted:
        raise SourceRefused(
            f"the server wants the password in clear ({CLEAR}), and the connection is not encrypted",
            "Set database.ssl.mode to required or more.",
        )
    return proof.password + b"\0"


def _ed25519(proof: Proof) -> bytes:
    return ed25519.sign(proof.password, proof.nonce)


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(left ^ right for left, right in zip(one, other, strict=True))


FIRST: dict[str, Callable[[Proof], bytes]] = {
    CACHING_SHA2: _caching_sha2,
    SHA256: _sha256,
    NATIVE: _native,
    CLEAR: _clear,
    ED25519: _ed25519,
}
