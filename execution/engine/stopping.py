"""Whether this process was asked to end. What has begun is finished; nothing new is begun."""

import threading

requested = threading.Event()
