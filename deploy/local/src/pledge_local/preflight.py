"""What can be known to go wrong before anything is started."""

from __future__ import annotations

import psutil

from pledge.runtime.cli.desk_commands import check_files
from pledge.runtime.cli.root import services
from pledge.runtime.desk_file.problem import errors_of
from pledge_local.errors import LocalError
from pledge_local.plan import Plan

# Kafka, PostgreSQL, four services and the sink, each with a little air.
NEEDED_BYTES = 900_000_000


def check(plan: Plan) -> None:
    """Raise LocalError for a taken port, a broken desk file or a machine that is too full."""
    plan.ports.check_free(plan.used_ports)
    check_memory(psutil.virtual_memory().available)
    check_desks(plan)


def check_memory(available: int) -> None:
    """Raise LocalError when `available` bytes can't hold the stack."""
    if available < NEEDED_BYTES:
        raise LocalError(
            f"Only {available // 1_000_000} MB of memory are free; the stack needs about"
            f" {NEEDED_BYTES // 1_000_000} MB.",
            "Close other programs, or set KAFKA_BOOTSTRAP_SERVERS to a cluster elsewhere.",
        )


def check_desks(plan: Plan) -> None:
    """Raise LocalError naming every mistake in the desks' files: a service would refuse them."""
    described = services()
    folders = sorted(path for path in plan.desks.iterdir() if path.is_dir())
    errors = [error for folder in folders for error in errors_of(check_files(folder, described)[0])]
    if errors:
        raise LocalError(
            "Desk files have mistakes:\n" + "\n".join(f"  {problem}" for problem in errors),
            "Correct them; `pledge desk check <folder>` says whether they are right.",
        )
