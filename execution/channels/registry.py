"""Every channel by its name. A channel whose work lies above this app is registered from there, at start."""

from execution.channels.ads import ADS
from execution.channels.base import ChannelSpec
from execution.channels.calendar import CALENDAR
from execution.channels.cms import CMS
from execution.channels.code import CODE
from execution.channels.crm import CRM
from execution.channels.email import EMAIL
from execution.channels.files import FILES
from execution.channels.mcp import MCP
from execution.channels.newsletter import NEWSLETTER
from execution.channels.press import PRESS
from execution.channels.seo import SEO
from execution.channels.sms import SMS
from execution.channels.social import SOCIAL
from execution.channels.voice import VOICE
from execution.channels.webhook import WEBHOOK
from workspaces.errors import InvalidInput

_BUILT_IN = (
    EMAIL, SMS, VOICE, SOCIAL, PRESS, NEWSLETTER, CMS, CODE, SEO, ADS, CRM, CALENDAR, FILES, WEBHOOK, MCP
)  # fmt: skip
_channels: dict[str, ChannelSpec] = {spec.name: spec for spec in _BUILT_IN}


def get(name: str) -> ChannelSpec:
    """The channel called `name`. Raises InvalidInput for the field `channel`, listing those there are."""
    try:
        return _channels[name]
    except (KeyError, TypeError):
        known = ", ".join(names())
        message = f"There is no channel {str(name)[:60]!r}. Channels: {known}."
        raise InvalidInput(message, fields={"channel": f"must be one of {known}"}) from None


def register(spec: ChannelSpec) -> None:
    """Add a channel. Registering the same one again does nothing; raises ValueError if the name means another."""
    if _channels.setdefault(spec.name, spec) != spec:
        raise ValueError(f"the channel {spec.name!r} is registered already, as something else")


def names() -> list[str]:
    """The names of all channels, in the order they are shown."""
    return list(_channels)
