"""What axe-core finds on a page: rules of WCAG 2.2 A and AA, and its best practices."""

from __future__ import annotations

from functools import cache
from typing import Any

from playwright.async_api import Page

from support.node_packages import node_packages


@cache
def _source() -> str:
    file = node_packages() / "node_modules" / "axe-core" / "axe.min.js"
    return file.read_text(encoding="utf-8")


async def violations(page: Page, *, leave_out: str = "") -> list[str]:
    """Each rule that the page breaks, with where; but not within what the selector `leave_out`
    finds. Raises NoPackages where npm is not at hand."""
    await page.evaluate(_source())
    found: list[dict[str, Any]] = await page.evaluate(
        "(out) => axe.run({exclude: out ? [out] : []}).then((it) => it.violations)", leave_out
    )
    return [f"{rule['id']}: {rule['help']}: {_where(rule['nodes'])}" for rule in found]


def _where(nodes: list[dict[str, Any]]) -> str:
    return "; ".join(" ".join(map(str, each["target"])) for each in nodes)
