"""notes go in order: none of a later year while those of an earlier one must stay"""

from pathlib import Path

from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None

FOLDER = Path(__file__).parent.parent
FUNCTIONS = FOLDER / "retention-0034.sql"
BEFORE = FOLDER / "retention-0031.sql"
PURGE_YEAR = "CREATE OR REPLACE FUNCTION purge_year("


def upgrade() -> None:
    _run(FUNCTIONS.read_text(encoding="utf-8"))


def downgrade() -> None:
    _, _, before = BEFORE.read_text(encoding="utf-8").partition(PURGE_YEAR)
    body, end, _ = before.partition("END $$;")
    _run(PURGE_YEAR + body + end)
    _run("DROP FUNCTION purge_notes")


def _run(sql: str) -> None:
    op.get_bind().exec_driver_sql(sql.replace("%", "%%"))
