"""Every channel can send, and can write a page."""

from datetime import UTC, datetime
from pathlib import Path

from notify.channels.registry import PAGE_WRITERS, make_channels
from notify.settings import NotifySettings
from pledge.runtime.auth.link_signer import LinkSigner
from pledge.runtime.config.settings import load_settings
from pledge.runtime.testing import VirtualClock

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


async def test_each_channel_has_a_sender_and_a_page_writer(tmp_path: Path) -> None:
    environment = {
        "PLEDGE_NOTIFY_DSN": "postgresql://nowhere/notify",
        "PLEDGE_NOTIFY_KEY": "k" * 32,
        "PLEDGE_DESKS": str(tmp_path),
        "PLEDGE_JWKS": str(tmp_path / "jwks.json"),
    }
    settings = load_settings(NotifySettings, environment)
    channels = make_channels(settings, {}, LinkSigner([b"k" * 32]), VirtualClock(NOW))
    assert channels.keys() == PAGE_WRITERS.keys()
    for channel in channels.values():
        await channel.close()
