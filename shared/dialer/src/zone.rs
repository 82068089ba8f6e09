//! Zones by name, out of the database that is compiled in, and their local time by the second.

use std::sync::LazyLock;

use jiff::Timestamp;
use jiff::tz::{TimeZone, TimeZoneDatabase};

/// The bundled rules of all zones, and nothing from the machine.
static ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// The zone of this name, in any spelling of case.
pub(crate) fn time_zone(name: &str) -> Option<TimeZone> {
    ZONES.get(name).ok()
}

/// A zone that remembers the stretch of constant offset it was asked about last: two questions in a row
/// are nearly always about the same half of a year.
#[derive(Debug, Clone)]
pub(crate) struct ZoneClock {
    zone: TimeZone,
    /// Seconds of Unix time in which `offset` holds: from, up to.
    from: i64,
    to: i64,
    offset: i64,
}

impl ZoneClock {
    pub(crate) fn new(zone: TimeZone) -> Self {
        Self {
            zone,
            from: 0,
            to: 0,
            offset: 0,
        }
    }

    /// Seconds that local time is ahead of UTC at this second, and the second up to which that holds.
    pub(crate) fn offset_at(&mut self, second: i64) -> (i64, i64) {
        if !(self.from..self.to).contains(&second) {
            self.look_up(second);
        }
        (self.offset, self.to)
    }

    pub(crate) fn zone(&self) -> &TimeZone {
        &self.zone
    }

    fn look_up(&mut self, second: i64) {
        let at = timestamp(second);
        self.offset = i64::from(self.zone.to_offset(at).seconds());
        let after = self.zone.following(at).next();
        self.to = after.map_or(i64::MAX, |after| after.timestamp().as_second());
        let before = self.zone.preceding(timestamp(second + 1)).next();
        self.from = before.map_or(i64::MIN, |before| before.timestamp().as_second());
    }
}

/// The instant of a second of Unix time, held within what `Timestamp` can say.
pub(crate) fn timestamp(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap_or(if second < 0 {
        Timestamp::MIN
    } else {
        Timestamp::MAX
    })
}
