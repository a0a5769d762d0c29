// Package plugin scores how long the customer waited, and whether the agent let the customer talk.
package plugin

import (
	"fmt"

	"jackfield"
	"jackfield/qa"
)

type config struct {
	// A wait that is still good, in seconds.
	WaitS uint64 `json:"wait-s"`
}

// Evaluate scores one finished interaction.
func Evaluate(interaction qa.Interaction) (qa.Evaluation, error) {
	config := config{WaitS: 20}
	if err := jackfield.Config(&config); err != nil {
		return qa.Evaluation{}, err
	}
	return qa.Evaluation{Items: []qa.Item{prompt(config, interaction), listening(interaction)}}, nil
}

func prompt(config config, interaction qa.Interaction) qa.Item {
	item := qa.Item{
		Id: "answered-in-time", Section: "open", Possible: 5, Weight: 1,
		Result: qa.ItemResultPoints(5),
	}
	for _, segment := range interaction.Segments {
		if segment.Kind != qa.SegmentKindQueue {
			continue
		}
		waited := segment.End - segment.Start
		if waited > config.WaitS*1_000 {
			item.Result = qa.ItemResultPoints(0)
		}
		item.Evidence = jackfield.Some(qa.Evidence{
			Start: segment.Start, End: segment.End, Note: fmt.Sprintf("waited %d s", waited/1_000),
		})
		break
	}
	return item
}

func listening(interaction qa.Interaction) qa.Item {
	item := qa.Item{
		Id: "lets-talk", Section: "understand", Possible: 5, Weight: 2, Critical: true,
		// What was not recorded is not judged.
		Result: qa.ItemResultNotApplicable(),
	}
	if speech, recorded := interaction.Speech.Get(); recorded {
		item.Result = qa.ItemResultPoints(5)
		if speech.Interruptions > 2 {
			item.Result = qa.ItemResultPoints(2)
		}
	}
	return item
}
