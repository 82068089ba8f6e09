#!/usr/bin/env python3
"""What the stack costs at AWS: idle per month, and per 1,000 calls of three minutes.

    tools/costs.py              prints the tables
    tools/costs.py --write      puts them between the markers of docs/costs.md and README.md
    tools/costs.py --check      fails unless they are there as printed

Needs Python 3 and nothing else. Prices are those of AWS's price list, quantities are counted in the templates,
measured or assumed: each says which. docs/costs.md explains. A kind of resource that has no price here and is
not known to be free is an error, so that a template cannot grow without its costs.
"""

import collections
import os
import re
import sys

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
REGION = "us-east-1"
MONTH_HOURS = 730
MILLION = 1_000_000
# AWS counts some gigabytes in powers of two; decimal ones say up to 7 % more than the bill.
GB = 1e9
KB = 1e3

# ---- prices

OFFERS = "https://pricing.us-east-1.amazonaws.com/offers/v1.0/aws"

# How sure a price is: how many published readings of the price list agree.
AGREED = "several readings agree"
ONCE = "one reading"
ELSEWHERE = "read for us-west-2; guides say the same and name no region"

Price = collections.namedtuple("Price", "what usd unit offer version url usage sure")


def price(what, usd, unit, offer, version, usage, sure=AGREED, region=f"{REGION}/"):
    return Price(what, usd, unit, offer, version, f"{OFFERS}/{offer}/{version}/{region}index.json", usage, sure)


PRICES = {
    "request": price("Lambda, a million requests", 0.20, "million", "AWSLambda", "20260831092318", "Request-ARM"),
    "gb_second": price(
        "Lambda on ARM, a GB-second", 0.0000133334, "GB-s", "AWSLambda", "20260831092318", "Lambda-GB-Second-ARM"),
    "http": price(
        "HTTP API, a million requests", 1.00, "million", "AmazonApiGateway", "20260911124408", "USE1-ApiGatewayHttpRequest"),
    "write": price(
        "DynamoDB, a million write units", 0.625, "million", "AmazonDynamoDB", "20260911124422", "WriteRequestUnits"),
    "read": price(
        "DynamoDB, a million read units", 0.125, "million", "AmazonDynamoDB", "20260911124422", "ReadRequestUnits"),
    "table_gb": price(
        "DynamoDB, a GB for a month", 0.25, "GB-month", "AmazonDynamoDB", "20260911124422", "TimedStorage-ByteHrs"),
    "backup_gb": price(
        "DynamoDB, point-in-time recovery of a GB for a month", 0.20, "GB-month", "AmazonDynamoDB", "20260911124422",
        "USE1-TimedPITRStorage-ByteHrs", ONCE),
    "queue": price("SQS, a million requests", 0.40, "million", "AWSQueueService", "20260911124607", "Requests-RBP"),
    "schedule": price(
        "EventBridge Scheduler, a million calls", 1.00, "million", "AWSEvents", "20260831092301", "ScheduledInvocation",
        ELSEWHERE, region=""),
    "put": price("S3, a million PUT requests", 5.00, "million", "AmazonS3", "20260831092225", "Requests-Tier1"),
    "get": price("S3, a million GET requests", 0.40, "million", "AmazonS3", "20260831092225", "Requests-Tier2"),
    "object_gb": price("S3, a GB for a month", 0.023, "GB-month", "AmazonS3", "20260831092225", "TimedStorage-ByteHrs"),
    "image_gb": price("ECR, a GB for a month", 0.10, "GB-month", "AmazonECR", "20260911124425", "TimedStorage-ByteHrs"),
    "secret": price(
        "Secrets Manager, a secret for a month", 0.40, "month", "AWSSecretsManager", "20260911124610",
        "USE1-AWSSecretsManager-Secrets"),
    "secret_read": price(
        "Secrets Manager, a million requests", 5.00, "million", "AWSSecretsManager", "20260911124610",
        "USE1-AWSSecretsManagerAPIRequest"),
    "log": price(
        "CloudWatch, a GB of logs taken in", 0.50, "GB", "AmazonCloudWatch", "20260915152028", "USE1-DataProcessing-Bytes"),
    "log_gb": price(
        "CloudWatch, a GB of logs for a month", 0.03, "GB-month", "AmazonCloudWatch", "20260915152028",
        "USE1-TimedStorage-ByteHrs"),
    "alarm": price(
        "CloudWatch, a metric of an alarm for a month", 0.10, "month", "AmazonCloudWatch", "20260915152028",
        "USE1-CW:AlarmMonitorUsage"),
    "metric": price(
        "CloudWatch, a custom metric for a month", 0.30, "month", "AmazonCloudWatch", "20260831092148",
        "USE1-CW:MetricMonitorUsage"),
    "dashboard": price(
        "CloudWatch, a dashboard for a month", 3.00, "month", "AmazonCloudWatch", "20260831092148", "DashboardsUsageHour",
        region=""),
    "balancer": price("Network Load Balancer, an hour", 0.0225, "hour", "AWSELB", "20260911124544", "LoadBalancerUsage"),
    "lcu": price("its capacity unit, an hour (1 GB in it)", 0.006, "hour", "AWSELB", "20260911124544", "LCUUsage"),
    "address": price(
        "a public IPv4 address, an hour", 0.005, "hour", "AmazonVPC", "20260911124513", "USE1-PublicIPv4:InUseAddress"),
    "cpu": price(
        "Fargate on ARM, a vCPU for an hour", 0.03238, "hour", "AmazonECS", "20260911124425",
        "USE1-Fargate-ARM-vCPU-Hours:perCPU"),
    "memory": price(
        "Fargate on ARM, a GB for an hour", 0.00356, "hour", "AmazonECS", "20260911124425", "USE1-Fargate-ARM-GB-Hours"),
    "out_gb": price(
        "a GB to the internet", 0.09, "GB", "AWSDataTransfer", "20260831121448", "DataTransfer-Out-Bytes"),
}


def usd(name, quantity):
    """So many million requests, GB, hours or months of it."""
    return PRICES[name].usd * quantity


# ---- what the templates declare

WORKER_TEMPLATE = "infra/aws/media-worker.yaml"
# Paid for by what they do, which the quantities below say.
PAID = {
    "AWS::ApiGatewayV2::Api", "AWS::CloudWatch::Alarm", "AWS::CloudWatch::Dashboard", "AWS::DynamoDB::Table",
    "AWS::ECS::Service", "AWS::ElasticLoadBalancingV2::LoadBalancer", "AWS::Lambda::EventSourceMapping",
    "AWS::Logs::LogGroup", "AWS::S3::Bucket", "AWS::SQS::Queue", "AWS::Scheduler::Schedule",
    "AWS::SecretsManager::Secret", "AWS::Serverless::Function",
}
# A budget without actions, mail to one address and a record in somebody's zone cost nothing.
FREE = {
    "AWS::ApiGatewayV2::Integration", "AWS::ApiGatewayV2::Route", "AWS::ApiGatewayV2::Stage",
    "AWS::ApplicationAutoScaling::ScalableTarget", "AWS::ApplicationAutoScaling::ScalingPolicy", "AWS::Budgets::Budget",
    "AWS::CertificateManager::Certificate", "AWS::CloudFormation::Stack", "AWS::EC2::SecurityGroup",
    "AWS::EC2::SecurityGroupEgress", "AWS::ECS::Cluster", "AWS::ECS::TaskDefinition",
    "AWS::ElasticLoadBalancingV2::Listener", "AWS::ElasticLoadBalancingV2::ListenerRule",
    "AWS::ElasticLoadBalancingV2::TargetGroup", "AWS::IAM::Role", "AWS::Lambda::Permission", "AWS::Logs::QueryDefinition",
    "AWS::Route53::RecordSet", "AWS::S3::BucketPolicy", "AWS::SNS::Topic", "AWS::SNS::Subscription",
}


def resources(path):
    """Kind and text of each resource of a template."""
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        text = file.read()
    section = re.search(r"^Resources:\n(.*?)(?=^\S|\Z)", text, re.M | re.S)
    for block in re.split(r"^  (?=\w+:\n)", section.group(1), flags=re.M):
        kind = re.search(r"^    Type: (AWS::\S+)$", block, re.M)
        if kind:
            yield kind.group(1), block


def count(paths):
    """What costs by its number, in these templates."""
    found = collections.Counter()
    for path in paths:
        for kind, block in resources(path):
            # A firewall is a choice with a price list of its own.
            if "Condition: HasWebAcl" in block:
                continue
            if kind not in PAID | FREE:
                sys.exit(f"{path}: what {kind} costs is not known: add it to PAID or FREE in tools/costs.py")
            found[kind] += 1
            if kind == "AWS::CloudWatch::Alarm":
                # An alarm on an expression is charged for each metric in it.
                found["alarm metrics"] += max(1, block.count("MetricStat:"))
            if kind == "AWS::Lambda::EventSourceMapping" and "Queue.Arn" in block:
                found["polled queues"] += 1
                if "MaximumConcurrency:" not in block:
                    sys.exit(f"{path}: a queue without MaximumConcurrency may be polled less: see POLLERS in tools/costs.py")
    return found


def templates():
    nested = os.path.join(ROOT, "infra/aws")
    return ["template.yaml"] + sorted(f"infra/aws/{name}" for name in os.listdir(nested) if name.endswith(".yaml"))


CONTROL = count(path for path in templates() if path != WORKER_TEMPLATE)
WORKER = count([WORKER_TEMPLATE])

# ---- quantities of an idle month

TICKS = MONTH_HOURS * 60
# Measured on a laptop with two campaigns that have nothing to do: the planner's lease taken and given back, 14 reads; and
# one each for calls that are looked at after their end and for the comparison of recordings.
TICK_WRITES, TICK_READS = 2, 16
# Assumed: these requests one after the other.
TICK_SECONDS, FUNCTION_GB = 0.1, 0.5
# Lambda's own lines of an invocation in JSON, two of metrics, and 26 bytes of CloudWatch's for each line (AWS: "Quotas").
TICK_LOG_BYTES = 900 + 2 * 400
# Where a mapping has a MaximumConcurrency, Lambda does not go below five pollers (Lambda developer guide,
# "Configuring scaling behavior for SQS event source mappings"); each waits for 20 s.
POLLERS, POLLS_PER_HOUR = 5, 180
# Assumed: functions start anew a few times an hour.
SECRET_READS = 2_000
# Custom metrics (ARCHITECTURE, "Metrics": "kept by") of an installation that calls, with ten outcomes and three
# vendors, as if they were told in every hour of the month. Five of them are told while nobody calls.
OWN_METRICS = 40
# Assumed: five functions of 5 MB each in ten versions, an image of 25 MB in ten.
UPLOADS_GB, IMAGES_GB = 0.25, 0.25
# Public subnets of the load balancer at least, each with an address. Under load it may take more of them.
BALANCER_ADDRESSES = 2
# Target tracking makes two alarms of its own.
SCALING_ALARMS = 2
WORKER_CPU, WORKER_GB = 1, 2
# A line of metrics every half minute.
WORKER_LOG_BYTES_PER_HOUR = 120 * 900
# What a worker says of itself to the table, every five seconds, in a write unit.
BEATS_PER_HOUR = 720
# Windows of eight hours on 22 days.
WINDOW_HOURS = 8 * 22


def worker_hour():
    return usd("cpu", WORKER_CPU) + usd("memory", WORKER_GB) + usd("address", 1)


SCENES = ["control plane alone", "no worker running", f"one for {WINDOW_HOURS} h", "one always"]


def idle():
    """Rows of a label and the dollars of each scene."""

    def everywhere(amount):
        return [amount] * 4

    def with_worker(amount):
        return [0, amount, amount, amount]

    def while_it_runs(an_hour):
        return [0, 0, an_hour * WINDOW_HOURS, an_hour * MONTH_HOURS]

    log_bytes = [TICKS * TICK_LOG_BYTES + hours * WORKER_LOG_BYTES_PER_HOUR for hours in (0, 0, WINDOW_HOURS, MONTH_HOURS)]
    polls = CONTROL["polled queues"] * POLLERS * POLLS_PER_HOUR * MONTH_HOURS
    alarms, dashboards = CONTROL["alarm metrics"], CONTROL["AWS::CloudWatch::Dashboard"]
    secrets = CONTROL["AWS::SecretsManager::Secret"]
    scaling = SCALING_ALARMS + WORKER["alarm metrics"]
    return [
        (f"schedule: {TICKS:,} ticks", everywhere(usd("schedule", TICKS / MILLION))),
        (f"scheduler: as many calls of {TICK_SECONDS * 1000:.0f} ms with {FUNCTION_GB} GB",
         everywhere(usd("request", TICKS / MILLION) + usd("gb_second", TICKS * TICK_SECONDS * FUNCTION_GB))),
        (f"table: {TICK_WRITES} write and {TICK_READS} read units a tick",
         everywhere(usd("write", TICKS * TICK_WRITES / MILLION) + usd("read", TICKS * TICK_READS / MILLION))),
        (f"queues: {CONTROL['polled queues']} polled by {POLLERS} pollers, {polls / MILLION:.2f} million requests",
         everywhere(usd("queue", polls / MILLION))),
        ("recordings' queue, polled by the worker", while_it_runs(usd("queue", POLLS_PER_HOUR / MILLION))),
        (f"{secrets} secrets, read {SECRET_READS:,} times",
         everywhere(usd("secret", secrets) + usd("secret_read", SECRET_READS / MILLION))),
        ("logs, taken in and kept for a month", [usd("log", b / GB) + usd("log_gb", b / GB) for b in log_bytes]),
        (f"{alarms} metrics of alarms, {dashboards} dashboards",
         everywhere(usd("alarm", alarms) + usd("dashboard", dashboards))),
        (f"{OWN_METRICS} custom metrics, if they are told every hour", everywhere(usd("metric", OWN_METRICS))),
        ("uploads of ten versions, images of ten",
         [usd("object_gb", UPLOADS_GB)] + [usd("object_gb", UPLOADS_GB) + usd("image_gb", IMAGES_GB)] * 3),
        ("load balancer", with_worker(usd("balancer", MONTH_HOURS))),
        (f"its {BALANCER_ADDRESSES} public addresses", with_worker(usd("address", BALANCER_ADDRESSES * MONTH_HOURS))),
        (f"scaling: {scaling} alarms", with_worker(usd("alarm", scaling))),
        (f"worker: {WORKER_CPU} vCPU and {WORKER_GB} GB on ARM",
         while_it_runs(usd("cpu", WORKER_CPU) + usd("memory", WORKER_GB))),
        ("its public address", while_it_runs(usd("address", 1))),
        ("its word to the table that it is there", while_it_runs(usd("write", BEATS_PER_HOUR / MILLION))),
    ]


# ---- quantities of a call: outbound, of a campaign, answered by a person, recorded

CALLS = 1_000
CALL_SECONDS = 180
# Assumed: what is said by both sides in three minutes, and the half of the time in which the agent speaks.
TURNS = 20
SPEAKING_SECONDS = 90
# Calls at once on a worker: what it is scaled for, and a quarter of that.
FULL, QUARTER = 200, 50

# Measured (README, "Numbers"; `target/deploy/load campaigns`): claim by the planner, gate before the carrier with
# its answer, end of the call.
DIAL_WRITES, DIAL_READS = 22 + 29 + 23, 13 + 5 + 4
# Measured in the scene of `make run`: what an answered call writes and reads besides, from the ringing to the
# kept recording, without its turns. Writes of the index are counted once.
ANSWER_WRITES, ANSWER_READS = 64, 20
# A turn and its event, each below 1 KB, in one transaction, which counts twice.
TURN_WRITES = 4
# A lead with its contact and counters (assumed, from the same scene).
LEAD_WRITES = 8
# What stays of a call, in the index too: the call, its snapshot, its turns of 0.4 KB with overhead.
STORED_BYTES = 2 * 2.3 * KB + 1.8 * KB + TURNS * 0.4 * KB + 1 * KB

# Four of its status, answering machine or person, begin and end of the stream, what comes after it, the recording.
WEBHOOKS = 9
# A call that nobody answers has four of its status at most.
DIAL_WEBHOOKS = 4
# Assumed: somebody looks at every call and at the campaign's progress.
API_REQUESTS = 2
# Seconds of functions of 0.5 GB (assumed): webhooks of 30 ms, placing while the carrier answers, a planning step.
WEBHOOK_SECONDS, PLACE_SECONDS, STEP_SECONDS = 0.03, 0.25, 0.11
API_SECONDS, API_GB = 0.05, 1
# Six metrics for each of two routes, in each hour with requests (API Gateway developer guide, "Monitor CloudWatch
# metrics for HTTP APIs").
ROUTE_METRICS = 12
# Dial and recording: sent, received, deleted.
QUEUE_REQUESTS = 6
DIAL_QUEUE_REQUESTS = 3

# Measured: seven lines of the product (1.9 KB); Lambda's three of each invocation, the access log's of each request.
LOG_BYTES = 1_900 + 7 * 26 + (WEBHOOKS + API_REQUESTS + 2) * 900 + (WEBHOOKS + API_REQUESTS) * 360

# WAV as the carrier hands it out: 8 kHz, 16 bits, a channel for each side.
RECORDING_BYTES = CALL_SECONDS * 8_000 * 2 * 2

# On the wire: headers of IP and TCP with timestamps, a TLS record, a frame of a WebSocket (4, masked 8 bytes). An
# acknowledgement for every second packet that comes.
PACKET, RECORD, FRAME, MASK = 52, 22, 4, 4
# The carrier sends 20 ms a message, 382 bytes of JSON; we send up to 100 ms, 1,068 of base64 and 89 of JSON.
CARRIER_MESSAGES, CARRIER_BYTES = 50 * CALL_SECONDS, 382
AGENT_MESSAGES, AGENT_BYTES = 10 * SPEAKING_SECONDS, 1_157
# To the recognizer goes plain µ-law, in messages of 20 to 100 ms (assumed: 20 a second on average).
RECOGNIZER_MESSAGES, RECOGNIZER_BYTES = 20 * CALL_SECONDS, 8_000 * CALL_SECONDS
# Assumed: half of the turns are the agent's; a request to the model has 5 KB of prompt and history, one to the voice 1 KB.
ANSWER_BYTES = TURNS / 2 * (5 * KB + 1 * KB)
# What functions send: nine answers to the carrier, the request that places the call, the API's answers (assumed).
FUNCTION_BYTES = WEBHOOKS * 1 * KB + 3 * KB + API_REQUESTS * 10 * KB

BALANCED_BYTES = (
    CARRIER_MESSAGES * (CARRIER_BYTES + FRAME + MASK + RECORD) + AGENT_MESSAGES * (AGENT_BYTES + FRAME + RECORD))
OUT_BYTES = (
    AGENT_MESSAGES * (AGENT_BYTES + FRAME + RECORD + PACKET) + CARRIER_MESSAGES / 2 * PACKET
    + RECOGNIZER_BYTES + RECOGNIZER_MESSAGES * (FRAME + MASK + RECORD + PACKET) + ANSWER_BYTES + FUNCTION_BYTES)


def functions(webhooks, api_requests):
    """Requests and seconds of the functions of a call, and its requests to the HTTP API."""
    calls = webhooks + api_requests + 2
    seconds = (webhooks * WEBHOOK_SECONDS + PLACE_SECONDS + STEP_SECONDS) * FUNCTION_GB + api_requests * API_SECONDS * API_GB
    requests = usd("request", CALLS * calls / MILLION) + usd("gb_second", CALLS * seconds)
    return calls, requests, usd("http", CALLS * (webhooks + api_requests) / MILLION)


def per_calls():
    """Rows of a label and the dollars at `FULL` and at `QUARTER` calls a worker."""

    def both(amount):
        return [amount, amount]

    writes = DIAL_WRITES + ANSWER_WRITES + TURNS * TURN_WRITES
    reads = DIAL_READS + ANSWER_READS
    calls, lambda_usd, http_usd = functions(WEBHOOKS, API_REQUESTS)
    hours = [CALLS * CALL_SECONDS / 3600 / at_once for at_once in (FULL, QUARTER)]
    stored, recorded = CALLS * STORED_BYTES / GB, CALLS * RECORDING_BYTES / GB
    balanced, out, log = CALLS * BALANCED_BYTES / GB, CALLS * OUT_BYTES / GB, CALLS * LOG_BYTES / GB
    return [
        (f"table: {writes} write and {reads} read units a call",
         both(usd("write", CALLS * writes / MILLION) + usd("read", CALLS * reads / MILLION))),
        (f"lists: {LEAD_WRITES} write units a lead", both(usd("write", CALLS * LEAD_WRITES / MILLION))),
        (f"what the table keeps, {stored * 1000:.0f} MB for a month, with point-in-time recovery",
         both(usd("table_gb", stored) + usd("backup_gb", stored))),
        (f"functions: {calls} requests a call", both(lambda_usd)),
        (f"HTTP API: {WEBHOOKS} webhooks and {API_REQUESTS} requests a call", both(http_usd)),
        (f"{ROUTE_METRICS} metrics of its routes, in hours with requests",
         [usd("metric", ROUTE_METRICS) * max(1, h) / MONTH_HOURS for h in hours]),
        (f"queues: {QUEUE_REQUESTS} requests a call", both(usd("queue", CALLS * QUEUE_REQUESTS / MILLION))),
        (f"worker: {hours[0]:.2f} or {hours[1]:.2f} hours", [worker_hour() * h for h in hours]),
        (f"load balancer: {balanced:.1f} GB through it", both(usd("lcu", balanced))),
        (f"{out:.1f} GB out, to carrier and vendors", both(usd("out_gb", out))),
        ("recordings written, and read back to be compared",
         both(usd("put", CALLS / MILLION) + usd("get", CALLS / MILLION))),
        (f"recordings, {recorded:.2f} GB for a month", both(usd("object_gb", recorded))),
        (f"logs, {log * 1000:.0f} MB taken in and kept for a month", both(usd("log", log) + usd("log_gb", log))),
    ]


def unanswered():
    """Dollars of 1,000 dials that nobody answers."""
    _calls, lambda_usd, http_usd = functions(DIAL_WEBHOOKS, 0)
    table = usd("write", CALLS * DIAL_WRITES / MILLION) + usd("read", CALLS * DIAL_READS / MILLION)
    return table + lambda_usd + http_usd + usd("queue", CALLS * DIAL_QUEUE_REQUESTS / MILLION)


# ---- tables


def sums(rows):
    return [sum(column) for column in zip(*(amounts for _label, amounts in rows))]


def cells(amounts, digits):
    return " | ".join(f"{amount:.{digits}f}" if amount else "" for amount in amounts)


def table(heading, columns, rows):
    lines = [f"| {heading} | {' | '.join(columns)} |", "|---|" + "--:|" * len(columns)]
    lines += [f"| {label} | {cells(amounts, 3)} |" for label, amounts in rows]
    total = " | ".join(f"**{amount:.2f}**" for amount in sums(rows))
    return "\n".join(lines + [f"| **sum** | {total} |"])


def date(version):
    return f"{version[:4]}-{version[4:6]}-{version[6:8]}"


def price_table():
    lines = ["| price | USD | published | offer file and usage type | how sure |", "|---|--:|---|---|---|"]
    for one in PRICES.values():
        amount = f"{one.usd:.10f}".rstrip("0")
        amount += "0" * max(0, 2 - len(amount.split(".")[1]))
        lines.append(
            f"| {one.what} | {amount} | {date(one.version)} | [{one.offer}]({one.url}) `{one.usage}` | {one.sure} |")
    return "\n".join(lines)


def short():
    """The README's."""
    months, calls = sums(idle()), sums(per_calls())
    first, last = min(p.version for p in PRICES.values()), max(p.version for p in PRICES.values())
    year = usd("object_gb", CALLS * RECORDING_BYTES / GB) * 12
    lines = [
        f"AWS's list prices of {REGION}, published {date(first)} to {date(last)}, without the free tier. A month has "
        f"{MONTH_HOURS} hours.",
        f"{usd('metric', OWN_METRICS):.2f} of each month are for {OWN_METRICS} custom metrics, told every hour.",
        "",
        "| every month, without a call | USD |",
        "|---|--:|",
    ]
    names = [
        "control plane alone",
        "with media workers, none running (`WorkersMin` 0)",
        "with one worker in windows of 8 hours on 22 days (`WorkersMin` 0)",
        "with one worker always running (`WorkersMin` 1)",
    ]
    lines += [f"| {name} | {amount:.2f} |" for name, amount in zip(names, months)]
    lines += [
        "",
        f"| {CALLS:,} calls of three minutes | USD |",
        "|---|--:|",
        f"| {FULL} calls a worker | {calls[0]:.2f} |",
        f"| {QUARTER} calls a worker | {calls[1]:.2f} |",
        f"| {CALLS:,} dials that nobody answers | {unanswered():.2f} |",
        f"| recordings kept for a year instead of a month, besides | {year - year / 12:.2f} |",
    ]
    return "\n".join(lines)


def parts():
    """What stands between which markers of which file."""
    return {
        ("docs/costs.md", "idle"): table("a month without a call, USD", SCENES, idle()),
        ("docs/costs.md", "calls"): table(
            f"{CALLS:,} calls of three minutes, USD", [f"{FULL} calls a worker", f"{QUARTER} calls a worker"], per_calls()),
        ("docs/costs.md", "prices"): price_table(),
        ("README.md", "short"): short(),
    }


def marked(text, name, inside):
    """The text with this between its markers; nothing without them."""
    begin, end = f"<!-- costs: {name} -->\n", f"\n<!-- /costs: {name} -->"
    if text.count(begin) != 1 or text.count(end) != 1:
        return None
    before, rest = text.split(begin)
    return before + begin + inside + end + rest.split(end)[1]


def main():
    asked = sys.argv[1:]
    if asked not in ([], ["--write"], ["--check"]):
        sys.exit(__doc__)
    for (path, name), inside in parts().items():
        if not asked:
            print(f"{inside}\n")
            continue
        full = os.path.join(ROOT, path)
        with open(full, encoding="utf-8") as file:
            text = file.read()
        wanted = marked(text, name, inside)
        if wanted is None:
            sys.exit(f"{path} has no markers of the costs' part {name!r}")
        if asked == ["--check"] and wanted != text:
            sys.exit(f"{path} does not say what tools/costs.py prints ({name}): run tools/costs.py --write")
        if asked == ["--write"] and wanted != text:
            with open(full, "w", encoding="utf-8") as file:
                file.write(wanted)


if __name__ == "__main__":
    main()
