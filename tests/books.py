"""What must hold of the books after every test: the portal's own invariants, all of them."""

from typing import Any

from sqlalchemy import Connection, Engine, TextClause, create_engine, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session

from portal.proof import invariants

# What was planned for a few rows must do for many, too: without loops inside loops.
PLANNED_ONCE = "-c plan_cache_mode=force_generic_plan -c enable_nestloop=off -c jit=off"
OF_TABLES = "no column could hold a person"  # a rule of the tables, which no test's act changes
PLAIN = postgresql.dialect(paramstyle="named")


def check(session: Session) -> None:
    """Raise for the rules that are broken, with the rows that break them.

    A session that has not begun yet is left so: who changes tables would wait for it for ever.
    """
    if found := invariants.broken(session):
        raise AssertionError(found)


class Checker:
    """Who checks the books after each test, on a connection of its own.

    Fifty rules asked one by one cost more than many a test: they are one question, prepared once.
    Only if anything looks broken each rule is asked by itself.
    """

    def __init__(self, url: str) -> None:
        self._engine: Engine = create_engine(
            url, isolation_level="AUTOCOMMIT", connect_args={"options": PLANNED_ONCE}
        )
        self._connection: Connection | None = None

    def check(self) -> None:
        """Raise for the rules that are broken, with the rows that break them."""
        if self._connection is None:
            self._connection = self._prepared()
        if self._connection.exec_driver_sql("EXECUTE any_broken").scalar_one():
            with Session(self._engine) as session:
                check(session)

    def hang_up(self) -> None:
        """Be out of the way of who wants to be alone with the database."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        self._engine.dispose()

    def _prepared(self) -> Connection:
        connection = self._engine.connect()
        with Session(connection) as session:
            check(session)  # the rules of tables, too
            asked: list[TextClause] = [
                text(query).bindparams(**_told(query))
                for rule, query in invariants.rules().items()
                if not rule.startswith(OF_TABLES)
            ]
            asked += invariants.suspects(session)
        any_of = " OR ".join(f"EXISTS ({_literal(query)})" for query in asked)
        connection.exec_driver_sql(f"PREPARE any_broken AS SELECT {any_of}".replace("%", "%%"))
        return connection


def _told(query: str) -> dict[str, Any]:
    return {name: told for name, told in invariants.parameters().items() if f":{name}" in query}


def _literal(query: TextClause) -> str:
    return str(query.compile(dialect=PLAIN, compile_kwargs={"literal_binds": True}))
