"""What is to be started, and what is used as it is: decided once, from options and environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pledge.runtime.auth.signing import public_path
from pledge.runtime.config.settings import KafkaSettings, load_settings
from pledge_local.errors import LocalError
from pledge_local.home import Home
from pledge_local.ports import HOST, SERVICES, Ports

# Of the source checkout: this file is deploy/local/src/pledge_local/plan.py.
DEPLOY = Path(__file__).parents[3]
# A session shorter than the services' default: after a kill of the whole stack the dead members
# stand in the way of the new ones this long.
SESSION_SECONDS = "10"


@dataclass(frozen=True, slots=True)
class Plan:
    """One stack: where it lives, and which clusters of somebody else's it uses."""

    home: Home
    ports: Ports
    desks: Path
    topics: Path
    kafka: KafkaSettings | None
    """An existing cluster; None: start one."""
    dsns: Mapping[str, str]
    """Existing databases, by service; start a server for the others."""
    owner_dsns: Mapping[str, str]
    """Who may change their schema, by service."""

    @property
    def own_databases(self) -> tuple[str, ...]:
        """The services whose database is ours to start."""
        return tuple(service for service in SERVICES if service not in self.dsns)

    @property
    def bootstrap(self) -> KafkaSettings:
        """How to reach Kafka, whichever process started it."""
        local = self.ports.address("kafka")
        return self.kafka or KafkaSettings.model_validate({"bootstrap_servers": local})

    @property
    def used_ports(self) -> tuple[str, ...]:
        """The names of the ports that this stack will listen on."""
        names = ("sink", *SERVICES, "intake smtp", "sink smtp")
        return names if self.kafka else (*names, "kafka", "kafka controller")


def make_plan(home: Home, base: int, environ: Mapping[str, str] | None = None) -> Plan:
    """The plan for the options and environment. Raises LocalError or SettingsError."""
    found = os.environ if environ is None else environ
    if not 1024 <= base <= 65_500:
        raise LocalError(
            f"--port-base {base} leaves no room for nine ports.", "Choose 1024 to 65500."
        )
    return Plan(
        home=home,
        ports=Ports(base),
        desks=_place(found.get("PLEDGE_DESKS"), "desks"),
        topics=_place(found.get("PLEDGE_TOPICS"), "topics.yaml"),
        kafka=load_settings(KafkaSettings, found) if found.get("KAFKA_BOOTSTRAP_SERVERS") else None,
        dsns=_dsns(found, "DSN"),
        owner_dsns=_dsns(found, "OWNER_DSN"),
    )


def _dsns(environ: Mapping[str, str], end: str) -> dict[str, str]:
    given = {service: environ.get(f"PLEDGE_{service.upper()}_{end}", "") for service in SERVICES}
    return {service: dsn for service, dsn in given.items() if dsn}


def _place(given: str | None, name: str) -> Path:
    if given:
        chosen = Path(given).absolute()
        if not chosen.exists():
            raise LocalError(f"{chosen} does not exist.", "Correct the variable that names it.")
        return chosen
    here = Path("deploy", name).absolute()
    place = here if here.exists() else DEPLOY / name
    if not place.exists():
        raise LocalError(
            f"There is neither {here} nor {place}.",
            "Run this in a checkout of Pledge, or set PLEDGE_DESKS and PLEDGE_TOPICS.",
        )
    return place


def service_environment(
    plan: Plan, service: str, dsn: str, environ: Mapping[str, str] | None = None
) -> dict[str, str]:
    """The environment of one service's process: ours, and the addresses of this stack."""
    ports, prefix = plan.ports, f"PLEDGE_{service.upper()}"
    given = dict(os.environ if environ is None else environ)
    given.setdefault("KAFKA_SESSION_TIMEOUT", SESSION_SECONDS)
    given.setdefault("KAFKA_HEARTBEAT_INTERVAL", "1")
    if plan.kafka is None:
        given["KAFKA_BOOTSTRAP_SERVERS"] = ports.address("kafka")
    given |= {
        f"{prefix}_DSN": dsn,
        f"{prefix}_HTTP_HOST": HOST,
        f"{prefix}_HTTP_PORT": str(ports.of(service)),
        f"{prefix}_KEY_FILE": str(plan.home.keys / f"{service}.key"),
        "PLEDGE_DESKS": str(plan.desks),
        "PLEDGE_JWKS": str(public_path(plan.home.token_key)),
        "PLEDGE_DENYLIST": str(plan.home.keys / "denylist"),
        "PLEDGE_INTAKE_BLOBS": given.get("PLEDGE_INTAKE_BLOBS") or str(plan.home.folder / "blobs"),
        "PLEDGE_INTAKE_SMTP_HOST": HOST,
        "PLEDGE_INTAKE_SMTP_PORT": str(ports.of("intake smtp")),
        "PLEDGE_NOTIFY_SMTP_HOST": HOST,
        "PLEDGE_NOTIFY_SMTP_PORT": str(ports.of("sink smtp")),
    }
    for name in (*SERVICES, "sink"):
        given[f"PLEDGE_{name.upper()}_PUBLIC_URL"] = ports.url(name)
    if (plan.desks / "demo" / "status.yaml").is_file():
        # The demo's page also stands at the root, as a desk's own host name would show it.
        given.setdefault("PLEDGE_STATUS_DEFAULT_DESK", "demo")
    return given
