// Package plugin defers attempts to working days and hours of the place that is called. A number that may be in several
// time zones is called when it is working time in all of them.
package plugin

import (
	"slices"
	"strings"

	"jackfield"
	"jackfield/outbound"
)

type config struct {
	// Purposes that need no working day.
	Exempt    []string            `json:"exempt"`
	Calendars map[string]calendar `json:"calendars"`
}

// Check judges one attempt.
func Check(attempt outbound.Attempt) (outbound.Ruling, error) {
	var config config
	if err := jackfield.Config(&config); err != nil {
		return outbound.Ruling{}, err
	}
	if slices.Contains(config.Exempt, attempt.Purpose) {
		return allow("exempt"), nil
	}
	calendar, known := config.of(attempt.Jurisdiction)
	if !known {
		return deny("no-calendar"), nil
	}
	if len(attempt.LocalTimes) == 0 {
		return deny("unknown-time-zone"), nil
	}
	places := make([]place, len(attempt.LocalTimes))
	for n, local := range attempt.LocalTimes {
		day, err := dayOf(local.Date)
		if err != nil {
			return outbound.Ruling{}, jackfield.Fail("bad-input", "zone %s: %v", local.Zone, err)
		}
		places[n] = place{day: day, minute: int(local.Minute), holiday: local.Holiday}
	}
	wait, found := workingInAll(&calendar, places)
	if !found {
		return deny("no-working-day"), nil
	}
	if wait == 0 {
		return allow("working-time"), nil
	}
	now := jackfield.Now()
	until := now - now%minuteMs + uint64(wait)*minuteMs
	return outbound.Ruling{
		Verdict:         outbound.VerdictDefer(until),
		Reason:          why(&calendar, places),
		NextPermittedAt: jackfield.Some(until),
	}, nil
}

// The calendar of a place: its own, its country's, or that of all others.
func (c *config) of(jurisdiction string) (calendar, bool) {
	country, _, _ := strings.Cut(jurisdiction, "-")
	for _, name := range []string{jurisdiction, country, "*"} {
		if calendar, known := c.Calendars[name]; known {
			return calendar, true
		}
	}
	return calendar{}, false
}

func allow(reason string) outbound.Ruling {
	return outbound.Ruling{Verdict: outbound.VerdictAllow(), Reason: reason}
}

func deny(reason string) outbound.Ruling {
	return outbound.Ruling{Verdict: outbound.VerdictDeny(), Reason: reason}
}
