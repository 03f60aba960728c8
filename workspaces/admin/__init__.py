"""The base of the console's lists and pages, and this app's own: members, tokens, settings, audit log."""
