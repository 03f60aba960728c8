"""The raw limit: smtplib over prebuilt bytes and one connection, nothing recorded.

Arguments: the port, the number of mails, a file with one message. A line on stdin starts a round; the answer is a line
of JSON with `seconds` and `cpu` (seconds of this process). Standard library only.
"""

import json
import smtplib
import sys
import time
from pathlib import Path


def main() -> None:
    port, mails, message = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]).read_bytes()
    for _ in sys.stdin:
        with smtplib.SMTP("127.0.0.1", port) as session:
            session.ehlo()
            cpu, begun = time.process_time(), time.monotonic()
            for place in range(mails):
                session.sendmail("sender@example.org", [f"reader{place}@example.org"], message)
            taken = {"seconds": time.monotonic() - begun, "cpu": time.process_time() - cpu}
        print(json.dumps({"sent": mails, **taken}), flush=True)


if __name__ == "__main__":
    main()
