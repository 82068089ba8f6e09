//! States, provinces and territories of countries that people tell apart by them, however lists write them.

use model::PhoneNumber;

use super::place::Country;
use super::{countries, number};
use crate::names::plain;

/// What a row's state or province says, for countries whose rules may go by it. Of other countries nothing is
/// known, and nothing needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RegionSaid {
    Nothing,
    /// ISO 3166-2, `US-CA`.
    Known(&'static str),
    /// It is none of this country's.
    Unreadable(Country),
}

/// Reads a state: that of the row's country, else of the number's. A state of the list's own country is one, too,
/// wherever the number is from: its rules are added to those of the number's place.
pub(crate) fn said(
    text: &str,
    country: Option<Country>,
    default_country: Option<Country>,
    number: &PhoneNumber,
) -> RegionSaid {
    let known = |country: &str| {
        let regions = of_country(country)?;
        read(text, regions)
    };
    let by_region = |country: &Country| of_country(&country.to_string()).is_some();
    if let Some(country) = country {
        return match known(&country.to_string()) {
            Some(region) => RegionSaid::Known(region),
            None if by_region(&country) => RegionSaid::Unreadable(country),
            None => RegionSaid::Nothing,
        };
    }
    let countries: &[&str] = match number.as_str().get(..3) {
        Some("+61") => &["AU"],
        Some(code) if code.starts_with("+1") => &["US", "CA"],
        Some(_) | None => &[],
    };
    let of_number = countries.iter().find_map(|country| known(country));
    let found = of_number.or_else(|| known(&default_country?.to_string()));
    if let Some(region) = found {
        return RegionSaid::Known(region);
    }
    let of_number = number::normalise(number.as_str(), None).ok();
    let of_number = of_number.and_then(|found| found.country);
    match of_number.filter(by_region) {
        Some(country) => RegionSaid::Unreadable(country),
        None => RegionSaid::Nothing,
    }
}

/// Whether a text is a state of any country that has some.
pub(crate) fn is_region(text: &str) -> bool {
    ["US", "CA", "AU"].into_iter().any(|country| {
        let regions = of_country(country);
        regions.is_some_and(|regions| read(text, regions).is_some())
    })
}

/// Those of one country: ISO 3166-2, the name, and other ways to write it; letters and digits only.
type Regions = &'static [(&'static str, &'static str, &'static [&'static str])];

/// Those of a country by its two letters; none where no rule goes by them.
fn of_country(country: &str) -> Option<Regions> {
    match country {
        "US" => Some(STATES),
        "CA" => Some(PROVINCES),
        "AU" => Some(AUSTRALIAN),
        _other => None,
    }
}

/// A region as ISO 3166-2: from its code with or without the country's, its name, or a short form of it, alone or
/// with others of the same (`CA - California`, `Boston, Mass.` is none).
fn read(text: &str, regions: Regions) -> Option<&'static str> {
    let text = text.trim();
    if text.len() <= 3 && text.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        let code = regions
            .iter()
            .find(|(code, _, _)| short(code).eq_ignore_ascii_case(text));
        if let Some((code, _, _)) = code {
            return Some(code);
        }
    }
    one(text, regions).or_else(|| {
        let parts = text.split([',', '(', ')', '/', '-', '–', '|']);
        let mut parts = parts.map(str::trim).filter(|part| !part.is_empty());
        let first = one(parts.next()?, regions)?;
        let mut parts = parts.peekable();
        parts.peek()?;
        parts
            .all(|part| one(part, regions) == Some(first) || country_of(first, part))
            .then_some(first)
    })
}

fn one(text: &str, regions: Regions) -> Option<&'static str> {
    let text = plain(text);
    let find = |wanted: &str| {
        let found = regions.iter().find(|(code, name, others)| {
            plain(code) == wanted
                || *name == wanted
                || short(code).eq_ignore_ascii_case(wanted)
                || others.contains(&wanted)
        });
        found.map(|(code, _, _)| *code)
    };
    let affixes = ["stateof", "commonwealthof", "provinceof", "the"];
    let without = affixes.iter().find_map(|affix| text.strip_prefix(affix));
    let without = without.or_else(|| {
        let affixes = ["state", "province", "territory"];
        affixes.iter().find_map(|affix| text.strip_suffix(affix))
    });
    find(&text).or_else(|| find(without?))
}

/// Without the country's letters.
fn short(code: &str) -> &str {
    code.get(3..).unwrap_or(code)
}

/// Whether a text is the country that a region is in.
fn country_of(region: &str, text: &str) -> bool {
    let country = region.split('-').next().unwrap_or_default();
    text.eq_ignore_ascii_case(country) || countries::by_name(text) == Some(country)
}

const STATES: Regions = &[
    ("US-AL", "alabama", &["ala"]),
    ("US-AK", "alaska", &["alas"]),
    ("US-AZ", "arizona", &["ariz"]),
    ("US-AR", "arkansas", &["ark"]),
    ("US-CA", "california", &["calif", "cali", "cal"]),
    ("US-CO", "colorado", &["colo", "col"]),
    ("US-CT", "connecticut", &["conn"]),
    ("US-DE", "delaware", &["del"]),
    (
        "US-DC",
        "districtofcolumbia",
        &["washingtondc", "washdc", "wdc", "districtofcolombia"],
    ),
    ("US-FL", "florida", &["fla", "flor"]),
    ("US-GA", "georgia", &[]),
    ("US-HI", "hawaii", &[]),
    ("US-ID", "idaho", &["ida"]),
    ("US-IL", "illinois", &["ill", "ills"]),
    ("US-IN", "indiana", &["ind"]),
    ("US-IA", "iowa", &[]),
    ("US-KS", "kansas", &["kan", "kans"]),
    ("US-KY", "kentucky", &["ken", "kent"]),
    ("US-LA", "louisiana", &[]),
    ("US-ME", "maine", &[]),
    ("US-MD", "maryland", &[]),
    ("US-MA", "massachusetts", &["mass"]),
    ("US-MI", "michigan", &["mich"]),
    ("US-MN", "minnesota", &["minn"]),
    ("US-MS", "mississippi", &["miss"]),
    ("US-MO", "missouri", &[]),
    ("US-MT", "montana", &["mont"]),
    ("US-NE", "nebraska", &["neb", "nebr"]),
    ("US-NV", "nevada", &["nev"]),
    ("US-NH", "newhampshire", &["nhampshire"]),
    ("US-NJ", "newjersey", &["njersey"]),
    ("US-NM", "newmexico", &["nmex", "nmexico", "newmex"]),
    ("US-NY", "newyork", &["nyork"]),
    (
        "US-NC",
        "northcarolina",
        &["ncar", "ncarolina", "nocarolina"],
    ),
    ("US-ND", "northdakota", &["ndak", "ndakota", "nodak"]),
    ("US-OH", "ohio", &[]),
    ("US-OK", "oklahoma", &["okla"]),
    ("US-OR", "oregon", &["ore", "oreg"]),
    ("US-PA", "pennsylvania", &["penn", "penna"]),
    ("US-RI", "rhodeisland", &[]),
    (
        "US-SC",
        "southcarolina",
        &["scar", "scarolina", "socarolina"],
    ),
    ("US-SD", "southdakota", &["sdak", "sdakota", "sodak"]),
    ("US-TN", "tennessee", &["tenn"]),
    ("US-TX", "texas", &["tex"]),
    ("US-UT", "utah", &[]),
    ("US-VT", "vermont", &[]),
    ("US-VA", "virginia", &["virg"]),
    ("US-WA", "washington", &["wash"]),
    ("US-WV", "westvirginia", &["wva", "wvirginia"]),
    ("US-WI", "wisconsin", &["wis", "wisc"]),
    ("US-WY", "wyoming", &["wyo"]),
    ("US-AS", "americansamoa", &[]),
    ("US-GU", "guam", &[]),
    ("US-MP", "northernmarianaislands", &["cnmi"]),
    ("US-PR", "puertorico", &[]),
    ("US-VI", "usvirginislands", &["virginislands", "usvi"]),
];

const PROVINCES: Regions = &[
    ("CA-AB", "alberta", &["alta", "alb"]),
    (
        "CA-BC",
        "britishcolumbia",
        &["colombiebritannique", "brcol"],
    ),
    ("CA-MB", "manitoba", &["man"]),
    ("CA-NB", "newbrunswick", &["nouveaubrunswick"]),
    (
        "CA-NL",
        "newfoundlandandlabrador",
        &[
            "nf",
            "nfld",
            "newfoundland",
            "labrador",
            "newfoundlandlabrador",
            "terreneuveetlabrador",
            "terreneuve",
        ],
    ),
    ("CA-NS", "novascotia", &["nouvelleecosse"]),
    (
        "CA-NT",
        "northwestterritories",
        &["nwt", "nwterritories", "territoiresdunordouest"],
    ),
    ("CA-NU", "nunavut", &[]),
    ("CA-ON", "ontario", &["ont"]),
    (
        "CA-PE",
        "princeedwardisland",
        &["pei", "ileduprinceedouard"],
    ),
    ("CA-QC", "quebec", &["que", "pq"]),
    ("CA-SK", "saskatchewan", &["sask"]),
    ("CA-YT", "yukon", &["yukonterritory", "yuk"]),
];

const AUSTRALIAN: Regions = &[
    (
        "AU-ACT",
        "australiancapitalterritory",
        &["austcapitalterritory"],
    ),
    ("AU-NSW", "newsouthwales", &["nswales"]),
    ("AU-NT", "northernterritory", &["nterritory"]),
    ("AU-QLD", "queensland", &["qland"]),
    ("AU-SA", "southaustralia", &["southaus", "saustralia"]),
    ("AU-TAS", "tasmania", &["tassie"]),
    ("AU-VIC", "victoria", &["vict"]),
    ("AU-WA", "westernaustralia", &["westaus", "waustralia"]),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str, country: &str, default: &str, number: &str) -> RegionSaid {
        super::said(
            text,
            Country::named(country),
            Country::named(default),
            &number.parse().unwrap(),
        )
    }

    #[test]
    fn a_state_is_understood_however_it_is_written() {
        let us = "+14155552671";
        for (text, region) in [
            ("ca", "US-CA"),
            ("US-CA", "US-CA"),
            ("us ca", "US-CA"),
            ("Calif.", "US-CA"),
            ("california", "US-CA"),
            ("CA - California", "US-CA"),
            ("California (CA)", "US-CA"),
            ("CA, USA", "US-CA"),
            ("N.Y.", "US-NY"),
            ("New York State", "US-NY"),
            ("State of New York", "US-NY"),
            ("D.C.", "US-DC"),
            ("Washington DC", "US-DC"),
            ("Washington, D.C.", "US-DC"),
            ("Washington", "US-WA"),
            ("Washington State", "US-WA"),
            ("Commonwealth of Virginia", "US-VA"),
            ("W. Va.", "US-WV"),
            ("N. Carolina", "US-NC"),
            ("Québec", "CA-QC"),
            ("QUEBEC", "CA-QC"),
            ("Nouvelle-Écosse", "CA-NS"),
            ("P.E.I.", "CA-PE"),
            ("British Columbia", "CA-BC"),
            ("CA-ON", "CA-ON"),
        ] {
            assert_eq!(said(text, "", "", us), RegionSaid::Known(region), "{text}");
        }
        let au = "+61291234567";
        assert_eq!(said("NSW", "", "", au), RegionSaid::Known("AU-NSW"));
        assert_eq!(said("W.A.", "", "", au), RegionSaid::Known("AU-WA"));
        assert_eq!(said("WA", "", "US", us), RegionSaid::Known("US-WA"));
        assert_eq!(
            said("Victoria", "Australia", "US", us),
            RegionSaid::Known("AU-VIC")
        );
    }

    #[test]
    fn a_state_matters_where_rules_go_by_it_and_is_strict_where_it_cannot_be_read() {
        let us = "US".parse().unwrap();
        let unreadable = RegionSaid::Unreadable(us);
        assert_eq!(said("Bayern", "", "DE", "+4989123456"), RegionSaid::Nothing);
        assert_eq!(said("Bayern", "", "US", "+4989123456"), RegionSaid::Nothing);
        assert_eq!(
            said("Bayern", "Germany", "US", "+14155552671"),
            RegionSaid::Nothing
        );
        assert_eq!(said("Bayern", "", "", "+14155552671"), unreadable);
        assert_eq!(said("Boston, Mass.", "", "", "+14155552671"), unreadable);
        assert_eq!(said("Bayern", "USA", "DE", "+4989123456"), unreadable);
        // The list is from the United States: so is the state.
        assert_eq!(
            said("TX", "", "US", "+4989123456"),
            RegionSaid::Known("US-TX")
        );
        // Numbers of the same plan whose country has no such rules.
        assert_eq!(
            said("Kingston", "", "US", "+18769221234"),
            RegionSaid::Nothing
        );
    }
}
