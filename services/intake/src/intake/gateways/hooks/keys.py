"""The secrets of hooks: given by the operator for each desk, named by the desk's file."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import structlog
from pydantic import SecretStr

from intake.domain.desk import Desk
from intake.domain.hooks import Hook
from intake.gateways.hooks.providers import PROVIDERS
from pledge.runtime.config.settings import SettingProblem, SettingsError

VARIABLE = "PLEDGE_INTAKE_HOOK_SECRETS"
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class HookKeys:
    """Every hook's secrets, by desk and hook. A hook without one is closed until it has one."""

    by_hook: Mapping[tuple[str, str], Sequence[str]]

    def of(self, desk: str, hook: str) -> Sequence[str]:
        """The secrets that count for the hook."""
        return self.by_hook.get((desk, hook), ())


def hook_keys(desks: Mapping[str, Desk], given: Mapping[str, Mapping[str, SecretStr]]) -> HookKeys:
    """The secrets, checked. Raises SettingsError for those that can't be one of their provider."""
    found: dict[tuple[str, str], Sequence[str]] = {}
    problems: list[SettingProblem] = []
    for desk in desks.values():
        own = given.get(desk.id, {})
        for hook in desk.hooks.values():
            secrets = [own[each].get_secret_value() for each in hook.secrets if each in own]
            problems += _problems(desk.id, hook, own)
            if not secrets:
                log.warning("hook_is_closed_without_secret", desk=desk.id, hook=hook.name)
            found[desk.id, hook.name] = secrets
    problems += _shared(desks, found)
    if problems:
        raise SettingsError(problems)
    return HookKeys(found)


def _shared(
    desks: Mapping[str, Desk], found: Mapping[tuple[str, str], Sequence[str]]
) -> Iterator[SettingProblem]:
    """Secrets of two desks: what is signed for one could be sent to the other, unless the address
    is signed as well."""
    owners: dict[str, str] = {}
    for (desk, name), secrets in found.items():
        if PROVIDERS[desks[desk].hooks[name].kind].needs_public_url:
            continue
        for secret in secrets:
            owner = owners.setdefault(secret, desk)
            if owner != desk:
                message = (
                    f"a secret of the hook {name} of the desk {desk} is the desk {owner}'s too"
                )
                yield SettingProblem(VARIABLE, f"{message}: give each its own")


def _problems(desk: str, hook: Hook, own: Mapping[str, SecretStr]) -> list[SettingProblem]:
    provider = PROVIDERS[hook.kind]
    return [
        SettingProblem(VARIABLE, f"the secret {name} of the desk {desk} {problem}")
        for name in hook.secrets
        if name in own
        and (problem := provider.problem_of(own[name].get_secret_value())) is not None
    ]
