"""Contents kept once a workspace by their SHA-256: frozen mail and attachments."""

from collections.abc import Mapping
from typing import Any

from execution.models import Part
from workspaces.bulk import insert_objects
from workspaces.canonical import sha256_hex
from workspaces.models import Workspace


def store_parts(*, workspace: Workspace, parts: Mapping[str, bytes]) -> None:
    """Keep each content; what is there already is left alone. Inside the scope."""
    insert_objects(
        (
            Part(workspace=workspace, sha256=digest, content=content, size=len(content))
            for digest, content in parts.items()
        ),
        ignore_conflicts=True,
    )


def mend_parts(*, workspace: Workspace, parts: Mapping[str, bytes]) -> None:
    """Keep each content, and put right what somebody changed under its digest. Inside the scope."""
    store_parts(workspace=workspace, parts=parts)
    for part in Part.objects.filter(workspace=workspace, sha256__in=list(parts)):
        if bytes(part.content) != parts[part.sha256]:
            Part.objects.filter(pk=part.pk).update(content=parts[part.sha256], size=len(parts[part.sha256]))


def stored_contents(*, workspace: Workspace, payload: Mapping[str, Any]) -> dict[str, bytes]:
    """The contents that a payload refers to by SHA-256 (attachments, a file), but for any that somebody changed.

    Inside the scope.
    """
    items = [payload, *payload.get("attachments", [])]
    wanted = {item["sha256"] for item in items if isinstance(item, Mapping) and "sha256" in item}
    rows = Part.objects.filter(workspace=workspace, sha256__in=wanted).values_list("sha256", "content")
    return {digest: bytes(content) for digest, content in rows if sha256_hex(bytes(content)) == digest}
