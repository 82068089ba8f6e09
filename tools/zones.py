#!/usr/bin/env python3
"""Renews the tables of shared/dialer that say where a phone number is.

    tools/zones.py              the version that is pinned below
    tools/zones.py 9.0.50       another version; change the pin with it

Needs Python 3 and the network: it installs the packages `phonenumbers` (libphonenumber's metadata,
Apache-2.0) and `tzdata` (which zone is in which country; public domain) into a temporary environment and writes

    shared/dialer/src/numbers/tables.rs     prefix -> zones, digits -> kind and country, area code -> state
    shared/dialer/src/numbers/cases.txt     what libphonenumber says of a few hundred numbers, for the tests

The same version always gives the same bytes.
"""

import collections
import datetime
import os
import random
import re
import subprocess
import sys
import tempfile
import venv

VERSION = "9.0.43"
TZDATA = "2026.6"
TARGET = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "shared/dialer/src/numbers")

# Kinds as the product needs them; the order is that of `NumberKind` in numbers.rs.
KINDS = ["geographic", "mobile", "premium", "toll_free", "other"]
# libphonenumber asks in this order which kind a number is.
SPECIAL = ["premium_rate", "toll_free", "shared_cost", "voip", "personal_number", "pager", "uan", "voicemail"]
DIGITS = "0123456789"
# Digits of a prefix that are compared, and the base of the key: 0 is "no digit".
KEY_DIGITS = 9

STATES = {
    "Alabama": "US-AL", "Alaska": "US-AK", "Arizona": "US-AZ", "Arkansas": "US-AR", "California": "US-CA",
    "Colorado": "US-CO", "Connecticut": "US-CT", "Delaware": "US-DE", "Washington D.C.": "US-DC",
    "Florida": "US-FL", "Georgia": "US-GA", "Hawaii": "US-HI", "Idaho": "US-ID", "Illinois": "US-IL",
    "Indiana": "US-IN", "Iowa": "US-IA", "Kansas": "US-KS", "Kentucky": "US-KY", "Louisiana": "US-LA",
    "Maine": "US-ME", "Maryland": "US-MD", "Massachusetts": "US-MA", "Michigan": "US-MI",
    "Minnesota": "US-MN", "Mississippi": "US-MS", "Missouri": "US-MO", "Montana": "US-MT",
    "Nebraska": "US-NE", "Nevada": "US-NV", "New Hampshire": "US-NH", "New Jersey": "US-NJ",
    "New Mexico": "US-NM", "New York": "US-NY", "North Carolina": "US-NC", "North Dakota": "US-ND",
    "Ohio": "US-OH", "Oklahoma": "US-OK", "Oregon": "US-OR", "Pennsylvania": "US-PA",
    "Rhode Island": "US-RI", "South Carolina": "US-SC", "South Dakota": "US-SD", "Tennessee": "US-TN",
    "Texas": "US-TX", "Utah": "US-UT", "Vermont": "US-VT", "Virginia": "US-VA",
    "Washington State": "US-WA", "West Virginia": "US-WV", "Wisconsin": "US-WI", "Wyoming": "US-WY",
    "Alberta": "CA-AB", "British Columbia": "CA-BC", "British Colombia": "CA-BC", "Manitoba": "CA-MB",
    "New Brunswick": "CA-NB", "Newfoundland and Labrador": "CA-NL", "Nova Scotia": "CA-NS",
    "Northwest Territories": "CA-NT", "Nunavut": "CA-NU", "Ontario": "CA-ON",
    "Prince Edward Island": "CA-PE", "Quebec": "CA-QC", "Saskatchewan": "CA-SK", "Yukon": "CA-YT",
}
CODES = {code.split("-")[1]: code for code in STATES.values()}


def main():
    if os.environ.get("ZONES_INSIDE"):
        return write()
    version = sys.argv[1] if len(sys.argv) > 1 else VERSION
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python = os.path.join(folder, "bin", "python")
        subprocess.check_call([python, "-m", "pip", "install", "--quiet", f"phonenumbers=={version}", f"tzdata=={TZDATA}"])
        subprocess.check_call([python, os.path.abspath(__file__)], env={**os.environ, "ZONES_INSIDE": "1"})


def write():
    import phonenumbers

    with open(os.path.join(TARGET, "tables.rs"), "w", encoding="utf-8") as out:
        out.write(tables(phonenumbers))
    with open(os.path.join(TARGET, "cases.txt"), "w", encoding="utf-8") as out:
        out.write(cases(phonenumbers))


# ---------------------------------------------------------------------------------------------- zones


def prefixes(phonenumbers):
    """Prefix -> sorted zones. An area code of +1 with exceptions for some exchanges gets the zones of
    all of them: a new exchange would fall to the default, which may be an hour wrong."""
    united = collections.defaultdict(set)
    plain = {}
    for prefix, zones in timezone_data().items():
        if prefix.startswith("1") and len(prefix) >= 4:
            united[prefix[:4]].update(zones)
        else:
            plain[prefix] = tuple(sorted(set(zones)))
    plain.update((prefix, tuple(sorted(zones))) for prefix, zones in united.items())
    return plain


def timezone_data():
    """libphonenumber's prefixes and zones, mended: it gives Kaliningrad the clocks of a neighbour that has summer time."""
    from phonenumbers.tzdata import TIMEZONE_DATA

    def mended(prefix, zone):
        return "Europe/Kaliningrad" if prefix.startswith("7") and zone == "Europe/Bucharest" else zone

    return {
        prefix: tuple(sorted(mended(prefix, zone) for zone in zones)) for prefix, zones in TIMEZONE_DATA.items()
    }


def zones_of_regions(phonenumbers):
    """Country -> its zones by the zone database's own table; of those that show the same time in the years to come
    the first stands for all."""
    import importlib.resources
    import zoneinfo

    zoneinfo.reset_tzpath(to=[])
    instants = [
        datetime.datetime(year, month, 1, tzinfo=datetime.timezone.utc) for year in range(2026, 2032) for month in range(1, 13)
    ]
    table = importlib.resources.files("tzdata") / "zoneinfo" / "zone.tab"
    countries = collections.defaultdict(dict)
    for line in table.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            country, _, zone = line.split("\t")[:3]
            shows = tuple(at.astimezone(zoneinfo.ZoneInfo(zone)).utcoffset() for at in instants)
            countries[country].setdefault(shows, zone)
    regions = {region for regions in phonenumbers.COUNTRY_CODE_TO_REGION_CODE.values() for region in regions}
    return {region: tuple(sorted(countries[region].values())) for region in sorted(regions) if region in countries}


def key(prefix):
    value = 0
    for place in range(KEY_DIGITS):
        value = value * 11 + (int(prefix[place]) + 1 if place < len(prefix) else 0)
    return value


def spans(plain):
    """Nested prefixes as consecutive spans: (first key, zones or none), each up to the next one."""
    starts = {0: None}
    # Longer prefixes later, so that they win; after each, its surroundings go on.
    for prefix in sorted(plain, key=lambda p: (len(p), p)):
        first, last = key(prefix), key(prefix) + 11 ** (KEY_DIGITS - len(prefix))
        around = [prefix[:n] for n in range(len(prefix) - 1, 0, -1) if prefix[:n] in plain]
        starts[first] = plain[prefix]
        starts.setdefault(last, plain[around[0]] if around else None)
    merged = []
    for first in sorted(starts):
        if not merged or merged[-1][1] != starts[first]:
            merged.append((first, starts[first]))
    return merged


# ---------------------------------------------------------------------------------------------- kinds


class Automaton:
    """A nondeterministic automaton for the few forms that libphonenumber's patterns use."""

    def __init__(self):
        self.free, self.steps = [], []

    def state(self):
        self.free.append([])
        self.steps.append([])
        return len(self.free) - 1

    def add(self, pattern):
        tree, rest = alternatives(pattern)
        assert not rest, pattern
        start, end = self.state(), self.state()
        self.build(tree, start, end)
        return start, end

    def build(self, tree, start, end):
        form = tree[0]
        if form == "any":
            for branch in tree[1]:
                self.build(branch, start, end)
        elif form == "digits":
            self.steps[start].append((tree[1], end))
        elif form == "sequence":
            for part in tree[1]:
                after = self.state()
                self.build(part, start, after)
                start = after
            self.free[start].append(end)
        else:
            _, part, least, most = tree
            for n in range(most):
                if n >= least:
                    self.free[start].append(end)
                after = self.state()
                self.build(part, start, after)
                start = after
            self.free[start].append(end)

    def closed(self, states, ends):
        todo, seen = list(states), set(states)
        while todo:
            for after in self.free[todo.pop()]:
                if after not in seen:
                    seen.add(after)
                    todo.append(after)
        return frozenset(state for state in seen if self.steps[state] or state in ends)


def alternatives(text):
    branches = []
    while True:
        branch, text = sequence(text)
        branches.append(branch)
        if not text.startswith("|"):
            return ("any", branches), text
        text = text[1:]


def sequence(text):
    parts = []
    while text and text[0] not in "|)":
        if text[0] == "(":
            part, text = alternatives(text[3:] if text.startswith("(?:") else text[1:])
            assert text[0] == ")"
            text = text[1:]
        elif text[0] == "[":
            end = text.index("]") + 1
            part, text = ("digits", "".join(d for d in DIGITS if re.match(text[:end], d))), text[end:]
        elif text.startswith("\\d"):
            part, text = ("digits", DIGITS), text[2:]
        else:
            assert text[0] in DIGITS, text
            part, text = ("digits", text[0]), text[1:]
        if text.startswith("?"):
            part, text = ("times", part, 0, 1), text[1:]
        elif text.startswith("{"):
            end = text.index("}")
            bounds = [int(n) for n in text[1:end].split(",")]
            part, text = ("times", part, bounds[0], bounds[-1]), text[end + 1:]
        parts.append(part)
    return ("sequence", parts), text


class Kinds:
    """All patterns of all calling codes as one table: a row per state, a column per digit."""

    def __init__(self, phonenumbers):
        from phonenumbers.phonenumberutil import _GEO_MOBILE_COUNTRIES

        self.local_mobiles = _GEO_MOBILE_COUNTRIES
        self.rows = {(None, (0,) * 10): 0}
        self.leaves = []
        self.codes = []
        for code, regions in sorted(phonenumbers.COUNTRY_CODE_TO_REGION_CODE.items()):
            metadata = [
                phonenumbers.PhoneMetadata.metadata_for_region_or_calling_code(code, region) for region in regions
            ]
            self.codes.append((code, self.compile(code, metadata), regions))

    def compile(self, code, metadata):
        nfa, ends, starts = Automaton(), {}, []
        for place, data in enumerate(metadata):
            for field in ["general_desc", *SPECIAL, "fixed_line", "mobile"]:
                described = getattr(data, field)
                if described is not None and described.national_number_pattern:
                    start, end = nfa.add(described.national_number_pattern)
                    ends[end] = (place, field)
                    starts.append(start)
            if data.leading_digits and len(metadata) > 1:
                start, end = nfa.add(data.leading_digits)
                ends[end] = (place, "leading")
                nfa.steps[end].append((DIGITS, end))
                starts.append(start)

        def row(states, length):
            if all(ends.get(state, ("", ""))[1] == "leading" for state in states):
                return 0
            if (states, length) not in known:
                after = []
                for digit in DIGITS:
                    reached = {to for state in states for digits, to in nfa.steps[state] if digit in digits}
                    after.append(row(nfa.closed(reached, ends), length + 1) if length < 17 else 0)
                leaf = self.leaf(code, metadata, [ends[state] for state in states if state in ends], length)
                known[states, length] = self.rows.setdefault((leaf, tuple(after)), len(self.rows))
            return known[states, length]

        known = {}
        return row(nfa.closed(starts, ends), 0)

    def leaf(self, code, metadata, matched, length):
        for place, data in enumerate(metadata):
            fields = {field for at, field in matched if at == place}

            def fits(field):
                described = getattr(data, field)
                lengths = described.possible_length if described is not None else ()
                return field in fields and (not lengths or length in lengths)

            kind = self.kind(code, data, fits)
            if len(metadata) > 1:
                chosen = "leading" in fields if data.leading_digits else kind is not None
                if not chosen:
                    continue
            if kind is None:
                return None
            leaf = (KINDS.index(kind), place)
            if leaf not in self.leaves:
                self.leaves.append(leaf)
            return self.leaves.index(leaf) + 1
        return None

    def kind(self, code, data, fits):
        if not fits("general_desc"):
            return None
        for field in SPECIAL:
            if fits(field):
                named = {"premium_rate": "premium", "shared_cost": "premium", "toll_free": "toll_free"}
                return named.get(field, "other")
        if fits("fixed_line"):
            return "geographic"
        if not data.same_mobile_and_fixed_line_pattern and fits("mobile"):
            return "geographic" if code in self.local_mobiles else "mobile"
        return None


# -------------------------------------------------------------------------------------------- states


def area_codes():
    """Area code of the US and Canada -> states."""
    from phonenumbers.geodata import GEOCODE_DATA

    whole, parts = {}, collections.defaultdict(collections.Counter)
    for prefix, texts in GEOCODE_DATA.items():
        if not prefix.startswith("1") or len(prefix) < 4 or "en" not in texts:
            continue
        states = [state(part) for part in texts["en"].split("/")]
        if all(states):
            if len(prefix) == 4:
                whole[prefix[1:]] = tuple(sorted(states))
            else:
                parts[prefix[1:4]].update(states)
    for area, counted in parts.items():
        # Without a text for the whole area code, the state that nearly all of its towns are in.
        first, count = counted.most_common(1)[0]
        if area not in whole and count * 100 >= 95 * sum(counted.values()):
            whole[area] = (first,)
    return dict(sorted(whole.items()))


def state(text):
    if text in STATES:
        return STATES[text]
    town = re.search(r", ([A-Z]{2})$", text)
    return CODES.get(town.group(1)) if town else None


# ------------------------------------------------------------------------------------------- writing


def tables(phonenumbers):
    found = spans(prefixes(phonenumbers))
    names = {zone for _, zones in found if zones for zone in zones if zone != "Etc/Unknown"}
    regions = zones_of_regions(phonenumbers)
    names = sorted(names.union(*regions.values()))
    sets = sorted({zones for _, zones in found if zones and zones != ("Etc/Unknown",)} | set(regions.values()))
    kinds = Kinds(phonenumbers)
    rows = sorted(kinds.rows.items(), key=lambda row: row[1])

    out = [
        "//! Where phone numbers are: tables that `tools/zones.py` derived from libphonenumber's metadata.",
        "//!",
        f"//! Source: libphonenumber {phonenumbers.__version__}, as packed in the Python package `phonenumbers` of that version.",
        "//! Copyright (C) 2011-2026 The Libphonenumber Authors. Licensed under the Apache License, Version 2.0",
        "//! (<http://www.apache.org/licenses/LICENSE-2.0>). Changed: selected, united by area code and recoded.",
        "//! Not edited by hand.",
        "",
        "/// Version of the metadata.",
        f'pub(super) const VERSION: &str = "{phonenumbers.__version__}";',
        "",
        "/// Every zone of the tables, sorted.",
        f"pub(super) static ZONES: [&str; {len(names)}] = [",
        *rows_of([f'"{name}"' for name in names]),
        "];",
        "",
        "/// Sets of zones, as places in `ZONES`.",
        f"pub(super) static ZONE_SETS: [&[u16]; {len(sets)}] = [",
        *rows_of(["&[" + ", ".join(str(names.index(z)) for z in zones) + "]" for zones in sets]),
        "];",
        "",
        "/// No zone is known.",
        f"pub(super) const NO_ZONES: u16 = {len(sets)};",
        "",
        "/// Spans of keys (see `key`), each up to the next one, with the place in `ZONE_SETS`.",
        f"pub(super) static SPANS: [(u32, u16); {len(found)}] = [",
        *rows_of([f"({first}, {sets.index(zones) if zones in sets else len(sets)})" for first, zones in found]),
        "];",
        "",
        "/// Country, the place in `ZONE_SETS` of its zones; sorted.",
        f"pub(super) static COUNTRIES: [(&str, u16); {len(regions)}] = [",
        *rows_of([f'("{region}", {sets.index(zones)})' for region, zones in regions.items()]),
        "];",
        "",
        "/// Calling code, its first row in `ROWS`, its regions.",
        f"pub(super) static CODES: [(u16, u16, &[&str]); {len(kinds.codes)}] = [",
        *rows_of(
            [
                f"({code}, {root}, &[" + ", ".join(f'"{region}"' for region in regions) + "])"
                for code, root, regions in kinds.codes
            ]
        ),
        "];",
        "",
        "/// Leaves: kind, place of the region among those of the calling code. Leaf 0 is \"no such number\".",
        f"pub(super) static LEAVES: [(u8, u8); {len(kinds.leaves) + 1}] = [",
        *rows_of(["(0, 0)"] + [f"({kind}, {place})" for kind, place in kinds.leaves]),
        "];",
        "",
        "/// The leaf of a number that ends in a row.",
        f"pub(super) static ROW_LEAVES: [u8; {len(rows)}] = [",
        *rows_of([str(leaf or 0) for (leaf, _), _ in rows]),
        "];",
        "",
        "/// The next row for each digit; row 0 is \"no such number\".",
        f"pub(super) static ROWS: [[u16; 10]; {len(rows)}] = [",
        *rows_of(["[" + ",".join(str(n) for n in after) + "]" for (_, after), _ in rows]),
        "];",
        "",
        "/// Area code of the US and Canada, its states.",
        f"pub(super) static AREAS: [(u16, &[&str]); {len(area_codes())}] = [",
        *rows_of(
            [f"({area}, &[" + ", ".join(f'"{s}"' for s in states) + "])" for area, states in area_codes().items()]
        ),
        "];",
        "",
    ]
    return "\n".join(out)


def rows_of(items):
    """As many items in a line as fit."""
    lines, line = [], "   "
    for item in items:
        if len(line) + len(item) + 2 > 118 and line.strip():
            lines.append(line)
            line = "   "
        line += f" {item},"
    return lines + [line]


def cases(phonenumbers):
    """Numbers with what libphonenumber says: kind, region and zones."""
    from phonenumbers import PhoneNumberType as T
    from phonenumbers import geocoder
    from phonenumbers.timezone import time_zones_for_number
    from phonenumbers.tzdata import TIMEZONE_DATA

    own_zones = zones_of_regions(phonenumbers)
    chance = random.Random(20261121)
    fields = ["fixed_line", "mobile", "toll_free", "premium_rate", "voip", "personal_number", "uan"]
    known = set()
    for code, regions in sorted(phonenumbers.COUNTRY_CODE_TO_REGION_CODE.items()):
        for region in regions:
            data = phonenumbers.PhoneMetadata.metadata_for_region_or_calling_code(code, region)
            for field in fields:
                described = getattr(data, field)
                if described is not None and described.example_number:
                    number = f"+{code}{described.example_number}"
                    if field in ("fixed_line", "mobile") or chance.random() < 0.25:
                        known.add(number)
                    if chance.random() < 0.4:
                        digits = list(number)
                        for _ in range(chance.randint(1, 4)):
                            digits[chance.randrange(2, len(digits))] = chance.choice(DIGITS)
                        known.add("".join(digits))
    for _ in range(300):
        known.add(f"+1{chance.choice('23456789')}{chance.randint(0, 99):02}{chance.choice('23456789')}{chance.randint(0, 999999):06}")
    named = {
        T.FIXED_LINE: "geographic", T.FIXED_LINE_OR_MOBILE: "geographic", T.MOBILE: "mobile",
        T.PREMIUM_RATE: "premium", T.SHARED_COST: "premium", T.TOLL_FREE: "toll_free", T.UNKNOWN: "invalid",
    }
    lines = [
        f"# What libphonenumber {phonenumbers.__version__} says: number, kind, region, zones; the zones of the whole area",
        "# code if it has exceptions; the states that the number's own description names. Written by tools/zones.py.",
    ]
    for number in sorted(known):
        if not 7 <= len(number) - 1 <= 15:
            continue
        try:
            parsed = phonenumbers.parse(number)
        except phonenumbers.NumberParseException:
            continue
        # The parser drops national prefixes that some people write; numbers of ours never have them.
        if phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164) != number:
            continue
        kind = phonenumbers.number_type(parsed)
        name = named.get(kind, "other")
        if phonenumbers.phonenumberutil.is_number_type_geographical(kind, parsed.country_code):
            name = "geographic"
        region = phonenumbers.region_code_for_number(parsed) if kind != T.UNKNOWN else None
        zones = [zone for zone in time_zones_for_number(parsed) if zone != "Etc/Unknown"]
        # What is not of a place is in its own country, whichever others share the calling code.
        if name not in ("geographic", "invalid") and region not in ("US", "CA") and region in own_zones:
            zones = own_zones[region]
        elif region == "RU":
            zones = [zone.replace("Europe/Bucharest", "Europe/Kaliningrad") for zone in zones]
        united = set(zones)
        if name == "geographic" and number.startswith("+1"):
            for prefix, exceptions in TIMEZONE_DATA.items():
                if prefix.startswith(number[1:5]):
                    united.update(exceptions)
        places = [region] if region else []
        if region in ("US", "CA"):
            text = geocoder.description_for_number(parsed, "en")
            told = [state(part) for part in text.split("/")]
            places = told if all(told) else [region]
            if name != "geographic":
                places = ["CA", "US"]
        lists = [",".join(sorted(one)) or "-" for one in (zones, united, places)]
        lines.append(" ".join([number, name, region or "-", *lists]))
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
