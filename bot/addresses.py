"""What a URL in the settings must look like, and whether it stays on this machine."""

from __future__ import annotations

import ipaddress
from urllib.parse import unquote, urlsplit


def is_loopback(url: str) -> bool:
    """Whether a URL stays on this machine."""
    return is_loopback_host(urlsplit(url).hostname or "")


def is_loopback_host(host: str) -> bool:
    """Whether a host name or address is this machine and nobody else's."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_public_url(url: str) -> None:
    """ValueError unless callers' carriers and browsers can use it; "" is not set yet."""
    if not url:
        return
    check_url("wire.public_url", url, ("https", "http"))
    parts = urlsplit(url)
    if parts.scheme == "http" and not is_loopback(url):
        raise ValueError(
            f"wire.public_url is {url!r}; Twilio and browsers need https (http: loopback only)"
        )
    if parts.query or parts.fragment:
        raise ValueError(f"wire.public_url is {url!r}; leave out everything from ? or # on")


def check_url(key: str, url: str, schemes: tuple[str, ...]) -> None:
    """ValueError unless `url` is one of `schemes` and names a host."""
    try:
        parts = urlsplit(url)
        is_good = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number, half an IPv6 address
        is_good = False
    if not is_good:
        raise ValueError(f"{key} is {url!r}; give a URL that starts with {schemes[0]}://")


def is_plain_web(url: str) -> bool:
    """A plain http(s) address: no user, query or fragment, nothing that climbs out of its path."""
    try:
        parts = urlsplit(url)
        has_port = parts.port != 0
    except ValueError:
        return False
    path = unquote(unquote(parts.path))
    return (
        parts.scheme in ("http", "https")
        and bool(parts.hostname)
        and has_port
        and not (parts.username or parts.password or parts.query or parts.fragment)
        and not any(character.isspace() or character == "\\" for character in url + path)
        and not {".", ".."} & set(path.split("/"))
    )


def is_below(url: str, prefix: str) -> bool:
    """Same scheme, host and port, and the path continues the prefix at a slash."""
    one, other = urlsplit(url), urlsplit(prefix)
    ports = [parts.port or {"http": 80, "https": 443}[parts.scheme] for parts in (one, other)]
    if (one.scheme, one.hostname) != (other.scheme, other.hostname) or ports[0] != ports[1]:
        return False
    root = other.path.rstrip("/")
    return one.path == root or one.path.startswith(f"{root}/")
