#!/usr/bin/env bash
# GoAlert v0.34.1, package schedule/rotation: a monthly rotation that starts on the 31st.
#
# `Rotation.EndTime` adds months with Go's `AddDate`, which turns "31 February" into 3 March. So the
# rotation of 31 January 2026, 09:00, hands off on 3 March (nobody changes in February) and again on
# 31 March, on 1 May and again on 31 May: shifts of 31, 28, 31, 30, 31 days, and months with two
# hand-offs or none. Anybody who imports such rotations, or compares on-call plans with them, has to
# repeat this arithmetic; "the last day of each month" or "the same day, or the month's last" differ.
#
# Before the rotation's start the two ends of one shift disagree as well: at the hand-off of
# 31 December 2025, `StartTime` names the shift that ends there, `EndTime` the one that begins.
#
# Needs: bash, Go 1.24 or newer and a Go module proxy. Exits 1 when the behaviour has changed.
set -euo pipefail

folder=$(mktemp -d)
trap 'chmod -R u+w "$folder"; rm -rf "$folder"' EXIT
cd "$folder"

cat > go.mod <<'GO'
module finding

go 1.24

require github.com/target/goalert v0.34.1
GO
cat > main.go <<'GO'
package main

import (
	"fmt"
	"time"

	"github.com/target/goalert/schedule/rotation"
)

func day(year int, month time.Month, number int) time.Time {
	return time.Date(year, month, number, 9, 0, 0, 0, time.UTC)
}

func main() {
	monthly := rotation.Rotation{Type: rotation.TypeMonthly, ShiftLength: 1, Start: day(2026, 1, 31)}
	at := monthly.Start
	for range 5 {
		end := monthly.EndTime(at)
		fmt.Printf("%s after %.0f days\n", end.Format(time.DateOnly), end.Sub(at).Hours()/24)
		at = end
	}
	early := day(2025, 12, 31)
	fmt.Printf("%s is in a shift from %s to %s\n", early.Format(time.DateOnly),
		monthly.StartTime(early).Format(time.DateOnly), monthly.EndTime(early).Format(time.DateOnly))
}
GO

expected='2026-03-03 after 31 days
2026-03-31 after 28 days
2026-05-01 after 31 days
2026-05-31 after 30 days
2026-07-01 after 31 days
2025-12-31 is in a shift from 2025-12-01 to 2026-01-31'
go mod tidy >go.log 2>&1 || { cat go.log >&2; exit 2; }
seen=$(go run .)
printf '%s\n' "$seen"
if [ "$seen" != "$expected" ]; then
    echo "CHANGED: github.com/target/goalert v0.34.1 was seen to print:" >&2
    printf '%s\n' "$expected" >&2
    exit 1
fi
echo "As described."
