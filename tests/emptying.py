"""The ground that each test of a database begins on."""

from collections.abc import Iterable

from psycopg import sql

from portal import embedded, embedded_server

# Speed only: a test's database need not survive a power cut. What each test leaves is cleared
# away before it slows down the next ones.
SERVER = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum_naptime": "5s",
}
NUMBERS_ANEW = "SELECT setval(oid, 1, false) FROM pg_class WHERE relkind = 'S'"
NUMBERS_GIVEN = "SELECT sequencename, last_value FROM pg_sequences WHERE last_value IS NOT NULL"
# Only the server's own superuser passes by triggers and foreign keys.
PASSING_BY = "SET session_replication_role = replica"


class Ground:
    """Empties these tables and begins all numbers anew; then lays what was kept, if anything.

    A few rows are deleted ten times faster than tables are truncated, and plans of statements
    stay good. The connection stays too, until it is hung up: a new one would have to learn all
    tables first.
    """

    def __init__(self, cluster: embedded.Cluster, database: str, tables: Iterable[str]) -> None:
        self._place = cluster, database
        self._tables = tuple(tables)
        self._connection: embedded_server.Connection | None = None
        self._steps = [*(f"DELETE FROM {table}" for table in self._tables), NUMBERS_ANEW]

    def lay(self) -> None:
        """Whatever stands there goes, and what was kept comes back."""
        self._connected().execute("; ".join(self._steps).encode())

    def keep(self) -> None:
        """What stands there now is what each test begins with."""
        connection = self._connected()
        for table in self._tables:
            asked = f"SELECT jsonb_agg(to_jsonb(one))::text FROM {table} one"
            (rows,) = connection.execute(asked.encode()).fetchone() or (None,)
            if rows:
                self._steps.append(
                    f"INSERT INTO {table} OVERRIDING SYSTEM VALUE"
                    f" SELECT * FROM jsonb_populate_recordset(NULL::{table},"
                    f" {sql.Literal(rows).as_string(connection)})"
                )
        for name, last in connection.execute(NUMBERS_GIVEN).fetchall():
            self._steps.append(f"SELECT setval('{name}', {last})")

    def hang_up(self) -> None:
        """Be out of the way of who wants to be alone with the database."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connected(self) -> embedded_server.Connection:
        if self._connection is None:
            self._connection = embedded_server.connect(*self._place)
            self._connection.execute(PASSING_BY)
        return self._connection
