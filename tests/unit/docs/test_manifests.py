"""Containers and manifests agree with the services: settings, ports, probes, time to stop."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from notify.desk_file.load import load_desks
from notify.settings import NotifySettings
from notify.wiring import operator_grants
from pledge.runtime.config.settings import (
    EnvironmentSettings,
    KafkaSettings,
    load_settings,
    variables_of,
)
from pledge.runtime.reference.plugins import classes_of_services
from support.cluster import ROOT

DEPLOY = ROOT / "deploy"
SETTINGS: dict[str, type[EnvironmentSettings]] = dict(classes_of_services("settings", "Settings"))
SERVICES = sorted(SETTINGS)
# Read by `pledge migrate`.
OWNERS = {f"PLEDGE_{service.upper()}_OWNER_DSN" for service in SERVICES}
# What compiles the engine of promises: a C compiler where the image is built, and the compiling.
COMPILES = re.compile(
    r"# For compiling.*\nRUN apt-get .* gcc (?:.*\\\n)*.*\n"
    r"|RUN .*python -m sla\.compile_engine (?:.*\\\n)*.*is_compiled.*\n"
)
# Where a volume for messages and files is mounted.
KEEPS = re.compile(r"# For messages and files.*\nRUN install -d .*\nENV PLEDGE_INTAKE_BLOBS=\S+\n")


def documents() -> list[dict[str, Any]]:
    return [
        each
        for file in sorted((DEPLOY / "k8s").glob("*.yaml"))
        if file.name != "kustomization.yaml"
        for each in yaml.safe_load_all(file.read_text(encoding="utf-8"))
    ]


def manifest(kind: str, name: str) -> dict[str, Any]:
    (found,) = [
        each for each in documents() if (each["kind"], each["metadata"]["name"]) == (kind, name)
    ]
    return found


def compose() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    return document


def known(service: str) -> set[str]:
    """Every variable that `service` reads."""
    names = {*variables_of(SETTINGS[service]), *variables_of(KafkaSettings)}
    return names | {f"{name}_FILE" for name in names}


def needed(service: str) -> set[str]:
    """The variables without which it does not start."""
    both = {**variables_of(SETTINGS[service]), **variables_of(KafkaSettings)}
    return {name for name, field in both.items() if field.is_required()}


def told_to(service: str) -> dict[str, str]:
    """The environment that the Deployment gives the service."""
    (container,) = pod(service)["containers"]
    config = manifest("ConfigMap", "pledge")["data"]
    return {**config, **{one["name"]: one["value"] for one in container["env"]}}


def pod(service: str) -> dict[str, Any]:
    spec: dict[str, Any] = manifest("Deployment", service)["spec"]["template"]["spec"]
    return spec


def image_variables(service: str) -> dict[str, str]:
    text = (ROOT / "services" / service / "Dockerfile").read_text(encoding="utf-8")
    return dict(re.findall(r"\b((?:PLEDGE|KAFKA)_\w+)=(\S+)", text))


@pytest.mark.parametrize("service", SERVICES)
def test_environment_is_known_and_complete(service: str) -> None:
    own = told_to(service).keys() | image_variables(service).keys()
    shared = manifest("ConfigMap", "pledge")["data"].keys()
    # FORWARDED_ALLOW_IPS is read by uvicorn itself.
    assert own - shared - {"FORWARDED_ALLOW_IPS"} <= known(service)
    assert {name.removesuffix("_FILE") for name in own} >= needed(service)


def test_shared_configuration_is_known_to_all() -> None:
    for service in SERVICES:
        assert manifest("ConfigMap", "pledge")["data"].keys() <= known(service)


@pytest.mark.parametrize("service", SERVICES)
def test_secrets_are_files_that_are_mounted(service: str) -> None:
    (container,) = pod(service)["containers"]
    folders = {mount["mountPath"] for mount in container["volumeMounts"]}
    files = {name: value for name, value in told_to(service).items() if value.startswith("/")}
    assert {f"PLEDGE_{service.upper()}_DSN_FILE", "KAFKA_SASL_PASSWORD_FILE"} <= files.keys()
    for name, value in files.items():
        assert any(each.startswith((value, value.rpartition("/")[0])) for each in folders), name
    volumes = {volume["name"] for volume in pod(service)["volumes"]}
    assert {mount["name"] for mount in container["volumeMounts"]} <= volumes


@pytest.mark.parametrize("service", SERVICES)
def test_probes_ask_what_the_service_answers(service: str) -> None:
    (container,) = pod(service)["containers"]
    paths = {kind: container[kind]["httpGet"]["path"] for kind in container if "Probe" in kind}
    assert paths == {
        "startupProbe": "/startupz",
        "livenessProbe": "/livez",
        "readinessProbe": "/readyz",
    }
    (port,) = [one["containerPort"] for one in container["ports"] if one["name"] == "http"]
    assert str(port) == image_variables(service)[f"PLEDGE_{service.upper()}_HTTP_PORT"]


@pytest.mark.parametrize("service", SERVICES)
def test_stopping_is_given_its_time(service: str) -> None:
    (container,) = pod(service)["containers"]
    grace = SETTINGS[service].model_fields["stop_grace"].default.total_seconds()
    before = container["lifecycle"]["preStop"]["sleep"]["seconds"]
    closing = 5
    assert pod(service)["terminationGracePeriodSeconds"] > before + grace + closing
    patience = int(compose()["services"][service]["stop_grace_period"].removesuffix("s"))
    assert patience > grace + closing


def workloads() -> Iterator[dict[str, Any]]:
    for kind, name in [*(("Deployment", service) for service in SERVICES), ("Job", "prepare")]:
        yield manifest(kind, name)["spec"]["template"]["spec"]


def test_containers_may_do_nothing_that_they_need_not() -> None:
    for spec in workloads():
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert not spec["enableServiceLinks"]
        for container in spec["containers"]:
            context = container["securityContext"]
            assert context["readOnlyRootFilesystem"] is True
            assert context["allowPrivilegeEscalation"] is False
            assert context["capabilities"] == {"drop": ["ALL"]}
            assert {"cpu", "memory"} <= container["resources"]["requests"].keys()


@pytest.mark.parametrize("service", SERVICES)
def test_each_service_survives_a_drained_node(service: str) -> None:
    budget = manifest("PodDisruptionBudget", service)["spec"]
    deployment = manifest("Deployment", service)["spec"]
    assert budget["selector"] == deployment["selector"]
    assert deployment["replicas"] > budget["maxUnavailable"]
    assert deployment["selector"]["matchLabels"].items() <= (
        deployment["template"]["metadata"]["labels"].items()
    )
    assert (
        manifest("Service", service)["spec"]["selector"] == (deployment["selector"]["matchLabels"])
    )


def test_network_policy_covers_all_and_lets_only_mail_in_from_anywhere() -> None:
    policies = [each for each in documents() if each["kind"] == "NetworkPolicy"]
    default = manifest("NetworkPolicy", "pledge")["spec"]
    assert default["policyTypes"] == ["Ingress", "Egress"]
    for service in SERVICES:
        labels = manifest("Deployment", service)["spec"]["template"]["metadata"]["labels"]
        assert default["podSelector"]["matchLabels"].items() <= labels.items()
    open_to_all = {
        port["port"]
        for policy in policies
        for rule in policy["spec"].get("ingress", [])
        if "from" not in rule
        for port in rule["ports"]
    }
    assert open_to_all == {8025}


def test_kustomization_lists_every_manifest() -> None:
    document = yaml.safe_load((DEPLOY / "k8s/kustomization.yaml").read_text(encoding="utf-8"))
    files = {file.name for file in (DEPLOY / "k8s").glob("*.yaml")}
    assert set(document["resources"]) == files - {"kustomization.yaml"}


@pytest.mark.parametrize("service", SERVICES)
def test_compose_tells_each_service_what_it_needs(service: str) -> None:
    document = compose()["services"][service]
    own = document["environment"].keys() | image_variables(service).keys()
    assert document["environment"].keys() <= known(service)
    assert {name.removesuffix("_FILE") for name in own} >= needed(service)
    mounted = {f"/run/secrets/{name}" for name in document["secrets"]}
    files = {value for value in document["environment"].values() if value.startswith("/run/")}
    assert files == mounted


def test_desks_of_both_get_what_their_files_ask_for(tmp_path: Path) -> None:
    """notify refuses to start with a desk whose variable nobody set."""
    (tmp_path / "demo").symlink_to(DEPLOY / "desks" / "demo")
    secrets = {"PLEDGE_NOTIFY_DSN": "postgresql:///notify", "PLEDGE_NOTIFY_KEY": "k" * 32}
    in_compose = {
        name: re.sub(r"\$\{\w+:[-?](.*)\}", r"\1", str(value))
        for name, value in compose()["services"]["notify"]["environment"].items()
    }
    for environment, desks in ((told_to("notify"), tmp_path), (in_compose, DEPLOY / "desks")):
        document = {name: value for name, value in environment.items() if "_FILE" not in name}
        settings = load_settings(NotifySettings, {**document, **secrets})
        assert "demo" in load_desks(desks, operator_grants(settings))


def test_compose_names_secrets_that_are_made() -> None:
    script = (DEPLOY / "make-secrets").read_text(encoding="utf-8")
    for secret in compose()["secrets"].values():
        name = secret["file"].removeprefix("./secrets/")
        # token.* come from `pledge token keys`, which the script's last line names.
        if name.startswith("token"):
            assert "token.key" in script
        elif name.endswith(".dsn"):
            assert "$role.dsn" in script
        else:
            assert name.replace(name.partition(".")[0], "$service") in script or name in script


def test_migrations_run_as_the_owners() -> None:
    for text in (str(manifest("Job", "prepare")), str(compose()["services"]["prepare"])):
        assert set(re.findall(r"PLEDGE_\w+_OWNER_DSN", text)) == OWNERS


def test_image_with_all_commands_compiles_the_engine_as_that_of_sla_does() -> None:
    found = [
        [each.group() for each in re.finditer(COMPILES, path.read_text(encoding="utf-8"))]
        for path in (ROOT / "deploy" / "Dockerfile", ROOT / "services" / "sla" / "Dockerfile")
    ]
    assert found[0] == found[1]
    assert len(found[0]) == 2


def test_images_of_the_services_differ_in_the_service_alone() -> None:
    texts = {}
    for service in SERVICES:
        text = (ROOT / "services" / service / "Dockerfile").read_text(encoding="utf-8")
        if service == "sla":
            text, count = re.subn(COMPILES, "", text)
            assert count == 2
        if service == "intake":
            text, count = re.subn(KEEPS, "", text)
            assert count == 1
        text = text.replace(service, "<s>").replace(service.upper(), "<S>")
        text = re.sub(r" \\\n +PLEDGE_<S>_SMTP_HOST=\S+ PLEDGE_<S>_SMTP_PORT=\S+", "", text)
        texts[service] = re.sub(r"^(EXPOSE 8080)( 8025)?$", r"\1", text, flags=re.MULTILINE)
    assert len(set(texts.values())) == 1, texts


def test_compose_runs_the_kafka_that_is_tested() -> None:
    lock = (DEPLOY / "local/src/pledge_local/kafka.lock.json").read_text(encoding="utf-8")
    version = compose()["services"]["kafka"]["image"].partition(":")[2]
    assert version in lock
