"""The house rules: who may enter which room, who may know Flask, how files are called."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
WINGS = ("portal", "office", "sandbox", "fakes", "demo")

EDGES = {
    "views", "pages", "showing", "api", "orders_api", "token_api", "webhooks", "tasks", "cli",
    "accounts_cli", "worker", "notes_views", "part_urls", "transfer_views",
    "confirming_pages", "confirming_views", "waiting_urls",
}  # fmt: skip
TOP = {  # know every room's rows
    "portal/models.py",
    "portal/schema.py",
    "portal/rekeying.py",
    "portal/__init__.py",
}
BUILDERS = {"portal/__init__.py", "portal/worker.py", "portal/cli.py"}  # put edges together

# Every file on the ground floor is named here: a new one is a decision.
GROUND = {
    "audit", "catalogues", "clock", "config", "db", "embedded", "embedded_folder",
    "embedded_processes", "embedded_server", "environment", "epc", "errors", "failpoints", "jobs",
    "keys", "logs", "mail", "money", "pdf", "printing", "references", "refusals", "tenants",
    "words",
}  # fmt: skip

# fmt: off
MAY_ENTER: dict[str, set[str]] = {
    "ledger":    set(),
    "approvals": set(),
    "faces":     {"approvals"},
    "providers": set(),
    "worklist":  set(),
    "staff":     {"approvals"},
    "finance":   {"worklist", "approvals"},
    "requests":  {"ledger", "finance", "worklist"},
    "retention": {"requests", "approvals"},
    "payments":  {"requests", "providers", "ledger", "finance", "approvals", "worklist"},
    "returns":   {"payments", "requests", "providers", "ledger", "finance", "approvals",
                  "worklist"},
    "settlements": {"returns", "payments", "requests", "providers", "ledger", "finance",
                    "approvals", "worklist"},
    "proof":     {"requests", "payments", "ledger", "finance", "approvals", "worklist",
                  "retention"},
    "operating": {"faces", "finance", "payments", "proof", "requests", "retention", "settlements",
                  "worklist", "models", "rekeying", "schema"},  # the whole of the database
    "admin":     {"staff"},  # all of it is an edge
    "web":       {"requests", "payments"},  # the gate asks them; only edges enter the edge kit
}
# fmt: on
OFFICE_MAY_ENTER = {
    "catalogues",
    "money",
    "references",
    "errors",
    "clock",
    "config",
    "db",
    "embedded",
    "embedded_folder",
    "embedded_processes",
    "embedded_server",
    "epc",
    "pdf",
    "printing",
    "failpoints",
    "logs",
    "words",
}  # fmt: skip

KNOW_FLASK = {"portal/__init__.py", "portal/db.py", "portal/schema.py", "portal/cli.py",
              "portal/worker.py"}  # fmt: skip
SAY_NOTHING = {"utils", "helpers", "common", "base", "service", "manager", "misc", "constants"}

FILES = [path for wing in WINGS for path in sorted((ROOT / wing).rglob("*.py"))]
PORTAL = [path for path in FILES if path.is_relative_to(ROOT / "portal")]


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def room(path: Path) -> str:
    """The room of a file of the portal; ``ground`` for what stands on no floor above."""
    inner = path.relative_to(ROOT / "portal")
    return inner.parts[0] if len(inner.parts) > 1 else "ground"


def is_edge(path: Path) -> bool:
    return path.stem in EDGES or room(path) in {"web", "admin"}


@cache
def imported(path: Path) -> tuple[str, ...]:
    """Every imported name in full, also inside functions, but for what only type checkers see."""
    return tuple(_imported(path))


def _imported(path: Path) -> Iterator[str]:
    tree = ast.parse(path.read_text())
    hidden = {id(inner) for node in ast.walk(tree) if _for_types(node) for inner in ast.walk(node)}
    for node in ast.walk(tree):
        if id(node) in hidden:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.module, "write the full path: from portal.x import y"
            assert not node.level, "write the full path: from portal.x import y"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def of(wing: str, path: Path) -> Iterator[list[str]]:
    """What a file imports of a wing, split at the dots, without the wing."""
    for full in imported(path):
        top, *rest = full.split(".")
        if top == wing and rest:
            yield rest


each_file = pytest.mark.parametrize("path", FILES, ids=name)
each_portal_file = pytest.mark.parametrize("path", PORTAL, ids=name)


@each_portal_file
def test_a_file_enters_only_rooms_it_may_enter(path: Path) -> None:
    if name(path) in TOP | BUILDERS:
        return
    mine = room(path)
    allowed = GROUND | ({mine} | MAY_ENTER[mine] if mine in MAY_ENTER else set())
    if is_edge(path):
        allowed |= set(MAY_ENTER)  # edges may enter any room's core, and the edge kit
    entered = {first for first, *_ in of("portal", path)}
    assert entered <= allowed, f"{name(path)} may not enter {sorted(entered - allowed)}"


@each_portal_file
def test_nobody_imports_an_edge_of_another_room(path: Path) -> None:
    if name(path) in BUILDERS:
        return
    for first, *rest in of("portal", path):
        edge = bool(EDGES & set(rest[:1])) and first != "web"
        own = first == room(path) and is_edge(path)
        assert own or not edge, f"{name(path)} imports the edge portal.{first}.{rest[0]}"
        assert first != "admin" or room(path) == "admin", f"{name(path)} enters the admin view"
        assert first != "web" or is_edge(path), f"{name(path)} is no edge and imports the edge kit"


@each_portal_file
def test_only_edges_know_flask(path: Path) -> None:
    if is_edge(path) or name(path) in KNOW_FLASK:
        return
    known = {full for full in imported(path) if full.lower().startswith("flask")}
    assert not known, f"{name(path)} knows {sorted(known)}"


def test_every_file_of_the_ground_floor_is_named() -> None:
    found = {path.stem for path in (ROOT / "portal").glob("*.py")}
    assert found - GROUND <= {Path(file).stem for file in TOP | BUILDERS}


def test_every_room_of_the_portal_has_a_floor() -> None:
    rooms = {room(path) for path in PORTAL} - {"ground"}
    assert rooms == set(MAY_ENTER)


@pytest.mark.parametrize("path", [p for p in PORTAL if room(p) == "providers"], ids=name)
def test_an_adapter_knows_no_database_and_no_flask(path: Path) -> None:
    known = {full.split(".")[0].lower() for full in imported(path)}
    assert not known & {"flask", "sqlalchemy", "psycopg", "flask_sqlalchemy"}
    assert {first for first, *_ in of("portal", path)} <= {
        "money", "errors", "providers", "references", "clock"
    }  # fmt: skip


@pytest.mark.parametrize("path", [p for p in FILES if p.parts[-2] == "sandbox"], ids=name)
def test_the_practice_provider_knows_nothing_of_the_portal_but_the_time(path: Path) -> None:
    assert {first for first, *_ in of("portal", path)} <= {"clock"}
    assert not list(of("office", path))


@pytest.mark.parametrize("path", [p for p in FILES if p.is_relative_to(ROOT / "fakes")], ids=name)
def test_the_fakes_know_the_practice_provider_and_the_time_and_never_an_adapter(path: Path) -> None:
    assert {first for first, *_ in of("portal", path)} <= {"clock"}
    assert not [*of("office", path), *of("demo", path)]
    assert not {
        full for full in imported(path) if full.split(".")[0] in {"stripe", "paypalrestsdk"}
    }


@pytest.mark.parametrize("path", [p for p in FILES if p.is_relative_to(ROOT / "office")], ids=name)
def test_the_office_stands_on_the_ground_floor_only(path: Path) -> None:
    entered = {first for first, *_ in of("portal", path)}
    assert entered <= OFFICE_MAY_ENTER, sorted(entered - OFFICE_MAY_ENTER)


@each_portal_file
def test_the_portal_knows_neither_office_nor_sandbox_nor_fakes_nor_demo(path: Path) -> None:
    if path.stem == "cli":
        return
    beside = {"office", "sandbox", "fakes"}
    assert not {full for full in imported(path) if full.split(".")[0] in beside}
    assert not list(of("demo", path))


@each_file
def test_a_file_is_called_after_what_it_holds(path: Path) -> None:
    assert path.stem not in SAY_NOTHING


@pytest.mark.parametrize("path", [p for p in FILES if p.stem == "__init__"], ids=name)
def test_a_door_plate_holds_no_code(path: Path) -> None:
    if name(path) == "portal/__init__.py":
        return
    (only,) = ast.parse(path.read_text()).body
    assert isinstance(only, ast.Expr)
    assert isinstance(only.value, ast.Constant)
    assert isinstance(only.value.value, str)
