"""The settings that all services share; `environment.py` reads and checks them."""

from __future__ import annotations

import re
import ssl
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AwareDatetime, Field, SecretStr
from pydantic import model_validator as after_fields

from pledge.runtime.config.environment import (
    JSON_TEXT,
    BaseUrl,
    EnvironmentSettings,
    Seconds,
    SettingProblem,
    SettingsError,
    Variable,
    load_settings,
    misspelt,
    variable_of,
    variables_of,
)
from pledge.runtime.instants import FIRST_EVENT, LATEST

__all__ = [
    "JSON_TEXT",
    "BaseUrl",
    "EnvironmentSettings",
    "KafkaSettings",
    "Seconds",
    "ServiceSettings",
    "SettingProblem",
    "SettingsError",
    "Variable",
    "load_settings",
    "misspelt",
    "variable_of",
    "variables_of",
]


_GRANT = re.compile(
    r"(\*|[a-z0-9][a-z0-9-]{0,62}):(reader|agent|responder|publisher|gateway|admin)"
)


class KafkaSettings(EnvironmentSettings):
    """How to reach Kafka (`KAFKA_*`). TLS and SASL are passed through to the client."""

    env_prefix = "KAFKA_"

    bootstrap_servers: str = Field(
        description="the brokers to ask first, host:port, separated by commas",
        examples=["localhost:9092"],
        pattern=r"^[^\s,:]+:\d{1,5}(,[^\s,:]+:\d{1,5})*$|^(\[[0-9a-fA-F:]+\]:\d{1,5},?)+$",
    )
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="how connections are protected; with SASL_ also who we are"
    )
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] | None = Field(
        None, description="how we prove who we are; needed with SASL_"
    )
    sasl_username: str | None = Field(
        None, description="needed with SASL_", examples=["pledge-sla"]
    )
    sasl_password: SecretStr | None = Field(None, description="needed with SASL_")
    ssl_cafile: Path | None = Field(
        None,
        description="the authorities that sign brokers' certificates; without it the system's",
        examples=["/etc/kafka/ca.pem"],
    )
    ssl_certfile: Path | None = Field(
        None, description="our certificate, for brokers that ask", examples=["/etc/kafka/me.pem"]
    )
    ssl_keyfile: Path | None = Field(
        None, description="our certificate's private key", examples=["/etc/kafka/me.key"]
    )
    ssl_keyfile_password: SecretStr | None = Field(
        None, description="what the private key is encrypted with, if it is"
    )
    ssl_check_hostname: bool = Field(
        default=True, description="whether a broker's certificate must name the host we asked for"
    )
    # The name of a topic on the cluster is this and the logical name: for a shared cluster.
    topic_prefix: str = Field("", pattern=r"^[A-Za-z0-9._-]{0,100}$", examples=["staging."])
    # With static membership a rolling restart within the session timeout moves no partition.
    group_instance_id: str | None = Field(None, max_length=200, examples=["sla-0"])
    # The client's default of 10 s is shorter than a pause of a loaded database; above 5 minutes
    # the partitions of a dead process would stop for longer than any promise allows.
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
    # Far longer than any batch takes, and still shorter than what a page may be late. Where the
    # group itself may take longer to share partitions out (session and rebalance timeout), that.
    standstill_limit: Seconds = Field(
        timedelta(seconds=60),
        ge=timedelta(seconds=1),
        le=timedelta(minutes=30),
        description="after so long with records to read and none read, the group is rejoined",
    )
    # How long one request to a broker may take before it is sent again.
    request_timeout: Seconds = Field(
        timedelta(seconds=40), ge=timedelta(seconds=1), le=timedelta(minutes=5)
    )
    # Larger batches cost fewer transactions; past a few thousand they only add latency.
    batch_records: int = Field(
        1000, ge=1, le=10_000, description="the most records handled in one transaction"
    )
    # So many are a broken producer or a broken release, not bad data.
    poison_run_limit: int = Field(
        100,
        ge=1,
        le=100_000,
        description="more bad records in a row of one partition than this stop the service",
    )

    @after_fields(mode="after")
    def _check_combination(self) -> Self:
        if self.session_timeout < 3 * self.heartbeat_interval:
            raise ValueError(
                "KAFKA_SESSION_TIMEOUT must be at least three times KAFKA_HEARTBEAT_INTERVAL"
            )
        is_sasl = self.security_protocol.startswith("SASL_")
        sasl = (self.sasl_mechanism, self.sasl_username, self.sasl_password)
        if is_sasl and None in sasl:
            raise ValueError(
                f"KAFKA_SECURITY_PROTOCOL is {self.security_protocol}, which needs "
                "KAFKA_SASL_MECHANISM, KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD "
                "(or KAFKA_SASL_PASSWORD_FILE)"
            )
        if not is_sasl and any(value is not None for value in sasl):
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
    """Settings of all four services. A service adds its own and sets its `env_prefix`.

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
    pool_size: int = Field(8, ge=2, le=100, description="the most connections to the database")
    # Reachable from this machine only, by default.
    http_host: str = Field("127.0.0.1", description="the address that HTTP listens on")
    http_port: int = Field(
        8080, ge=0, le=65535, description="the port that HTTP listens on; 0 takes any free one"
    )
    # Within Kubernetes' default of 30 s between SIGTERM and SIGKILL.
    stop_grace: Seconds = Field(
        timedelta(seconds=20),
        ge=timedelta(seconds=1),
        le=timedelta(minutes=10),
        description="how long each worker may take to finish after SIGTERM",
    )

    desks: Annotated[Path, Variable("PLEDGE_DESKS")] = Field(
        Path("deploy/desks"), description="the folder with one folder per desk"
    )
    jwks: Annotated[str, Variable("PLEDGE_JWKS")] = Field(
        description="the keys that sign tokens: a JWKS file, or the https URL of an OIDC issuer",
        examples=["/etc/pledge/jwks.json"],
    )
    denylist: Annotated[Path | None, Variable("PLEDGE_DENYLIST")] = Field(
        None, description="the file with the ids of revoked tokens, one a line; it must exist"
    )
    # People sign in there; machines and the command line bring tokens.
    oidc_issuer: Annotated[str | None, Variable("PLEDGE_OIDC_ISSUER")] = Field(
        None,
        description="the OpenID provider where people sign in, as it calls itself; without it "
        "people paste a token",
        examples=["https://login.example/realms/staff"],
        pattern=r"^https?://[^\s?#]+$",
    )
    oidc_client_id: Annotated[str | None, Variable("PLEDGE_OIDC_CLIENT_ID")] = Field(
        None, description="who Pledge is at the provider", examples=["pledge"]
    )
    oidc_client_secret: Annotated[SecretStr | None, Variable("PLEDGE_OIDC_CLIENT_SECRET")] = Field(
        None, description="what proves it; none for a public client, which PKCE protects alone"
    )
    oidc_scopes: Annotated[str, Variable("PLEDGE_OIDC_SCOPES")] = Field(
        "openid email profile",
        description="what is asked of the provider; some need one more for groups",
        pattern=r"^openid( [!-~]+)*$",
    )
    oidc_subject_claim: Annotated[str, Variable("PLEDGE_OIDC_SUBJECT_CLAIM")] = Field(
        "email", min_length=1, max_length=200, description="the claim that a person goes by here"
    )
    oidc_groups_claim: Annotated[str, Variable("PLEDGE_OIDC_GROUPS_CLAIM")] = Field(
        "groups",
        min_length=1,
        max_length=200,
        description="the claim with the person's groups; dots lead into objects",
        examples=["realm_access.roles"],
    )
    oidc_grants: Annotated[dict[str, list[str]], JSON_TEXT, Variable("PLEDGE_OIDC_GRANTS")] = Field(
        {},
        description="what each group may do, as desk:role, with * for all desks",
        examples=['{"vircom-agents": ["vircom:agent"], "operators": ["*:admin"]}'],
    )
    # Longer than the longest shift. A role that is taken away at the provider ends with it.
    oidc_session: Annotated[Seconds, Variable("PLEDGE_OIDC_SESSION")] = Field(
        timedelta(hours=8),
        ge=timedelta(minutes=5),
        le=timedelta(hours=12),
        description="how long a person stays signed in",
    )
    session_key: Annotated[SecretStr | None, Variable("PLEDGE_SESSION_KEY")] = Field(
        None,
        min_length=32,
        repr=False,  # nor is a wrong one shown in the problem with it
        description="the secret that signs people's sessions, the same for all services",
    )
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], Variable("PLEDGE_LOG_LEVEL")
    ] = Field("info", description="the least that is worth a line")
    log_format: Annotated[Literal["json", "console"], Variable("PLEDGE_LOG_FORMAT")] = Field(
        "json", description="an object a line for machines, or lines for a person's terminal"
    )
    # Go and .NET write the year 1 for a time that nobody set. Calendars cover these years.
    earliest_instant: Annotated[AwareDatetime, Variable("PLEDGE_EARLIEST_INSTANT")] = Field(
        FIRST_EVENT,
        ge=FIRST_EVENT,
        lt=LATEST,
        description="what an event, a request or a form dates earlier is refused",
        examples=["2015-01-01T00:00:00Z"],
    )
    latest_instant: Annotated[AwareDatetime, Variable("PLEDGE_LATEST_INSTANT")] = Field(
        LATEST,
        gt=FIRST_EVENT,
        le=LATEST,
        description="what an event, a request or a form dates as late, or later, is refused",
    )
    # Links in pages and messages start with these; a service without one is not linked to. With
    # https, cookies are sent over TLS only.
    intake_public_url: Annotated[BaseUrl | None, Variable("PLEDGE_INTAKE_PUBLIC_URL")] = Field(
        None,
        description="where intake is reached from outside",
        examples=["https://pledge.example"],
    )
    sla_public_url: Annotated[BaseUrl | None, Variable("PLEDGE_SLA_PUBLIC_URL")] = Field(
        None, description="where sla is reached from outside"
    )
    notify_public_url: Annotated[BaseUrl | None, Variable("PLEDGE_NOTIFY_PUBLIC_URL")] = Field(
        None, description="where notify is reached from outside"
    )
    status_public_url: Annotated[BaseUrl | None, Variable("PLEDGE_STATUS_PUBLIC_URL")] = Field(
        None, description="where status is reached from outside"
    )
    sink_public_url: Annotated[BaseUrl | None, Variable("PLEDGE_SINK_PUBLIC_URL")] = Field(
        None, description="where the local stack's mail sink is, if there is one"
    )

    @after_fields(mode="after")
    def _check_instants(self) -> Self:
        if self.earliest_instant >= self.latest_instant:
            raise ValueError("PLEDGE_EARLIEST_INSTANT must lie before PLEDGE_LATEST_INSTANT")
        return self

    @after_fields(mode="after")
    def _check_sign_in(self) -> Self:
        if self.oidc_issuer is None:
            return self
        for name, value in (
            ("PLEDGE_OIDC_CLIENT_ID", self.oidc_client_id),
            ("PLEDGE_OIDC_GRANTS", self.oidc_grants),
            ("PLEDGE_SESSION_KEY", self.session_key),
        ):
            if not value:
                raise ValueError(f"{name} is not set; PLEDGE_OIDC_ISSUER needs it")
        for value, each in self.oidc_grants.items():
            for grant in each:
                if not _GRANT.fullmatch(grant):
                    raise ValueError(
                        f"PLEDGE_OIDC_GRANTS gives `{value}` the grant `{grant}`, which is not "
                        "desk:role (a desk's id or *; "
                        "reader, agent, responder, publisher, gateway or admin)"
                    )
        return self

    def public_url(self, service: str) -> str | None:
        """Where `service` is reached from outside, without a slash at the end; None if unknown."""
        return {
            "intake": self.intake_public_url,
            "sla": self.sla_public_url,
            "notify": self.notify_public_url,
            "status": self.status_public_url,
            "sink": self.sink_public_url,
        }.get(service)
