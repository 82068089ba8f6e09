// Asks a running installation with the client that openapi-typescript makes of the OpenAPI document. Nothing is
// cast: what the document does not promise does not compile, and what it promises must come back.
//
// Knows nothing of the API but the document. Takes the installation's address and key from the environment.

import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import createClient from "openapi-fetch";
import type { components, paths } from "./generated/api.js";

type Problem = components["schemas"]["Problem"];
type CallState = components["schemas"]["CallState"];

type Answer<Data, Failure> =
  | { data: Data; error?: never; response: Response }
  | { data?: never; error: Failure; response: Response };

const CALL_SECONDS_MAX = 60;
const REQUEST_MS_MAX = 10_000;
const RINGS_ON = "+14155550106";
const HANGS_UP = "+14155550102";

const baseUrl = setting("TRUNKLINE_URL");
const authorization = `Bearer ${setting("TRUNKLINE_API_KEY")}`;
let asked = 0;
const ask = (request: Request) => {
  asked += 1;
  return fetch(request, { signal: AbortSignal.timeout(REQUEST_MS_MAX) });
};
const client = createClient<paths>({ baseUrl, headers: { authorization }, fetch: ask });

// ---- whom to call, with what

const prompt = done(
  201,
  await client.POST("/v1/prompts", {
    params: { header: { "Idempotency-Key": "typescript-prompt" } },
    body: {
      name: "Reminder",
      system: "Remind {{name}}.",
      greeting: "Hello {{name}}.",
      defaults: { name: "there" },
    },
  }),
);
assert.deepEqual([prompt.version, prompt.variables], [1, ["name"]]);

const agent = done(201, await client.POST("/v1/agents", { body: { name: "Reminder", prompt_id: prompt.id } }));
assert.equal(agent.prompt_id, prompt.id);
assert.equal(agent.revision, 1);

const number = done(
  201,
  await client.POST("/v1/numbers", { body: { number: "+14155550177", agent_id: agent.id } }),
);
assert.equal(number.agent_id, agent.id);

// ---- an edit: from the revision that was read, and from one that is past

const agentAt = { path: { agent_id: agent.id } };
const edit = (etag: string) =>
  client.PATCH("/v1/agents/{agent_id}", {
    params: { ...agentAt, header: { "If-Match": etag } },
    body: { name: "Reminder by day" },
  });
const read = await client.GET("/v1/agents/{agent_id}", { params: agentAt });
done(200, read);
const etag = read.response.headers.get("etag") ?? assert.fail("an agent is answered without an ETag");
assert.equal(done(200, await edit(etag)).name, "Reminder by day");
assert.equal(refused(412, await edit(etag)).code, "revision_changed");

// ---- a call that somebody takes, and one that rings on

const call = (to: string) =>
  client.POST("/v1/calls", {
    body: {
      to,
      agent_id: agent.id,
      kind: "information",
      variables: { name: "Sam" },
      override: { reason: "a test call" },
    },
  });
const taken = done(201, await call(HANGS_UP));
const unanswered = done(201, await call(RINGS_ON));
assert.equal(unanswered.direction, "outbound");

const ringing = await reaches(unanswered.id, "ringing");
isNull(ringing.answered_by);
isNull(ringing.outcome);
isNull(ringing.outcome_by);
isNull(ringing.answered_at);
isNull(ringing.recording);
done(202, await client.POST("/v1/calls/{call_id}/hangup", { params: { path: { call_id: unanswered.id } } }));

// ---- pages

const seen: string[] = [];
let cursor: string | null = null;
do {
  const query: { limit: number; cursor?: string } = cursor === null ? { limit: 1 } : { limit: 1, cursor };
  const page = done(200, await client.GET("/v1/calls", { params: { query } }));
  seen.push(...page.items.map((item) => item.id));
  cursor = page.next_cursor;
} while (cursor !== null);
assert.deepEqual(seen.slice(0, 2), [unanswered.id, taken.id], "newest first, one a page");

// ---- a campaign

const campaign = done(
  201,
  await client.POST("/v1/campaigns", {
    body: {
      name: "Reminders",
      kind: "information",
      agent_id: agent.id,
      windows: { mon: [["10:00", "19:00"]] },
      retry: { busy_seconds: 14_400 },
      disclosure: { business_name: "Bright Dental", purpose: "your appointment" },
    },
  }),
);
assert.equal(campaign.state, "draft");
const campaignAt = { path: { campaign_id: campaign.id } };

const entry = done(201, await client.PUT("/v1/suppressions/{number}", { params: { path: { number: "+14155550142" } }, body: {} }));
assert.deepEqual([entry.reason, entry.there_already, entry.leads_ended], ["manual", false, 0]);
isNull(entry.note);

const added = done(
  200,
  await client.POST("/v1/campaigns/{campaign_id}/leads", {
    params: campaignAt,
    body: { leads: [{ number: "+14155550141", variables: { name: "Ann" } }, { number: "+14155550142" }] },
  }),
);
assert.deepEqual([added.added, added.there_already, added.suppressed], [1, 0, 1]);

const progress = done(200, await client.GET("/v1/campaigns/{campaign_id}/progress", { params: campaignAt }));
assert.deepEqual([progress.leads.total, progress.leads.waiting, progress.leads.done["reached"]], [1, 1, 0]);
isNull(progress.calls_per_hour);

const waiting = { ...campaignAt, query: { state: "waiting" } } as const;
const leads = done(200, await client.GET("/v1/campaigns/{campaign_id}/leads", { params: waiting }));
assert.deepEqual(
  leads.items.map((lead) => [lead.number, lead.variables]),
  [["+14155550141", { name: "Ann" }]],
);
for (const lead of leads.items) isNull(lead.result);

// ---- problems

const invalid = refused(422, await client.POST("/v1/campaigns", { body: { name: "", max_attempts: 21 } }));
assert.equal(invalid.code, "invalid");
assert.deepEqual(invalid.errors?.map((error) => error.pointer).sort(), ["/max_attempts", "/name"]);

const nobody = createClient<paths>({ baseUrl, fetch: ask });
const unknown = await nobody.GET("/v1/agents/{agent_id}", { params: agentAt });
assert.equal(refused(401, unknown).code, "unauthorized");

// ---- how the calls ended

const heard = await reaches(taken.id, "ended");
assert.notEqual(heard.outcome, null);
assert.deepEqual([heard.turns[0]?.speaker, heard.turns[0]?.kind], ["agent", "greeting"]);
const abandoned = await reaches(unanswered.id, "ended");
assert.deepEqual(abandoned.turns, []);

console.log(`typescript: ${asked} requests were answered as the document says`);

// ---- what the lines above say it with

async function reaches(call_id: string, state: CallState) {
  const deadline = Date.now() + CALL_SECONDS_MAX * 1000;
  for (;;) {
    const found = done(200, await client.GET("/v1/calls/{call_id}", { params: { path: { call_id } } }));
    if (found.state === state) return found;
    assert.ok(Date.now() < deadline, `the call is ${found.state} and not ${state} after ${CALL_SECONDS_MAX} s`);
    await sleep(100);
  }
}

/** What came back, of a request that was to be done. */
function done<Data, Failure>(status: number, answer: Answer<Data, Failure>): NonNullable<Data> {
  assert.equal(answer.response.status, status, JSON.stringify(answer.error));
  return answer.data ?? assert.fail("done without an answer");
}

/** The problem, of a request that was to be refused. Compiles only where the document says that it may be. */
function refused<Failure extends Problem>(
  status: number,
  answer: Answer<unknown, Failure>,
  ..._declared: [Failure] extends [never] ? [never] : []
): Problem {
  assert.equal(answer.response.status, status);
  assert.match(answer.response.headers.get("content-type") ?? "", /^application\/problem\+json/);
  const problem: Problem = answer.error ?? assert.fail("refused without a problem document");
  assert.equal(problem.status, status);
  return problem;
}

/** Compiles only where the document says that the value is always there and may be null. */
function isNull<T extends {} | null>(value: T, ..._declared: null extends T ? [] : [never]): void {
  assert.equal(value, null);
}

function setting(name: string): string {
  return process.env[name] ?? assert.fail(`${name} is not set`);
}
