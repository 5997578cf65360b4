"""Pledge sla: keeps a timer on every promise and publishes warnings and breaches."""

from sla.engine import choose

ENGINE = choose(__path__)
"""Whether this process runs `sla.domain` compiled, and why."""
