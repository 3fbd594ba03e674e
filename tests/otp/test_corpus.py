"""What OTP's supervisors did, done again by ours."""

from pathlib import Path

import pytest

from tests.otp.adapter import Adapter
from tests.otp.trace import Json, canonical, difference, load

HERE = Path(__file__).parent
CHUNKS = 8
CORPUS = load(HERE / "corpus.jsonl.gz")
TIMED = load(HERE / "timed.jsonl")


def replay(scenarios: list[Json]) -> list[str]:
    """Run scenarios and return what differs from OTP."""
    found = []
    for scenario in scenarios:
        differs = difference(scenario["trace"], canonical(Adapter().run(scenario), scenario))
        if differs:
            found.append(f"{scenario['id']} {differs}")
    return found


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_scenarios_end_as_in_otp(chunk: int) -> None:
    """Every scenario of the corpus gives OTP's results, events and states."""
    assert replay(CORPUS[chunk::CHUNKS]) == []


def test_timed_scenarios_end_as_in_otp() -> None:
    """Where the period matters, restarts count as long as in OTP."""
    assert replay(TIMED) == []


def test_the_corpus_is_whole() -> None:
    """All 600 + 10 scenarios are here."""
    assert (len(CORPUS), len(TIMED)) == (600, 10)


def test_a_wrong_trace_is_noticed() -> None:
    """The comparison can fail."""
    scenario = CORPUS[0]
    wrong = [dict(entry) for entry in scenario["trace"]]
    wrong[1] = {**wrong[1], "ev": [["x", "nobody", "normal"]]}
    assert difference(scenario["trace"], canonical(wrong, scenario)).startswith("step 1 ev")
