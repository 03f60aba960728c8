from execution.management.holding import HoldingCommand
from execution.services.holds import set_hold


class Command(HoldingCommand):
    help = "Hold everything in a scope: from 100 ms after this returns no provider call in it begins."
    act = staticmethod(set_hold)
    done = "Held"
