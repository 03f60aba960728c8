"""Headers with a meaning of ours."""

from rest_framework.request import Request

from workspaces.errors import InvalidInput

MAX_KEY = 180  # each request of a plan adds its place to it


def idempotency_key(request: Request) -> str | None:
    """The header Idempotency-Key. Raises InvalidInput for one that is empty, too long or not plain ASCII."""
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    if not (1 <= len(key) <= MAX_KEY and key.isascii() and key.isprintable()):
        message = f"1 to {MAX_KEY} characters of plain ASCII."
        raise InvalidInput(f"Idempotency-Key: {message}", fields={"Idempotency-Key": message})
    return key
