"""What status.yaml says that the desk's other files may contradict."""

from collections.abc import Iterator

from pledge.runtime.desk_file.summary import (
    Cadence,
    DeskFileSummary,
    Kind,
    Reference,
    mentions,
    stated,
)
from pledge.runtime.desk_file.yaml_file import Document
from status.desk_file.model import StatusFile


def summary_of(document: Document, model: StatusFile) -> DeskFileSummary:
    """The promised cadence of updates, and the names of other files that the file uses."""
    said = stated(document, "update_every")
    return DeskFileSummary(
        file=document.file,
        zone=stated(document, "page", "zone"),
        refers=tuple(_conditions(document, model)),
        promised_cadence=Cadence(said, model.update_every) if said and model.update_every else None,
    )


def _conditions(document: Document, model: StatusFile) -> Iterator[Reference]:
    for index, rule in enumerate(model.open_incident_when):
        for key, kind, names in (
            ("severities", Kind.SEVERITY, rule.severities),
            ("metrics", Kind.METRIC, rule.metrics),
        ):
            for each in mentions(document, ("open_incident_when", index, key), names):
                yield Reference(kind, each)
