// Package rule is the scorecard of the conformance suite, in Go.
package rule

import (
	"fmt"
	"strings"

	"jackfield"
	"jackfield/chat"
	"jackfield/cx"
	"jackfield/messages"
	"jackfield/qa"
)

type config struct {
	// A wait that is still good, in milliseconds.
	WaitMs uint64 `json:"wait-ms"`
}

// Evaluate scores one finished interaction.
func Evaluate(interaction qa.Interaction) (qa.Evaluation, error) {
	config := config{WaitMs: 20_000}
	if err := jackfield.Config(&config); err != nil {
		return qa.Evaluation{}, err
	}
	thanks, err := thanks(&interaction)
	if err != nil {
		return qa.Evaluation{}, err
	}
	return qa.Evaluation{
		Items:    []qa.Item{wait(&config, &interaction), listening(&interaction), manners(&interaction), thanks},
		Emotions: emotions(&interaction),
	}, nil
}

func item(id, section string, possible, weight float64, critical bool) qa.Item {
	return qa.Item{
		Id: id, Section: section, Possible: possible, Weight: weight, Critical: critical,
		Result: qa.ItemResultNotApplicable(),
	}
}

func first(interaction *qa.Interaction, kind qa.SegmentKind) *qa.Segment {
	for n := range interaction.Segments {
		if interaction.Segments[n].Kind == kind {
			return &interaction.Segments[n]
		}
	}
	return nil
}

func at(segment *qa.Segment, note string) jackfield.Option[qa.Evidence] {
	if segment == nil {
		return jackfield.None[qa.Evidence]()
	}
	return jackfield.Some(qa.Evidence{Start: segment.Start, End: segment.End, Note: note})
}

func wait(config *config, interaction *qa.Interaction) qa.Item {
	item := item("wait", "open", 5, 1.5, false)
	queue := first(interaction, qa.SegmentKindQueue)
	if queue == nil {
		return item
	}
	waited := uint64(0)
	for _, segment := range interaction.Segments {
		if segment.Kind == qa.SegmentKindQueue {
			waited += segment.End - segment.Start
		}
	}
	late := float64(waited - min(waited, config.WaitMs))
	item.Result = qa.ItemResultPoints(max(5-late/10_000, 0))
	item.Evidence = at(queue, fmt.Sprintf("在 %s 等了 %d ms", queue.Queue.Or("?"), waited))
	return item
}

func listening(interaction *qa.Interaction) qa.Item {
	item := item("listening", "understand", 10, 2, true)
	if speech, heard := interaction.Speech.Get(); heard && speech.Agent+speech.Customer > 0 {
		share := float64(speech.Agent) / float64(speech.Agent+speech.Customer)
		item.Result = qa.ItemResultPoints(10 * (1 - share))
	}
	return item
}

func manners(interaction *qa.Interaction) qa.Item {
	item := item("manners", "help", 1, 0.5, true)
	item.Result = qa.ItemResultPoints(1)
	for _, attribute := range interaction.Attributes {
		if attribute.Key == "rude" {
			item.Result = qa.ItemResultFatal()
			item.Evidence = at(first(interaction, qa.SegmentKindTalk), attribute.Value)
			break
		}
	}
	return item
}

func thanks(interaction *qa.Interaction) (qa.Item, error) {
	item := item("thanks", "close", 3, 1, false)
	if interaction.Channel == cx.ChannelVoice {
		return item, nil
	}
	written, err := messages.List(0, 200)
	if err != nil {
		return item, err
	}
	thanked := 0
	for _, message := range written {
		polite := strings.Contains(message.Text, "谢谢") || strings.Contains(message.Text, "thank")
		if message.Author != chat.AuthorAgent || !polite {
			continue
		}
		if thanked++; thanked == 1 {
			moment := message.At - min(message.At, interaction.StartedAt)
			item.Evidence = jackfield.Some(qa.Evidence{Start: moment, End: moment, Note: message.Text})
		}
	}
	item.Result = qa.ItemResultPoints(float64(min(thanked, 3)))
	return item, nil
}

func emotions(interaction *qa.Interaction) (found []qa.PhaseEmotion) {
	if speech, heard := interaction.Speech.Get(); heard && speech.Interruptions > 2 {
		note := fmt.Sprintf("interrupted %d times", speech.Interruptions)
		found = append(found, qa.PhaseEmotion{
			Phase: cx.PhaseUnderstand, Emotion: 2, Evidence: at(first(interaction, qa.SegmentKindTalk), note),
		})
	}
	for _, survey := range interaction.Surveys {
		if survey.Question == "csat" {
			emotion := uint8(3)
			if survey.Highest > survey.Lowest {
				emotion = 1 + 4*(survey.Value-survey.Lowest)/(survey.Highest-survey.Lowest)
			}
			found = append(found, qa.PhaseEmotion{Phase: cx.PhaseClose, Emotion: emotion})
			break
		}
	}
	return found
}
