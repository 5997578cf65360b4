from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import Field, SecretStr

from pledge.runtime.config.settings import (
    EnvironmentSettings,
    KafkaSettings,
    Seconds,
    ServiceSettings,
    SettingsError,
    load_settings,
    misspelt,
)

GOOD = {
    "PLEDGE_DEMO_DSN": "postgresql://demo:pw@localhost/demo",
    "PLEDGE_JWKS": "/etc/pledge/jwks.json",
}


class DemoSettings(ServiceSettings):
    env_prefix = "PLEDGE_DEMO_"

    key: SecretStr = SecretStr("none")


def problems(environ: dict[str, str], cls: type[DemoSettings] = DemoSettings) -> list[str]:
    with pytest.raises(SettingsError) as wrong:
        load_settings(cls, environ)
    return [str(problem) for problem in wrong.value.problems]


def kafka_problems(**environ: str) -> list[str]:
    told = {"KAFKA_BOOTSTRAP_SERVERS": "localhost:9092"} | environ
    with pytest.raises(SettingsError) as wrong:
        load_settings(KafkaSettings, told)
    return [str(problem) for problem in wrong.value.problems]


def test_values_come_from_the_services_and_the_shared_variables() -> None:
    told = GOOD | {
        "PLEDGE_DEMO_HTTP_PORT": "8101",
        "PLEDGE_DEMO_STOP_GRACE": "2.5",
        "PLEDGE_DESKS": "/desks",
        "PLEDGE_LOG_LEVEL": "debug",
        "PLEDGE_SLA_PUBLIC_URL": "https://sla.example/",
    }
    settings = load_settings(DemoSettings, told)
    assert settings.dsn == GOOD["PLEDGE_DEMO_DSN"]
    assert settings.http_port == 8101
    assert settings.stop_grace == timedelta(seconds=2.5)
    assert settings.desks == Path("/desks")
    assert settings.log_level == "debug"
    assert settings.public_url("sla") == "https://sla.example"
    assert settings.public_url("intake") is None


@pytest.mark.parametrize("text", ["150", "150.0", "2m30s", "2.5m", "PT2M30S"])
def test_durations_are_seconds_or_have_units(text: str) -> None:
    settings = load_settings(DemoSettings, {**GOOD, "PLEDGE_DEMO_STOP_GRACE": text})
    assert settings.stop_grace == timedelta(seconds=150)


@pytest.mark.parametrize("text", ["0", "0s", "0m 0s", "PT0S"])
def test_no_time_at_all_may_have_a_unit_too(text: str) -> None:
    class Waiting(EnvironmentSettings):
        wait: Seconds = Field(timedelta(seconds=1), ge=timedelta(0))

    assert load_settings(Waiting, {"WAIT": text}).wait == timedelta(0)


def test_bounds_of_instants_can_be_narrower_and_no_wider() -> None:
    settings = load_settings(
        DemoSettings, GOOD | {"PLEDGE_EARLIEST_INSTANT": "2015-01-01T00:00:00Z"}
    )
    assert settings.earliest_instant == datetime(2015, 1, 1, tzinfo=UTC)
    assert settings.latest_instant == datetime(2200, 1, 1, tzinfo=UTC)
    for told in ("1989-12-31T23:59:59Z", "2200-01-01T00:00:00Z", "2015-01-01T00:00:00", "never"):
        (problem,) = problems(GOOD | {"PLEDGE_EARLIEST_INSTANT": told})
        assert "PLEDGE_EARLIEST_INSTANT" in problem
    crossed = {
        "PLEDGE_EARLIEST_INSTANT": "2040-01-01T00:00:00Z",
        "PLEDGE_LATEST_INSTANT": "2015-01-01T00:00:00Z",
    }
    assert "must lie before" in problems(GOOD | crossed)[0]


def test_everything_wrong_is_told_at_once_with_examples() -> None:
    told = problems({"PLEDGE_DEMO_HTTP_PORT": "99999", "PLEDGE_LOG_LEVEL": "loud"})
    assert told == [
        "PLEDGE_DEMO_DSN: is not set; it is the service's PostgreSQL database"
        " (for example PLEDGE_DEMO_DSN=postgresql://sla@localhost:5432/sla)",
        "PLEDGE_DEMO_HTTP_PORT: should be less than or equal to 65535 (it is '99999')",
        "PLEDGE_JWKS: is not set; it is the keys that sign tokens: a JWKS file, or the https URL"
        " of an OIDC issuer (for example PLEDGE_JWKS=/etc/pledge/jwks.json)",
        "PLEDGE_LOG_LEVEL: should be 'debug', 'info', 'warning' or 'error' (it is 'loud')",
    ]


def test_empty_variable_counts_as_not_set() -> None:
    assert "PLEDGE_DEMO_DSN: is not set" in problems(GOOD | {"PLEDGE_DEMO_DSN": ""})[0]


def test_wrong_secret_is_not_repeated_in_the_message() -> None:
    told = problems(GOOD | {"PLEDGE_DEMO_DSN": "mysql://demo:hunter2@localhost/demo"})
    assert "PLEDGE_DEMO_DSN" in told[0]
    assert "hunter2" not in told[0]


def test_settings_do_not_show_secrets_when_printed() -> None:
    settings = load_settings(DemoSettings, GOOD | {"PLEDGE_DEMO_KEY": "hunter2"})
    assert "hunter2" not in repr(settings)
    assert "pw@" not in repr(settings)


def test_any_value_can_come_from_a_file(tmp_path: Path) -> None:
    secret = tmp_path / "dsn"
    secret.write_text("postgresql://from-file/demo\n")
    told = {"PLEDGE_JWKS": "x", "PLEDGE_DEMO_DSN_FILE": str(secret)}
    assert load_settings(DemoSettings, told).dsn == "postgresql://from-file/demo"


def test_value_and_file_at_once_is_a_problem(tmp_path: Path) -> None:
    secret = tmp_path / "dsn"
    secret.write_text("postgresql://from-file/demo")
    told = problems(GOOD | {"PLEDGE_DEMO_DSN_FILE": str(secret)})
    assert told == ["PLEDGE_DEMO_DSN: is set and so is PLEDGE_DEMO_DSN_FILE; keep one"]


@pytest.mark.parametrize("content", [None, b"", b"\n", b"\xff\xfe", b"x" * 70_000])
def test_file_that_holds_no_secret_is_a_problem(tmp_path: Path, content: bytes | None) -> None:
    secret = tmp_path / "dsn"
    if content is not None:
        secret.write_bytes(content)
    told = problems({"PLEDGE_JWKS": "x", "PLEDGE_DEMO_DSN_FILE": str(secret)})
    assert len(told) == 1
    assert told[0].startswith("PLEDGE_DEMO_DSN_FILE: can't be used: ")


def test_misspelt_variable_is_noticed_and_a_foreign_one_left_alone() -> None:
    environ = {
        "PLEDGE_DEMO_HTTP_PROT": "1",
        "PLEDGE_DEMO_SERVICE_HOST": "10.0.0.1",
        "PLEDGE_DEMO_DSN_FILE": "x",
        "PATH": "/bin",
    }
    assert [str(problem) for problem in misspelt(DemoSettings, environ)] == [
        "PLEDGE_DEMO_HTTP_PROT: is not a setting; did you mean PLEDGE_DEMO_HTTP_PORT?"
    ]


def test_building_settings_directly_reads_no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLEDGE_DEMO_HTTP_PORT", "1234")
    settings = DemoSettings(dsn="postgresql://x", jwks="y")
    assert settings.http_port == 8080


@pytest.mark.parametrize("servers", ["localhost:9092", "a:1,b:2,c:3", "[::1]:9092"])
def test_broker_addresses_are_accepted(servers: str) -> None:
    kafka = load_settings(KafkaSettings, {"KAFKA_BOOTSTRAP_SERVERS": servers})
    assert kafka.client_options()["bootstrap_servers"] == servers.split(",")


@pytest.mark.parametrize(
    "servers", ["localhost", "localhost:", "a:1,,b:2", "a:1 b:2", "http://a:1"]
)
def test_broker_addresses_without_a_port_are_not(servers: str) -> None:
    assert "KAFKA_BOOTSTRAP_SERVERS" in kafka_problems(KAFKA_BOOTSTRAP_SERVERS=servers)[0]


def test_sasl_needs_its_mechanism_and_credentials() -> None:
    told = kafka_problems(KAFKA_SECURITY_PROTOCOL="SASL_SSL", KAFKA_SASL_USERNAME="u")
    assert told == [
        "KAFKA_SECURITY_PROTOCOL: is SASL_SSL, which needs KAFKA_SASL_MECHANISM,"
        " KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD (or KAFKA_SASL_PASSWORD_FILE)"
    ]


def test_credentials_without_sasl_would_be_ignored_and_are_refused() -> None:
    told = kafka_problems(KAFKA_SASL_USERNAME="u", KAFKA_SASL_PASSWORD="p")
    assert told[0].startswith("KAFKA_SECURITY_PROTOCOL: is PLAINTEXT but KAFKA_SASL_* is set")


def test_sasl_and_tls_are_passed_to_the_client() -> None:
    environ = {
        "KAFKA_BOOTSTRAP_SERVERS": "a:1",
        "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
        "KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
        "KAFKA_SASL_USERNAME": "pledge",
        "KAFKA_SASL_PASSWORD": "hunter2",
    }
    kafka = load_settings(KafkaSettings, environ)
    options = kafka.client_options()
    assert options["sasl_mechanism"] == "SCRAM-SHA-512"
    assert options["sasl_plain_username"] == "pledge"
    assert options["sasl_plain_password"] == "hunter2"
    assert options["ssl_context"].check_hostname is True
    assert "hunter2" not in repr(kafka)


def test_missing_certificate_is_a_setting_problem() -> None:
    kafka = KafkaSettings(
        bootstrap_servers="a:1", security_protocol="SSL", ssl_cafile=Path("/nowhere/ca.pem")
    )
    with pytest.raises(SettingsError, match=r"/nowhere/ca\.pem"):
        kafka.ssl_context()


def test_session_must_outlast_three_heartbeats() -> None:
    told = kafka_problems(KAFKA_SESSION_TIMEOUT="8", KAFKA_HEARTBEAT_INTERVAL="3")
    assert told[0].startswith("KAFKA_SESSION_TIMEOUT: must be at least three times")


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("KAFKA_SESSION_TIMEOUT", "5"),
        ("KAFKA_SESSION_TIMEOUT", "inf"),
        ("KAFKA_SESSION_TIMEOUT", "nan"),
        ("KAFKA_SESSION_TIMEOUT", "soon"),
        ("KAFKA_REBALANCE_TIMEOUT", "601"),
        ("KAFKA_BATCH_RECORDS", "0"),
        ("KAFKA_TOPIC_PREFIX", "a b"),
        ("KAFKA_SECURITY_PROTOCOL", "TLS"),
    ],
)
def test_values_beyond_their_bounds_are_named(variable: str, value: str) -> None:
    assert kafka_problems(**{variable: value})[0].startswith(f"{variable}: ")


def test_prefix_separates_topics_and_groups_on_a_shared_cluster() -> None:
    kafka = KafkaSettings(bootstrap_servers="a:1", topic_prefix="staging.")
    assert kafka.topic("ticket.events.v1") == "staging.ticket.events.v1"
    assert kafka.logical("staging.ticket.events.v1") == "ticket.events.v1"
    assert kafka.group("sla") == "staging.sla"
