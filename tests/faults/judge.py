"""The judge: after the fault, holds what callers were told and recipients were given against the log."""

import collections
import dataclasses
import json

from wire import proven


@dataclasses.dataclass(frozen=True)
class Verdict:
    """The counts that must be nought, and those that say how much was tried."""

    acknowledged: int
    delivered: int
    lost: int
    duplicated: int
    leafless: int
    log_faults: int
    gap: float
    surprises: tuple

    def line(self, what):
        """All of it in one line."""
        return (
            f"FAULT {what}: acknowledged {self.acknowledged}, handed over {self.delivered}; lost {self.lost}, "
            f"duplicated {self.duplicated}, disclosed without a leaf {self.leafless}, "
            f"faults of the logs {self.log_faults}; longest without service {self.gap:.2f} s"
        )


class Log:
    """Every leaf of every log at its place, as the operator reads them."""

    def __init__(self, leaves, keys):
        self.leaves, self.keys = leaves, keys

    @classmethod
    def read(cls, hub, api):
        """From a running hub."""
        audit = api.audit_grpc.AuditServiceStub(hub.access("hub-operator").channel())
        keys = {one.origin: one.verifier_key for one in audit.ListLogs(api.audit.ListLogsRequest()).logs}
        leaves, token = {}, ""
        while True:
            page = audit.ListEvents(api.audit.ListEventsRequest(page_size=1000, page_token=token))
            leaves.update({(one.log_origin, one.leaf_index): one.leaf_entry for one in page.events})
            token = page.next_page_token
            if not token:
                return cls(leaves, keys)

    def has(self, place, exchange, kind):
        """Whether the log has this leaf, at the place that was proven, and it says this of this exchange."""
        kept = self.leaves.get((place.origin, place.inclusion.leaf_index))
        if kept != place.leaf_entry or not proven(place, self.keys[place.origin]):
            return False
        says = json.loads(kept)
        return says["kind"] == kind and exchange.endswith(says["exchange"])


def lost(load, log):
    """Requests that were acknowledged and did not arrive as they were sent, or left no leaf; and what came again
    although its end was confirmed."""
    arrived = {one.request_id: one for every in load.handed_over.values() for one in every}
    gone = []
    for request_id, told in load.acknowledged.items():
        given = arrived.get(request_id)
        whole = given and given.digest == told.digest and given.exchange == told.receipt.exchange
        if not whole or not log.has(told.receipt.log, told.receipt.exchange, "EXCHANGE_ACCEPTED"):
            gone.append(request_id)
    return gone + load.came_back


def duplicated(load):
    """Exchanges that came under more than one delivery id, and requests that became more than one exchange."""
    ids, exchanges = collections.defaultdict(set), collections.defaultdict(set)
    for delivery_id, every in load.handed_over.items():
        for one in every:
            ids[one.exchange].add(delivery_id)
            exchanges[one.request_id].add(one.exchange)
    return [name for found in (ids, exchanges) for name, many in found.items() if len(many) > 1]


def leafless(load, log):
    """Handings over, each time counted, that the log does not have."""
    every = [one for handed in load.handed_over.values() for one in handed]
    return [one for one in every if not log.has(one.place, one.exchange, "DISCLOSED")]


def judge(load, hub, api, what):
    """Ends the load, reads the log, stops the hub, verifies all that it keeps, and prints the counts."""
    load.finish()
    log = Log.read(hub, api)
    assert hub.stop() == 0
    verified = hub.verified(*log.keys.values())
    verdict = Verdict(
        acknowledged=len(load.acknowledged),
        delivered=sum(len(every) for every in load.handed_over.values()),
        lost=len(lost(load, log)),
        duplicated=len(duplicated(load)),
        leafless=len(leafless(load, log)),
        log_faults=verified["fault_count"],
        gap=load.longest_gap(),
        surprises=tuple(load.surprises),
    )
    print(verdict.line(what))
    if load.failures:
        print("calls that failed and were repeated:", load.failures)
    hold(verdict)
    return verdict


def hold(verdict):
    """Nothing lost, nothing twice, nothing without a leaf, every log whole; and something was tried."""
    assert verdict.acknowledged > 0 and verdict.delivered >= verdict.acknowledged
    counts = (verdict.lost, verdict.duplicated, verdict.leafless, verdict.log_faults)
    assert counts == (0, 0, 0, 0), verdict
    assert verdict.surprises == ()
