#!/usr/bin/env python3
"""Counts what the ratchet's calls cost, by leg, and holds it to the budgets in tools/ratchet.

The calls are `tests/ratchet`. Valgrind plays them three times: callgrind counts instructions, dhat the
allocations and the bytes that are copied. What counts is below `ratchet::calls` and not below
`ratchet::outside::uncounted`. Each instruction, allocation and copy is of the innermost function or inlined
line whose module has a leg in `tools/ratchet/legs.txt`.

    tools/ratchet.py                         compare with the budgets
    tools/ratchet.py --write                 write budgets that nothing is raised in
    tools/ratchet.py --write --bought "…"    write budgets, and say what the raised ones bought
"""

import argparse
import concurrent.futures
import datetime
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HERE = ROOT / "tools/ratchet"
TEST = "the_calls_are_what_they_are_meant_to_be"
CALLS = "ratchet::calls"
UNCOUNTED = "ratchet::outside::uncounted"

LEGS = ["carrier in", "recognizer", "model", "voice", "carrier out", "store", "core", "telemetry", "runtime"]
SHARED = "shared"
FIGURES = ["instructions", "allocations", "bytes allocated", "bytes copied"]
# A leg may grow or shrink by this much of its figure...
TOLERANCE = 0.02
# ... or by so little that it is of no account, whatever the leg.
OF_NO_ACCOUNT = [100_000, 20, 4_096, 4_096]
# Functions with less than this share of their leg in every figure are counted together.
FUNCTION_SHARE = 0.01
OTHERS = "(others)"
FUNCTIONS_NAMED = 6
# Deeper stacks than these there are not: hyper, the SDK and the session nest to about 150 with inlined calls.
STACK_DEPTH = 400
# Copies in vectors instead of by `rep movsb`, each byte of which callgrind counts as an instruction.
TUNABLES = ":".join(f"glibc.cpu.x86_rep_{what}_threshold={1 << 40}" for what in ("movsb", "stosb"))
# What the compiler ships, beside the packages of Cargo.lock.
STANDARD = ["std", "core", "alloc", "std_detect", "compiler_builtins", "__rustc", "rustc_demangle", "test"]
# Shapes of names that no crate's name begins: methods of references, slices, numbers, type parameters, and of types
# that are local to a function. Callgrind's `?` would hide the patterns beside it, so they are written out.
SHAPES = ["<&*", "<[*", "<(*", "<<*", "<dyn *", "<impl *", "<fn*", "<*const *", "<*mut *", "<! as *"] + [
    f"<{name}{end}*"
    for name in [*"ABCDEFGHIJKLMNOPQRSTUVWXYZ", "T1", "Fut", "Item", "str", "bool", "char", "f32", "f64", "usize", "isize",
                 *(f"{sign}{bits}" for sign in "iu" for bits in (8, 16, 32, 64, 128))]
    for end in (" as ", ">")]


class Legs:
    """The table of modules and their legs."""

    def __init__(self):
        self.rows = {}
        for line in (HERE / "legs.txt").read_text().splitlines():
            if line and not line.startswith("#"):
                prefix, leg = re.split(r"\s{2,}", line.strip())
                if leg not in LEGS + [SHARED]:
                    sys.exit(f"legs.txt: {prefix} works for “{leg}”, which is no leg")
                self.rows[prefix] = leg
        self.crates = crates()
        self.known = {}

    def of(self, name):
        """The row's leg that holds for a module or function; None without a row."""
        if name not in self.known:
            parts = plain(name).split("::")
            ends = range(len(parts), 0, -1)
            self.known[name] = next((self.rows[p] for n in ends if (p := "::".join(parts[:n])) in self.rows), None)
        return self.known[name]

    def is_ours(self, name):
        return plain(name).split("::")[0] in self.crates

    def module(self, file):
        """The module of a source file of ours; None of any other."""
        for crate, folder in self.crates.items():
            at = file.find(f"{folder}/")
            if at >= 0 and (at == 0 or file[at - 1] == "/") and "/.cargo/" not in file:
                inside = re.sub(r"\.rs$", "", file[at + len(folder) + 1:]).split("/")
                inside = [part for part in inside if part not in ("lib", "main")]
                return "::".join([crate] + inside)
        return None

    def check(self):
        """Each module of the product that a worker is made of has a row, and each row names something."""
        worker = ["audio", "carrier", "conversation", "media_worker", "model", "providers", "service", "settings", "store",
                  "telemetry"]
        problems, names = [], set()
        for crate, folder in self.crates.items():
            for file in sorted((ROOT / folder).rglob("*.rs")):
                module = self.module(str(file.relative_to(ROOT)))
                names.add(module)
                is_parent = file.with_suffix("").is_dir() or file.stem in ("lib", "main", "tests", "testing")
                if crate in worker and not is_parent and "tests" not in module.split("::") and not self.of(module):
                    problems.append(f"{module} has no leg: give it a row in tools/ratchet/legs.txt")
        for prefix in self.rows:
            parts = prefix.split("::")
            ours = parts[0] in self.crates
            if ours and not any("::".join(parts[:n]) in names for n in range(max(1, len(parts) - 2), len(parts) + 1)):
                problems.append(f"legs.txt has a row for {prefix}, which is no module")
        return problems


def crates():
    """Crates of ours by the name that code knows them by, with their source folders."""
    folders = [*ROOT.glob("shared/*"), *ROOT.glob("functions/*"), ROOT / "media-worker", ROOT / "local"]
    named = {folder.name.replace("-", "_"): f"{folder.relative_to(ROOT)}/src" for folder in folders}
    return {name: folder for name, folder in named.items() if (ROOT / folder).is_dir()} | {"ratchet": "tests/ratchet"}


def plain(name):
    """`<a::B as c::D>::e` begins like `a::B::e`."""
    name = re.sub(r"^<(.*?)(<.*?)?( as .*)?>::", r"\1::", name) if name.startswith("<") else name
    return re.sub(r"<.*", "", name)


def foreign_crates(legs):
    lock = (ROOT / "Cargo.lock").read_text()
    packages = {name.replace("-", "_") for name in re.findall(r'^name = "(.*)"$', lock, re.M)}
    return sorted((packages | set(STANDARD)) - set(legs.crates) - set(legs.rows))


def skipped(legs):
    """Patterns of functions that callgrind counts to whoever uses them."""
    names = foreign_crates(legs) + [prefix for prefix, leg in legs.rows.items() if leg == SHARED]
    # What catches panics has no crate in its name.
    return [pattern for name in names for pattern in (f"{name}::*", f"<{name}::*")] + SHAPES + ["__rust_try"]


# -- counting ---------------------------------------------------------------------------------------------


def count(legs, folder):
    """Leg, function and figure: how many."""
    binary = built()
    tools = {
        "callgrind": ["--tool=callgrind", "--collect-atstart=no", f"--toggle-collect={CALLS}*",
                      f"--toggle-collect={UNCOUNTED}*", "--compress-pos=no", "--separate-recs=1",
                      f"--callgrind-out-file={folder}/callgrind"]
        + [f"--fn-skip={pattern}" for pattern in skipped(legs)],
        "heap": ["--tool=dhat", "--mode=heap", f"--dhat-out-file={folder}/heap", f"--num-callers={STACK_DEPTH}"],
        "copy": ["--tool=dhat", "--mode=copy", f"--dhat-out-file={folder}/copy", f"--num-callers={STACK_DEPTH}"],
    }
    run = [binary, "--exact", TEST, "--test-threads=1"]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        plays = {tool: pool.submit(play, ["valgrind", "-q", "--fullpath-after=", *options], run)
                 for tool, options in tools.items()}
    for tool, done in plays.items():
        if output := done.result():
            sys.exit(f"the calls went wrong under {tool}:\n{output}")
    counted = defaultdict(lambda: [0] * len(FIGURES))
    for (leg, function), instructions in instructions_of(legs, folder / "callgrind").items():
        counted[leg, function][0] += instructions
    for mode, places in (("heap", (1, 2)), ("copy", (None, 3))):
        for (leg, function), (blocks, size) in stacks_of(legs, folder / mode).items():
            for place, figure in zip(places, (blocks, size)):
                if place is not None:
                    counted[leg, function][place] += figure
    return dict(counted)


def built():
    """The test binary, as the tests have built it."""
    build = ["cargo", "test", "--workspace", "--locked", "--test", "ratchet", "--no-run", "--message-format=json"]
    built = subprocess.run(build, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout
    messages = (json.loads(line) for line in built.splitlines() if line.startswith("{"))
    return next(m["executable"] for m in messages if m.get("executable") and m["target"]["name"] == "ratchet")


def play(valgrind, run):
    """What went wrong, if anything did."""
    environment = os.environ | {"RUST_BACKTRACE": "0", "GLIBC_TUNABLES": TUNABLES}
    played = subprocess.run([*valgrind, *run], cwd=ROOT / "tests", env=environment, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True)
    return "" if played.returncode == 0 and "1 passed" in played.stdout else played.stdout[-6_000:]


def instructions_of(legs, path):
    """Reads a callgrind profile. Functions that are not ours and have no row count to the one that called them:
    rows of edges have what they and all below them took."""
    counted, unknown, calls_back = Counter(), Counter(), Counter()
    names = {"fn": {}, "fl": {}}
    function = file = callee = None
    edge = False
    total = 0

    def name(kind, text):
        number, _, text = text.partition(" ")
        if text:
            names[kind][number] = text
        return names[kind][number]

    def has_leg(name):
        return legs.of(name) not in (None, SHARED)

    for line in path.read_text().splitlines():
        key, _, rest = line.partition("=")
        if line and line[0].isdigit():
            cost = int(line.split()[1])
            if not edge:
                total += cost
            is_counted = has_leg(function) or legs.is_ours(function)
            if edge and (has_leg(callee) or legs.is_ours(callee)):
                if not is_counted:
                    calls_back[function] += cost
            elif is_counted:
                leg, place = leg_of_line(legs, function, file)
                if leg is None:
                    unknown[function] += cost
                else:
                    counted[leg, place] += cost
            edge = False
        elif key == "fn":
            function = name("fn", rest)
        elif key in ("fl", "fi", "fe"):
            file = name("fl", rest)
        elif key == "cfn":
            callee = name("fn", rest)
        elif key in ("cfl", "cfi"):
            name("fl", rest)
        elif key == "calls":
            edge = True
    complain(unknown)
    missing = total - sum(counted.values())
    if missing:
        told = ", ".join(function for function, _ in calls_back.most_common(10))
        sys.exit(f"{missing:,} of {total:,} instructions are in no leg or in two; called ours: {told}")
    return counted


def leg_of_line(legs, function, file):
    """Of a line in a function: its own module's leg where it was inlined from one that has a leg."""
    module = legs.module(file or "")
    if module and not plain(function).startswith(f"{module}::"):
        leg = legs.of(module)
        if leg not in (None, SHARED):
            return leg, f"{module} in {short(function)}" if legs.of(function) != leg else short(function)
    leg = legs.of(function)
    return (None, None) if leg == SHARED else (leg, short(function))


def short(function):
    """Without the hash of the compiler's, and an inlined function without its types."""
    return re.sub(r"::h[0-9a-f]{16}$", "", function if "::" in re.sub(r"<.*", "", function) or function.startswith("<")
                  else re.sub(r"<.*", "", function))


def stacks_of(legs, path):
    """Reads dhat's tree: blocks and bytes by the innermost frame that has a leg."""
    profile = json.loads(path.read_text())
    frames = [frame(legs, text) for text in profile["ftbl"]]
    counted = defaultdict(lambda: [0, 0])
    unknown = Counter()
    for point in profile["pps"]:
        stack = [frames[number] for number in point["fs"]]
        functions = {function for function, _ in stack}
        if not any(f.startswith(CALLS) for f in functions) or any(f.startswith(UNCOUNTED) for f in functions):
            continue
        leg = place = None
        for function, module in stack:
            # An inlined function has its bare name, and a module by its file.
            leg = legs.of(function) if "::" in function else None
            place = function
            if leg in (None, SHARED):
                leg, place = legs.of(module or ""), f"{module}::{function.split('::')[-1]}"
            if leg not in (None, SHARED):
                break
        if leg in (None, SHARED):
            unknown[stack[0][0]] += point["tb"]
            continue
        counted[leg, place][0] += point["tbk"]
        counted[leg, place][1] += point["tb"]
    complain(unknown)
    return counted


def frame(legs, text):
    """Function and module of a frame as dhat has it: `0x12AB: function (file:line)`."""
    found = re.match(r"(?:0x[0-9A-F]+: )?(.*?)(?: \(((?:in )?[^()]*)\))?$", text)
    function, place = found.group(1), found.group(2) or ""
    return short(function), legs.module(place.rsplit(":", 1)[0])


def complain(unknown):
    if unknown:
        told = "\n".join(f"  {function}: {cost:,}" for function, cost in unknown.most_common(20))
        sys.exit(f"no row of tools/ratchet/legs.txt names these:\n{told}")


def by_leg(counted):
    sums = {leg: [0] * len(FIGURES) for leg in LEGS}
    for (leg, _function), figures in counted.items():
        sums[leg] = [a + b for a, b in zip(sums[leg], figures)]
    return sums


# -- budgets ----------------------------------------------------------------------------------------------


def counted_with():
    """What else the figures depend on: they can be compared only where it is the same."""
    rustc = subprocess.run(["rustc", "-V"], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    valgrind = subprocess.run(["valgrind", "--version"], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    flags = Path("/proc/cpuinfo").read_text().split("flags", 1)[-1].split("\n", 1)[0].split()
    vectors = "avx2" if "avx2" in flags else "no avx2"
    return f"{rustc}, {valgrind}, {' '.join(platform.libc_ver())}, {platform.machine()} with {vectors}"


def read_budgets():
    lines = (HERE / "budgets.txt").read_text().splitlines()
    with_line = next(line for line in lines if line.startswith("counted with: "))
    sums = {}
    for line in lines:
        leg, *figures = re.split(r"\s{2,}", line.strip())
        if leg in LEGS:
            sums[leg] = [int(figure.replace(",", "")) for figure in figures]
    bought = [line for line in lines if line.startswith("bought ")]
    return with_line.removeprefix("counted with: "), sums, bought


def read_functions():
    functions, leg = {}, None
    for line in (HERE / "functions.txt").read_text().splitlines():
        if line in LEGS:
            leg = line
        elif line.startswith("  "):
            function, *figures = re.split(r"\s{2,}", line.strip())
            functions[leg, function] = [int(figure.replace(",", "")) for figure in figures]
    return functions


def row(name, figures, width):
    return f"{name:<{width}}" + "".join(f"  {figure:>17,}" for figure in figures)


def write(counted, sums, bought):
    head = f"{'leg':<12}" + "".join(f"  {figure:>17}" for figure in FIGURES)
    totals = [sum(figures) for figures in zip(*sums.values())]
    lines = [
        "# What the ratchet's calls may cost, by leg: written by `make ratchet-write`, held by `make ratchet`",
        "# (docs/measurements.md).",
        f"counted with: {counted_with()}",
        "",
        head,
        *(row(leg, sums[leg], 12) for leg in LEGS),
        row("all", totals, 12),
        "",
        "# What raises of budgets bought, the latest last.",
        *bought,
    ]
    (HERE / "budgets.txt").write_text("\n".join(lines).rstrip() + "\n")
    lines = ["# The functions behind budgets.txt, so that growth can be told by name: written with it.",
             f"# {', '.join(FIGURES)}"]
    for leg in LEGS:
        lines += ["", leg]
        lines += [row(f"  {function}", figures, 80) for function, figures in named(counted, sums, leg)]
    (HERE / "functions.txt").write_text("\n".join(lines) + "\n")


def named(counted, sums, leg):
    """A leg's functions that matter, in order of their names, and the sum of the others."""
    functions = [(function, figures) for (of, function), figures in counted.items() if of == leg]
    matters = [any(f and f >= FUNCTION_SHARE * s for f, s in zip(figures, sums[leg])) for _, figures in functions]
    kept = [entry for entry, matter in zip(functions, matters) if matter]
    rest = [figures for (_, figures), matter in zip(functions, matters) if not matter]
    if rest:
        kept.append((OTHERS, [sum(figures) for figures in zip(*rest)]))
    return sorted(kept)


def grown(before, after, figure):
    """Whether a figure is beyond its tolerance: 1 above, -1 below, else 0."""
    differs = after - before
    if abs(differs) <= OF_NO_ACCOUNT[figure] or abs(differs) <= TOLERANCE * before:
        return 0
    return 1 if differs > 0 else -1


def percent(before, after):
    return f"{100 * (after - before) / before:+.1f} %" if before else "from nothing"


def compare(counted, sums):
    """Sentences on what is beyond its budget, above or below."""
    held_with, budgets, _bought = read_budgets()
    functions = read_functions()
    if held_with != counted_with():
        # Another compiler or processor moves every figure a little: not what a change is to answer for.
        print("NOT COMPARED: the budgets were counted with other tools.",
              f"  counted with {held_with}",
              f"  here there is {counted_with()}",
              "Where these are the new ones, check that the commit before has the same figures on them and write its "
              "budgets anew, in a commit of its own: make ratchet-write BOUGHT=\"rustc …\"", sep="\n")
        return []
    kept = {leg: [sum(figures) for figures in zip(*(f for (of, _), f in functions.items() if of == leg))]
            for leg in LEGS}
    if kept != budgets:
        return ["budgets.txt and functions.txt are not of one count: write both with `make ratchet-write`"]
    problems = []
    for leg in LEGS:
        for figure, what in enumerate(FIGURES):
            before, after = budgets[leg][figure], sums[leg][figure]
            beyond = grown(before, after, figure)
            told = f"{leg}: {what} {percent(before, after)}, from {before:,} to {after:,}"
            if beyond < 0:
                problems.append(f"{told}: less than its budget, which is to go down with it")
            elif beyond > 0:
                problems.append(told)
            if beyond:
                problems += culprits(counted, functions, leg, figure, beyond)
    if problems:
        problems.append(
            "\nWhat grew is made as cheap as it was, or its budget is raised in a commit of its own that says what was "
            'bought with it: make ratchet-write BOUGHT="…". A gain is written down at once, or the next change spends '
            "it unseen: make ratchet-write.")
    return problems


def culprits(counted, functions, leg, figure, direction):
    """The functions of a leg whose figure moved most in this direction."""
    known = {function: figures[figure] for (of, function), figures in functions.items() if of == leg}
    now = {function: figures[figure] for (of, function), figures in counted.items() if of == leg}
    others = sum(count for function, count in now.items() if function not in known)
    moved = [(now.get(function, 0) - before, before, now.get(function, 0), function)
             for function, before in known.items() if function != OTHERS]
    # Those that had no line of their own: as much as they are, and what they were is in the sum.
    if others > known.get(OTHERS, 0):
        fresh = sorted(((count, function) for function, count in now.items() if function not in known), reverse=True)
        moved += [(count, None, count, function) for count, function in fresh[:FUNCTIONS_NAMED]]
    moved.sort(key=lambda entry: -direction * entry[0])
    lines = []
    for differs, before, after, function in moved[:FUNCTIONS_NAMED]:
        if differs * direction > 0:
            was = "among the others" if before is None else f"{before:,}"
            lines.append(f"    {differs:>+15,}  {function}: {was} to {after:,}")
    return lines


def check_raises(sums, bought):
    """Raised budgets say what they bought. The lines to add."""
    if not (HERE / "budgets.txt").exists():
        return [f"bought {datetime.date.today()}: the first count"]
    _with, budgets, lines = read_budgets()
    raised = [f"{leg} {what} {percent(budgets[leg][figure], sums[leg][figure])}" for leg in LEGS
              for figure, what in enumerate(FIGURES) if grown(budgets[leg][figure], sums[leg][figure], figure) > 0]
    if raised and not bought:
        sys.exit("these budgets would be raised; say what is bought with it (make ratchet-write BOUGHT=\"…\"):\n  "
                 + "\n  ".join(raised))
    if bought:
        lines.append(f"bought {datetime.date.today()}: {bought} ({'; '.join(raised) or 'nothing is raised'})")
    return lines


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--write", action="store_true", help="write budgets.txt and functions.txt")
    arguments.add_argument("--bought", default="", help="what raised budgets have bought")
    arguments.add_argument("--keep", help="a folder for the profiles; else they go")
    options = arguments.parse_args()
    if not shutil.which("valgrind"):
        sys.exit("valgrind is missing, which counts instructions: apt-get install valgrind")
    legs = Legs()
    if problems := legs.check():
        sys.exit("\n".join(problems))
    with tempfile.TemporaryDirectory() as temporary:
        counted = count(legs, Path(options.keep or temporary))
    sums = by_leg(counted)
    print(f"{'':<12}" + "".join(f"  {figure:>17}" for figure in FIGURES))
    for leg in LEGS:
        print(row(leg, sums[leg], 12))
    print(row("all", [sum(figures) for figures in zip(*sums.values())], 12))
    if options.write:
        write(counted, sums, check_raises(sums, options.bought))
        print("\ntools/ratchet/budgets.txt and functions.txt are written: commit them, and nothing else with them")
    elif problems := compare(counted, sums):
        sys.exit("\n" + "\n".join(problems))


if __name__ == "__main__":
    main()
