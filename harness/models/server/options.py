"""Where a server is and how it is asked: the --model_args of `openai:NAME`, checked."""

from __future__ import annotations

import ipaddress
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import SplitResult, urlsplit

from harness.errors import UsageError
from harness.models.base import ModelRef
from harness.models.ref import check_options
from harness.models.server.retry import Retries

OPTIONS = ("base_url", "key_env", "timeout", "max_retries", "served_by", "name", "family")
KEY_ENV = "OPENAI_API_KEY"
URL_ENV = "OPENAI_BASE_URL"
OPENAI_URL = "https://api.openai.com/v1"  # the openai client's own default
NO_KEY = "none"  # sent where the server asks for none: the header wants something


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """A server, as the command line names it.

    `key` comes from the environment and from nowhere else; it is left out of the repr, and
    `secrets` is all that must never be shown. `timeout` is seconds for a whole call.
    """

    model: str
    base_url: str
    host: str
    loopback: bool
    key: str = field(repr=False)
    key_env: str = KEY_ENV
    timeout: float = 600.0
    retries: Retries = field(default_factory=Retries)
    served_by: str | None = None
    name: str | None = None
    family: str | None = None
    secrets: tuple[str, ...] = field(default=(), repr=False)

    def redact(self, text: str) -> str:
        """The text without a key in it."""
        for secret in self.secrets:
            text = text.replace(secret, "[key]")
        return text


def read_options(ref: ModelRef, environ: Mapping[str, str] = os.environ) -> ServerOptions:
    """The options of a `--model openai:NAME`; UsageError names the option or variable."""
    options = ref.options
    if "api_key" in options:
        raise UsageError(
            "--model_args: api_key is not taken from the command line, where others can read it; "
            f"put the key into the environment ({KEY_ENV}, or key_env=VARIABLE)"
        )
    check_options(options, OPTIONS)
    timeout, retries = _timeout(options.get("timeout")), _retries(options.get("max_retries"))
    base_url, url = _address(options, environ)
    loopback = _is_loopback(url.hostname or "")
    key_env = options.get("key_env") or KEY_ENV
    if not key_env.isidentifier():  # not shown: it may be the key itself
        raise UsageError(
            "--model_args key_env: name the environment variable that holds the key, not the key"
        )
    key = _key(key_env, environ, needed="key_env" in options or not loopback)
    return ServerOptions(
        model=ref.what,
        base_url=base_url,
        host=url.hostname or "",
        loopback=loopback,
        key=key or NO_KEY,
        key_env=key_env,
        timeout=timeout,
        retries=retries,
        served_by=options.get("served_by") or None,
        name=options.get("name") or None,
        family=options.get("family") or None,
        secrets=_secrets(key, environ),
    )


def _address(options: Mapping[str, str], environ: Mapping[str, str]) -> tuple[str, SplitResult]:
    """The base URL without a closing slash, and its parts. Never shown: it may hold a secret."""
    where, text = "--model_args base_url", options.get("base_url")
    if not text:
        where, text = URL_ENV, environ.get(URL_ENV, "").strip() or OPENAI_URL
    shape = f"{where}: write http://HOST:PORT/v1 or https://HOST/v1"
    try:
        url = urlsplit(text)
        _ = url.port
    except ValueError:
        raise UsageError(f"{shape}; this is no address") from None
    if url.username is not None or url.password is not None or url.query or url.fragment:
        raise UsageError(
            f"{shape}; a user, a password, a query or a fragment is not taken, because the "
            "address is stored with the results (a key belongs into the environment)"
        )
    if url.scheme not in ("http", "https") or not url.hostname or not text.isprintable():
        raise UsageError(f"{shape}; this has no http(s) scheme or no host")
    return text.rstrip("/"), url


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _key(name: str, environ: Mapping[str, str], *, needed: bool) -> str:
    key = environ.get(name, "").strip()
    if not key and needed:
        raise UsageError(
            f"--model openai: the environment variable {name} holds no key for this server; set "
            "it (to anything, where the server asks for none), or name another with "
            "--model_args key_env=VARIABLE"
        )
    if not key.isascii() or not key.isprintable() or " " in key:
        raise UsageError(
            f"{name}: a key is ASCII without spaces or line breaks; what the variable holds is not"
        )
    return key


def _secrets(key: str, environ: Mapping[str, str]) -> tuple[str, ...]:
    """The key, and the values of headers that openai's client takes from the environment."""
    lines = environ.get("OPENAI_CUSTOM_HEADERS", "").split("\n")
    values = (line.partition(":")[2].strip() for line in lines)
    found = {key, *(value.removeprefix("Bearer ") for value in values)}
    # what is shorter is no secret ("EMPTY", "x"), and taking it out would change answers
    return tuple(sorted((one for one in found if len(one) >= 8), key=len, reverse=True))


def _timeout(text: str | None) -> float:
    try:
        seconds = 600.0 if text is None else float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise UsageError(f"--model_args timeout={text}: seconds, above 0")
    return seconds


def _retries(text: str | None) -> Retries:
    if text is None:
        return Retries()
    if not (text.isascii() and text.isdigit()):
        raise UsageError(f"--model_args max_retries={text}: a whole number, 0 or more")
    return Retries(most=int(text))
