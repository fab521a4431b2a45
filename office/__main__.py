"""``python -m office …``"""

from office.cli import office

office(prog_name="quitt office")
