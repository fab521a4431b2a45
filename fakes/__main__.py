"""``quitt fakes``: the fakes of real providers as a process. SIGTERM and Ctrl-C end it."""

import sys

from fakes.app import create_app
from sandbox.__main__ import main

if __name__ == "__main__":
    sys.exit(main(None, "fakes", "Fakes of real payment providers.", 8003, create_app))
