// Package plugin defers calls outside of office hours, in every time zone that the number may be in.
package plugin

import (
	"jackfield"
	"jackfield/outbound"
)

const (
	minuteMs   = 60_000
	dayMinutes = 24 * 60
)

type config struct {
	// Minutes since local midnight.
	From  uint16 `json:"from"`
	Until uint16 `json:"until"`
}

// Check judges one attempt. An error defers it, so that the number is not lost.
func Check(attempt outbound.Attempt) (ruling outbound.Ruling, err error) {
	config := config{From: 9 * 60, Until: 20 * 60}
	if err := jackfield.Config(&config); err != nil {
		return ruling, err
	}
	// Nothing is known of the number's whereabouts: law is not guessed.
	if len(attempt.LocalTimes) == 0 {
		return outbound.Ruling{Verdict: outbound.VerdictDeny(), Reason: "unknown-time-zone"}, nil
	}
	wait := uint64(0)
	for _, local := range attempt.LocalTimes {
		if local.Minute < config.From || local.Minute >= config.Until {
			wait = max(wait, (uint64(config.From)+dayMinutes-uint64(local.Minute))%dayMinutes)
		}
	}
	if wait == 0 {
		return outbound.Ruling{Verdict: outbound.VerdictAllow(), Reason: "allowed"}, nil
	}
	until := jackfield.Now() + wait*minuteMs
	return outbound.Ruling{
		Verdict:         outbound.VerdictDefer(until),
		Reason:          "office-hours",
		NextPermittedAt: jackfield.Some(until),
	}, nil
}
