"""Changes to code or to a static site, always as a pull request."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, model_validator

from execution.channels.base import ChannelSpec, Payload
from execution.channels.fields import Line, RelativePath

_REPOSITORY = r"^[A-Za-z0-9][A-Za-z0-9-]{0,99}/[A-Za-z0-9._-]{1,100}$"
# git-check-ref-format(1), narrowed to what needs no quoting anywhere.
_BRANCH = re.compile(r"(?!.*(?:\.\.|//|\.lock(?:/|\Z)|/\.|\.\Z|/\Z))[A-Za-z0-9][A-Za-z0-9._/-]{0,199}")


def _branch(value: str) -> str:
    if not _BRANCH.fullmatch(value):
        raise ValueError("is not the name of a branch, such as copy/new-headline")
    return value


class File(Payload):
    """The whole new content of one file."""

    path: RelativePath
    content: Annotated[str, Field(max_length=1_000_000)]


class CodePayload(Payload):
    """`code {repository, branch, title, body, files: [{path, content}]}`."""

    repository: Annotated[str, Field(pattern=_REPOSITORY)]
    branch: Annotated[str, AfterValidator(_branch)]
    title: Line
    body: Annotated[str, Field(max_length=60_000)]
    files: Annotated[list[File], Field(min_length=1, max_length=300)]

    @model_validator(mode="after")
    def _each_path_once(self) -> Self:
        paths = [file.path for file in self.files]
        if len(set(paths)) != len(paths):
            raise ValueError("names a file twice")
        return self


def _summary(payload: Mapping[str, Any]) -> str:
    return f"Pull request to {payload['repository']}: {payload['title']}"


CODE = ChannelSpec(
    name="code",
    label="Code change",
    schema=CodePayload,
    recipient_kind="none",
    consent_purpose=None,
    risk="medium",
    default_gate="HR_LANG",
    chunk_size=1,
    summary=_summary,
    max_bytes=5 * 1024 * 1024,
)
