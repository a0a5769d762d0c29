// Package rule is the rule of the conformance suite, in Go, and what can go wrong in it.
package rule

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"time"

	"jackfield"
	"jackfield/routing"
)

type config struct {
	Fail string `json:"fail"`
}

//go:noinline
func inner(numbers []uint32) uint32 { return numbers[len(numbers)] }

// Assign gives work, by priority, to the first agent who has the skills and room.
func Assign(snapshot routing.Snapshot) (plan routing.Plan, err error) {
	var config config
	if err := jackfield.Config(&config); err != nil {
		return plan, err
	}
	switch config.Fail {
	case "error":
		return plan, jackfield.Error{Code: "busy", Message: "ask again", Retryable: true}
	case "exception":
		return plan, jackfield.Fail(fmt.Sprint(inner([]uint32{1})), "")
	case "exit":
		os.Exit(1)
	case "text":
		return plan, jackfield.Fail("half", "\xed\xa0\x80")
	case "log":
		fmt.Println("line", time.Now().UnixMilli())
	}

	order := make([]uint32, len(snapshot.Work))
	for n := range order {
		order[n] = uint32(n)
	}
	slices.SortStableFunc(order, func(a, b uint32) int {
		return cmp.Compare(snapshot.Work[b].Priority, snapshot.Work[a].Priority)
	})
	room := make([]uint16, len(snapshot.Agents))
	for n, agent := range snapshot.Agents {
		room[n] = agent.Capacity - agent.Load
	}
	for _, work := range order {
		needs := snapshot.Work[work].Needs
		for n, agent := range snapshot.Agents {
			if room[n] > 0 && agent.Skills&needs == needs {
				room[n]--
				plan.Assignments = append(plan.Assignments, routing.Assignment{Work: work, Agent: uint32(n)})
				break
			}
		}
	}
	return plan, nil
}
