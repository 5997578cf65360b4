"""What a process is told by its environment, read in one place and checked before anything starts.

A class below only describes its values; `load_settings` is what reads the environment. Building a
class directly (`SlaSettings(dsn=...)`, as tests do) reads nothing but its arguments.
"""

from __future__ import annotations

import difflib
import os
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic import model_validator as after_fields
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from pledge.runtime.modelproblems import in_words

# A mounted secret is a line; a file far longer than that was mounted by mistake.
LONGEST_SECRET_FILE = 64 * 1024


@dataclass(frozen=True, slots=True)
class Variable:
    """Put in a field's `Annotated`: the whole name of its variable, in place of prefix + field."""

    name: str


@dataclass(frozen=True, slots=True)
class SettingProblem:
    """One variable that is missing or wrong; `message` says what is wrong with it."""

    variable: str
    message: str
    example: str | None = None

    def __str__(self) -> str:
        """`VARIABLE: what is wrong (for example VARIABLE=value)`."""
        example = f" (for example {self.variable}={self.example})" if self.example else ""
        return f"{self.variable}: {self.message}{example}"


class SettingsError(Exception):
    """The environment does not describe a runnable process; every problem is in `problems`."""

    def __init__(self, problems: list[SettingProblem]) -> None:
        self.problems = problems
        lines = "\n".join(f"  {problem}" for problem in problems)
        super().__init__(f"the configuration is not complete:\n{lines}")


class EnvironmentSettings(BaseSettings):
    """Base of all settings: frozen, told by arguments or by `load_settings`, by nothing else."""

    model_config = SettingsConfigDict(frozen=True, populate_by_name=True, extra="forbid")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only the arguments: `load_settings` passes the environment as such."""
        return (init_settings,)


S = TypeVar("S", bound=EnvironmentSettings)


def load_settings(cls: type[S], environ: Mapping[str, str] | None = None) -> S:
    """Read `cls` from `environ` (by default the process's), each value as NAME or in NAME_FILE.

    Raises SettingsError, naming every variable that is missing or wrong at once.
    """
    found, problems = _read(cls, os.environ if environ is None else environ)
    wrong = {problem.variable.removesuffix("_FILE") for problem in problems}
    try:
        settings = cls.model_validate(found)
    except ValidationError as error:
        told = list(_problems(cls, error))
        problems += [problem for problem in told if problem.variable not in wrong]
        raise SettingsError(problems) from None
    if problems:
        raise SettingsError(problems)
    return settings


def variable_of(cls: type[BaseSettings], name: str) -> str:
    """The environment variable of the field `name`."""
    field = cls.model_fields[name]
    for extra in field.metadata:
        if isinstance(extra, Variable):
            return extra.name
    if isinstance(field.validation_alias, str):
        return field.validation_alias
    return f"{cls.model_config.get('env_prefix', '')}{name}".upper()


def variables_of(cls: type[BaseSettings]) -> dict[str, FieldInfo]:
    """Every variable that `cls` reads, with the field it fills."""
    return {variable_of(cls, name): field for name, field in cls.model_fields.items()}


def misspelt(cls: type[BaseSettings], environ: Mapping[str, str]) -> list[SettingProblem]:
    """Variables with our prefix that nobody reads but that look much like one somebody does.

    Others with the prefix are left alone: Kubernetes, for one, adds its own (`…_SERVICE_HOST`).
    """
    prefix = str(cls.model_config.get("env_prefix", "")).upper()
    known = [name + end for name in variables_of(cls) for end in ("", "_FILE")]
    strangers = [name for name in environ if name.startswith(prefix) and name not in known]
    return [
        SettingProblem(name, f"is not a setting; did you mean {close[0]}?")
        for name in (sorted(strangers) if prefix else [])
        if (close := difflib.get_close_matches(name, known, n=1, cutoff=0.88))
    ]


def _read(
    cls: type[BaseSettings], environ: Mapping[str, str]
) -> tuple[dict[str, str], list[SettingProblem]]:
    found: dict[str, str] = {}
    problems: list[SettingProblem] = []
    variables = {variable_of(cls, name): name for name in cls.model_fields}
    for variable, name in variables.items():
        beside = f"{variable}_FILE"
        value = environ.get(variable, "")
        path = environ.get(beside, "") if beside not in variables else ""
        if value and path:
            problems.append(SettingProblem(variable, f"is set and so is {beside}; keep one"))
        elif path:
            try:
                found[name] = _read_secret(Path(path))
            except (OSError, ValueError) as error:
                problems.append(SettingProblem(beside, f"can't be used: {error}"))
        elif value:
            found[name] = value
    return found, problems


def _read_secret(path: Path) -> str:
    with path.open("rb") as file:
        content = file.read(LONGEST_SECRET_FILE + 1)
    if len(content) > LONGEST_SECRET_FILE:
        raise ValueError(f"{path} is longer than {LONGEST_SECRET_FILE} bytes")
    text = content.decode("utf-8").rstrip("\r\n")
    if not text:
        raise ValueError(f"{path} is empty")
    return text


def _problems(cls: type[BaseSettings], error: ValidationError) -> Iterator[SettingProblem]:
    for detail in error.errors(include_url=False):
        name = str(detail["loc"][0]) if detail["loc"] else ""
        told = detail["msg"].removeprefix("Value error, ")
        if name not in cls.model_fields:
            # A rule over several variables names the first of them at its beginning.
            yield SettingProblem(*told.split(" ", 1))
            continue
        field = cls.model_fields[name]
        example = str(field.examples[0]) if field.examples else None
        if detail["type"] == "missing":
            message = "is not set; it is " + (field.description or "needed")
        else:
            hidden = field.annotation is SecretStr or field.repr is False
            given = "" if hidden else f" (it is {str(detail['input'])[:80]!r})"
            message = f"{in_words(detail)}{given}"
        yield SettingProblem(variable_of(cls, name), message, example)


def _seconds(value: object) -> object:
    """Accept `30` and `2.5` as seconds, beside ISO 8601 durations; pydantic reads the rest."""
    if isinstance(value, str):
        try:
            return timedelta(seconds=float(value))
        except (ValueError, OverflowError):
            return value
    return value


Seconds = Annotated[timedelta, BeforeValidator(_seconds)]
"""A duration, written as a number of seconds or as ISO 8601 (`PT30S`)."""


def _base_url(value: str) -> str:
    if not value.startswith(("http://", "https://")) or any(c.isspace() for c in value):
        raise ValueError("must be a URL that starts with http:// or https://")
    return value.rstrip("/")


BaseUrl = Annotated[str, AfterValidator(_base_url)]
"""An http(s) URL, kept without a slash at its end."""


class KafkaSettings(EnvironmentSettings):
    """How to reach Kafka (`KAFKA_*`). TLS and SASL are passed through to the client."""

    model_config = SettingsConfigDict(env_prefix="KAFKA_")

    bootstrap_servers: str = Field(
        description="the brokers to ask first, host:port, separated by commas",
        examples=["localhost:9092"],
        pattern=r"^[^\s,:]+:\d{1,5}(,[^\s,:]+:\d{1,5})*$|^(\[[0-9a-fA-F:]+\]:\d{1,5},?)+$",
    )
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] | None = None
    sasl_username: str | None = Field(None, examples=["pledge-sla"])
    sasl_password: SecretStr | None = None
    ssl_cafile: Path | None = Field(None, examples=["/etc/kafka/ca.pem"])
    ssl_certfile: Path | None = Field(None, examples=["/etc/kafka/client.pem"])
    ssl_keyfile: Path | None = Field(None, examples=["/etc/kafka/client.key"])
    ssl_keyfile_password: SecretStr | None = None
    ssl_check_hostname: bool = True
    # The name of a topic on the cluster is this and the logical name: for a shared cluster.
    topic_prefix: str = Field("", pattern=r"^[A-Za-z0-9._-]{0,100}$", examples=["staging."])
    # With static membership a rolling restart within the session timeout moves no partition.
    group_instance_id: str | None = Field(None, max_length=200, examples=["sla-0"])
    # The client's default of 10 s is shorter than a pause of a loaded database; above 5 minutes
    # the partitions of a dead process would stand still for longer than any promise allows.
    session_timeout: Seconds = Field(
        timedelta(seconds=30), ge=timedelta(seconds=6), le=timedelta(minutes=5)
    )
    # At least three heartbeats must fit in a session, or one lost packet ends it.
    heartbeat_interval: Seconds = Field(
        timedelta(seconds=3), ge=timedelta(milliseconds=100), le=timedelta(seconds=30)
    )
    # Work in flight is finished within this when partitions are taken away.
    rebalance_timeout: Seconds = Field(
        timedelta(seconds=60), ge=timedelta(seconds=10), le=timedelta(minutes=10)
    )
    request_timeout: Seconds = Field(
        timedelta(seconds=40), ge=timedelta(seconds=1), le=timedelta(minutes=5)
    )
    # Larger batches cost fewer transactions; past a few thousand they only add latency.
    batch_records: int = Field(1000, ge=1, le=10_000)

    @after_fields(mode="after")
    def _check_combination(self) -> Self:
        if self.session_timeout < 3 * self.heartbeat_interval:
            raise ValueError(
                "KAFKA_SESSION_TIMEOUT must be at least three times KAFKA_HEARTBEAT_INTERVAL"
            )
        is_sasl = self.security_protocol.startswith("SASL_")
        told = (self.sasl_mechanism, self.sasl_username, self.sasl_password)
        if is_sasl and None in told:
            raise ValueError(
                f"KAFKA_SECURITY_PROTOCOL is {self.security_protocol}, which needs "
                "KAFKA_SASL_MECHANISM, KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD "
                "(or KAFKA_SASL_PASSWORD_FILE)"
            )
        if not is_sasl and any(value is not None for value in told):
            raise ValueError(
                f"KAFKA_SECURITY_PROTOCOL is {self.security_protocol} but KAFKA_SASL_* is set; "
                "set it to SASL_SSL"
            )
        return self

    def topic(self, logical: str) -> str:
        """The name on the cluster of the logical topic `logical`."""
        return f"{self.topic_prefix}{logical}"

    def logical(self, topic: str) -> str:
        """The logical name of `topic`, a name on the cluster."""
        return topic.removeprefix(self.topic_prefix)

    def group(self, name: str) -> str:
        """The consumer group of `name` on this cluster: prefixed as the topics are."""
        return f"{self.topic_prefix}{name}"

    def ssl_context(self) -> ssl.SSLContext | None:
        """The TLS context of the protocol; None without TLS. Raises SettingsError on bad files."""
        if self.security_protocol not in ("SSL", "SASL_SSL"):
            return None
        secret = self.ssl_keyfile_password
        try:
            context = ssl.create_default_context(
                cafile=str(self.ssl_cafile) if self.ssl_cafile else None
            )
            context.check_hostname = self.ssl_check_hostname
            if self.ssl_certfile is not None:
                context.load_cert_chain(
                    self.ssl_certfile,
                    self.ssl_keyfile,
                    secret.get_secret_value() if secret else None,
                )
        except OSError as error:
            files = f"{self.ssl_cafile}, {self.ssl_certfile}, {self.ssl_keyfile}"
            message = f"can't be used ({files}): {error}"
            raise SettingsError([SettingProblem("KAFKA_SSL_*", message)]) from error
        return context

    def client_options(self) -> dict[str, Any]:
        """Arguments that every aiokafka client takes: where the brokers are and how to sign in."""
        options: dict[str, Any] = {
            "bootstrap_servers": self.bootstrap_servers.split(","),
            "security_protocol": self.security_protocol,
            "ssl_context": self.ssl_context(),
            "request_timeout_ms": int(self.request_timeout.total_seconds() * 1000),
        }
        if self.sasl_mechanism and self.sasl_password:
            options["sasl_mechanism"] = self.sasl_mechanism
            options["sasl_plain_username"] = self.sasl_username
            options["sasl_plain_password"] = self.sasl_password.get_secret_value()
        return options


class ServiceSettings(EnvironmentSettings):
    """What all four services are told. A service adds its own and sets its `env_prefix`.

    The first group carries the service's prefix (`PLEDGE_SLA_DSN`), the second is the same
    variable for all of them (`PLEDGE_DESKS`).
    """

    dsn: str = Field(
        repr=False,
        description="the service's PostgreSQL database",
        examples=["postgresql://sla@localhost:5432/sla"],
        pattern=r"^postgres(ql)?://",
    )
    # Each connection is a PostgreSQL process; a service works on a handful of partitions at once.
    pool_size: int = Field(8, ge=2, le=100)
    # Reachable from this machine only, unless told otherwise.
    http_host: str = "127.0.0.1"
    http_port: int = Field(8080, ge=0, le=65535)
    # Within Kubernetes' default of 30 s between SIGTERM and SIGKILL.
    stop_grace: Seconds = Field(
        timedelta(seconds=20), ge=timedelta(seconds=1), le=timedelta(minutes=10)
    )

    desks: Annotated[Path, Variable("PLEDGE_DESKS")] = Field(
        Path("deploy/desks"), description="the folder with one folder per desk"
    )
    jwks: Annotated[str, Variable("PLEDGE_JWKS")] = Field(
        description="the keys that sign tokens: a JWKS file, or the https URL of an OIDC issuer",
        examples=["/etc/pledge/jwks.json"],
    )
    denylist: Annotated[Path | None, Variable("PLEDGE_DENYLIST")] = None
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], Variable("PLEDGE_LOG_LEVEL")
    ] = "info"
    log_format: Annotated[Literal["json", "console"], Variable("PLEDGE_LOG_FORMAT")] = "json"
    intake_public_url: Annotated[BaseUrl | None, Variable("PLEDGE_INTAKE_PUBLIC_URL")] = None
    sla_public_url: Annotated[BaseUrl | None, Variable("PLEDGE_SLA_PUBLIC_URL")] = None
    notify_public_url: Annotated[BaseUrl | None, Variable("PLEDGE_NOTIFY_PUBLIC_URL")] = None
    status_public_url: Annotated[BaseUrl | None, Variable("PLEDGE_STATUS_PUBLIC_URL")] = None
    sink_public_url: Annotated[BaseUrl | None, Variable("PLEDGE_SINK_PUBLIC_URL")] = None

    def public_url(self, service: str) -> str | None:
        """Where `service` is reached from outside, without a slash at the end; None if unknown."""
        return {
            "intake": self.intake_public_url,
            "sla": self.sla_public_url,
            "notify": self.notify_public_url,
            "status": self.status_public_url,
            "sink": self.sink_public_url,
        }.get(service)
