"""The section of `docs/chaos.md` on very many timers; a long run of the scenarios leaves it."""

from __future__ import annotations

from support.chaos.many_timers import Observed
from support.chaos.report import place
from support.chaos.verdict import Violation
from support.cluster import ROOT

REPORT = ROOT / "docs" / "chaos.md"
HEADING = "## Very many timers due at a time"


def section(text: str) -> str:
    """The section as it stands in `text`; empty when there is none."""
    _, heading, rest = text.partition(HEADING)
    return heading + rest


def write(observed: Observed, seed: int) -> None:
    """Put what was seen in the place of an earlier section."""
    text = REPORT.read_text(encoding="utf-8")
    before = text.removesuffix(section(text)).rstrip()
    REPORT.write_text(f"{before}\n\n{render(observed, seed)}", encoding="utf-8")


def render(observed: Observed, seed: int) -> str:
    """The section as Markdown."""
    plan = observed.plan
    command = f"make chaos MINUTES=0 TIMERS={plan.timers}" + (f" SEED={seed}" if seed != 1 else "")
    totals = {kind: len(observed.verdict.problems[kind]) for kind in Violation}
    half, most, all_of_them = (f"{observed.later_than(at):.3f} s" for at in (0.5, 0.99, 1))
    return "\n".join(
        [
            HEADING,
            "",
            f"{plan.timers:,} timers of {plan.tickets:,} tickets come due within "
            f"{plan.lasts.seconds + 10} seconds on two processes of",
            "sla, with 4 partitions. For two in five tickets, what keeps a promise is on the bus",
            "before it is due; for some it is learnt of only after the breach. Meanwhile, after so",
            "much of the minute:",
            "",
            *(f"- {each}" for each in observed.faults),
            "",
            f"    {command}",
            "",
            f"{place()}. It took {observed.took.total_seconds() / 60:.1f} minutes, opening the",
            "tickets and the verification included.",
            "",
            "| lost | applied twice | false breaches | out of order | otherwise wrong |",
            "|---|---|---|---|---|",
            "| " + " | ".join(str(count) for count in totals.values()) + " |",
            "",
            "| what | how many |",
            "|---|---|",
            *(f"| {what} | {count:,} |" for what, count in observed.counts.items()),
            "",
            f"A breach was noticed {half} after it was due by half of all, {most} by 99 % and",
            f"{all_of_them} at the latest. While a process is dead its timers wait until the group",
            "has missed it, here for 6 seconds; none was early.",
            "",
        ]
    )
