#!/usr/bin/env python3
"""Renews the table of public holidays that shared/dialer goes by.

    tools/public-holidays.py          the version that is pinned below
    tools/public-holidays.py 0.110    another version; change the pin with it

Needs Python 3 and the network: it installs the package `holidays` (MIT) into a temporary environment and writes

    shared/dialer/src/packs/calendar/table.rs     place -> its public holidays

of the years below: renew it each year, so that three are ahead. Days that move with the moon are estimates there until
they are proclaimed. The same version always gives the same bytes.
"""

import datetime
import os
import subprocess
import sys
import tempfile
import venv

VERSION = "0.109"
FIRST_YEAR, LAST_YEAR = 2025, 2030
HERE = os.path.dirname(os.path.abspath(__file__))
TARGET = os.path.join(HERE, "..", "shared/dialer/src/packs/calendar/table.rs")

# Countries whose states numbers and lists tell apart: `US-AL` has days of its own.
WITH_STATES = ["AU", "BR", "CA", "US"]
# Territories of the US have numbers of countries of their own.
TERRITORIES = {("US", state) for state in ("AS", "GU", "MP", "PR", "UM", "VI")}
# What stands for a country whose parts differ: the part with nearly all of its people.
STANDS_FOR = {"GB": "ENG"}


def main():
    if os.environ.get("HOLIDAYS_INSIDE"):
        return write()
    version = sys.argv[1] if len(sys.argv) > 1 else VERSION
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python = os.path.join(folder, "bin", "python")
        subprocess.check_call([python, "-m", "pip", "install", "--quiet", f"holidays=={version}"])
        subprocess.check_call([python, os.path.abspath(__file__)], env={**os.environ, "HOLIDAYS_INSIDE": "1"})


def write():
    import holidays

    first = datetime.date(FIRST_YEAR, 1, 1)
    years = range(FIRST_YEAR, LAST_YEAR + 1)

    def days(country, state=None):
        found = holidays.country_holidays(country, subdiv=state, years=years)
        return tuple(sorted((day - first).days for day in found if day.year in years))

    supported = holidays.list_supported_countries(include_aliases=False)
    places = {}
    for country, states in supported.items():
        if len(country) != 2:
            continue
        places[country] = days(country, STANDS_FOR.get(country))
        for state in states if country in WITH_STATES else []:
            if (country, state) not in TERRITORIES:
                places[f"{country}-{state}"] = days(country, state)
    places = {place: found for place, found in sorted(places.items()) if found}

    lines = [
        "//! Public holidays: a table that `tools/public-holidays.py` took from the Python package `holidays`.",
        "//!",
        f"//! Source: holidays {holidays.__version__}, copyright (c) Vacanza Team and individual contributors, licensed",
        "//! under the MIT license. Not edited by hand.",
        "",
        "/// Version of the package.",
        f'pub(super) const VERSION: &str = "{holidays.__version__}";',
        "",
        "/// The years that the table has, both included.",
        f"pub(super) const YEARS: (i16, i16) = ({FIRST_YEAR}, {LAST_YEAR});",
        "",
        "/// Days since 1 January of the first year, by place, sorted.",
        f"pub(super) static HOLIDAYS: [(&str, &[u16]); {len(places)}] = [",
    ]
    for place, found in places.items():
        lines.append(f'    ("{place}", &[')
        line = "       "
        for day in found:
            if len(line) + 7 > 118:
                lines.append(line)
                line = "       "
            line += f" {day},"
        lines += [line, "    ]),"]
    lines += ["];", ""]
    os.makedirs(os.path.dirname(TARGET), exist_ok=True)
    with open(TARGET, "w", encoding="utf-8") as out:
        out.write("\n".join(lines))


if __name__ == "__main__":
    main()
