"""django-post_office in one process, with a PostgreSQL of its own.

A batch as large as the queue, no log of successes, kept connections (its ConnectionHandler), and the queue filled by
`send_many` outside the time taken. Arguments: database URL parts as JSON, the port, the number of mails, a file with
the text, the number of threads. A line on stdin starts a round. Run by the Python of var/peers, which has it installed.
"""

import json
import sys
import time
from pathlib import Path

import django
from django.conf import settings


def main() -> None:
    database, port, mails = json.loads(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    text, threads = Path(sys.argv[4]).read_text(), int(sys.argv[5])
    settings.configure(
        DATABASES={"default": {"ENGINE": "django.db.backends.postgresql", "CONN_MAX_AGE": None, **database}},
        INSTALLED_APPS=["django.contrib.contenttypes", "post_office"],
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates"}],
        USE_TZ=True,
        SECRET_KEY="of-a-benchmark",
        EMAIL_BACKEND="post_office.EmailBackend",
        EMAIL_HOST="127.0.0.1",
        EMAIL_PORT=port,
        POST_OFFICE={"BATCH_SIZE": mails, "THREADS_PER_PROCESS": threads, "LOG_LEVEL": 0, "CELERY_ENABLED": False},
    )
    django.setup()
    from django.core.management import call_command
    from django.db import connection
    from post_office import mail

    call_command("migrate", verbosity=0)
    for _ in sys.stdin:
        mail.send_many(
            [
                {
                    "sender": "Rosa Diaz <sender@example.org>",
                    "recipients": [f"reader{place}@example.org"],
                    "subject": f"The hearing, number {place}",
                    "message": text,
                }
                for place in range(mails)
            ]
        )
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE post_office_email")
        cpu, begun = time.process_time(), time.monotonic()
        sent, failed, _ = mail.send_queued(processes=1, log_level=0)
        taken = {"seconds": time.monotonic() - begun, "cpu": time.process_time() - cpu}
        if (sent, failed) != (mails, 0):
            raise RuntimeError(f"{sent} sent, {failed} failed of {mails}")
        print(json.dumps({"sent": sent, **taken}), flush=True)


if __name__ == "__main__":
    main()
