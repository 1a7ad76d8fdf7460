"""A consent withdrawn while its plan is being collected, a thousand times: nothing is disclosed behind the withdrawal."""

import concurrent.futures
import json
import os
import threading

import grpc
from rights import Pupil
from wire import reason

RACES = int(os.environ.get("SENDHUB_RACES", "1000"))
DAY = "2026-07-01"
AT_ONCE = 4


def race(pupil, barrier_of):
    """One race: consent, sending, then withdrawal and collection at the same moment, and a collection behind both."""
    consent = pupil.consents("YOUNG_PERSON", DAY).consent
    receipt = pupil.sends()
    (copy,) = receipt.recipient_decisions
    barrier = barrier_of()

    def withdraw():
        barrier.wait()
        return pupil.withdraws(consent, DAY, by="YOUNG_PERSON")

    def collect():
        barrier.wait()
        return pupil.collects(copy.delivery_id)

    with concurrent.futures.ThreadPoolExecutor(2) as two:
        withdrawn, collected = two.submit(withdraw), two.submit(collect)
        withdrawn, collected = withdrawn.result(), collected.result()
    # This one begins after the withdrawal was acknowledged.
    behind = pupil.collects(copy.delivery_id)
    return receipt, copy.delivery_id, withdrawn, collected, behind


def test_no_collection_overtakes_a_withdrawal(law, api):
    """Architecture, delivery: a withdrawal before collection wins, also when it comes in between."""
    law.move_to(DAY)
    Pupil(law, api, "2009-01-10").consents("YOUNG_PERSON", DAY)
    for agency in ("authority", "college"):
        # The channels stand before the threads share them.
        Pupil(law, api, "2009-01-10").stub(agency, "mailbox", "MailboxService")

    def run(_):
        return race(Pupil(law, api, "2009-01-10"), lambda: threading.Barrier(2))

    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as several:
        races = list(several.map(run, range(RACES)))

    disclosed = {}
    for index, leaf in Pupil(law, api, "2009-01-10").leaves("DISCLOSED"):
        disclosed.setdefault(leaf.get("delivery"), []).append(index)
    collected = refused = stopped = 0
    for receipt, delivery, withdrawn, first, behind in races:
        withdrawal = withdrawn.log.inclusion.leaf_index
        assert json.loads(withdrawn.log.leaf_entry)["kind"] == "RIGHTS_RECORDED"
        assert getattr(behind, "reason", None) in ("CONSENT_WITHDRAWN", "DELIVERY_ENDED"), behind
        places = disclosed.get(delivery, [])
        assert all(place < withdrawal for place in places), receipt.exchange
        stopped += withdrawn.stopped_deliveries
        if hasattr(first, "plan"):
            collected += 1
            # Handed over: it stands in the log, before the withdrawal, which then had nothing to stop.
            assert places == [first.log.inclusion.leaf_index] and withdrawn.stopped_deliveries == 0
        else:
            refused += 1
            assert first.reason in ("CONSENT_WITHDRAWN", "DELIVERY_ENDED"), first
            assert places == [] and withdrawn.stopped_deliveries == 1
    print(f"\n{RACES} races: {collected} collected, {refused} refused, {stopped} stopped")
    assert collected + refused == RACES and stopped == refused


def test_what_is_sent_while_a_consent_is_withdrawn_does_not_wait(law, api):
    """Sent and withdrawn at the same moment: refused, or stopped and counted; never left waiting."""
    law.move_to(DAY)
    Pupil(law, api, "2009-01-10").stub("college", "mailbox", "MailboxService")
    sent = refused = 0
    for _ in range(max(1, RACES // 10)):
        pupil = Pupil(law, api, "2009-01-10")
        consent = pupil.consents("YOUNG_PERSON", DAY).consent
        barrier = threading.Barrier(2)

        def send():
            barrier.wait()
            try:
                return pupil.sends()
            except grpc.RpcError as error:
                return reason(error)

        def withdraw():
            barrier.wait()
            return pupil.withdraws(consent, DAY, by="YOUNG_PERSON")

        with concurrent.futures.ThreadPoolExecutor(2) as two:
            sending, ending = two.submit(send), two.submit(withdraw)
            receipt, withdrawn = sending.result(), ending.result()
        if isinstance(receipt, str):
            refused += 1
            assert receipt == "CONSENT_WITHDRAWN" and withdrawn.stopped_deliveries == 0
        else:
            sent += 1
            assert pupil.state(receipt) == ["STOPPED"] and withdrawn.stopped_deliveries == 1
            assert len(pupil.told("college", "CONSENT_WITHDRAWN", receipt)) == 1
    print(f"\n{sent} sent and stopped, {refused} refused")
