"""What commands ask a worker over its REST API."""

from __future__ import annotations

import base64
import json
import ssl
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from cdc.config.secret import Secret
from cdc.errors import CdcError, ConfigError

REQUEST_SECONDS: Final = 10.0
_NONE: Final = Secret()


class WorkerUnavailable(CdcError):
    """A worker does not answer, or not as one does."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Follows nothing: credentials go to the worker that was named alone."""

    def redirect_request(self, *arguments: Any) -> None:
        """Return None: no further request."""


@dataclass(frozen=True, slots=True)
class WorkerClient:
    """Asks the worker at `url` (http or https), with a token, or a name and a password as name:password, where it demands them.

    `ca` holds the certificates to trust, if the system's are not those. Each request waits for ten seconds at most, and blocks.
    """

    url: str
    token: Secret = _NONE
    user: Secret = _NONE
    ca: Path | None = None

    def json(self, path: str, *also: int) -> Any:
        """Return the answer to a GET, parsed; `also` are the statuses besides 200 that are an answer.

        Raises:
            WorkerUnavailable: it cannot be reached, refuses, or answers something else.
            ConfigError: the address or the certificates cannot be used.
        """
        text = self.text(path, *also)
        try:
            return json.loads(text)
        except ValueError as error:
            raise self._unlike(path) from error

    def text(self, path: str, *also: int) -> str:
        """Return the answer to a GET; raises as `json`."""
        try:
            with self._opener().open(self._request(path), timeout=REQUEST_SECONDS) as answer:
                return str(answer.read().decode(errors="replace"))
        except urllib.error.HTTPError as error:
            with error:
                if error.code in also:
                    return error.read().decode(errors="replace")
            raise self._refused(path, error.code) from error
        except (OSError, ValueError) as error:
            reason = getattr(error, "reason", error)
            raise WorkerUnavailable(
                f"the worker at {self.url} cannot be reached: {getattr(reason, 'strerror', None) or reason}",
                "Start it, or name another address by --url.",
            ) from error

    def _request(self, path: str) -> urllib.request.Request:
        if urlsplit(self.url).scheme not in {"http", "https"} or not urlsplit(self.url).hostname:
            raise ConfigError(f"{self.url!r} is no address of a worker", "Give one such as http://127.0.0.1:8083.")
        return urllib.request.Request(self.url.rstrip("/") + path, headers=self._credentials())  # noqa: S310 (looked at)

    def _credentials(self) -> dict[str, str]:
        if self.token:
            return {"Authorization": f"Bearer {self.token.reveal()}"}
        if self.user:
            encoded = base64.b64encode(self.user.reveal().encode()).decode()
            return {"Authorization": f"Basic {encoded}"}
        return {}

    def _opener(self) -> urllib.request.OpenerDirector:
        if urlsplit(self.url).scheme != "https":
            return urllib.request.build_opener(_NoRedirect)
        try:
            context = ssl.create_default_context(cafile=str(self.ca) if self.ca is not None else None)
        except (OSError, ssl.SSLError) as error:
            raise ConfigError(f"the certificates in {self.ca} cannot be read: {error}", "Name a PEM file.") from error
        return urllib.request.build_opener(_NoRedirect, urllib.request.HTTPSHandler(context=context))

    def _refused(self, path: str, status: int) -> WorkerUnavailable:
        if status == 401:
            return WorkerUnavailable(
                f"the worker at {self.url} demands credentials that it was not given",
                "Give --token or --user, or CDC_STREAM_TOKEN or CDC_STREAM_USER in the environment.",
            )
        return WorkerUnavailable(
            f"the worker at {self.url} answers {status} to GET {path}",
            "Look into the worker's log, or name another address.",
        )

    def _unlike(self, path: str) -> WorkerUnavailable:
        return WorkerUnavailable(
            f"what answers GET {path} at {self.url} is no worker", "Name the address of a worker by --url."
        )
