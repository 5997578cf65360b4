"""The settings of notify, from its environment; nothing else reads it."""

from datetime import timedelta
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from pledge.runtime.config.settings import JSON_TEXT, BaseUrl, Seconds, ServiceSettings


class VoiceAccount(BaseModel):
    """An account at the phone provider; the token also signs what the provider sends to us."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    account: str = Field(pattern=r"^AC[0-9a-f]{32}$")
    token: SecretStr = Field(min_length=16)


class NotifySettings(ServiceSettings):
    """Variables are `PLEDGE_NOTIFY_…` and the name of a field; the rest is `ServiceSettings`."""

    env_prefix = "PLEDGE_NOTIFY_"

    # Signs acknowledgement links and gives each receiver its webhook secret: changing it makes
    # every receiver's secret another one.
    key: SecretStr = Field(
        description="a secret of at least 32 characters that signs links and webhooks",
        examples=["(output of: openssl rand -base64 32)"],
        min_length=32,
    )
    # Acknowledgement links in people's mailboxes still work after a change of the key.
    retired_keys: SecretStr | None = Field(
        None, description="earlier secrets, separated by white space"
    )
    smtp_host: str = Field("127.0.0.1", examples=["smtp.internal"])
    smtp_port: int = Field(25, ge=1, le=65535)
    smtp_username: str | None = None
    smtp_password: SecretStr | None = None
    # TLS from the first byte (port 465). Without it STARTTLS is used where the relay offers it, and
    # demanded when there is a password to protect.
    smtp_tls: bool = False
    # The name in EHLO.
    smtp_local_name: str = "pledge.invalid"
    # Values of ${RECEIVER_…} in desks' files, as a JSON object.
    variables: Annotated[dict[str, str], JSON_TEXT] = Field(
        default_factory=dict, examples=['{"RECEIVER_PAGER": "https://pager.internal/hook"}']
    )
    # Private hosts that webhooks of every desk may reach, as a JSON list. Others are refused, so
    # that a desk's file can't make notify call into the internal network.
    reachable_hosts: Annotated[list[str], JSON_TEXT] = Field(
        default_factory=list, examples=['["pager.internal"]']
    )
    # Phone calls: where the provider's API is, and each desk's own account there. A desk's calls
    # are made, and its provider's requests checked, with its own account only.
    voice_url: BaseUrl | None = Field(
        None,
        description="the API of the provider that calls people; by default Twilio's, or the sink",
        examples=["https://api.twilio.com"],
    )
    voice_accounts: Annotated[dict[str, VoiceAccount], JSON_TEXT] = Field(
        default_factory=dict,
        repr=False,
        description="a JSON object: a desk's name -> its account at the phone provider",
        examples=['{"mine": {"account": "AC…", "token": "…"}}'],
    )
    webhook_timeout: Seconds = Field(
        timedelta(seconds=15), ge=timedelta(seconds=1), le=timedelta(seconds=25)
    )
    # Retries: full jitter below a bound that doubles from the first wait to the longest.
    retry_first_wait: Seconds = Field(
        timedelta(seconds=1), ge=timedelta(milliseconds=10), le=timedelta(minutes=5)
    )
    retry_longest_wait: Seconds = Field(
        timedelta(minutes=10), ge=timedelta(milliseconds=10), le=timedelta(hours=6)
    )
    retry_attempts: int = Field(20, ge=1, le=1000)
    retry_give_up_after: Seconds = Field(
        timedelta(hours=24), ge=timedelta(seconds=1), le=timedelta(days=7)
    )
