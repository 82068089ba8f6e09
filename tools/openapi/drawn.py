"""What must hold of the answers to drawn requests, beyond what schemathesis looks at.

A request that is as the document says may be refused for what no schema can say, and for nothing else. Knows of the
API only where that is: the codes of faults that are about stored things or about two fields, and a few places.
"""

import re
from typing import Any

import schemathesis
from hypothesis import strategies

# It names what is not there, or does not go with something else.
BEYOND_A_SCHEMA = {"not_found", "archived", "conflict", "locked", "repeated"}

# Faults of other codes that no schema can say, each with the place that it is told of.
PLACES = [
    ("malformed", r"cursor"),  # That a list did not answer.
    ("malformed", r"columns"),  # JSON within a text.
    ("malformed", r"/?(leads/\d+/)?(default_country|country|region)"),  # Of the right form, and no place.
    ("malformed", r"(/leads/\d+)?/(number|alternates/\d+)|/to|/from|number|to"),  # In no range of numbers that its country has.
    ("malformed", r"/(system|greeting)|/disclosure/opening|/amd/\w+|/opt_out/acknowledgement"),  # `{{` without `}}`.
    ("out_of_range", r"/to"),  # A number that nobody may call.
    ("missing", r"/amd/voicemail_message"),  # It is to be left.
    ("missing", r"/outcomes"),  # Neither outcomes nor results.
    ("missing", r"campaign_id"),  # Of the `lead_id` that is named.
    ("missing", r"/campaign/kind"),  # The stored campaign has none yet.
    ("out_of_range", r"/consent_elsewhere/reason"),  # Blanks.
    ("out_of_range", r"/windows"),  # Not one span in a week.
    ("out_of_range", r"/model/(attempts|by_hour/\d+)"),  # No share above 0.
    ("out_of_range", r"/prices/\w+"),  # From high to low.
]

ZONES = ["America/Chicago", "America/Argentina/Buenos_Aires", "Asia/Kolkata", "Pacific/Kiritimati", "UTC"]
schemathesis.openapi.format("time-zone", strategies.sampled_from(ZONES))


@schemathesis.check
def valid_request_refused(
    _ctx: schemathesis.CheckContext, response: schemathesis.Response, case: schemathesis.Case[Any]
) -> None:
    """A request that is as the document says was refused for what a schema can say."""
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    status = response.status_code
    assert status not in (400, 405, 406, 413, 415, 428), f"{status}: {response.text}"
    problem = response.json() if status == 422 else {}
    for error in problem.get("errors", []) if problem.get("code") == "invalid" else []:
        place = error["pointer"] or error["parameter"] or ""
        known = error["code"] in BEYOND_A_SCHEMA or any(
            error["code"] == code and re.fullmatch(at, place) for code, at in PLACES
        )
        assert known, f"{place!r}: {error['code']}: {error['detail']}"
