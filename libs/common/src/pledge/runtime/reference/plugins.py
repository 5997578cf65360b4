"""Finds what every service has under the same name, without knowing the services."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from importlib.metadata import entry_points
from typing import Any

from pledge.runtime.service.description import SERVICES_GROUP


class NoSuchClass(Exception):
    """A service lacks a class that every service has: the message says which and where."""


def classes_of_services(module: str, ending: str) -> Iterator[tuple[str, Any]]:
    """Each installed service with the one class in its `module` whose name ends so.

    Raises NoSuchClass.
    """
    for entry in sorted(entry_points(group=SERVICES_GROUP), key=lambda one: one.name):
        package = entry.module.partition(".")[0]
        found = importlib.import_module(f"{package}.{module}")
        made_there = [
            value
            for name, value in vars(found).items()
            if name.endswith(ending) and getattr(value, "__module__", "") == found.__name__
        ]
        if len(made_there) != 1:
            raise NoSuchClass(f"{found.__name__} must have exactly one class that ends in {ending}")
        yield entry.name, made_there[0]
