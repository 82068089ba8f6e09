#!/usr/bin/env python3
"""Measures the functions in target/lambda as Lambda runs them: size, start, requests, memory.

Each is started again and again on a runtime API of its own (AWS Lambda developer guide, "Using the Lambda
runtime API for custom runtimes"). A start is the time from the process's beginning to its first question for
work. With the variables of an installation that runs (`make run` keeps them in .trunkline/environment) the
functions also get work: what is measured then is the time from handing out a request to its answer, storage
included.

    tools/functions.py [--starts 20] [--environment .trunkline/environment] [--requests 200]

Prints a table. Needs nothing but Python 3.10.
"""

import argparse
import http.server
import json
import os
import pathlib
import queue
import shlex
import statistics
import subprocess
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
FUNCTIONS = ["api", "callbacks", "dial", "import", "scheduler"]
START_DEADLINE_S = 20
ANSWER_DEADLINE_S = 30

# Enough for a function to start. Nobody listens at these addresses.
NOWHERE = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_REGION": "us-east-1",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    "PUBLIC_URL": "https://public.example",
    "MEDIA_URL": "wss://media.example",
    "TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
    "TWILIO_AUTH_TOKEN": "none",
    "TRUNKLINE_DIAL_QUEUE": "http://127.0.0.1:9/0/dial",
    "TRUNKLINE_RECORDINGS_QUEUE": "http://127.0.0.1:9/0/recordings",
    "TRUNKLINE_IMPORT_QUEUE": "http://127.0.0.1:9/0/import",
}


class Runtime:
    """The runtime API of one process."""

    def __init__(self):
        self.asked = queue.Queue()
        self.work = queue.Queue()
        self.answers = queue.Queue()
        runtime = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # Head and body of an answer go out at once, or the second would wait for the peer's word on the first.
            disable_nagle_algorithm = True
            wbufsize = -1

            def do_GET(self):
                runtime.asked.put(time.perf_counter())
                event = runtime.work.get()
                if event is None:
                    self.close_connection = True
                    return
                body = json.dumps(event).encode()
                self.send_response(200)
                self.send_header("Lambda-Runtime-Aws-Request-Id", "1")
                self.send_header("Lambda-Runtime-Deadline-Ms", str(int((time.time() + ANSWER_DEADLINE_S) * 1000)))
                self.send_header("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:us-east-1:0:function:measured")
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                failed = not self.path.endswith("/response")
                runtime.answers.put((time.perf_counter(), failed, body))
                self.send_response(202)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_arguments):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def start(self, function, variables):
        environment = {
            "PATH": os.environ.get("PATH", ""),
            "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:%d" % self.server.server_port,
            "AWS_LAMBDA_FUNCTION_NAME": function,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
            "AWS_LAMBDA_FUNCTION_VERSION": "1",
            "AWS_EC2_METADATA_DISABLED": "true",
            **variables,
        }
        program = ROOT / "target/lambda" / function / "bootstrap"
        began = time.perf_counter()
        process = subprocess.Popen([program], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        try:
            asked = self.asked.get(timeout=START_DEADLINE_S)
        except queue.Empty:
            process.kill()
            raise SystemExit(f"{function} did not start:\n{process.stderr.read().decode()}")
        return process, asked - began

    def ask(self, event):
        began = time.perf_counter()
        self.work.put(event)
        at, failed, body = self.answers.get(timeout=ANSWER_DEADLINE_S)
        self.asked.get(timeout=ANSWER_DEADLINE_S)
        if failed:
            raise SystemExit(f"a function failed: {body.decode()[:500]}")
        return at - began, json.loads(body or b"null")

    def stop(self, process):
        process.kill()
        process.wait()
        process.stderr.close()
        self.work.put(None)
        self.server.shutdown()
        self.server.server_close()


def peak_memory_mb(process):
    for line in pathlib.Path(f"/proc/{process.pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return float("nan")


def http_event(method, path, key=None, body=None, content_type="application/json"):
    headers = {"host": "public.example", "content-type": content_type}
    if key:
        headers["authorization"] = f"Bearer {key}"
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": "",
        "headers": headers,
        "requestContext": {
            "accountId": "0",
            "apiId": "measured",
            "domainName": "public.example",
            "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1"},
            "requestId": "1",
            "stage": "$default",
            "timeEpoch": 0,
        },
        "body": body,
        "isBase64Encoded": False,
    }


def queue_event(body):
    record = {"messageId": "1", "eventSource": "aws:sqs", "body": json.dumps(body)}
    return {"Records": [record]}


def requests(function, key):
    """What each function is asked, and what it does then."""
    tenant, call, lists = ("ten_" + "0" * 26, "call_" + "0" * 26, "imp_" + "0" * 26)
    return {
        "api": (http_event("GET", "/v1/agents", key), "lists the agents"),
        "callbacks": (
            http_event("POST", f"/carriers/twilio/status/{tenant}/{call}", body="CallStatus=completed",
                       content_type="application/x-www-form-urlencoded"),
            "refuses a forged webhook",
        ),
        "dial": (queue_event({"tenant_id": tenant, "call_id": call}), "looks for a call that is not there"),
        "import": (queue_event({"tenant_id": tenant, "import_id": lists}), "looks for a list that is not there"),
        "scheduler": ({"source": "aws.scheduler"}, "a tick with nothing to do"),
    }[function]


def variables_of(path):
    variables = {}
    for line in pathlib.Path(path).read_text().splitlines():
        name, _, value = line.partition("=")
        variables[name] = "".join(shlex.split(value))
    return variables


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--starts", type=int, default=20)
    arguments.add_argument("--environment", type=pathlib.Path)
    arguments.add_argument("--requests", type=int, default=200)
    chosen = arguments.parse_args()
    installed = variables_of(chosen.environment) if chosen.environment else None
    key = (chosen.environment.parent / "api-key").read_text().strip() if installed else None

    print("| function | MB | start p50 / max, ms | memory, MB | first / p50 / p99, ms | asked |")
    print("|---|---|---|---|---|---|")
    for function in FUNCTIONS:
        program = ROOT / "target/lambda" / function / "bootstrap"
        if not program.exists():
            raise SystemExit(f"{program} is missing: build the functions first")
        starts, peaks = [], []
        for _ in range(chosen.starts):
            runtime = Runtime()
            process, took = runtime.start(function, installed or NOWHERE)
            starts.append(took * 1000)
            peaks.append(peak_memory_mb(process))
            runtime.stop(process)
        asked, warm = "", "|"
        if installed:
            event, asked = requests(function, key)
            runtime = Runtime()
            process, _ = runtime.start(function, installed)
            took = [runtime.ask(event)[0] * 1000 for _ in range(chosen.requests + 1)]
            peaks.append(peak_memory_mb(process))
            runtime.stop(process)
            first, rest = took[0], sorted(took[1:])
            p99 = rest[min(len(rest) - 1, int(len(rest) * 0.99))]
            warm = f"{first:.1f} / {statistics.median(rest):.1f} / {p99:.1f} |"
        size = program.stat().st_size / 1e6
        print(f"| `{function}` | {size:.1f} | {statistics.median(starts):.0f} / {max(starts):.0f} "
              f"| {max(peaks):.0f} | {warm} {asked} |")


if __name__ == "__main__":
    main()
