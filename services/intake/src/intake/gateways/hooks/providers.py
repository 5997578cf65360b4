"""Every kind of hook with what is particular to it."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from intake.domain.hooks import HookKind
from intake.gateways.hooks.cti import Cti
from intake.gateways.hooks.mattermost import Mattermost
from intake.gateways.hooks.request import Provider
from intake.gateways.hooks.slack import Slack
from intake.gateways.hooks.standard import StandardWebhook
from intake.gateways.hooks.teams import Teams
from intake.gateways.hooks.twilio_sms import TwilioSms
from intake.gateways.hooks.twilio_voice import TwilioVoice

PROVIDERS: Final[Mapping[HookKind, Provider]] = MappingProxyType(
    {
        "slack": Slack(),
        "mattermost": Mattermost(),
        "teams": Teams(),
        "webhook": StandardWebhook(),
        "twilio_sms": TwilioSms(),
        "twilio_voice": TwilioVoice(),
        "cti": Cti(),
    }
)
