"""Every provider by its key. Imported when first used: some bring a heavy SDK along, which may not be installed."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module

from execution.providers.base import Provider
from workspaces.errors import InvalidInput

PROVIDERS: dict[str, str] = {
    "smtp": "execution.providers.smtp.SmtpProvider",
    "webhook": "execution.providers.webhook.WebhookProvider",
}

_loaded: dict[str, Provider] = {}


def get(key: str) -> Provider:
    """The provider called `key`. Raises InvalidInput for the field `provider`, listing those there are."""
    if key in _loaded:
        return _loaded[key]
    if key not in PROVIDERS:
        known = ", ".join(names())
        message = f"There is no provider {str(key)[:60]!r}. Providers: {known}."
        raise InvalidInput(message, fields={"provider": f"must be one of {known}"})
    return _loaded.setdefault(key, _load(PROVIDERS[key]))


def register(provider: Provider) -> None:
    """Add a provider whose work lies above this app. Raises ValueError if its name means another."""
    if provider.name in PROVIDERS or type(_loaded.setdefault(provider.name, provider)) is not type(provider):
        raise ValueError(f"the provider {provider.name!r} is registered already, as something else")


def names() -> list[str]:
    """The keys of all providers, in the order they are shown."""
    return list(dict.fromkeys([*PROVIDERS, *_loaded]))


def problems() -> list[str]:
    """What is wrong with the table, one sentence each; empty when every path leads to a provider."""
    found = []
    for key, path in PROVIDERS.items():
        try:
            provider = _load(path)
        except (ImportError, AttributeError, TypeError) as wrong:
            found.append(f"The provider {key} cannot be loaded from {path}: {wrong}.")
            continue
        if provider.name != key:
            found.append(f"The provider at {path} calls itself {provider.name}, but is registered as {key}.")
    return found


@contextmanager
def register_temporarily(provider: Provider, *, key: str | None = None) -> Iterator[Provider]:
    """Put `provider` under its name, or under `key`, for the length of a `with` block. For tests."""
    key = key or provider.name
    before = _loaded.get(key)
    _loaded[key] = provider
    try:
        yield provider
    finally:
        if before is None:
            del _loaded[key]
        else:
            _loaded[key] = before


def _load(path: str) -> Provider:
    module, _, name = path.rpartition(".")
    provider = getattr(import_module(module), name)()
    if not isinstance(provider, Provider):
        raise TypeError(f"{path} is not a Provider")
    return provider
