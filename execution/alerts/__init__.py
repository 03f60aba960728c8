"""Alerts: what kinds there are, when each is over by itself, who is told, and how the news leaves the console.

`services/alerts.py` opens and acknowledges them; this package is the machine behind it, run by the keeper.
"""
