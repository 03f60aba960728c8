"""The REST API of this app: campaigns, goals, tasks, runs and drafts."""
