from execution.management.holding import HoldingCommand
from execution.services.holds import release_hold


class Command(HoldingCommand):
    help = "Release a hold. Only a person can: name one with --as."
    act = staticmethod(release_hold)
    done = "Released"
