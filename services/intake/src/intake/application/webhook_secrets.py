"""The secrets of webhooks: in a file of the operator's, which is read again when it changes."""

from pathlib import Path
from typing import Final

from pydantic import TypeAdapter, ValidationError

from intake.domain.webhooks import WebhookSecrets
from pledge.runtime.config.reloading_file import WatchedFile
from pledge.runtime.config.settings import SettingProblem, SettingsError
from pledge.runtime.http.webhook_signing import problem_of_secret

VARIABLE: Final = "PLEDGE_INTAKE_WEBHOOK_SECRETS"
_SHAPE: Final = TypeAdapter(dict[str, dict[str, str]])


def webhook_secrets(path: Path) -> WatchedFile[WebhookSecrets]:
    """The file at `path`. Raises SettingsError if it is no good at the start."""
    file = WatchedFile(path, parse_secrets)
    try:
        file.value()
    except (OSError, ValueError) as error:
        raise SettingsError([SettingProblem(VARIABLE, f"{path}: {error}")]) from error
    return file


def parse_secrets(content: bytes) -> WebhookSecrets:
    """A JSON object: a desk's name -> the secrets of its webhooks by their names. Raises
    ValueError, which tells no secret."""
    try:
        given = _SHAPE.validate_json(content)
    except ValidationError:
        raise ValueError('should be like {"mine": {"crm": "whsec_…"}}') from None
    owners: dict[str, str] = {}
    for desk, own in given.items():
        for name, secret in own.items():
            if (problem := problem_of_secret(secret)) is not None:
                raise ValueError(f"the secret {name} of the desk {desk} {problem}")
            if owners.setdefault(secret, desk) != desk:
                message = f"the desk {owners[secret]} has the secret {name} of the desk {desk} too"
                raise ValueError(f"{message}: give each its own")
    return WebhookSecrets(given)
