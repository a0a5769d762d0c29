//! The next minute that is allowed everywhere.

use jackfield_plugin::outbound_rule::{Error, LocalTime};

use crate::config::Window;

const DAY: u32 = 24 * 60;
/// A week and a day: windows repeat weekly, and today may be a holiday.
const DAYS_AHEAD: u32 = 8;

/// Minutes from now until an attempt is allowed in all zones, 0 for now; none when there is no such minute.
///
/// Zones keep their present offset and only today's holidays are known: the host asks again at the answer's moment,
/// and then the answer is exact.
pub(crate) fn allowed_in(windows: &[Window], zones: &[LocalTime]) -> Result<Option<u32>, Error> {
    for zone in zones {
        if !(1..=7).contains(&zone.weekday) || u32::from(zone.minute) >= DAY {
            return Err(Error::new(
                "bad-input",
                format!(
                    "zone {}: weekday {} and minute {}, expected 1 to 7 and 0 to 1439",
                    zone.zone, zone.weekday, zone.minute
                ),
            ));
        }
    }
    // Each zone moves the moment to its own next allowed minute, until none does.
    let mut moment = 0;
    loop {
        let mut latest = moment;
        for zone in zones {
            match next_in(windows, zone, latest) {
                Some(minutes) => latest = minutes,
                None => return Ok(None),
            }
        }
        if latest == moment {
            return Ok(Some(moment));
        }
        moment = latest;
    }
}

/// The first allowed minute in one zone at or after `from`, both in minutes from now.
fn next_in(windows: &[Window], zone: &LocalTime, from: u32) -> Option<u32> {
    let local_now = u32::from(zone.minute);
    let first_day = (local_now + from) / DAY;
    (first_day..=DAYS_AHEAD).find_map(|day| {
        let weekday = (u32::from(zone.weekday) - 1 + day) % 7 + 1;
        let earliest = (local_now + from).saturating_sub(day * DAY);
        windows
            .iter()
            .filter_map(|window| window.on(weekday as u8, day == 0 && zone.holiday))
            .map(|open| (u32::from(open.start).max(earliest), u32::from(open.end)))
            .filter(|(start, end)| start < end)
            .map(|(start, _)| start + day * DAY - local_now)
            .min()
    })
}
