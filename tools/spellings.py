#!/usr/bin/env python3
"""Writes shared/intake/corpus/spellings.tsv: numbers of fifty countries in fifteen spellings, and what a libphonenumber by
other hands reads in each.

    tools/spellings.py             the version that is pinned below
    tools/spellings.py 9.0.50      another version; change the pin with it

Needs Python 3 and the network: it installs the package `phonenumbers` of PyPI (libphonenumber's metadata, other code) into a
temporary environment. The same version always gives the same bytes. The test `no_spelling_becomes_another_number` reads the
table and needs neither. The numbers are the metadata's examples with other last digits, and nobody's in particular.
"""
import os
import re
import subprocess
import sys
import tempfile
import venv

try:
    import phonenumbers
    from phonenumbers import PhoneNumberFormat as Format
    from phonenumbers import PhoneNumberType as Type
except ImportError:  # Outside of the temporary environment.
    phonenumbers = None

VERSION = "9.0.43"
TABLE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "shared", "intake", "corpus", "spellings.tsv")
COUNTRIES = """US CA GB IE IN AU NZ ZA SG PH DE AT CH FR BE NL LU ES PT IT DK SE NO FI PL CZ HU RO GR TR IL AE SA MX BR
AR CL CO PE JP KR CN HK TW TH VN MY ID NG RU""".split()


def numbers(country):
    """Two mobiles and a landline of the country, so that a column shows what its numbers have in common."""
    found = []
    for place, kind in enumerate([Type.MOBILE, Type.MOBILE, Type.FIXED_LINE]):
        example = str(phonenumbers.example_number_for_type(country, kind).national_number)
        zero = "0" if country == "IT" and kind == Type.FIXED_LINE else ""
        for last in range(10 + place * 10, 100):
            number = phonenumbers.parse(f"+{phonenumbers.country_code_for_region(country)}{zero}{example[:-2]}{last:02}")
            fits = phonenumbers.is_valid_number_for_region(number, country)
            same_kind = phonenumbers.number_type(number) in {kind, Type.FIXED_LINE_OR_MOBILE}
            if fits and same_kind and number not in found:
                found.append(number)
                break
        else:
            sys.exit(f"{country}: no number of type {kind}")
    return found


def significant(number):
    return phonenumbers.national_significant_number(number)


def groups(number):
    """The national number as it is printed, without what stands for the trunk, in its groups."""
    shown = phonenumbers.format_number(number, Format.INTERNATIONAL)
    return re.split(r"[ -]", shown)[1:]


def trunk_in_brackets(number, country):
    code, digits = number.country_code, significant(number)
    if digits.startswith("0"):
        return f"+{code} (0){digits[1:]}"
    if phonenumbers.ndd_prefix_for_region(country, False) == "0":
        return f"+{code} (0){digits}"
    return None


def spellings(number, country):
    """Kind, the country of the list, and the cell."""
    code, digits = number.country_code, significant(number)
    national = phonenumbers.format_number(number, Format.NATIONAL)
    parts = groups(number)
    at_home = re.sub(r"\D", "", national)
    # Argentina's mobiles are written otherwise at home than from abroad.
    alike = at_home.endswith(digits) and len(parts) > 1
    trunk = at_home.removesuffix(digits)
    plain = re.sub(r"[()]", "", national)
    yield "e164", country, f"+{code}{digits}"
    yield "international", country, phonenumbers.format_number(number, Format.INTERNATIONAL)
    yield "national", country, national
    yield "trunk_in_brackets", country, trunk_in_brackets(number, country)
    yield "double_zero", country, f"00{code} {' '.join(parts)}"
    yield "us_011", "US", f"011 {code} {' '.join(parts)}" if code != 1 else None
    yield "plus_dropped", country, f"{code}{digits}"
    yield "float", country, f"{code}{digits}.0"
    yield "spaces", country, f"+{code} " + " ".join(digits[at : at + 2] for at in range(0, len(digits), 2))
    yield "dots", country, re.sub(r"[ /-]+", ".", plain)
    yield "slash", country, f"{trunk}{parts[0]}/{''.join(parts[1:])}" if alike else None
    yield "parentheses", country, f"({trunk}{parts[0]}) {' '.join(parts[1:])}" if alike else None
    yield "apostrophe", country, f"'+{code}{digits}"
    yield "tel", country, f"tel:+{code}-{'-'.join(parts)}"
    yield "formula", country, f'="+{code}{digits}"'


def other_reading(cell, country):
    """What the other library makes of a cell as it is; `-` for no valid number."""
    try:
        number = phonenumbers.parse(cell, country)
    except phonenumbers.NumberParseException:
        return "-"
    return phonenumbers.format_number(number, Format.E164) if phonenumbers.is_valid_number(number) else "-"


def table():
    lines = [
        f"# Made by tools/spellings.py with phonenumbers {phonenumbers.__version__}. Nobody in particular has these numbers.",
        "default_country\tkind\tcell\tother_library\tnumber",
    ]
    for country in COUNTRIES:
        for number in numbers(country):
            for kind, default, cell in spellings(number, country):
                if cell is not None:
                    e164 = phonenumbers.format_number(number, Format.E164)
                    lines.append("\t".join([default, kind, cell, other_reading(cell, default), e164]))
    return "\n".join(lines) + "\n"


def main():
    if os.environ.get("SPELLINGS_INSIDE"):
        with open(TABLE, "w", encoding="utf-8", newline="\n") as file:
            file.write(table())
        return
    version = sys.argv[1] if len(sys.argv) > 1 else VERSION
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python = os.path.join(folder, "bin", "python")
        subprocess.run([python, "-m", "pip", "install", "--quiet", f"phonenumbers=={version}"], check=True)
        subprocess.run([python, os.path.abspath(__file__)], check=True, env={**os.environ, "SPELLINGS_INSIDE": "1"})


if __name__ == "__main__":
    main()
