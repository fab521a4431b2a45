"""names go: those of staff, with the books of the year in which what they did has ended"""

from pathlib import Path

from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

FOLDER = Path(__file__).parent.parent
FUNCTIONS = FOLDER / "retention-0031.sql"
BEFORE = FOLDER / "retention-0006.sql"
PURGE_YEAR = "CREATE FUNCTION purge_year("


def upgrade() -> None:
    _run(FUNCTIONS.read_text(encoding="utf-8"))


def downgrade() -> None:
    """What is gone stays gone."""
    _, _, before = BEFORE.read_text(encoding="utf-8").partition(PURGE_YEAR)
    body, _, _ = before.partition("REVOKE ALL")
    _run(f"CREATE OR REPLACE FUNCTION purge_year({body}")
    _run("DROP FUNCTION purge_names")


def _run(sql: str) -> None:
    op.get_bind().exec_driver_sql(sql.replace("%", "%%"))
