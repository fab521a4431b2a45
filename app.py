"""The WSGI entry: granian, gunicorn and ``flask run`` all start here."""

import gc
import sys

from portal import create_app
from portal.config import Settings

app = create_app(Settings.from_env())
sys.setswitchinterval(0.0005)  # seconds: a thread with a database's answer waits for a busy one
gc.freeze()  # what lives as long as the process need not be searched for garbage, batch after batch
gc.set_threshold(20_000)  # objects: a batch makes them by the thousand, and hardly any in a circle
