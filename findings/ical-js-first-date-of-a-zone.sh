#!/usr/bin/env bash
# icalendar 7.3.2 (Python) and ical.js 2.2.1 (JavaScript): on-call shifts an hour off where the two meet.
#
# icalendar's `add_missing_timezones` describes a zone by one RDATE line with all dates of a change,
# separated by commas, which RFC 5545 allows (3.8.5.2: the value is a list). ical.js expands a zone
# from the first date of each RDATE line only (`Timezone._expandComponent` takes `getFirstValue`), so
# the years after it have no change of clocks: a shift of July 2027, 09:00 in New York, is 13:00 UTC
# and is read as 14:00 UTC. With a line for each date the same file is read right.
#
# Beside it: icalendar puts the DAYLIGHT onset at 03:00, the clock's time after the change, where
# RFC 5545 (3.6.5) asks for the time before it, 02:00.
#
# A calendar of shifts is therefore best written in UTC instants, which need no zone.
#
# Needs: bash, Python 3.10 or newer with pip, Node 18 or newer with npm. Exits 1 when the behaviour has changed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

python3 -m venv venv
venv/bin/pip -q --disable-pip-version-check install icalendar==7.3.2 tzdata==2026.3
echo '{"private": true, "type": "module"}' > package.json
npm install --silent --no-audit --no-fund ical.js@2.2.1 >&2

cat > write.py <<'PY'
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from icalendar import Calendar, Event

shift = Event()
shift.add("uid", "shift")
shift.add("dtstamp", datetime(2026, 1, 1, tzinfo=UTC))
shift.add("dtstart", datetime(2027, 7, 1, 9, tzinfo=ZoneInfo("America/New_York")))
calendar = Calendar()
calendar.add("version", "2.0")
calendar.add("prodid", "-//finding//")
calendar.add_component(shift)
calendar.add_missing_timezones()
print("meant:", shift["dtstart"].dt.astimezone(UTC).strftime("%H:%MZ"))

lines = calendar.to_ical().decode().replace("\r\n ", "").splitlines()
print("DAYLIGHT begins:", lines[lines.index("BEGIN:DAYLIGHT") + 1])
single = [
    one
    for line in lines
    for one in (
        ["RDATE:" + each for each in line.removeprefix("RDATE:").split(",")]
        if line.startswith("RDATE:")
        else [line]
    )
]
Path("as-written.ics").write_text("\r\n".join(lines) + "\r\n", newline="")
Path("a-line-each.ics").write_text("\r\n".join(single) + "\r\n", newline="")
PY
cat > read.js <<'JS'
import { readFileSync } from "node:fs";
import ICAL from "ical.js";

for (const name of ["as-written", "a-line-each"]) {
  const calendar = new ICAL.Component(ICAL.parse(readFileSync(`${name}.ics`, "utf8")));
  ICAL.TimezoneService.reset();
  ICAL.TimezoneService.register(calendar.getFirstSubcomponent("vtimezone"));
  const shift = new ICAL.Event(calendar.getFirstSubcomponent("vevent"));
  console.log(`${name}: ${shift.startDate.toJSDate().toISOString().slice(11, 16)}Z`);
}
JS

expected='meant: 13:00Z
DAYLIGHT begins: DTSTART:19700426T030000
as-written: 14:00Z
a-line-each: 13:00Z'
seen=$(venv/bin/python write.py; node read.js)
printf '%s\n' "$seen"
if [ "$seen" != "$expected" ]; then
    echo "CHANGED: icalendar 7.3.2 and ical.js 2.2.1 were seen to print:" >&2
    printf '%s\n' "$expected" >&2
    exit 1
fi
echo "As described."
