// Package rule is the tag generator of the conformance suite, in Go.
package rule

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"jackfield"
	"jackfield/customers"
	"jackfield/cx"
	"jackfield/keyvalue"
	"jackfield/scores"
	"jackfield/tagger"
)

const day = 86_400_000

type config struct {
	// So much within so many days makes a customer gold.
	Gold uint64 `json:"gold"`
	Days uint64 `json:"days"`
	// What is worth a tag when it was said.
	Words []string `json:"words"`
}

// Tags proposes changes of a customer's tags.
func Tags(occasion tagger.Occasion) (changes []tagger.TagChange, err error) {
	config := config{Gold: 100_000, Days: 30}
	if err := jackfield.Config(&config); err != nil {
		return nil, err
	}
	add := func(name string, confidence uint64, reason string, expires jackfield.Option[uint64]) {
		tag := cx.Tag{Name: name, Confidence: uint8(confidence), Reason: reason, ExpiresAt: expires}
		changes = append(changes, tagger.TagChangeAdd(tag))
	}
	never := jackfield.None[uint64]()

	past, err := customers.History(20)
	if err != nil {
		return nil, err
	}
	lasting, spent := config.Days*day, uint64(0)
	for _, one := range past {
		if !one.Abandoned && one.StartedAt+lasting >= occasion.EndedAt {
			spent += one.Value
		}
	}
	reason := fmt.Sprintf("spent %d", spent)
	switch {
	case spent >= config.Gold:
		add("gold", min(spent*50/config.Gold, 100), reason, jackfield.Some(occasion.EndedAt+lasting))
	case spent*2 >= config.Gold:
		tag := cx.Tag{Name: "gold", Confidence: uint8(spent * 50 / config.Gold), Reason: reason}
		changes = append(changes, tagger.TagChangeRefresh(tag))
	default:
		changes = append(changes, tagger.TagChangeExpire("gold"))
	}
	if occasion.Abandoned {
		add("gave-up", 100, fmt.Sprintf("waited %d s", occasion.Waited/1_000), jackfield.Some(occasion.EndedAt+day))
	}
	for _, attribute := range occasion.Attributes {
		for _, word := range config.Words {
			if strings.Contains(attribute.Value, word) {
				add("said:"+word, 80, attribute.Value, never)
			}
		}
	}
	if score, known := occasion.Score.Get(); known && score < 60 {
		add("unhappy", uint64(math.Floor(100-score)), "score", never)
	}
	surveys, err := scores.Surveys(10)
	if err != nil {
		return nil, err
	}
	for _, survey := range surveys {
		if survey.Question == "csat" && survey.Value == survey.Lowest {
			add("detractor", 90, survey.Interaction, never)
			break
		}
	}
	visits, err := count()
	if visits == 3 {
		add("regular", 100, "visit 3", never)
	}
	return changes, err
}

// Counts the visits up to four.
func count() (uint64, error) {
	kept, err := keyvalue.Get("visits")
	if err != nil {
		return 0, err
	}
	visits := uint64(1)
	if text, known := kept.Get(); known {
		before, err := strconv.ParseUint(string(text), 10, 32)
		if err != nil {
			return 0, err
		}
		visits += before
	}
	if visits < 5 {
		return visits, keyvalue.Set("visits", []byte(strconv.FormatUint(visits, 10)))
	}
	return visits, keyvalue.Delete("visits")
}
