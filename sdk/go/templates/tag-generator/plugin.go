// Package plugin tags customers who call often.
package plugin

import (
	"fmt"

	"jackfield"
	"jackfield/customers"
	"jackfield/cx"
	"jackfield/tagger"
)

const (
	dayMs = 24 * 60 * 60 * 1_000
	name  = "frequent-caller"
)

type config struct {
	// So many calls…
	Calls uint32 `json:"calls"`
	// …in so many days.
	Days uint64 `json:"days"`
}

// Tags is asked after each interaction.
func Tags(occasion tagger.Occasion) ([]tagger.TagChange, error) {
	config := config{Calls: 3, Days: 30}
	if err := jackfield.Config(&config); err != nil {
		return nil, err
	}
	// A tenant that does not grant this gets an error here; returned, the question is asked again later.
	past, err := customers.History(config.Calls)
	if err != nil {
		return nil, err
	}
	recent := uint32(0)
	for _, call := range past {
		if call.StartedAt+config.Days*dayMs >= occasion.EndedAt {
			recent++
		}
	}
	if recent < config.Calls {
		return []tagger.TagChange{tagger.TagChangeExpire(name)}, nil
	}
	return []tagger.TagChange{tagger.TagChangeAdd(cx.Tag{
		Name:       name,
		Confidence: 100,
		Reason:     fmt.Sprintf("%d calls in %d days", recent, config.Days),
		ExpiresAt:  jackfield.Some(occasion.EndedAt + config.Days*dayMs),
	})}, nil
}
