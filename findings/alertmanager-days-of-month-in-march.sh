#!/usr/bin/env bash
# Alertmanager v0.33.0, package timeinterval: `days_of_month` in the month in which clocks go forward.
#
# `ContainsTime` takes the length of a month from hours divided by 24. March 2026 in Europe/Berlin has
# 743 hours, so it counts as 30 days: the 31st is in no interval, `-1` (the last day) means the 30th,
# and `1:31` leaves the 31st out. A mute or active time interval for the end of the month is a day off
# each spring (September or October in the south); with location UTC it is right, and so is v0.35.0 in
# every zone.
#
# Needs: bash, Go 1.24 or newer and a Go module proxy. Exits 1 when the behaviour has changed.
set -euo pipefail

folder=$(mktemp -d)
trap 'chmod -R u+w "$folder"; rm -rf "$folder"' EXIT
cd "$folder"

cat > go.mod <<'GO'
module finding

go 1.24

require (
	github.com/prometheus/alertmanager v0.33.0
	gopkg.in/yaml.v2 v2.4.0
)
GO
cat > main.go <<'GO'
package main

import (
	"fmt"
	"time"
	_ "time/tzdata"

	"github.com/prometheus/alertmanager/timeinterval"
	"gopkg.in/yaml.v2"
)

func main() {
	for _, zone := range []string{"UTC", "Europe/Berlin"} {
		location, err := time.LoadLocation(zone)
		if err != nil {
			panic(err)
		}
		for _, days := range []string{"31", "-1", "1:31"} {
			var interval timeinterval.TimeInterval
			text := fmt.Sprintf("{location: %s, days_of_month: ['%s']}", zone, days)
			if err := yaml.Unmarshal([]byte(text), &interval); err != nil {
				panic(err)
			}
			fmt.Printf("%-13s %-5s", zone, days)
			for _, day := range []int{30, 31} {
				noon := time.Date(2026, 3, day, 12, 0, 0, 0, location)
				fmt.Printf("  %d March: %v", day, interval.ContainsTime(noon))
			}
			fmt.Println()
		}
	}
}
GO

expected='UTC           31     30 March: false  31 March: true
UTC           -1     30 March: false  31 March: true
UTC           1:31   30 March: true  31 March: true
Europe/Berlin 31     30 March: false  31 March: false
Europe/Berlin -1     30 March: true  31 March: false
Europe/Berlin 1:31   30 March: true  31 March: false'
go mod tidy >go.log 2>&1 || { cat go.log >&2; exit 2; }
seen=$(go run .)
printf '%s\n' "$seen"
if [ "$seen" != "$expected" ]; then
    echo "CHANGED: github.com/prometheus/alertmanager v0.33.0 was seen to print:" >&2
    printf '%s\n' "$expected" >&2
    exit 1
fi
echo "As described."
