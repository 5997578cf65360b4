"""The settings of the status service, from its environment."""

from datetime import timedelta

from pydantic import Field

from pledge.runtime.config.settings import Seconds, ServiceSettings


class StatusSettings(ServiceSettings):
    """The settings of `python -m status`."""

    env_prefix = "PLEDGE_STATUS_"

    default_desk: str | None = Field(
        None,
        description="the desk whose page also stands at the root, for hosts that name no desk",
        examples=["demo"],
    )
    # The database announces changes; polling finds what an announcement missed.
    refresh_every: Seconds = Field(
        timedelta(seconds=5), ge=timedelta(milliseconds=100), le=timedelta(minutes=5)
    )
    # After this time a page that could not be checked is marked as possibly out of date.
    stale_after: Seconds = Field(
        timedelta(seconds=30), ge=timedelta(seconds=1), le=timedelta(hours=1)
    )

    @property
    def base_url(self) -> str:
        """Where the service is reached from outside, without a slash at its end."""
        return self.public_url("status") or f"http://{self.http_host}:{self.http_port}"
