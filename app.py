"""The WSGI entry: granian, gunicorn and ``flask run`` all start here."""

import gc
import multiprocessing
import os
import signal
import sys
import threading
from multiprocessing.process import BaseProcess

from portal import create_app
from portal.config import Settings


def _end_with(server: BaseProcess) -> None:
    server.join()
    os.kill(os.getpid(), signal.SIGTERM)


app = create_app(Settings.from_env())
sys.setswitchinterval(0.0005)  # seconds: a thread with a database's answer waits for a busy one
gc.freeze()  # what lives as long as the process need not be searched for garbage, batch after batch
gc.set_threshold(20_000)  # objects: a batch makes them by the thousand, and hardly any in a circle
if server := multiprocessing.parent_process():
    # One that was killed cannot end us: we would answer beside the next one, on the same port.
    threading.Thread(target=_end_with, args=(server,), name="server", daemon=True).start()
