"""The embedded PostgreSQL: whoever starts, dies or meddles, the next start works."""

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from portal import embedded, embedded_folder, embedded_processes, embedded_server
from portal.errors import Misconfigured, Unavailable

ROOT = Path(__file__).resolve().parent.parent
WINGS = {
    "quitt": ("quitt_owner", "quitt_app"),
    "quitt_office": ("office_owner", "office_app"),
}
# A door plate of our own for portal, because the real one brings all of Flask: slow to start.
HOLD = """
import sys, types
from pathlib import Path
sys.modules["portal"] = portal = types.ModuleType("portal")
portal.__path__ = [sys.argv[2]]
from portal import embedded
embedded.start(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.read()
"""

only_root = pytest.mark.skipif(os.geteuid() != 0, reason="tries what root may do")
all_may_enter = pytest.mark.skipif(
    any(
        not folder.stat().st_mode & stat.S_IXOTH
        for python in (Path(sys.executable), Path(sys.executable).resolve())
        for folder in python.parents
    ),
    reason="another user cannot run this Python: a folder above it is closed",
)
linux = pytest.mark.skipif(not Path("/proc/self").exists(), reason="reads /proc")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a stopped server, to copy: making one takes longer."""
    folder = tmp_path_factory.mktemp("embedded") / "made"
    embedded.stop(embedded.start(folder))
    return folder


@pytest.fixture
def data(tmp_path: Path, made: Path) -> Iterator[Path]:
    folder = shutil.copytree(made, tmp_path / "data")
    yield folder
    if folder in embedded._held:
        embedded._leave(folder)


@pytest.fixture
def cluster(data: Path) -> embedded.Cluster:
    return embedded.start(data)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user may enter, which pytest's own is not."""
    folder = Path(tempfile.mkdtemp(prefix="quitt-test-"))
    folder.chmod(0o755)
    yield folder
    for held in [held for held in embedded._held if held.is_relative_to(folder)]:
        embedded._leave(held)
    shutil.rmtree(folder)


def ask(cluster: embedded.Cluster, query: str) -> Any:
    with embedded_server.connect(cluster) as connection:
        row = connection.execute(query).fetchone()
    return row and row[0]


def may_connect(cluster: embedded.Cluster, database: str, role: str) -> bool:
    try:
        psycopg.connect(embedded.url(cluster, database, role)).close()
    except psycopg.OperationalError:
        return False
    return True


def postmaster(data: Path) -> int:
    found = embedded_server._postmaster(data)
    assert found is not None, "no server runs"
    return found


def runs(data: Path) -> bool:
    return embedded_server._postmaster(data) is not None


def hold_command(data: Path) -> list[str]:
    return [sys.executable, "-c", HOLD, str(data), str(ROOT / "portal")]


def hold(data: Path, **how: Any) -> subprocess.Popen[str]:
    holder = subprocess.Popen(
        hold_command(data),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        **how,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "ready\n"
    return holder


def end(holder: subprocess.Popen[str]) -> None:
    holder.communicate()
    assert holder.returncode == 0


def wait_until(happened: Callable[[], bool]) -> None:
    for _ in range(1000):
        if happened():
            return
        time.sleep(0.02)
    raise AssertionError("it never happened")


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


@contextmanager
def bystander() -> Iterator[int]:
    """A living process that has nothing to do with us."""
    process = subprocess.Popen(["sleep", "60"])
    yield process.pid
    process.kill()
    process.wait()


def test_a_new_folder_gets_a_server_that_loses_nothing_and_is_on_no_network(
    data: Path,
) -> None:
    shutil.rmtree(data)
    cluster = embedded.start(data)
    expected = {
        "fsync": "on", "synchronous_commit": "on", "full_page_writes": "on",
        "data_checksums": "on", "listen_addresses": "", "max_connections": "200",
        "server_encoding": "UTF8", "TimeZone": "UTC", "password_encryption": "scram-sha-256",
    }  # fmt: skip
    found = {name: ask(cluster, f"SHOW {name}") for name in expected}
    assert found == expected
    assert ask(cluster, "SELECT lower('ÄÖÜŁ')") == "äöüł"


def test_nobody_else_may_look_into_its_folder(cluster: embedded.Cluster) -> None:
    for name in ("pg-passwords.json", "pg.lock", "postgres/server.log"):
        assert stat.S_IMODE((cluster.folder / name).stat().st_mode) == 0o600
    for folder in (cluster.folder, cluster.folder / "postgres", cluster.socket_folder):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert cluster.superuser_password not in repr(cluster)


def test_without_the_password_nobody_comes_in(cluster: embedded.Cluster) -> None:
    address = embedded.url(cluster, "postgres", "postgres")
    with pytest.raises(psycopg.OperationalError, match="authentication failed"):
        psycopg.connect(address.replace(cluster.superuser_password, "wrong"))
    with pytest.raises(psycopg.OperationalError, match="no password supplied"):
        psycopg.connect(address.replace(":" + cluster.superuser_password, ""))


def test_each_wing_may_enter_its_own_database_and_no_other(cluster: embedded.Cluster) -> None:
    embedded.ensure(cluster, WINGS)
    embedded.ensure(cluster, WINGS)
    for database in [*WINGS, "postgres", "template1"]:
        for role in [role for roles in WINGS.values() for role in roles]:
            expected = role in WINGS.get(database, ())
            assert may_connect(cluster, database, role) is expected, (database, role)
    assert ask(cluster, "SELECT count(*) FROM pg_roles WHERE rolsuper") == 1


def test_a_role_without_its_kept_password_gets_a_new_one(cluster: embedded.Cluster) -> None:
    embedded.ensure(cluster, WINGS)
    kept = embedded_folder.passwords(cluster.folder)
    del kept["quitt_app"]
    embedded_folder.write_private(cluster.folder / "pg-passwords.json", json.dumps(kept))
    with pytest.raises(Misconfigured, match="quitt_app"):
        embedded.url(cluster, "quitt", "quitt_app")
    embedded.ensure(cluster, WINGS)
    assert may_connect(cluster, "quitt", "quitt_app")


def test_a_failing_statement_leaves_no_value_in_the_log(cluster: embedded.Cluster) -> None:
    with embedded_server.connect(cluster) as connection:
        connection.execute("CREATE TABLE t (name text UNIQUE)")
        for _ in range(2):
            try:
                connection.execute("INSERT INTO t VALUES ('Erika Mustermann')")
            except psycopg.errors.UniqueViolation:
                refused = True
    log = (cluster.folder / "postgres/server.log").read_text()
    assert refused
    assert "duplicate key" in log
    assert "Mustermann" not in log


def test_who_leaves_last_stops_the_server(data: Path) -> None:
    cluster = embedded.start(data)
    assert embedded.start(data) == cluster
    other = hold(data)
    embedded.stop(cluster)
    embedded.stop(cluster)
    assert runs(data)
    end(other)
    assert not runs(data)


def test_a_killed_user_of_the_server_does_not_keep_it_running(data: Path) -> None:
    cluster = embedded.start(data)
    other = hold(data)
    kill(other.pid)
    other.communicate()
    embedded.stop(cluster)
    assert not runs(data)


def test_when_all_are_killed_the_next_one_takes_the_server_over(data: Path) -> None:
    first = hold(data)
    server = postmaster(data)
    kill(first.pid)
    first.communicate()
    cluster = embedded.start(data)
    assert postmaster(data) == server
    embedded.stop(cluster)
    assert not runs(data)


def test_a_killed_server_comes_back_with_what_was_committed(data: Path) -> None:
    cluster = embedded.start(data)
    with embedded_server.connect(cluster) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1 AS n")
    kill(postmaster(data))
    wait_until(lambda: not runs(data))
    assert ask(embedded.start(data), "SELECT n FROM kept") == 1


@linux
def test_a_process_of_a_killed_server_that_works_on_is_ended_first(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded_server, "ORPHAN_PATIENCE", 0.1)
    cluster = embedded.start(data)
    connection = embedded_server.connect(cluster)
    orphan = connection.info.backend_pid
    os.kill(orphan, signal.SIGSTOP)  # as one that is deep in a long sum: it does not look up
    kill(postmaster(data))
    wait_until(lambda: not runs(data))
    embedded.start(data)
    assert orphan not in embedded_processes.orphans_of(data)
    connection.close()


@linux
def test_each_process_of_the_server_may_be_killed_in_turn(data: Path) -> None:
    cluster = embedded.start(data)
    for pid in embedded_processes.orphans_of(data):
        if embedded_processes.lives(pid):
            kill(pid)
            assert ask(embedded.start(data), "SELECT 1") == 1
    embedded.stop(cluster)
    assert not runs(data)


@pytest.mark.parametrize("half_written", ["", "12", "\n", "rubbish"])
def test_a_half_written_pid_file_does_not_block(data: Path, half_written: str) -> None:
    embedded.stop(embedded.start(data))
    (data / "postgres/cluster/postmaster.pid").write_text(half_written)
    assert ask(embedded.start(data), "SELECT 1") == 1


def test_a_pid_that_belongs_to_another_process_now_is_not_believed(data: Path) -> None:
    cluster = embedded.start(data)
    files = [
        data / "postgres/cluster/postmaster.pid",
        cluster.socket_folder / ".s.PGSQL.5432.lock",
    ]
    kept = [file.read_text() for file in files]
    server = str(postmaster(data))
    kill(int(server))
    wait_until(lambda: not runs(data))
    with bystander() as pid:
        for file, text in zip(files, kept, strict=True):
            file.write_text(text.replace(server, str(pid), 1))
        assert ask(embedded.start(data), "SELECT 1") == 1
        embedded.stop(cluster)
        os.kill(pid, 0)


def test_a_server_whose_socket_was_swept_away_is_replaced(data: Path) -> None:
    cluster = embedded.start(data)
    before = postmaster(data)
    shutil.rmtree(cluster.socket_folder)
    assert ask(embedded.start(data), "SELECT 1") == 1
    assert postmaster(data) != before


def test_many_may_start_at_once_in_an_empty_folder(data: Path) -> None:
    shutil.rmtree(data)
    with ThreadPoolExecutor() as pool:
        holders = list(pool.map(lambda _: hold(data), range(3)))
    for holder in holders:
        assert runs(data)
        end(holder)
    assert not runs(data)


def test_a_forked_child_neither_holds_the_server_nor_lets_it_go(data: Path) -> None:
    cluster = embedded.start(data)
    child = os.fork()
    if child == 0:
        os._exit(len(embedded._held))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    other = hold(data)
    end(other)
    assert runs(data)
    embedded.stop(cluster)
    assert not runs(data)


def test_the_terminal_cannot_interrupt_the_server(cluster: embedded.Cluster) -> None:
    assert os.getsid(postmaster(cluster.folder)) == postmaster(cluster.folder)


def test_a_server_of_another_version_is_left_alone(data: Path) -> None:
    embedded.stop(embedded.start(data))
    (data / "postgres/cluster/PG_VERSION").write_text("17\n")
    with pytest.raises(Misconfigured, match="belongs to PostgreSQL 17"):
        embedded.start(data)


def test_lost_passwords_are_named_as_the_reason(data: Path) -> None:
    embedded.stop(embedded.start(data))
    (data / "pg-passwords.json").unlink()
    with pytest.raises(Misconfigured, match="does not fit"):
        embedded.start(data)


def test_a_server_that_refuses_to_start_says_why(data: Path) -> None:
    with pytest.raises(Unavailable, match="max_connections"):
        embedded.start(data, {"max_connections": "many"})


def test_a_killed_first_start_leaves_nothing_that_matters(data: Path) -> None:
    embedded.stop(embedded.start(data))
    half = data / "postgres/new-0815"
    (data / "postgres/cluster").rename(half)
    embedded.start(data)
    assert not half.exists()


def test_a_long_path_has_its_socket_in_a_private_folder_that_goes_with_the_server(
    tmp_path: Path,
) -> None:
    data = tmp_path / ("sehr lang, " + "ä%\"'" * 30)
    assert len(os.fsencode(data)) > 170
    cluster = embedded.start(data)
    embedded.ensure(cluster, WINGS)
    assert may_connect(cluster, "quitt", "quitt_app")
    assert not cluster.socket_folder.is_relative_to(data)
    assert stat.S_IMODE(cluster.socket_folder.stat().st_mode) == 0o700
    assert embedded.start(data).socket_folder == cluster.socket_folder
    embedded.stop(cluster)
    assert not cluster.socket_folder.exists()


def test_a_copied_folder_never_reaches_the_server_of_the_first(tmp_path: Path) -> None:
    first, second = tmp_path / ("a" * 100), tmp_path / ("b" * 100)
    one = embedded.start(first)
    shutil.copytree(first, second, ignore=lambda *_: ["socket"])
    two = embedded.start(second)
    assert ask(one, "SHOW data_directory") == str(first / "postgres/cluster")
    assert ask(two, "SHOW data_directory") == str(second / "postgres/cluster")
    embedded.stop(two)
    assert ask(one, "SELECT 1") == 1
    embedded.stop(one)


@only_root
def test_root_changes_nothing_outside_the_folder(open_folder: Path) -> None:
    closed = open_folder / "closed"
    closed.mkdir(mode=0o700)
    before = closed.stat()
    embedded.start(closed / "data")
    after = closed.stat()
    assert (after.st_mode, after.st_uid) == (before.st_mode, before.st_uid)


@only_root
def test_root_without_user_namespaces_runs_it_as_an_ordinary_user(
    open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded_processes, "UNSHARE", ("false",))
    data = open_folder / "data"
    try:
        cluster = embedded.start(data)
    except Misconfigured:
        pytest.skip("this checkout is closed to ordinary users")
    assert (data / "postgres/cluster").stat().st_uid != 0
    assert stat.S_IMODE((data / "pg-passwords.json").stat().st_mode) == 0o600
    embedded.stop(cluster)
    assert ask(embedded.start(data), "SELECT 1") == 1


@only_root
def test_root_is_told_what_to_do_when_no_user_can_run_it(
    open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded_processes, "UNSHARE", ("no-such-program",))
    closed = open_folder / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(Misconfigured, match="Start Quitt as an ordinary user"):
        embedded.start(closed / "data")


@only_root
@all_may_enter
def test_another_user_and_root_may_take_turns(open_folder: Path) -> None:
    uid = 54321
    data = open_folder / "data"
    data.mkdir()
    os.chown(data, uid, uid)
    cluster = embedded.start(data)
    other = hold(data, user=uid, group=uid, extra_groups=[], cwd="/")
    embedded.stop(cluster)
    end(other)
    assert not runs(data)
    end(hold(data, user=uid, group=uid, extra_groups=[], cwd="/"))
    assert ask(embedded.start(data), "SELECT 1") == 1


@only_root
@all_may_enter
def test_a_user_without_an_account_may_run_it_too(open_folder: Path) -> None:
    data = open_folder / "data"
    data.mkdir()
    os.chown(data, 54322, 54322)
    other = hold(data, user=54322, group=54322, extra_groups=[], cwd="/")
    assert (data / "postgres/cluster").stat().st_uid == 54322
    end(other)


@only_root
@all_may_enter
def test_who_does_not_own_the_folder_is_told_so(open_folder: Path) -> None:
    data = open_folder / "data"
    embedded.start(data)
    refused = subprocess.run(
        hold_command(data),
        capture_output=True,
        text=True,
        check=False,
        user=54321,
        group=54321,
        cwd="/",
    )
    assert "start Quitt as the user that owns it" in refused.stderr
