"""How a service describes itself to the `pledge` command, found by entry-point group."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel

from pledge.runtime.desk_file.summary import DeskFileReport
from pledge.runtime.postgres.migrations import Migrations
from pledge.runtime.service.topics import ServiceTopics

SERVICES_GROUP = "pledge.services"
NO_TOPICS = ServiceTopics(reads=(), writes=())


@dataclass(frozen=True, slots=True)
class ServiceDescription:
    """One service: its name is also that of its file in a desk's folder (`<name>.yaml`).

    `check_desk_file` gives all problems of such a file, and what it says that the other files of
    the desk may contradict.
    `desk_template` is a commented file that is valid as it stands; `{desk}` in it becomes the
    desk's id. `desk_model` is the pydantic model of the file, for its JSON Schema.
    `topics` are those that it reads and writes. `installation` says for `pledge doctor` what of the
    service depends on the machine, in words.
    """

    name: str
    migrations: Migrations
    check_desk_file: Callable[[Path], DeskFileReport] | None = None
    desk_template: str | None = None
    desk_model: type[BaseModel] | None = None
    topics: ServiceTopics = NO_TOPICS
    installation: Callable[[], Mapping[str, str]] | None = None
