"""A real Kafka broker in KRaft mode: one process, one node, nothing installed."""

from __future__ import annotations

import base64
import shutil
import signal
import socket
import struct
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path

from pledge.runtime.clock import SystemClock
from pledge.runtime.ids import SystemIds
from pledge_local.errors import LocalError
from pledge_local.free_port import free_port
from pledge_local.jars import classpath
from pledge_local.java import find_java
from pledge_local.processes import Child, last_lines, pause

STARTS_WITHIN = 60.0
STOPS_WITHIN = 20.0
# The quick compiler alone: ready in 2.3 s instead of 3 to 8 on two busy cores. Whoever loads the
# broker for minutes is better off without it.
QUICK_START = ("-XX:TieredStopAtLevel=1",)
JAVA_OPTIONS = (
    "-XX:+UseSerialGC",
    "-XX:-UsePerfData",
    "-XX:+ExitOnOutOfMemoryError",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSXXX",
    "-Dorg.slf4j.simpleLogger.showThreadName=false",
    "--enable-native-access=ALL-UNNAMED",
    "--sun-misc-unsafe-memory-access=allow",
)

# What one node needs to differ from the defaults of a cluster, and why.
PROPERTIES: Mapping[str, str] = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "inter.broker.listener.name": "PLAINTEXT",
    "auto.create.topics.enable": "false",
    # A consumer that joins does not wait for others that might.
    "group.initial.rebalance.delay.ms": "0",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "default.replication.factor": "1",
    "min.insync.replicas": "1",
    # After a kill the old registration stands in the way of the new one: make that seconds.
    "broker.session.timeout.ms": "2000",
    "broker.heartbeat.interval.ms": "300",
    # Records of up to 1 MB of data with their headers.
    "message.max.bytes": "2097152",
    "log.index.size.max.bytes": "1048576",
    "controlled.shutdown.max.retries": "1",
    "num.network.threads": "2",
    "num.io.threads": "4",
    "log.cleaner.dedupe.buffer.size": "16777216",
}


class Broker:
    """A broker with its data in `folder`; its log is `folder/broker.log` unless given.

    Starting, stopping and killing block; in an event loop use `asyncio.to_thread`. Data survives
    all of them. Ports are chosen once, so that clients find it again after a restart.
    """

    def __init__(
        self,
        folder: Path,
        *,
        port: int | None = None,
        controller_port: int | None = None,
        log: Path | None = None,
        memory: str = "512m",
        properties: Mapping[str, str] | None = None,
        java_options: Sequence[str] = QUICK_START,
    ) -> None:
        self.folder = folder
        self.port = port or free_port()
        self.controller_port = controller_port or free_port()
        self.log = log or folder / "broker.log"
        self._java_options = (f"-Xmx{memory}", *java_options, *JAVA_OPTIONS)
        self._properties = dict(properties or {})
        self._child: Child | None = None

    @property
    def bootstrap_servers(self) -> str:
        """`host:port` for clients."""
        return f"127.0.0.1:{self.port}"

    @property
    def child(self) -> Child | None:
        """The running process; None when stopped."""
        return self._child

    def start(self) -> None:
        """Start the broker and wait until it answers. Raises LocalError with the end of its log."""
        if self._child is not None:
            raise RuntimeError("the broker has been started already")
        java = [str(find_java().absolute()), *self._java_options, "-cp", classpath()]
        self._prepare(java)
        command = [*java, "kafka.Kafka", self._configuration.name]
        self._child = Child("kafka", command, self.log, cwd=self.folder)
        self._wait_until_ready(self._child)

    def stop(self) -> None:
        """Stop in order, flushing everything. Does nothing when it does not run."""
        if self._child is not None:
            self._child.stop(STOPS_WITHIN)
            self._child = None

    def kill(self) -> None:
        """Kill -9, as a power cut would."""
        if self._child is not None:
            self._child.kill()
            self._child = None

    def pause(self) -> None:
        """Freeze the process (SIGSTOP): connections stay open and nobody answers."""
        if self._child is not None:
            self._child.terminate(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a frozen process go on."""
        if self._child is not None:
            self._child.terminate(signal.SIGCONT)

    def __enter__(self) -> Broker:
        self.start()
        return self

    def __exit__(self, *reason: object) -> None:
        self.stop()

    @property
    def _configuration(self) -> Path:
        return self.folder / "server.properties"

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def _prepare(self, java: list[str]) -> None:
        """Write the configuration, and format the data folder when it is new."""
        self.folder.mkdir(parents=True, exist_ok=True)
        listeners = f"PLAINTEXT://{self.bootstrap_servers}"
        controller = f"127.0.0.1:{self.controller_port}"
        properties = {
            **PROPERTIES,
            "listeners": f"{listeners},CONTROLLER://{controller}",
            "advertised.listeners": listeners,
            "controller.quorum.voters": f"1@{controller}",
            # Relative to the folder it runs in: the setting is a list, and the file is Latin-1.
            "log.dirs": self._data.name,
            **self._properties,
        }
        lines = [f"{name}={value}\n" for name, value in properties.items()]
        self._configuration.write_text("".join(lines), encoding="utf-8")
        if (self._data / "meta.properties").exists():
            return
        # Left over from a format that was interrupted: nothing has been written to it yet.
        shutil.rmtree(self._data, ignore_errors=True)
        format_tool = ["kafka.tools.StorageTool", "format", "-t", _cluster_id(), "-c"]
        command = [*java, *format_tool, self._configuration.name]
        child = Child("kafka", command, self.log, cwd=self.folder)
        if not child.wait(STARTS_WITHIN) or child.exit_code() != 0:
            child.kill()
            raise self._failure("could not prepare its data folder")

    def _wait_until_ready(self, child: Child) -> None:
        clock = SystemClock()
        deadline = clock.monotonic() + STARTS_WITHIN
        while not _answers(self.port):
            if child.exit_code() is not None:
                self._child = None
                raise self._failure(f"ended with code {child.exit_code()} while starting")
            if clock.monotonic() > deadline:
                self.kill()
                raise self._failure(f"did not answer within {STARTS_WITHIN:.0f} s")
            pause()

    def _failure(self, what: str) -> LocalError:
        tail = "\n".join(f"  {line}" for line in last_lines(self.log, 12))
        return LocalError(f"Kafka {what}.\n{tail}", f"Its whole log is {self.log}.")


def _cluster_id() -> str:
    identity = SystemIds(SystemClock()).new()
    # A leading dash would be taken for an option.
    raw = base64.urlsafe_b64encode(uuid.UUID(int=identity.int).bytes)
    return "P" + raw.rstrip(b"=").decode("ascii")[1:]


def _answers(port: int) -> bool:
    """Whether a broker, not only a listening socket, is there: it must know itself in metadata."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as connection:
            return _knows_a_broker(connection)
    except OSError:
        return False


def _knows_a_broker(connection: socket.socket) -> bool:
    # Metadata request v1 for no topics: api key 3, version 1, correlation 1, client id "", [].
    body = struct.pack(">hhihi", 3, 1, 1, 0, 0)
    connection.sendall(struct.pack(">i", len(body)) + body)
    header = connection.recv(4, socket.MSG_WAITALL)
    if len(header) < 4:
        return False
    answer = connection.recv(struct.unpack(">i", header)[0], socket.MSG_WAITALL)
    # After the correlation id comes the number of brokers that are registered and unfenced.
    return len(answer) >= 8 and struct.unpack(">i", answer[4:8])[0] > 0
