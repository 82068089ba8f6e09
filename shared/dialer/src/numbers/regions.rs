//! Zones of the states and provinces of countries that have several: every zone in which a lead of that state may be.
//!
//! ISO 3166-2 code to IANA names. A state with towns on both sides of a zone's border has both, and so has one with
//! towns that keep a neighbour's time.

/// Sorted by code.
#[rustfmt::skip]
static REGIONS: &[(&str, &[&str])] = &[
    ("AU-ACT", &["Australia/Sydney"]),
    ("AU-NSW", &["Australia/Broken_Hill", "Australia/Sydney"]),
    ("AU-NT", &["Australia/Darwin"]),
    ("AU-QLD", &["Australia/Brisbane"]),
    ("AU-SA", &["Australia/Adelaide"]),
    ("AU-TAS", &["Australia/Hobart"]),
    ("AU-VIC", &["Australia/Melbourne"]),
    ("AU-WA", &["Australia/Eucla", "Australia/Perth"]),
    ("BR-AC", &["America/Rio_Branco"]),
    ("BR-AL", &["America/Maceio"]),
    ("BR-AM", &["America/Eirunepe", "America/Manaus"]),
    ("BR-AP", &["America/Belem"]),
    ("BR-BA", &["America/Bahia"]),
    ("BR-CE", &["America/Fortaleza"]),
    ("BR-DF", &["America/Sao_Paulo"]),
    ("BR-ES", &["America/Sao_Paulo"]),
    ("BR-GO", &["America/Sao_Paulo"]),
    ("BR-MA", &["America/Fortaleza"]),
    ("BR-MG", &["America/Sao_Paulo"]),
    ("BR-MS", &["America/Campo_Grande"]),
    ("BR-MT", &["America/Cuiaba"]),
    ("BR-PA", &["America/Belem"]),
    ("BR-PB", &["America/Fortaleza"]),
    ("BR-PE", &["America/Noronha", "America/Recife"]),
    ("BR-PI", &["America/Fortaleza"]),
    ("BR-PR", &["America/Sao_Paulo"]),
    ("BR-RJ", &["America/Sao_Paulo"]),
    ("BR-RN", &["America/Fortaleza"]),
    ("BR-RO", &["America/Porto_Velho"]),
    ("BR-RR", &["America/Boa_Vista"]),
    ("BR-RS", &["America/Sao_Paulo"]),
    ("BR-SC", &["America/Sao_Paulo"]),
    ("BR-SE", &["America/Maceio"]),
    ("BR-SP", &["America/Sao_Paulo"]),
    ("BR-TO", &["America/Araguaina"]),
    ("CA-AB", &["America/Edmonton"]),
    ("CA-BC", &["America/Creston", "America/Edmonton", "America/Fort_Nelson", "America/Vancouver"]),
    ("CA-MB", &["America/Winnipeg"]),
    ("CA-NB", &["America/Moncton"]),
    ("CA-NL", &["America/Goose_Bay", "America/St_Johns"]),
    ("CA-NS", &["America/Halifax"]),
    ("CA-NT", &["America/Yellowknife"]),
    ("CA-NU", &["America/Cambridge_Bay", "America/Iqaluit", "America/Rankin_Inlet", "America/Resolute"]),
    ("CA-ON", &["America/Atikokan", "America/Toronto", "America/Winnipeg"]),
    ("CA-PE", &["America/Halifax"]),
    ("CA-QC", &["America/Blanc-Sablon", "America/Halifax", "America/Toronto"]),
    ("CA-SK", &["America/Edmonton", "America/Regina"]),
    ("CA-YT", &["America/Whitehorse"]),
    ("MX-AGU", &["America/Mexico_City"]),
    ("MX-BCN", &["America/Tijuana"]),
    ("MX-BCS", &["America/Mazatlan"]),
    ("MX-CAM", &["America/Mexico_City"]),
    ("MX-CHH", &["America/Chihuahua", "America/Ciudad_Juarez", "America/Ojinaga"]),
    ("MX-CHP", &["America/Mexico_City"]),
    ("MX-CMX", &["America/Mexico_City"]),
    ("MX-COA", &["America/Matamoros", "America/Monterrey"]),
    ("MX-COL", &["America/Mexico_City"]),
    ("MX-DUR", &["America/Monterrey"]),
    ("MX-GRO", &["America/Mexico_City"]),
    ("MX-GUA", &["America/Mexico_City"]),
    ("MX-HID", &["America/Mexico_City"]),
    ("MX-JAL", &["America/Mexico_City"]),
    ("MX-MEX", &["America/Mexico_City"]),
    ("MX-MIC", &["America/Mexico_City"]),
    ("MX-MOR", &["America/Mexico_City"]),
    ("MX-NAY", &["America/Bahia_Banderas", "America/Mazatlan"]),
    ("MX-NLE", &["America/Matamoros", "America/Monterrey"]),
    ("MX-OAX", &["America/Mexico_City"]),
    ("MX-PUE", &["America/Mexico_City"]),
    ("MX-QUE", &["America/Mexico_City"]),
    ("MX-ROO", &["America/Cancun"]),
    ("MX-SIN", &["America/Mazatlan"]),
    ("MX-SLP", &["America/Mexico_City"]),
    ("MX-SON", &["America/Hermosillo"]),
    ("MX-TAB", &["America/Mexico_City"]),
    ("MX-TAM", &["America/Matamoros", "America/Monterrey"]),
    ("MX-TLA", &["America/Mexico_City"]),
    ("MX-VER", &["America/Mexico_City"]),
    ("MX-YUC", &["America/Mexico_City"]),
    ("MX-ZAC", &["America/Mexico_City"]),
    ("US-AK", &["America/Adak", "America/Anchorage"]),
    ("US-AL", &["America/Chicago"]),
    ("US-AR", &["America/Chicago"]),
    ("US-AS", &["Pacific/Pago_Pago"]),
    ("US-AZ", &["America/Denver", "America/Phoenix"]),
    ("US-CA", &["America/Los_Angeles"]),
    ("US-CO", &["America/Denver"]),
    ("US-CT", &["America/New_York"]),
    ("US-DC", &["America/New_York"]),
    ("US-DE", &["America/New_York"]),
    ("US-FL", &["America/Chicago", "America/New_York"]),
    ("US-GA", &["America/New_York"]),
    ("US-GU", &["Pacific/Guam"]),
    ("US-HI", &["Pacific/Honolulu"]),
    ("US-IA", &["America/Chicago"]),
    ("US-ID", &["America/Boise", "America/Los_Angeles"]),
    ("US-IL", &["America/Chicago"]),
    ("US-IN", &["America/Chicago", "America/Indiana/Indianapolis"]),
    ("US-KS", &["America/Chicago", "America/Denver"]),
    ("US-KY", &["America/Chicago", "America/New_York"]),
    ("US-LA", &["America/Chicago"]),
    ("US-MA", &["America/New_York"]),
    ("US-MD", &["America/New_York"]),
    ("US-ME", &["America/New_York"]),
    ("US-MI", &["America/Detroit", "America/Menominee"]),
    ("US-MN", &["America/Chicago"]),
    ("US-MO", &["America/Chicago"]),
    ("US-MP", &["Pacific/Saipan"]),
    ("US-MS", &["America/Chicago"]),
    ("US-MT", &["America/Denver"]),
    ("US-NC", &["America/New_York"]),
    ("US-ND", &["America/Chicago", "America/Denver"]),
    ("US-NE", &["America/Chicago", "America/Denver"]),
    ("US-NH", &["America/New_York"]),
    ("US-NJ", &["America/New_York"]),
    ("US-NM", &["America/Denver"]),
    ("US-NV", &["America/Denver", "America/Los_Angeles"]),
    ("US-NY", &["America/New_York"]),
    ("US-OH", &["America/New_York"]),
    ("US-OK", &["America/Chicago"]),
    ("US-OR", &["America/Boise", "America/Los_Angeles"]),
    ("US-PA", &["America/New_York"]),
    ("US-PR", &["America/Puerto_Rico"]),
    ("US-RI", &["America/New_York"]),
    ("US-SC", &["America/New_York"]),
    ("US-SD", &["America/Chicago", "America/Denver"]),
    ("US-TN", &["America/Chicago", "America/New_York"]),
    ("US-TX", &["America/Chicago", "America/Denver"]),
    ("US-UT", &["America/Denver"]),
    ("US-VA", &["America/New_York"]),
    ("US-VI", &["America/St_Thomas"]),
    ("US-VT", &["America/New_York"]),
    ("US-WA", &["America/Los_Angeles"]),
    ("US-WI", &["America/Chicago"]),
    ("US-WV", &["America/New_York"]),
    ("US-WY", &["America/Denver"]),
];

/// Zones of a state or province; none: not one that is known.
pub(super) fn zones(region: &str) -> Option<&'static [&'static str]> {
    let place = REGIONS.binary_search_by_key(&region, |(code, _zones)| code);
    let found = REGIONS.get(place.ok()?)?;
    Some(found.1)
}

/// Zones of every state of a country, for a lead whose state nobody can read. Islands that are no states of it, and
/// have numbers of their own, are left out.
pub(super) fn zones_of_all(country: &str) -> Vec<&'static str> {
    let of_country = |code: &str| code.split_once('-').is_some_and(|(of, _)| of == country);
    let states = REGIONS.iter().filter(|(code, _zones)| of_country(code));
    let states = states.filter(|(code, _zones)| !TERRITORIES.contains(code));
    states.flat_map(|(_code, zones)| *zones).copied().collect()
}

const TERRITORIES: [&str; 5] = ["US-AS", "US-GU", "US-MP", "US-PR", "US-VI"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::zone::time_zone;

    #[test]
    fn every_region_has_zones_that_are_known_and_stands_once() {
        assert!(REGIONS.is_sorted_by(|one, next| one.0 < next.0));
        for (region, zones) in REGIONS {
            assert!(!zones.is_empty(), "{region}");
            for zone in *zones {
                assert!(time_zone(zone).is_some(), "{region}: {zone}");
            }
        }
        let counted = ["AU", "BR", "CA", "MX", "US"].map(|country| {
            let of = REGIONS.iter().filter(|(code, _)| code.starts_with(country));
            of.count()
        });
        assert_eq!(counted, [8, 27, 13, 32, 56]);
    }

    #[test]
    fn an_unreadable_state_may_be_any_state() {
        let mut zones = zones_of_all("US");
        zones.sort_unstable();
        zones.dedup();
        assert!(zones.contains(&"Pacific/Honolulu") && zones.contains(&"America/New_York"));
        assert!(!zones.contains(&"Pacific/Guam"));
        assert!(zones_of_all("DE").is_empty());
    }
}
