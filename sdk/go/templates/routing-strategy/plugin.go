// Package plugin offers the most urgent work to the agent who has been idle longest, skills willing.
package plugin

import (
	"cmp"
	"slices"

	"jackfield"
	"jackfield/routing"
)

type config struct {
	// Offers of one decision; as many as there are when left out.
	AtOnce int `json:"at-once"`
}

// Assign is asked when work arrives, an agent becomes free, or an offer fails.
func Assign(snapshot routing.Snapshot) (plan routing.Plan, err error) {
	config := config{AtOnce: len(snapshot.Work)}
	if err := jackfield.Config(&config); err != nil {
		return plan, err
	}
	// The snapshot lists work by waiting time, and a stable sort keeps that order within a priority.
	order := make([]uint32, len(snapshot.Work))
	for n := range order {
		order[n] = uint32(n)
	}
	slices.SortStableFunc(order, func(a, b uint32) int {
		return cmp.Compare(snapshot.Work[b].Priority, snapshot.Work[a].Priority)
	})

	// Agents come longest idle first; each is offered one piece of work.
	offered := make([]bool, len(snapshot.Agents))
	for _, work := range order[:min(config.AtOnce, len(order))] {
		needs := snapshot.Work[work].Needs
		for n, agent := range snapshot.Agents {
			if !offered[n] && agent.Load < agent.Capacity && needs&agent.Skills == needs {
				offered[n] = true
				plan.Assignments = append(plan.Assignments, routing.Assignment{Work: work, Agent: uint32(n)})
				break
			}
		}
	}
	return plan, nil
}
