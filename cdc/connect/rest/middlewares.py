"""What every request passes: errors in Connect's shape, then the host that it names, then credentials."""

from __future__ import annotations

import base64
import binascii
import hmac
import logging
import re
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from cdc.config.secret import Secret
from cdc.config.worker_rest import is_loopback
from cdc.connect.herder import Forbidden, RequestError
from cdc.connect.rest.answers import failure
from cdc.connect.rest.settings import RestSettings
from cdc.errors import CdcError

_log = logging.getLogger(__name__)

_UNEXPECTED: Final = "The worker failed to carry out this request; its log says why."


@web.middleware
async def errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn everything that is raised into `{"error_code", "message"}`; what nobody expected is logged, and told without its details."""
    try:
        return await handler(request)
    except RequestError as error:
        # Connect's own texts come without a remedy, and stay as they are.
        return failure(error.status, error.sentence() if error.remedy else str(error))
    except CdcError as error:
        return failure(500, error.sentence())
    except web.HTTPRequestEntityTooLarge:
        limit = request.client_max_size
        return failure(413, f"HTTP 413 Request Entity Too Large: a body may have up to {limit} bytes")
    except web.HTTPException as error:
        allowed = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else None
        return failure(error.status, f"HTTP {error.status} {error.reason}", allowed)
    except Exception:  # noqa: BLE001 (whatever it is, the client gets an answer)
        _log.exception("%s %s failed", request.method, request.rel_url.raw_path)
        return failure(500, _UNEXPECTED)


def own_host(settings: RestSettings) -> Middleware:
    """Return what turns away requests over plain HTTP that name another host than this machine or the advertised one.

    Kafka Connect has no such guard. It is for an API that demands no credentials, and so listens at loopback alone: a web page whose name
    is made to mean 127.0.0.1 (DNS rebinding) makes a browser on this machine ask, but by the name of the page. Over TLS the certificate
    stands in the way; and a request that names no host, as in HTTP/1.0, comes from no browser.
    """

    @web.middleware
    async def refuse_other_hosts(request: web.Request, handler: Handler) -> web.StreamResponse:
        given = request.headers.get("Host")
        if given is not None and not request.secure:
            _refuse_other_host(given, settings.advertised_host)
        return await handler(request)

    return refuse_other_hosts


def _refuse_other_host(given: str, advertised: str) -> None:
    found = re.fullmatch(r"\[(.+)\](:[0-9]*)?|([^:]*)(:[0-9]*)?", given)
    host = (found[1] or found[3]).lower().removesuffix(".") if found else ""
    if not is_loopback(host) and (not host or host != advertised.lower()):
        raise Forbidden(
            f"The request is for the host {given!r}, and an API without credentials answers only to this machine",
            "Ask for 127.0.0.1 or localhost, name the host in rest.advertised.host.name, or set rest.token or rest.basic.auth.",
        )


def authentication(settings: RestSettings, public: frozenset[str]) -> Middleware:
    """Return what lets through only requests with the token or the password of the settings, and those for `public` paths."""

    @web.middleware
    async def authenticate(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path in public or is_authentic(request.headers.get("Authorization", ""), settings):
            return await handler(request)
        schemes = [("Bearer", settings.token), ("Basic", settings.user)]
        challenge = ", ".join(f'{scheme} realm="cdc-stream"' for scheme, given in schemes if given)
        return failure(401, "HTTP 401 Unauthorized", {"WWW-Authenticate": challenge})

    return authenticate


def is_authentic(header: str, settings: RestSettings) -> bool:
    """Whether an `Authorization` header (RFC 9110, 11.6.2) carries the token, or the user's name and password.

    How long it takes tells nothing about the secrets but their length.
    """
    scheme, _, presented = header.partition(" ")
    if scheme.lower() == "bearer" and settings.token:
        return _same(presented.strip().encode(errors="surrogateescape"), settings.token)
    if scheme.lower() == "basic" and settings.user:
        return _same(_decoded(presented), Secret(f"{settings.user}:{settings.password.reveal()}"))
    return False


def _decoded(credentials: str) -> bytes:
    try:
        return base64.b64decode(credentials, validate=True)
    except (binascii.Error, ValueError):
        return b""


def _same(presented: bytes, expected: Secret) -> bool:
    return hmac.compare_digest(presented, expected.reveal().encode())
