"""The judge finds what it looks for: each loss, made up, is counted once."""

import dataclasses
import json
import types

import judge
import pytest
from load import Acknowledged, HandedOver


def place(leaves, index, kind, exchange):
    """A leaf put into a log, and where it stands."""
    entry = json.dumps({"kind": kind, "exchange": exchange}).encode()
    leaves["log", index] = entry
    return types.SimpleNamespace(
        origin="log", leaf_entry=entry, inclusion=types.SimpleNamespace(leaf_index=index), checkpoint=""
    )


class Made:
    """A load in which one record was acknowledged, handed over, and ended."""

    def __init__(self):
        self.leaves = {}
        receipt = types.SimpleNamespace(
            exchange="transfers/1", log=place(self.leaves, 0, "EXCHANGE_ACCEPTED", "1")
        )
        self.acknowledged = {"request": Acknowledged("digest", receipt, 1.0)}
        disclosed = place(self.leaves, 1, "DISCLOSED", "1")
        self.handed_over = {"delivery": [HandedOver("transfers/1", "request", "digest", disclosed)]}
        self.came_back = []

    def counts(self):
        """Lost, duplicated, without a leaf."""
        log = judge.Log(self.leaves, {"log": ""})
        return len(judge.lost(self, log)), len(judge.duplicated(self)), len(judge.leafless(self, log))

    def hand_over(self, delivery_id, **changes):
        """Hands the same over again, changed."""
        one = dataclasses.replace(self.handed_over["delivery"][0], **changes)
        self.handed_over.setdefault(delivery_id, []).append(one)


@pytest.fixture
def made(monkeypatch):
    """A load to spoil. The proofs themselves are another's test."""
    monkeypatch.setattr(judge, "proven", lambda place, key: True)
    return Made()


def test_a_good_end_counts_nought(made):
    assert made.counts() == (0, 0, 0)
    # The same delivery twice is the application's to know by its id.
    made.hand_over("delivery")
    assert made.counts() == (0, 0, 0)


def test_a_record_that_never_arrived_is_lost(made):
    made.handed_over.clear()
    assert made.counts() == (1, 0, 0)


def test_a_record_that_arrived_changed_is_lost(made):
    made.handed_over["delivery"][0] = dataclasses.replace(made.handed_over["delivery"][0], digest="other")
    assert made.counts() == (1, 0, 0)


def test_a_receipt_whose_leaf_is_not_in_the_log_is_lost(made):
    made.leaves["log", 0] = b'{"kind": "EXCHANGE_ACCEPTED", "exchange": "2"}'
    assert made.counts() == (1, 0, 0)


def test_what_comes_again_after_its_end_was_confirmed_is_lost(made):
    made.came_back.append("delivery")
    assert made.counts() == (1, 0, 0)


def test_an_exchange_under_two_delivery_ids_is_a_duplicate(made):
    made.hand_over("another")
    assert made.counts() == (0, 1, 0)


def test_a_request_that_became_two_exchanges_is_a_duplicate(made):
    second = place(made.leaves, 2, "DISCLOSED", "2")
    made.hand_over("another", exchange="transfers/2", place=second)
    made.handed_over = dict(reversed(made.handed_over.items()))
    assert made.counts() == (0, 1, 0)


def test_a_handing_over_that_is_not_in_the_log_is_without_a_leaf(made):
    del made.leaves["log", 1]
    assert made.counts() == (0, 0, 1)


def test_a_leaf_that_says_something_else_is_none(made):
    made.handed_over["delivery"][0] = dataclasses.replace(
        made.handed_over["delivery"][0], place=made.acknowledged["request"].receipt.log
    )
    assert made.counts() == (0, 0, 1)


def test_a_leaf_that_is_not_proven_is_none(made, monkeypatch):
    monkeypatch.setattr(judge, "proven", lambda place, key: False)
    assert made.counts() == (1, 0, 1)


@pytest.mark.parametrize("spoiled", ["lost", "duplicated", "leafless", "log_faults"])
def test_one_of_anything_is_too_many(spoiled):
    good = judge.Verdict(1, 1, 0, 0, 0, 0, 0.0, ())
    judge.hold(good)
    with pytest.raises(AssertionError):
        judge.hold(dataclasses.replace(good, **{spoiled: 1}))
