//! Which time zones a number may be in.

use jackfield_contact::decision::LocalTime;
use jackfield_types::{E164, Timestamp};
use jiff::tz::TimeZone;

static TABLE: &str = include_str!("zones.tsv");

/// Jurisdiction and zones of the longest calling code that fits; `None` when no code fits.
pub(crate) fn of_number(number: &E164) -> Option<(&'static str, Vec<&'static str>)> {
    let digits = &number.as_str()[1..];
    TABLE
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| {
            let mut fields = line.split('\t');
            Some((fields.next()?, fields.next()?, fields.next()?))
        })
        .filter(|(code, _, _)| digits.starts_with(code))
        .max_by_key(|(code, _, _)| code.len())
        .map(|(_, jurisdiction, zones)| (jurisdiction, zones.split(' ').collect()))
}

/// A moment in a zone; `None` when there is no such zone.
pub(crate) fn local_time(zone: &str, at: Timestamp, holidays: &[String]) -> Option<LocalTime> {
    let tz = TimeZone::get(zone).ok()?;
    let moment = jiff::Timestamp::from_millisecond(i64::try_from(at.0).ok()?).ok()?;
    let local = moment.to_zoned(tz);
    let date = local.date().to_string();
    let minute = i32::from(local.hour()) * 60 + i32::from(local.minute());
    Some(LocalTime {
        zone: zone.into(),
        utc_offset: local.offset().seconds() / 60,
        holiday: holidays.contains(&date),
        date: date.into(),
        weekday: local.weekday().to_monday_one_offset().unsigned_abs(),
        minute: u16::try_from(minute).ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_zone_of_the_table_exists_and_codes_are_matched_longest_first() {
        for line in TABLE.lines().filter(|line| !line.starts_with('#')) {
            let fields: Vec<_> = line.split('\t').collect();
            assert_eq!(fields.len(), 3, "{line}");
            for zone in fields[2].split(' ') {
                assert!(local_time(zone, Timestamp(0), &[]).is_some(), "{zone}");
            }
        }
        let of = |number: &str| of_number(&E164::new(number).unwrap());
        assert_eq!(of("+8613800138000"), Some(("CN", vec!["Asia/Shanghai"])));
        assert_eq!(of("+77011234567").unwrap().0, "KZ");
        assert_eq!(of("+74951234567").unwrap().0, "RU");
        assert_eq!(of("+99912345678"), None);
    }

    #[test]
    fn local_time_is_civil_time() {
        // 2026-11-22T05:15:00Z, a Sunday.
        let time = local_time(
            "Asia/Shanghai",
            Timestamp(1_795_324_500_000),
            &["2026-11-22".into()],
        )
        .unwrap();
        assert_eq!(
            (&*time.date, time.weekday, time.minute, time.utc_offset),
            ("2026-11-22", 7, 13 * 60 + 15, 480)
        );
        assert!(time.holiday);
    }
}
