#!/usr/bin/env bash
# workclock 0.1.2 (Python, engine in Rust): a `ZoneInfo` that is handed over gives its name only.
#
# `Schedule(..., time_zone=ZoneInfo(...))` looks the name up in zone data of its own: the folder that
# TZDIR names or the machine's, else what was compiled in. The rules that the ZoneInfo object itself
# holds (here the `tzdata` package, the newest law) are not asked. Where the two differ in age, opening
# hours are an hour off with the zone's own clock: 09:00 in Vancouver, which no longer changes its
# clocks since 2026, opens at 10:00. `PYTHONTZPATH` and the pinned `tzdata` package don't help; the
# same data has to be given by TZDIR, which the last line shows.
#
# Needs: bash, Python 3.11 or newer with pip. Exits 1 when the behaviour has changed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

python3 -m venv venv
venv/bin/pip -q --disable-pip-version-check install workclock==0.1.2 tzdata==2026.6
venv/bin/pip -q --disable-pip-version-check install --target older tzdata==2025.2

cat > opening.py <<'PY'
from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

from workclock import Schedule, WorkDay

zone = ZoneInfo("America/Vancouver")
desk = Schedule([WorkDay(time(9), time(17))], time_zone=zone)
opens, closes = desk.next_period(datetime(2027, 1, 6, 4, tzinfo=UTC))
print(f"{opens.astimezone(zone):%H:%M} to {closes.astimezone(zone):%H:%M}")
PY
newer=$(venv/bin/python -c 'import tzdata, pathlib; print(pathlib.Path(tzdata.__file__).parent / "zoneinfo")')
look() { PYTHONTZPATH="" TZDIR=$1 venv/bin/python opening.py; }

expected='ZoneInfo of 2026.6, TZDIR of 2025.2: 10:00 to 18:00
ZoneInfo of 2026.6, TZDIR of 2026.6: 09:00 to 17:00'
seen="ZoneInfo of 2026.6, TZDIR of 2025.2: $(look "$folder/older/tzdata/zoneinfo")
ZoneInfo of 2026.6, TZDIR of 2026.6: $(look "$newer")"
printf '%s\n' "$seen"
if [ "$seen" != "$expected" ]; then
    echo "CHANGED: workclock 0.1.2 was seen to print:" >&2
    printf '%s\n' "$expected" >&2
    exit 1
fi
echo "As described."
