"""Ancestors' results are found by name and batch, and fetched when they were left out."""

import threading
from typing import Any

import pytest

from tasker_core.types import Sequence


def test_a_sequence_has_the_ancestors_that_ran() -> None:
    sequence = Sequence({"a": {"result": 1}, "b": None})
    assert sequence["a"] == {"result": 1}
    assert sequence.get_results("a") == {"result": 1}
    assert sequence.get_results("missing") is None
    assert "b" in sequence
    assert "missing" not in sequence
    assert list(sequence.items()) == [("a", {"result": 1}), ("b", None)]
    assert len(sequence) == 2
    assert repr(sequence) == "Sequence({'a': {'result': 1}, 'b': None})"
    with pytest.raises(KeyError):
        sequence["missing"]


def test_batches_are_a_list_and_steps_of_their_own_names() -> None:
    sequence = Sequence({"split": {"total": 5}}, {"part": [{"n": 1}, None, {"n": 3}]})
    assert sequence.batch("part") == [{"n": 1}, None, {"n": 3}]
    assert sequence.get_results("part") is None
    assert "part" not in sequence
    assert sequence.get_results("part_001") == {"n": 1}
    assert sequence["part_003"] == {"n": 3}
    # The second was resolved by hand: it did not run.
    assert "part_002" not in sequence
    assert list(sequence.items()) == [
        ("split", {"total": 5}),
        ("part_001", {"n": 1}),
        ("part_003", {"n": 3}),
    ]
    assert len(sequence) == 3


@pytest.mark.parametrize("name", ["part_1", "part_000", "part_004", "part_", "part", "_001", "x"])
def test_a_name_that_no_batch_has_is_missing(name: str) -> None:
    sequence = Sequence(batches={"part": [1, 2, 3]})
    assert sequence.get_results(name) is None
    assert name not in sequence


def test_the_numbers_of_many_batches_are_wider() -> None:
    sequence = Sequence(batches={"part": list(range(1000))})
    assert (sequence["part_0001"], sequence["part_1000"]) == (0, 999)
    assert "part_001" not in sequence


def test_no_batches_are_an_empty_list_and_an_unknown_worker_is_named() -> None:
    sequence = Sequence({"split": {}}, {"part": []})
    assert sequence.batch("part") == []
    with pytest.raises(
        KeyError, match="'parts' is no batch worker before this step; there is part"
    ):
        sequence.batch("parts")
    with pytest.raises(KeyError, match="there is none"):
        Sequence().batch("part")


class Source:
    """Gives what was left out, and keeps what it was asked for."""

    def __init__(self, **results: list[Any]) -> None:
        self._results = results
        self.asked: list[str] = []

    def __call__(self, name: str) -> list[Any]:
        self.asked.append(name)
        return self._results[name]


def omitting(source: Source) -> Sequence:
    return Sequence({"small": 1}, {"few": [7]}, omitted={"large": None, "part": 2}, fetch=source)


def test_omitted_results_are_fetched_when_asked_for_and_once() -> None:
    source = Source(large=[{"l": 1}], part=[{"p": 1}, {"p": 2}])
    sequence = omitting(source)
    assert sequence["small"] == 1
    assert "large" in sequence
    assert sequence.omitted == {"large", "part"}
    assert source.asked == []
    assert (sequence["large"], sequence.get_results("large")) == ({"l": 1}, {"l": 1})
    assert source.asked == ["large"]
    assert (sequence["part_002"], sequence["part_001"]) == ({"p": 2}, {"p": 1})
    assert sequence.batch("part") == [{"p": 1}, {"p": 2}]
    assert sequence.get_results("part") is None
    assert source.asked == ["large", "part"]
    assert sequence.omitted == frozenset()


def test_all_names_are_known_without_what_is_long() -> None:
    source = Source(large=[{"l": 1}], part=[{"p": 1}, {"p": 2}])
    sequence = omitting(source)
    assert sorted(sequence) == ["few_001", "large", "part_001", "part_002", "small"]
    assert len(sequence) == 5
    assert source.asked == ["part"]
    with pytest.raises(KeyError, match="there is few, part"):
        omitting(source).batch("small")


def test_all_or_some_can_be_fetched_at_once() -> None:
    source = Source(large=[1], part=[2, 3])
    sequence = omitting(source)
    sequence.load(["large", "small"])
    assert source.asked == ["large"]
    sequence.load()
    assert source.asked == ["large", "part"]


def test_threads_that_ask_for_the_same_result_share_one_fetch() -> None:
    begun, go_on = threading.Event(), threading.Event()
    asked = []

    def fetch(name: str) -> list[Any]:
        asked.append(name)
        begun.set()
        assert go_on.wait(20)
        return [name]

    sequence = Sequence(omitted={"large": None}, fetch=fetch)
    found: list[Any] = []
    threads = [threading.Thread(target=lambda: found.append(sequence["large"])) for _ in range(4)]
    for thread in threads:
        thread.start()
    assert begun.wait(20)
    go_on.set()
    for thread in threads:
        thread.join(20)
    assert (found, asked) == (["large"] * 4, ["large"])


def test_a_fetch_that_fails_can_be_tried_again() -> None:
    answers: list[list[Any]] = [[1]]

    def fetch(name: str) -> list[Any]:
        if len(answers) == 1:
            answers.append([])
            raise OSError("no session")
        return answers[0]

    sequence = Sequence(omitted={"large": None}, fetch=fetch)
    with pytest.raises(OSError, match="no session"):
        sequence["large"]
    assert sequence["large"] == 1


class Raced(dict[str, Any]):
    """As if another thread fetched everything just when something has been looked for here."""

    sequence: Sequence

    def __contains__(self, name: object) -> bool:
        found = super().__contains__(name)
        self.sequence.load()
        return found

    def __missing__(self, name: str) -> Any:
        self.sequence.load()
        raise KeyError(name)


def raced() -> Sequence:
    results, batches = Raced(), Raced()
    sequence = Sequence(
        results, batches, omitted={"large": None, "part": 1}, fetch=lambda name: [name]
    )
    results.sequence = batches.sequence = sequence
    return sequence


def test_what_another_thread_fetches_meanwhile_is_not_missed() -> None:
    assert raced()["large"] == "large"
    assert "large" in raced()
    assert raced().has_batches("part")
