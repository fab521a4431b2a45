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
NUMBERS = "SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = 'public'"
# Only the server's own superuser passes by triggers and foreign keys.
PASSING_BY = "SET session_replication_role = replica"
LAY = """CREATE OR REPLACE FUNCTION pg_temp.lay() RETURNS void LANGUAGE plpgsql
AS $lay$BEGIN {}; END$lay$"""


class Ground:
    """Empties these tables and begins all numbers anew; then lays what was kept, if anything.

    A few rows are deleted ten times faster than tables are truncated, and plans of statements
    stay good. The connection stays too, until it is hung up: a new one would have to learn all
    tables first. All steps are one function, so that each is planned once.
    """

    def __init__(self, cluster: embedded.Cluster, database: str, tables: Iterable[str]) -> None:
        self._place = cluster, database
        self._tables = tuple(tables)
        self._connection: embedded_server.Connection | None = None
        self._kept: list[str] = []

    def lay(self) -> None:
        """Whatever stands there goes, and what was kept comes back."""
        self._connected().execute("SELECT pg_temp.lay()")

    def keep(self) -> None:
        """What stands there now is what each test begins with."""
        connection = self._connected()
        for table in self._tables:
            asked = f"SELECT jsonb_agg(to_jsonb(one))::text FROM {table} one"
            (rows,) = connection.execute(asked.encode()).fetchone() or (None,)
            if rows:
                self._kept.append(
                    f"INSERT INTO {table} OVERRIDING SYSTEM VALUE"
                    f" SELECT * FROM jsonb_populate_recordset(NULL::{table},"
                    f" {sql.Literal(rows).as_string(connection)})"
                )
        for name, last in connection.execute(NUMBERS).fetchall():
            if last is not None:
                self._kept.append(f"PERFORM setval('{name}', {last})")
        self._learn(connection)

    def hang_up(self) -> None:
        """Be out of the way of who wants to be alone with the database."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connected(self) -> embedded_server.Connection:
        if self._connection is None:
            self._connection = embedded_server.connect(*self._place)
            self._connection.execute(PASSING_BY)
            self._learn(self._connection)
        return self._connection

    def _learn(self, connection: embedded_server.Connection) -> None:
        """Let this connection know the steps."""
        steps = [f"DELETE FROM {table}" for table in self._tables]
        numbered = connection.execute(NUMBERS).fetchall()
        steps += [f"PERFORM setval('{name}', 1, false)" for name, _ in numbered]
        connection.execute(LAY.format("; ".join([*steps, *self._kept])).encode())
