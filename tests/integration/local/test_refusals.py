"""What stands in the way of the local stack is said, with what to do about it."""

from __future__ import annotations

import asyncio
import hashlib
import os
import socket
import stat
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from pledge.runtime.config.settings import KafkaSettings, SettingsError
from pledge_local import jars, preflight
from pledge_local.errors import LocalError
from pledge_local.home import Home
from pledge_local.java import find_java
from pledge_local.plan import make_plan
from pledge_local.ports import Ports
from pledge_local.postgres import Server
from pledge_local.topics import TopicPlan, ensure_topics, read_topics
from support import topics
from support.cluster import ROOT


def a_java(folder: Path, version: str) -> Path:
    java = folder / "java"
    java.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2020-01-01' >&2\n")
    java.chmod(0o755)
    return java


@pytest.fixture
def listener() -> Iterator[int]:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


def test_taken_port_names_the_program_and_a_way_out(listener: int) -> None:
    with pytest.raises(LocalError) as refusal:
        Ports(listener - 1).check_free(["sink", "intake"])
    assert f"port {listener} (for intake)" in refusal.value.problem
    assert f"process {os.getpid()}" in refusal.value.problem
    assert "--port-base" in refusal.value.remedy


def test_second_start_in_a_folder_names_the_first(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.prepare()
    with home.held():
        home.write_stack({"sla": {"url": "http://127.0.0.1:8102"}})
        with pytest.raises(LocalError) as refusal, Home(tmp_path / "home").held():
            pass
    assert f"process {os.getpid()}" in refusal.value.problem
    assert "http://127.0.0.1:8102" in refusal.value.problem
    assert "pledge down" in refusal.value.remedy


def test_addresses_are_for_the_owner_alone_and_gone_after_the_stop(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.prepare()
    with home.held():
        home.write_stack({"token": "secret"})
        assert stat.S_IMODE(home.stack_file.stat().st_mode) == 0o600
        assert stat.S_IMODE(home.folder.stat().st_mode) == 0o700
        assert home.stack() == {"token": "secret"}
        assert home.runner() == os.getpid()
    assert home.stack() is None
    assert home.runner() is None
    # As a stack that was killed leaves it: nobody answers there.
    home.write_stack({"token": "secret"})
    assert home.stack() is None


def test_folder_that_cannot_be_written_is_named() -> None:
    with pytest.raises(LocalError) as refusal:
        Home(Path("/proc/pledge")).prepare()
    assert "/proc/pledge can't be written" in refusal.value.problem
    assert "--home" in refusal.value.remedy


def test_what_holds_mails_is_for_the_owner_alone_in_a_folder_open_to_all(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    (tmp_path / "kafka").mkdir(mode=0o755)
    home = Home(tmp_path)
    home.prepare()
    for folder in (home.logs, home.keys, home.sink, home.kafka):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@pytest.mark.parametrize("kind", ["a link", "open to others"])
def test_socket_folder_that_somebody_else_prepared_is_refused(tmp_path: Path, kind: str) -> None:
    server = Server(tmp_path / ("long" * 30) / "postgres")
    (server.folder).mkdir(parents=True)
    (server.folder / "PG_VERSION").write_text("18")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    place = server.socket_folder
    try:
        if kind == "a link":
            place.symlink_to(elsewhere)
        else:
            place.mkdir()
            place.chmod(0o777)
        with pytest.raises(LocalError, match="not ours alone"):
            server.start()
    finally:
        if place.is_symlink():
            place.unlink()
        else:
            place.rmdir()


def test_chosen_java_that_is_too_old_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLEDGE_JAVA", str(a_java(tmp_path, "1.8.0_292")))
    with pytest.raises(LocalError) as refusal:
        find_java()
    assert "is Java 8" in refusal.value.problem
    assert "17" in refusal.value.remedy


def test_chosen_java_that_is_new_enough_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    java = a_java(tmp_path, "17.0.2")
    monkeypatch.setenv("PLEDGE_JAVA", str(java))
    assert find_java() == java


def test_java_that_does_not_exist_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLEDGE_JAVA", "/nowhere/java")
    with pytest.raises(LocalError, match="/nowhere/java can't be run"):
        find_java()


def test_too_little_memory_is_refused() -> None:
    with pytest.raises(LocalError, match="Only 300 MB of memory are free"):
        preflight.check_memory(300_000_000)


def test_broken_desk_file_is_refused_with_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = tmp_path / "desks" / "acme"
    desk.mkdir(parents=True)
    (desk / "intake.yaml").write_text("desk: acme\nname: [unclosed\n")
    monkeypatch.setenv("PLEDGE_DESKS", str(desk.parent))
    plan = make_plan(Home(tmp_path / "home"), 8100)
    with pytest.raises(LocalError) as refusal:
        preflight.check_desks(plan)
    assert f"{desk / 'intake.yaml'}:" in refusal.value.problem
    assert "pledge desk check" in refusal.value.remedy


def test_port_base_out_of_range_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LocalError, match="--port-base 80 "):
        make_plan(Home(tmp_path), 80)


def test_desks_folder_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LocalError, match="does not exist"):
        make_plan(Home(tmp_path), 8100, {"PLEDGE_DESKS": str(tmp_path / "nowhere")})


def test_existing_cluster_is_used_with_its_tls_and_sasl(tmp_path: Path) -> None:
    plan = make_plan(
        Home(tmp_path),
        8100,
        {
            "KAFKA_BOOTSTRAP_SERVERS": "kafka.example:9093",
            "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
            "KAFKA_SASL_MECHANISM": "PLAIN",
            "KAFKA_SASL_USERNAME": "pledge",
            "KAFKA_SASL_PASSWORD": "secret",
            "PLEDGE_SLA_DSN": "postgresql://sla@db.example/sla",
        },
    )
    assert plan.kafka is not None
    assert plan.kafka.security_protocol == "SASL_SSL"
    assert plan.own_databases == ("intake", "notify", "status")
    assert "kafka" not in plan.used_ports


def test_existing_cluster_that_is_half_described_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="KAFKA_SASL_MECHANISM"):
        make_plan(
            Home(tmp_path),
            8100,
            {
                "KAFKA_BOOTSTRAP_SERVERS": "kafka.example:9093",
                "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
            },
        )


class Maven:
    """A Maven repository on this machine with one file, and a cache that lacks it."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.content = os.urandom(50_000)
        self.path = "org/example/a/1/a-1.jar"
        self.cache = folder / "cache"
        self.served = folder / "served"
        (self.served / self.path).parent.mkdir(parents=True)
        (self.served / self.path).write_bytes(self.content)
        handler = partial(_Quiet, directory=str(self.served))
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        monkeypatch.setenv("PLEDGE_MAVEN_URL", f"http://127.0.0.1:{self.server.server_port}")
        monkeypatch.setenv("PLEDGE_MAVEN_CACHE", str(self.cache))

    def jar(self) -> jars.Jar:
        return jars.Jar(self.path, len(self.content), hashlib.sha256(self.content).hexdigest())


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Say nothing."""


@pytest.fixture
def maven(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Maven]:
    repository = Maven(tmp_path, monkeypatch)
    yield repository
    repository.server.shutdown()
    repository.server.server_close()


async def test_missing_jar_is_downloaded_once_with_its_progress(maven: Maven) -> None:
    pieces: list[int] = []
    assert jars.missing([maven.jar()], maven.cache) == [maven.jar()]
    await jars.fetch([maven.jar()], maven.cache, pieces.append)
    assert (maven.cache / maven.path).read_bytes() == maven.content
    assert sum(pieces) == len(maven.content)
    assert jars.missing([maven.jar()], maven.cache) == []


async def test_jar_with_other_content_is_never_kept(maven: Maven) -> None:
    jar = maven.jar()
    (maven.served / maven.path).write_bytes(os.urandom(50_000))
    with pytest.raises(LocalError, match="not the file that was locked"):
        await jars.fetch([jar], maven.cache, lambda size: None)
    assert list(maven.cache.rglob("*.jar")) == []
    assert [path for path in maven.cache.rglob("*") if path.is_file()] == []


async def test_download_that_is_broken_off_ends_at_once_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never_end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nPK")
        await reader.read()

    server = await asyncio.start_server(never_end, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    monkeypatch.setenv("PLEDGE_MAVEN_URL", f"http://127.0.0.1:{port}")
    has_begun = asyncio.Event()
    wanted = [jars.Jar(f"org/example/{name}.jar", 1000, "") for name in "abc"]
    download = asyncio.ensure_future(jars.fetch(wanted, tmp_path, lambda size: has_begun.set()))
    await has_begun.wait()
    download.cancel()
    with pytest.raises(asyncio.CancelledError):
        await download
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    server.close()


def test_no_network_and_an_empty_cache_say_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLEDGE_MAVEN_CACHE", str(tmp_path))
    # A host name that never resolves (RFC 6761 §6.4).
    monkeypatch.setenv("PLEDGE_MAVEN_URL", "http://maven.invalid")
    with pytest.raises(LocalError) as refusal:
        jars.classpath()
    assert "could not be downloaded from http://maven.invalid" in refusal.value.problem
    assert "KAFKA_BOOTSTRAP_SERVERS" in refusal.value.remedy


async def test_topic_with_another_partition_count_is_refused(kafka: KafkaSettings) -> None:
    plans = [plan for plan in read_topics(ROOT / "deploy/topics.yaml") if "dlq" not in plan.name]
    with pytest.raises(LocalError) as refusal:
        await ensure_topics(kafka, plans, partitions=5)
    assert f"has {topics.PARTITIONS} partitions, not 5" in refusal.value.problem


async def test_one_broker_gets_one_copy_of_each_topic() -> None:
    plan = TopicPlan("t", 12, 3, {"min.insync.replicas": "2", "retention.ms": "1"})
    fitted = plan.fitted(brokers=1, partitions=None)
    assert (fitted.partitions, fitted.replication) == (12, 1)
    assert fitted.configuration == {"min.insync.replicas": "1", "retention.ms": "1"}


def test_topics_file_with_a_mistake_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "topics.yaml"
    file.write_text("topics: {t: {owner: x, partitions: 0, replication: 3, config: {}}}")
    with pytest.raises(LocalError, match="partitions"):
        read_topics(file)
