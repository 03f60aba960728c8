"""Which Apprise URLs may be used, and which addresses they may reach. No imports but the standard library's: the
sending process reads this file too.
"""

import ipaddress
from urllib.parse import urlsplit

# Services with an interface on the public internet, and the plain ones. What runs programs, writes files or talks to
# devices of the host (script, syslog, dbus, windows ...) is not here.
SCHEMES = frozenset(
    {
        *("json", "jsons", "xml", "xmls", "form", "forms", "mailto", "mailtos"),
        *("slack", "workflows", "discord", "gchat", "wxteams", "zulip", "tgram", "signal", "signals"),
        *("mmost", "mmosts", "rocket", "rockets", "matrix", "matrixs", "ntfy", "ntfys", "gotify", "gotifys"),
        *("pagerduty", "opsgenie", "splunk", "victorops", "pover", "pbul", "ifttt", "twilio", "ses", "sns"),
    }
)
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_SIX_TO_FOUR = ipaddress.ip_network("2002::/16")


def scheme_of(url: str) -> str:
    """What comes before `://`, in lower case; "" where there is nothing of the kind."""
    return urlsplit(url.strip()).scheme.lower()


def is_public(host: str) -> bool:
    """Whether a numeric address is one of the public internet.

    Not: private, loopback, link-local (RFC 1918, 4193, 3927: where clouds keep their metadata), shared (RFC 6598),
    multicast and reserved ones, nor an IPv6 address that hides one of these (mapped, NAT64, 6to4).
    """
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False  # a name: only what was resolved can be judged
    if isinstance(address, ipaddress.IPv6Address):
        hidden = address.ipv4_mapped
        if hidden is None and address in _NAT64:
            hidden = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if hidden is None and address in _SIX_TO_FOUR:
            hidden = ipaddress.IPv4Address((int(address) >> 80) & 0xFFFFFFFF)
        if hidden is not None:
            return is_public(str(hidden))
    return address.is_global and not address.is_multicast
