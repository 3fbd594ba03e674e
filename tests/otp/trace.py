"""Reading the corpus, and comparing a trace with OTP's."""

import gzip
import json
from pathlib import Path
from typing import Any

Json = dict[str, Any]


def load(path: Path) -> list[Json]:
    """Read scenarios, one JSON object a line, gzipped or not."""
    text = gzip.decompress(path.read_bytes()).decode() if path.suffix == ".gz" else path.read_text()
    return [json.loads(line) for line in text.splitlines()]


def instance_supervisors(scenario: Json) -> dict[str, str]:
    """Return which simple_one_for_one supervisor each instance name belongs to."""
    found: dict[str, str] = {}
    pending = list(scenario["steps"])
    while pending:
        step = pending.pop()
        if step["op"] == "start_instance":
            found[step["name"]] = step["sup"]
        pending.extend(step.get("reqs", ()))
    return found


def canonical(trace: list[Json], scenario: Json) -> list[Json]:
    """Bring a trace into the form in which it can be compared.

    The ends of instances that directly precede the end of their supervisor are sorted: they are stopped at the
    same time.  The state is left out where it has not changed.
    """
    owner = instance_supervisors(scenario)
    result = []
    state = None
    for entry in trace:
        shown = {"r": entry["r"], "ev": _sorted_ends(entry["ev"], owner)}
        if entry.get("st", state) != state:
            state = shown["st"] = entry["st"]
        result.append(shown)
    return result


def _sorted_ends(events: list[list[str]], owner: dict[str, str]) -> list[list[str]]:
    done: list[list[str]] = []
    for event in events:
        if event[0] == "x" and event[1] in owner.values():
            start = len(done)
            while start and done[start - 1][0] == "x" and owner.get(done[start - 1][1]) == event[1]:
                start -= 1
            done[start:] = sorted(done[start:])
        done.append(list(event))
    return done


def difference(want: list[Json], got: list[Json]) -> str:
    """Return where two canonical traces part, or an empty string."""
    for step, (ours, theirs) in enumerate(zip(got, want, strict=False)):
        for field in ("r", "ev", "st"):
            if ours.get(field) != theirs.get(field):
                return f"step {step} {field}: OTP {theirs.get(field)} ours {ours.get(field)}"
    return "" if len(want) == len(got) else f"OTP has {len(want)} entries, ours {len(got)}"
