"""Calls of tools on MCP servers."""

from collections.abc import Mapping
from typing import Any

from execution.channels.base import ChannelSpec, Payload
from execution.channels.fields import Word


class McpPayload(Payload):
    """`mcp {server, tool, arguments}`: the server by its name in the workspace, never by an address."""

    server: Word
    tool: Word
    arguments: dict[str, Any]


def _summary(payload: Mapping[str, Any]) -> str:
    return f"Tool {payload['tool']} of {payload['server']}"


MCP = ChannelSpec(
    name="mcp",
    label="Tool call",
    schema=McpPayload,
    recipient_kind="none",
    consent_purpose=None,
    risk="high",
    default_gate="HR_OPS",
    chunk_size=1,
    summary=_summary,
)
