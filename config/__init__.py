"""The whole put together: settings, addresses, processes. It imports the apps; no app imports it."""
