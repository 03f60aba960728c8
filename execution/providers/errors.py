"""How a call can go wrong. The engine needs to know one thing above all: did it happen, or can nobody tell?"""


class ProviderError(Exception):
    """A call that did not go through. `code` is the service's own (an SMTP reply, an HTTP status), None without one.

    The text is for people: it says what happened and, where there is something to be done, what. It never holds a
    secret.
    """

    def __init__(self, detail: str, *, code: int | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code


class Transient(ProviderError):
    """It definitely did not happen, and may well later: try again.

    retry_after: seconds that the service asked to be left alone. Such an answer is throttling, not a failure.
    """

    def __init__(self, detail: str, *, code: int | None = None, retry_after: float | None = None) -> None:
        super().__init__(detail, code=code)
        self.retry_after = retry_after


class Stale(Transient):
    """A connection that was opened ahead is gone. Open it anew, and ask again whether the call may still begin."""


class Permanent(ProviderError):
    """It definitely did not happen, and would not the next time either."""


class Ambiguous(ProviderError):
    """It may have happened. Never tried again without the service's own key or a person's word."""


class Misconfigured(Exception):
    """The account cannot be used as it is: a wrong password, a refused sender, no encryption. Nothing was sent.

    Outside the tree above, because the next request would meet the same: the account stops, the requests wait.
    """

    def __init__(self, detail: str, *, code: int | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code
