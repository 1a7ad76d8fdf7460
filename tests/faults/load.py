"""The load: callers that repeat a request until it is acknowledged, and an application that takes what arrives."""

import dataclasses
import hashlib
import itertools
import threading
import time

import grpc
from ill_treated import RECIPIENT, SENDER
from wire import reason, record, transfers

# What says "not now": the same request is sent again.
PASSING = {
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.CANCELLED,
    grpc.StatusCode.ABORTED,
}
# How long a call may take, and how long callers try on after they were told to stop.
CALL, PATIENCE = 5, 60
# A token lives for five minutes.
CHANNEL_AGE = 200


@dataclasses.dataclass(frozen=True)
class Acknowledged:
    """What a caller was told, and when."""

    digest: str
    receipt: object
    at: float


@dataclasses.dataclass(frozen=True)
class HandedOver:
    """What the application was given under one delivery id, one handing over."""

    exchange: str
    request_id: str
    digest: str
    place: object


def digest(content):
    """A content's digest: equal for equal contents."""
    return hashlib.sha256(content.SerializeToString(deterministic=True)).hexdigest()


class Door:
    """A client's connection to whichever of the hubs answers."""

    def __init__(self, load, agency, first):
        self.load, self.agency, self.turn = load, agency, first
        self.channel = None

    def open(self):
        """The connection; made anew when it was given up or its token grows old."""
        if self.channel is None or time.monotonic() - self.opened > CHANNEL_AGE:
            self.shut()
            access = self.load.hubs[self.turn % len(self.load.hubs)].access(self.agency)
            now = int(time.time() + self.load.wrong_by)
            token = access.token(iat=now, nbf=now, exp=now + 300)
            self.channel, self.opened = access.channel(token), time.monotonic()
        return self.channel

    def shut(self):
        """Gives it up."""
        if self.channel is not None:
            self.channel.close()
        self.channel = None

    def failed(self, error):
        """After a failed call: notes it, tries the next hub. True when the call may be repeated."""
        code = error.code()
        passing = code in self.load.passing
        with self.load.lock:
            self.load.failures[code.name] = self.load.failures.get(code.name, 0) + 1
            if not passing:
                self.load.surprises.append(f"{self.agency}: {code.name} {reason(error) or error.details()}")
        self.shut()
        self.turn += 1
        time.sleep(0.05)
        return passing


class Load:
    """Callers and an application, at work from `start` until `finish`."""

    def __init__(self, api, hubs, callers=3, passing=()):
        self.api, self.hubs = api, hubs
        self.passing = PASSING | set(passing)
        self.lock = threading.Lock()
        self.numbers = itertools.count(1)
        self.acknowledged, self.unanswered = {}, []
        self.handed_over, self.ended, self.came_back = {}, set(), []
        self.failures, self.surprises = {}, []
        # The hub's clock less ours, in seconds, as far as clients must know it.
        self.wrong_by = 0
        self.sending, self.collecting = True, True
        self.callers = [threading.Thread(target=self.send, args=[at], daemon=True) for at in range(callers)]
        self.application = threading.Thread(target=self.collect, daemon=True)

    def start(self):
        """Begins, and comes back when the first calls are through."""
        self.began = time.monotonic()
        for thread in (*self.callers, self.application):
            thread.start()
        self.until_more(20)
        return self

    def until_more(self, count, patience=90):
        """Waits until so many more are acknowledged."""
        wanted, deadline = len(self.acknowledged) + count, time.monotonic() + patience
        while len(self.acknowledged) < wanted:
            assert time.monotonic() < deadline, f"no service: {self.failures} {self.surprises[:3]}"
            time.sleep(0.02)

    def until_refused(self, patience=60):
        """Waits until a call fails."""
        before, deadline = sum(self.failures.values()), time.monotonic() + patience
        while sum(self.failures.values()) == before:
            assert time.monotonic() < deadline, "no call fails: the fault is none"
            time.sleep(0.02)

    def finish(self):
        """Callers end their last request; the application takes what is left."""
        self.sending = False
        self.stopped = time.monotonic()
        for thread in self.callers:
            thread.join(timeout=PATIENCE + CALL + 5)
            assert not thread.is_alive(), "a caller does not end"
        self.collecting = False
        self.application.join(timeout=PATIENCE * 2)
        assert not self.application.is_alive(), "the application does not end"

    def longest_gap(self):
        """The longest time without an acknowledgement while callers were sending, in seconds."""
        at = sorted(one.at for one in self.acknowledged.values() if one.at <= self.stopped)
        moments = [self.began, *at, self.stopped]
        return max(later - earlier for earlier, later in itertools.pairwise(moments))

    def send(self, at):
        """One caller: a record after the other, each until it is acknowledged."""
        door = Door(self, SENDER, at)
        while self.sending:
            with self.lock:
                number = next(self.numbers)
            self.submit(door, record(self.api, number))
        door.shut()

    def submit(self, door, request):
        """Sends one request until it is acknowledged, or until patience ends after the callers were told to stop."""
        while self.sending or time.monotonic() - self.stopped < PATIENCE:
            try:
                receipt = transfers(self.api, door.open()).SubmitTransfer(request, timeout=CALL).receipt
            except grpc.RpcError as error:
                if door.failed(error):
                    continue
                break
            said = Acknowledged(digest(request.content), receipt, time.monotonic())
            with self.lock:
                self.acknowledged[request.envelope.request_id] = said
            return
        self.unanswered.append(request.envelope.request_id)

    def collect(self):
        """The application: takes what waits until it is told to stop and nothing more waits."""
        door = Door(self, RECIPIENT, 0)
        deadline = None
        while True:
            if not self.collecting:
                deadline = deadline or time.monotonic() + PATIENCE
                if time.monotonic() > deadline:
                    break
            try:
                left = self.empty(door)
            except grpc.RpcError as error:
                door.failed(error)
                continue
            if left == 0 and not self.collecting:
                break
            if left == 0:
                time.sleep(0.02)
        door.shut()

    def empty(self, door):
        """Lists, collects and ends one page; how many there were."""
        api = self.api
        mailbox = api.mailbox_grpc.MailboxServiceStub(door.open())
        asked = api.mailbox.ListDeliveriesRequest(page_size=200)
        ids = [notice.delivery_id for notice in mailbox.ListDeliveries(asked, timeout=CALL).deliveries]
        if not ids:
            return 0
        taken = []
        for result in mailbox.CollectDeliveries(
            api.mailbox.CollectDeliveriesRequest(delivery_ids=ids), timeout=2 * CALL
        ):
            if result.WhichOneof("result") == "delivery":
                self.take(result.delivery_id, result.delivery)
                taken.append(result.delivery_id)
        self.end(mailbox, taken)
        return len(ids)

    def take(self, delivery_id, delivery):
        """What the application is given."""
        if delivery_id in self.ended:
            self.came_back.append(delivery_id)
        given = HandedOver(
            delivery.exchange, delivery.envelope.request_id, digest(delivery.transfer), delivery.log
        )
        self.handed_over.setdefault(delivery_id, []).append(given)

    def end(self, mailbox, taken):
        """Tells the hub that the application has them safe; what is confirmed must not come again."""
        if not taken:
            return
        api = self.api.mailbox
        request = api.AcknowledgeDeliveriesRequest(delivery_ids=taken, outcome=api.ACKNOWLEDGE_OUTCOME_TAKEN)
        for result in mailbox.AcknowledgeDeliveries(request, timeout=CALL).results:
            if not result.HasField("refusal"):
                self.ended.add(result.delivery_id)
