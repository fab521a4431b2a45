"""The WSGI entry: granian, gunicorn and ``flask run`` all start here."""

import gc

from portal import create_app
from portal.config import Settings

app = create_app(Settings.from_env())
gc.freeze()  # what lives as long as the process need not be searched for garbage, batch after batch
