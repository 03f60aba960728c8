"""Emails as bytes: the RFC 5322 and MIME builder whose output is what the seal covers and what SMTP sends."""

from execution.wire.addresses import split_mailbox, wire_address
from execution.wire.dates import date_line
from execution.wire.message import Sender, build_email, message_id_for

__all__ = ["Sender", "build_email", "date_line", "message_id_for", "split_mailbox", "wire_address"]
