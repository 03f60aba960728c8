from datetime import time

from django.db import models

from execution.models.base import TenantModel


class SendWindow(TenantModel):
    """When a channel may reach people, by the recipient's clock: `weekdays` as digits, Monday is 0; from `opens` up to
    but without `closes`, where 00:00 is the midnight that ends the day. One a channel; without one, at any time.
    """

    channel = models.CharField(max_length=20)
    weekdays = models.CharField(max_length=7, default="0123456", help_text="Digits from 0 (Monday) to 6 (Sunday).")
    opens = models.TimeField(default=time(8))
    closes = models.TimeField(default=time(21), help_text="00:00 is the midnight that ends the day.")

    class Meta:
        ordering = ["channel"]
        constraints = [
            models.UniqueConstraint(fields=["workspace", "channel"], name="send_window_once_a_channel"),
        ]

    def __str__(self) -> str:
        return f"{self.channel} {self.opens:%H:%M} to {self.closes:%H:%M}"
