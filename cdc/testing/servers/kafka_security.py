"""How a Kafka of the kit lets clients in: TLS, SASL and access control lists, as `server.properties` and format options.

Properties: Apache Kafka documentation, "Security". PLAIN and SCRAM know the same users.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from cdc.testing.servers.certificates import Certificates

Protocol = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
SCRAM = ("SCRAM-SHA-256", "SCRAM-SHA-512")
JAAS = "org.apache.kafka.common.security"


@dataclass(frozen=True, slots=True, kw_only=True)
class Security:
    """What the listener for clients asks of them.

    `users` maps names to passwords, for PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512 alike. `certificates` are the broker's, for
    the two protocols with SSL; with `demand_client` clients must show one of the same authority. With `authorizer` nobody
    may do anything that no access control list allows, except whoever comes through `KafkaServer.inner`.
    """

    protocol: Protocol = "PLAINTEXT"
    users: Mapping[str, str] = field(default_factory=dict, repr=False)
    certificates: Certificates | None = None
    demand_client: bool = False
    authorizer: bool = False

    def properties(self, listener: str) -> dict[str, str]:
        """Return the broker's properties for the listener of this name."""
        prefix = f"listener.name.{listener.lower()}"
        return {**self._sasl(prefix), **self._ssl(prefix), **self._authorizer()}

    def format_options(self) -> list[str]:
        """Return the options of the storage tool that create the users of SCRAM."""
        return [
            option
            for name, password in self.users.items()
            for mechanism in SCRAM
            for option in ("--add-scram", f"{mechanism}=[name={name},password={password}]")
        ]

    def _sasl(self, prefix: str) -> dict[str, str]:
        if not self.users:
            return {}
        known = " ".join(f'user_{name}="{password}"' for name, password in self.users.items())
        scram = {
            f"{prefix}.{mechanism.lower()}.sasl.jaas.config": f"{JAAS}.scram.ScramLoginModule required;"
            for mechanism in SCRAM
        }
        return {
            "sasl.enabled.mechanisms": ",".join(("PLAIN", *SCRAM)),
            f"{prefix}.plain.sasl.jaas.config": f"{JAAS}.plain.PlainLoginModule required {known};",
            **scram,
        }

    def _ssl(self, prefix: str) -> dict[str, str]:
        if self.certificates is None:
            return {}
        return {
            f"{prefix}.ssl.keystore.type": "PEM",
            f"{prefix}.ssl.keystore.location": str(self.certificates.chain),
            f"{prefix}.ssl.truststore.type": "PEM",
            f"{prefix}.ssl.truststore.location": str(self.certificates.authority),
            f"{prefix}.ssl.client.auth": "required" if self.demand_client else "none",
        }

    def _authorizer(self) -> dict[str, str]:
        if not self.authorizer:
            return {}
        return {
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": "User:ANONYMOUS",
        }
