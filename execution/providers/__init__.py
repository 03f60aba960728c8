"""Providers: the code that performs an act through one service. The engine calls them; they know nothing of it."""
