// Package rule is the outbound rule of the conformance suite, in Go.
package rule

import (
	"jackfield"
	"jackfield/cx"
	"jackfield/outbound"
)

const (
	minute = 60_000
	hour   = 60 * minute
	day    = 1_440
)

type config struct {
	// Calls are made in these minutes of the day.
	From  uint64 `json:"from"`
	Until uint64 `json:"until"`
	// So many attempts in so many hours.
	Most  int    `json:"most"`
	Hours uint64 `json:"hours"`
	// In place of a call without consent.
	Instead string `json:"instead"`
}

func deny(reason string) outbound.Ruling {
	return outbound.Ruling{Verdict: outbound.VerdictDeny(), Reason: reason}
}

func deferred(until uint64, reason string) outbound.Ruling {
	return outbound.Ruling{
		Verdict: outbound.VerdictDefer(until), Reason: reason, NextPermittedAt: jackfield.Some(until),
	}
}

// Check judges one attempt.
func Check(attempt outbound.Attempt) (outbound.Ruling, error) {
	config := config{From: 540, Until: 1_200, Most: 3, Hours: 24}
	if err := jackfield.Config(&config); err != nil {
		return outbound.Ruling{}, err
	}
	if len(attempt.LocalTimes) == 0 {
		return deny("unknown-time-zone"), nil
	}
	if attempt.Consent == outbound.ConsentRefused {
		return deny("refused"), nil
	}
	if attempt.Consent == outbound.ConsentUnknown && attempt.Purpose == "sales" {
		channels := map[string]cx.Channel{"sms": cx.ChannelSms, "email": cx.ChannelEmail}
		channel, known := channels[config.Instead]
		if !known || channel == attempt.Channel {
			return deny("no-consent"), nil
		}
		return outbound.Ruling{Verdict: outbound.VerdictSubstitute(channel), Reason: "no-consent"}, nil
	}
	now, window := jackfield.Now(), config.Hours*hour
	counted := 0
	for _, past := range attempt.Attempts {
		if past.Channel != attempt.Channel || past.Outcome == outbound.OutcomeFailed || past.At+window <= now {
			continue
		}
		if counted++; counted == config.Most {
			return deferred(past.At+window, "too-often"), nil
		}
	}
	longest, zone := uint64(0), ""
	for _, local := range attempt.LocalTimes {
		if wait := wait(&config, &local); wait > longest {
			longest, zone = wait, local.Zone
		}
	}
	if longest > 0 {
		return deferred(now+longest*minute, "closed:"+zone), nil
	}
	return outbound.Ruling{Verdict: outbound.VerdictAllow(), Reason: "allowed"}, nil
}

// Minutes until calls may be made there.
func wait(config *config, local *outbound.LocalTime) uint64 {
	minute := uint64(local.Minute)
	switch {
	case local.Holiday || minute >= config.Until:
		return day - minute + config.From
	case minute < config.From:
		return config.From - minute
	default:
		return 0
	}
}
