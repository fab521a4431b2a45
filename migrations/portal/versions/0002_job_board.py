"""the job board of Procrastinate, its version pinned"""

from pathlib import Path

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

BOARD = Path(__file__).parent.parent / "procrastinate-3.10.sql"

TAKE_DOWN = """
DO $$
DECLARE thing record;
BEGIN
    FOR thing IN SELECT format('%I', tablename) AS name FROM pg_tables
                 WHERE schemaname = 'public' AND tablename LIKE 'procrastinate\\_%' LOOP
        EXECUTE 'DROP TABLE IF EXISTS ' || thing.name || ' CASCADE';
    END LOOP;
    FOR thing IN SELECT p.oid::regprocedure::text AS name FROM pg_proc p
                 JOIN pg_namespace n ON n.oid = p.pronamespace
                 WHERE n.nspname = 'public' AND p.proname LIKE 'procrastinate\\_%' LOOP
        EXECUTE 'DROP FUNCTION IF EXISTS ' || thing.name || ' CASCADE';
    END LOOP;
    FOR thing IN SELECT format('%I', t.typname) AS name FROM pg_type t
                 JOIN pg_namespace n ON n.oid = t.typnamespace
                 WHERE n.nspname = 'public' AND t.typname LIKE 'procrastinate\\_%'
                 AND t.typtype IN ('e', 'c') LOOP
        EXECUTE 'DROP TYPE IF EXISTS ' || thing.name || ' CASCADE';
    END LOOP;
END $$
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(BOARD.read_text(encoding="utf-8").replace("%", "%%"))


def downgrade() -> None:
    op.get_bind().exec_driver_sql(TAKE_DOWN.replace("%", "%%"))
