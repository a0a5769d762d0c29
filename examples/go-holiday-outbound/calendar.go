package plugin

import (
	"slices"
	"strconv"
	"time"

	"jackfield"
)

const (
	minuteMs   = 60_000
	dayMinutes = 24 * 60
	// The longest holidays are shorter by far.
	daysAhead = 60
)

// The working time of a place.
type calendar struct {
	Hours    []hours   `json:"hours"`
	Weekend  []int     `json:"weekend"`
	Holidays []holiday `json:"holidays"`
	// Days of weekends on which people work all the same.
	Workdays []string `json:"workdays"`
}

// Local hours, such as 09:00 and 17:30; the last minute is not in them.
type hours struct {
	From  string `json:"from"`
	Until string `json:"until"`
}

// Days off, the last one included. Dates are YYYY-MM-DD and sort as texts.
type holiday struct {
	Name  string `json:"name"`
	From  string `json:"from"`
	Until string `json:"until"`
}

var (
	usualHours   = []hours{{"09:00", "20:00"}}
	usualWeekend = []int{6, 7}
)

// What time it is in a zone. Zones keep their present offset: the host asks again at the answer's moment, and then the
// answer is exact.
type place struct {
	day    time.Time
	minute int
	// What the tenant's own calendar says of today.
	holiday bool
}

func dayOf(date string) (time.Time, error) { return time.Parse(time.DateOnly, date) }

// Why nobody works on some day from today, and what the day is called; empty when people do.
func (c *calendar) closed(place place, day int) (why, name string) {
	at := place.day.AddDate(0, 0, day)
	date := at.Format(time.DateOnly)
	if day == 0 && place.holiday {
		return "holiday", "a holiday of the tenant's"
	}
	for _, holiday := range c.Holidays {
		if date >= holiday.From && date <= max(holiday.From, holiday.Until) {
			return "holiday", holiday.Name
		}
	}
	weekend := c.Weekend
	if weekend == nil {
		weekend = usualWeekend
	}
	// Sunday is 0 in the time package, and 7 in the contract.
	weekday := (int(at.Weekday())+6)%7 + 1
	if slices.Contains(weekend, weekday) && !slices.Contains(c.Workdays, date) {
		return "weekend", at.Weekday().String()
	}
	return "", ""
}

// The first minute from now on, not before `from`, in which people work there.
func (c *calendar) next(place place, from int) (int, bool) {
	open := c.Hours
	if open == nil {
		open = usualHours
	}
	for day := (place.minute + from) / dayMinutes; day <= daysAhead; day++ {
		if why, _ := c.closed(place, day); why != "" {
			continue
		}
		for _, hours := range open {
			start := max(minuteOf(hours.From), place.minute+from-day*dayMinutes)
			if start < minuteOf(hours.Until) {
				return day*dayMinutes + start - place.minute, true
			}
		}
	}
	return 0, false
}

// The minutes until people work in all places. Each place moves the moment to its own next one, until none does.
func workingInAll(calendar *calendar, places []place) (int, bool) {
	for moment := 0; ; {
		before := moment
		for _, place := range places {
			next, found := calendar.next(place, moment)
			if !found {
				return 0, false
			}
			moment = next
		}
		if moment == before {
			return moment, true
		}
	}
}

// Why it is not now: of the first place in which nobody works.
func why(calendar *calendar, places []place) string {
	for _, place := range places {
		if why, name := calendar.closed(place, 0); why != "" {
			jackfield.Logf("%s: %s", place.day.Format(time.DateOnly), name)
			return why
		}
	}
	return "closed-hours"
}

// The minute of the day; the schema sees to the form.
func minuteOf(time string) int {
	hour, _ := strconv.Atoi(time[:2])
	minute, _ := strconv.Atoi(time[3:])
	return hour*60 + minute
}
