"""The REST API of this app: contacts, organisations, consents and suppressions."""
