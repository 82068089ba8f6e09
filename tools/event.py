#!/usr/bin/env python3
"""Prints an event of functions/*/events for `cargo lambda invoke`.

    tools/event.py functions/dial/events/call.json     the event, ${NAME} filled in from the environment
    tools/event.py --afternoon                         a time zone where it is early afternoon now

A webhook of the carrier's is signed as the carrier does it, with the token and over the public address of
.trunkline/environment: `${SIGNATURE}` stands where the signature belongs.
"""
import base64
import hashlib
import hmac
import json
import os
import re
import sys
import time
from urllib.parse import parse_qsl


def environment():
    known = dict(os.environ)
    kept = os.path.join(os.environ.get("TRUNKLINE_STATE_DIR", ".trunkline"), "environment")
    with open(kept) as lines:
        for name, value in re.findall(r"^(\w+)='(.*)'$", lines.read(), re.M):
            known.setdefault(name, value.replace("'\\''", "'"))
    return known


def filled(text, known):
    def value(match):
        name = match.group(1)
        if name == "SIGNATURE":
            return match.group(0)
        if not known.get(name):
            sys.exit(f"{name} is not set")
        return json.dumps(known[name])[1:-1]

    return re.sub(r"\$\{(\w+)\}", value, text)


def signature(event, known):
    # The public address, and every field with its value, in the order of the fields' names.
    fields = sorted(set(parse_qsl(event["body"], keep_blank_values=True)))
    signed = known["PUBLIC_URL"].rstrip("/") + event["rawPath"] + "".join(map("".join, fields))
    mac = hmac.new(known["TWILIO_AUTH_TOKEN"].encode(), signed.encode(), hashlib.sha1)
    return base64.b64encode(mac.digest()).decode()


# Places all around the Earth, three hours apart, by what their clocks are ahead; they are never changed.
PLACES = {
    -9: "Pacific/Gambier",
    -6: "America/Costa_Rica",
    -3: "America/Sao_Paulo",
    0: "Africa/Abidjan",
    3: "Africa/Nairobi",
    6: "Asia/Dhaka",
    9: "Asia/Tokyo",
    12: "Pacific/Tarawa",
}


def afternoon():
    now = time.gmtime()
    hours = now.tm_hour + now.tm_min / 60
    return PLACES[min(PLACES, key=lambda ahead: abs((hours + ahead) % 24 - 14))]


def main():
    if sys.argv[1:] == ["--afternoon"]:
        print(afternoon())
        return
    known = environment()
    with open(sys.argv[1]) as file:
        text = filled(file.read(), known)
    if "${SIGNATURE}" in text:
        text = text.replace("${SIGNATURE}", signature(json.loads(text), known))
    print(json.dumps(json.loads(text)))


main()
