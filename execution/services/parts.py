"""Contents kept once a workspace by their SHA-256: frozen mail and attachments."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import connection

from execution.models import Part, PartUse
from workspaces.bulk import insert_objects
from workspaces.canonical import sha256_hex
from workspaces.models import Workspace

Documents = Mapping[UUID, Mapping[str, Any]]


def store_parts(*, workspace: Workspace, parts: Mapping[str, bytes], documents: Documents) -> None:
    """Keep each content, what is there already being left alone, and note which request needs what others may share.

    documents: request -> its frozen document. In the transaction that writes these, inside the scope.
    """
    _insert(workspace=workspace, parts=parts)
    uses = {request_id: shared_digests(document) for request_id, document in documents.items()}
    shared = set().union(*uses.values())
    if not shared:
        return
    held = _hold(workspace=workspace, digests=shared)
    # What retention was deleting at this moment is gone by now; nobody can delete what is made here.
    _insert(workspace=workspace, parts={digest: parts[digest] for digest in shared - held if digest in parts})
    insert_objects(
        (
            PartUse(workspace=workspace, request_id=request_id, sha256=digest)
            for request_id, digests in uses.items()
            for digest in sorted(digests)
        ),
        ignore_conflicts=True,
    )


def mend_parts(*, workspace: Workspace, parts: Mapping[str, bytes], documents: Documents) -> None:
    """Keep each content, and put right what somebody changed under its digest. Inside the scope."""
    store_parts(workspace=workspace, parts=parts, documents=documents)
    for part in Part.objects.filter(workspace=workspace, sha256__in=list(parts)):
        if bytes(part.content) != parts[part.sha256]:
            Part.objects.filter(pk=part.pk).update(content=parts[part.sha256], size=len(parts[part.sha256]))


def shared_digests(document: Mapping[str, Any]) -> set[str]:
    """What a document names that another request's may name too: all but its own mail, the wire's first piece."""
    return {*document.get("wire", [])[1:], *_contents(document.get("payload", {}))}


def stored_contents(*, workspace: Workspace, payload: Mapping[str, Any]) -> dict[str, bytes]:
    """The contents that a payload refers to by SHA-256 (attachments, a file), but for any that somebody changed.

    Inside the scope.
    """
    wanted = _contents(payload)
    rows = Part.objects.filter(workspace=workspace, sha256__in=wanted).values_list("sha256", "content")
    return {digest: bytes(content) for digest, content in rows if sha256_hex(bytes(content)) == digest}


def _contents(payload: Mapping[str, Any]) -> set[str]:
    items = [payload, *payload.get("attachments", [])]
    return {item["sha256"] for item in items if isinstance(item, Mapping) and "sha256" in item}


def _insert(*, workspace: Workspace, parts: Mapping[str, bytes]) -> None:
    insert_objects(
        (
            Part(workspace=workspace, sha256=digest, content=content, size=len(content))
            for digest, content in parts.items()
        ),
        ignore_conflicts=True,
    )


def _hold(*, workspace: Workspace, digests: set[str]) -> set[str]:
    """Those that are there, kept from being deleted until the commit; others may hold them too. SQLite: one writer."""
    if connection.vendor != "postgresql":
        return set(Part.objects.filter(workspace=workspace, sha256__in=digests).values_list("sha256", flat=True))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT sha256 FROM execution_part WHERE workspace_id = %s AND sha256 = ANY(%s) ORDER BY id FOR KEY SHARE",
            [workspace.pk, sorted(digests)],
        )
        return {digest for (digest,) in cursor.fetchall()}
