"""The system's Chromium, driven by Playwright, and what its pages complained of."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from playwright.async_api import Browser, BrowserContext, Page, async_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
NOT_FOUND = f"no browser: none of {', '.join(NAMES)} is on PATH; PLEDGE_CHROMIUM may name one"
# The sandbox of a browser needs rights that a container or root does not give it.
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--force-color-profile=srgb"]
DESKTOP = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}
SESSION_COOKIE = "pledge_session"


def find_chromium() -> str | None:
    """The browser that PLEDGE_CHROMIUM names, else the first on PATH; None without."""
    named = os.environ.get("PLEDGE_CHROMIUM")
    return named or next((path for name in NAMES if (path := shutil.which(name))), None)


@asynccontextmanager
async def open_browser() -> AsyncIterator[Browser]:
    """A headless browser. Playwright's own browsers are not needed."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=find_chromium(), args=ARGUMENTS, headless=True
        )
        try:
            yield browser
        finally:
            await browser.close()


class Visitor:
    """One person's browser window, signed in; `complaints` must stay empty."""

    def __init__(self, context: BrowserContext, page: Page, base_url: str) -> None:
        self.context, self.page, self.base_url = context, page, base_url
        self.complaints: list[str] = []
        page.on("console", lambda one: self._note(one.type, one.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _note(self, kind: str, text: str) -> None:
        # A violated content security policy is reported as an error, too.
        if kind in ("error", "warning"):
            self.complaints.append(text)

    async def open(self, path: str) -> Page:
        """Go to a page of the service."""
        await self.page.goto(f"{self.base_url}{path}")
        return self.page

    async def widths(self) -> tuple[int, int]:
        """How wide the content is, and the window: the first must not exceed the second."""
        found = await self.page.evaluate(
            "[document.scrollingElement.scrollWidth, window.innerWidth]"
        )
        return int(found[0]), int(found[1])


@asynccontextmanager
async def visit(
    browser: Browser, base_url: str, token: str | None = None, **options: Any
) -> AsyncIterator[Visitor]:
    """A new window at `base_url`; `options` are those of a Playwright context."""
    context = await browser.new_context(**({"viewport": DESKTOP} | options))
    try:
        if token is not None:
            await context.add_cookies(
                [{"name": SESSION_COOKIE, "value": token, "url": base_url, "httpOnly": True}]
            )
        yield Visitor(context, await context.new_page(), base_url)
    finally:
        await context.close()
