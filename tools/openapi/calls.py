"""Asks a running installation with the client that openapi-python-client makes of the OpenAPI document.

Every answer must become the client's own types, without a field left over, and back again what it was.
Knows nothing of the API but the document. Takes the installation's address and key from the environment.
"""

import json
import os
import time
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from attrs import fields, has
from trunkline_client import AuthenticatedClient
from trunkline_client.api.agents import create_agent, get_agent, update_agent
from trunkline_client.api.calls import create_call, get_call, hang_up_call, list_calls
from trunkline_client.api.campaigns import create_campaign, get_campaign_progress
from trunkline_client.api.leads import add_leads, list_leads
from trunkline_client.api.numbers import create_number
from trunkline_client.api.prompts import create_prompt
from trunkline_client.api.suppressions import put_suppression
from trunkline_client.models import (
    AddedLeads,
    AddedSuppression,
    Agent,
    AgentPatch,
    Call,
    CallDetail,
    CallKind,
    CallPage,
    CallState,
    Campaign,
    CampaignProgress,
    DisclosureInput,
    LeadPage,
    LeadState,
    NewAgent,
    NewCall,
    NewCallVariables,
    NewCampaign,
    NewLead,
    NewLeads,
    NewLeadVariables,
    NewNumber,
    NewPrompt,
    NewPromptDefaults,
    NewSuppression,
    Number,
    Override,
    Problem,
    PromptVersion,
    RetryInput,
    WindowsInput,
)
from trunkline_client.types import UNSET, Response, Unset

from contract import Contract

CALL_SECONDS_MAX = 60
RINGS_ON = "+14155550106"
HANGS_UP = "+14155550102"

Model = TypeVar("Model")


base_url, token = os.environ["TRUNKLINE_URL"], os.environ["TRUNKLINE_API_KEY"]
contract = Contract(Path(os.environ["TRUNKLINE_OPENAPI"]))


def client_with(key: str) -> AuthenticatedClient:
    hooks = {"response": [contract.hold]}
    return AuthenticatedClient(base_url, key, raise_on_unexpected_status=True, httpx_args={"event_hooks": hooks})


client = client_with(token)


def main() -> None:
    agent_id = edit_an_agent()
    taken = place_a_call(agent_id, HANGS_UP)
    rings_on = place_a_call(agent_id, RINGS_ON)
    look_while_it_rings(rings_on.id)
    turn_the_pages([rings_on.id, taken.id])
    fill_a_campaign(agent_id)
    be_refused(agent_id)
    read_what_was_said(taken.id)
    print(f"python: {contract.answers} answers were as the document says, and as the client's types")


def edit_an_agent() -> str:
    defaults = NewPromptDefaults()
    defaults["name"] = "there"
    prompt = done(
        PromptVersion,
        201,
        create_prompt.sync_detailed(
            client=client,
            idempotency_key="python-prompt",
            body=NewPrompt(
                name="Reminder", system="Remind {{name}}.", greeting="Hello {{name}}.", defaults=defaults
            ),
        ),
    )
    assert (prompt.version, prompt.variables) == (1, ["name"])
    reminder = NewAgent(name="Reminder", prompt_id=prompt.id)
    agent = done(Agent, 201, create_agent.sync_detailed(client=client, body=reminder))
    number = NewNumber(number="+14155550178", agent_id=agent.id)
    assert done(Number, 201, create_number.sync_detailed(client=client, body=number)).agent_id == agent.id

    read = get_agent.sync_detailed(agent.id, client=client)
    assert done(Agent, 200, read) == agent
    patch = AgentPatch(name="Reminder by day", voice_id=None)
    edited = update_agent.sync_detailed(agent.id, client=client, body=patch, if_match=read.headers["etag"])
    assert done(Agent, 200, edited).name == "Reminder by day"
    again = update_agent.sync_detailed(agent.id, client=client, body=patch, if_match=read.headers["etag"])
    assert done(Problem, 412, again).code == "revision_changed"
    return agent.id


def place_a_call(agent_id: str, to: str) -> Call:
    variables = NewCallVariables()
    variables["name"] = "Sam"
    call = NewCall(
        agent_id=agent_id,
        to=to,
        kind=CallKind.INFORMATION,
        variables=variables,
        override=Override(reason="a test call"),
    )
    return done(Call, 201, create_call.sync_detailed(client=client, body=call))


def look_while_it_rings(call_id: str) -> None:
    ringing = reaches(call_id, CallState.RINGING)
    assert ringing.answered_by is None and ringing.answered_at is None
    assert ringing.outcome is None and ringing.outcome_by is None and ringing.recording is None
    done(Call, 202, hang_up_call.sync_detailed(call_id, client=client))
    assert reaches(call_id, CallState.ENDED).turns == []


def turn_the_pages(newest: list[str]) -> None:
    seen: list[str] = []
    cursor: str | Unset | None = UNSET
    while cursor is not None:
        page = done(CallPage, 200, list_calls.sync_detailed(client=client, limit=1, cursor=cursor))
        seen += [call.id for call in page.items]
        cursor = page.next_cursor
    assert seen[: len(newest)] == newest, "newest first, one a page"


def fill_a_campaign(agent_id: str) -> None:
    body = NewCampaign(
        name="Reminders",
        kind=CallKind.INFORMATION,
        agent_id=agent_id,
        windows=WindowsInput(mon=[["10:00", "19:00"]]),
        retry=RetryInput(busy_seconds=14_400),
        disclosure=DisclosureInput(business_name="Bright Dental", purpose="your appointment"),
    )
    campaign = done(Campaign, 201, create_campaign.sync_detailed(client=client, body=body))
    assert campaign.state == "draft"

    number, suppression = "+14155550144", NewSuppression()
    entry = done(AddedSuppression, 201, put_suppression.sync_detailed(number, client=client, body=suppression))
    assert (entry.reason, entry.there_already, entry.note) == ("manual", False, None)
    again = done(AddedSuppression, 200, put_suppression.sync_detailed(number, client=client, body=suppression))
    assert (again.at, again.there_already) == (entry.at, True)

    variables = NewLeadVariables()
    variables["name"] = "Ann"
    leads = [NewLead(number="+14155550143", variables=variables), NewLead(number="+14155550144")]
    added = done(AddedLeads, 200, add_leads.sync_detailed(campaign.id, client=client, body=NewLeads(leads=leads)))
    assert (added.added, added.there_already, added.suppressed) == (1, 0, 1)
    listed = done(LeadPage, 200, list_leads.sync_detailed(campaign.id, client=client, state=LeadState.WAITING))
    assert [(lead.number, lead.result) for lead in listed.items] == [("+14155550143", None)]
    progress = done(CampaignProgress, 200, get_campaign_progress.sync_detailed(campaign.id, client=client))
    assert (progress.leads.total, progress.leads.waiting, progress.calls_per_hour) == (1, 1, None)


def be_refused(agent_id: str) -> None:
    wrong = NewCampaign(name="", max_attempts=21)
    invalid = done(Problem, 422, create_campaign.sync_detailed(client=client, body=wrong))
    assert not isinstance(invalid.errors, Unset)
    assert sorted(str(error.pointer) for error in invalid.errors) == ["/max_attempts", "/name"]

    nothing = done(Problem, 404, get_call.sync_detailed("call_nothing", client=client))
    assert nothing.code == "not_found"
    unknown = get_agent.sync_detailed(agent_id, client=client_with("nobody"))
    assert done(Problem, 401, unknown).code == "unauthorized"


def read_what_was_said(call_id: str) -> None:
    ended = reaches(call_id, CallState.ENDED)
    assert ended.outcome is not None and ended.ended_at is not None and ended.permit is not None
    assert (ended.turns[0].speaker, ended.turns[0].kind) == ("agent", "greeting")


def reaches(call_id: str, state: CallState) -> CallDetail:
    deadline = time.monotonic() + CALL_SECONDS_MAX
    while True:
        found = done(CallDetail, 200, get_call.sync_detailed(call_id, client=client))
        if found.state == state:
            return found
        assert time.monotonic() < deadline, f"the call is {found.state} and not {state} after {CALL_SECONDS_MAX} s"
        time.sleep(0.1)


def done(kind: type[Model], status: int, answer: Response[Any]) -> Model:
    assert answer.status_code == status, f"{answer.status_code} and not {status}: {answer.content!r}"
    parsed = answer.parsed
    assert isinstance(parsed, kind), f"{answer.content!r} became {parsed!r}"
    assert not strays(parsed), f"the client does not know {strays(parsed)}"
    before, after = json.loads(answer.content), parsed.to_dict()  # type: ignore[attr-defined]
    assert same(before, after), f"{before} came back as {after}"
    return parsed


def same(before: Any, after: Any) -> bool:
    """Whether two pieces of JSON say the same; times may be written in two ways."""
    if isinstance(before, dict) and isinstance(after, dict):
        return before.keys() == after.keys() and all(same(before[key], after[key]) for key in before)
    if isinstance(before, list) and isinstance(after, list):
        return len(before) == len(after) and all(map(same, before, after))
    if isinstance(before, str) and isinstance(after, str) and before != after:
        return datetime.fromisoformat(before) == datetime.fromisoformat(after)
    return bool(before == after)


def strays(value: Any, path: str = "") -> list[str]:
    """Fields that came and that the client's types do not have."""
    if isinstance(value, list):
        return [stray for entry in value for stray in strays(entry, f"{path}[]")]
    if not has(type(value)):
        return []
    names = [field.name for field in fields(type(value)) if field.name != "additional_properties"]
    rest: dict[str, Any] = getattr(value, "additional_properties", {})
    # A type without a field of its own is a map: of that, any key is welcome.
    found = [f"{path}.{name}" for name in rest if names]
    return found + [stray for name in names for stray in strays(getattr(value, name), f"{path}.{name}")]


main()
