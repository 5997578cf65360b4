"""What a calendar may say, as editors see it in the JSON Schema of `sla.yaml`."""

from __future__ import annotations

from typing import Any

CALENDAR_SCHEMA: dict[str, Any] = {
    "anyOf": [
        {"const": "always"},
        {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "timezone": {"type": "string", "examples": ["Europe/Paris", "GMT-5"]},
                "hours": {
                    "anyOf": [
                        {"const": "24x7"},
                        {
                            "type": "object",
                            "additionalProperties": {"type": "array", "items": {"type": "string"}},
                            "examples": [{"mon-fri": ["09:00-12:00", "13:00-17:00"]}],
                        },
                    ]
                },
                "holidays": {
                    "type": "object",
                    "additionalProperties": False,
                    "properties": {
                        "countries": {"type": "array"},
                        "dates": {"type": ["array", "object"]},
                        "yearly": {"type": ["array", "object"]},
                        "observed": {"type": "boolean"},
                        "worked_weekends": {
                            "type": "boolean",
                            "description": "Whether days of a weekend that are worked are open.",
                        },
                    },
                },
                "half_days": {
                    "type": "object",
                    "description": "Working days with other hours.",
                    "additionalProperties": False,
                    "required": ["hours"],
                    "properties": {
                        "hours": {"type": ["array", "string"], "examples": [["08:00-12:00"]]},
                        "before": {"const": "holidays"},
                        "dates": {"type": ["array", "object"]},
                        "yearly": {"type": ["array", "object"]},
                        "countries": {"type": "array"},
                    },
                },
                "exceptions": {"type": "object"},
                "breaks": {"type": "object"},
                "any_of": {"type": "array"},
                "all_of": {"type": "array"},
            },
        },
    ]
}
