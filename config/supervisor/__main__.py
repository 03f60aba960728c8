"""What `manage.py up` and `manage.py cluster` turn into once all is checked: the supervisor alone, without Django.

It lives as long as the installation does, so it is kept small; see `launch.py` for who starts it and with what.
"""

import json
import logging
import os
import sys

from config.logs import FORMATTERS
from config.supervisor.launch import PLAN
from config.supervisor.process import Program
from config.supervisor.supervisor import Supervisor


def main() -> int:
    plan = json.loads(os.environ.pop(PLAN))
    handler = logging.StreamHandler()
    handler.setFormatter(FORMATTERS[plan["log_format"]]())
    logging.basicConfig(level=plan["log_level"], handlers=[handler])
    programs = [Program(**program) for program in plan["programs"]]
    return Supervisor(programs=programs, grace_seconds=plan["grace_seconds"], environment=os.environ).run()


if __name__ == "__main__":
    sys.exit(main())
