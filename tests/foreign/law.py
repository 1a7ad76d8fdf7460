"""The cast of the law's tests: agencies of every kind on one hub that rehearses, whose day a test moves."""

import datetime
import uuid

import grpc
from running import Hub
from wire import reason, upn

NHS = "9434765919"


class LawHub(Hub):
    """A hub whose day is moved by a file, with agencies of every kind."""

    cast = {
        "school": ["--kind", "MAINTAINED_SCHOOL", "--laestab", "9991001"],
        "next-school": ["--kind", "ACADEMY", "--laestab", "9991002"],
        "special-school": ["--kind", "SPECIAL_SCHOOL", "--laestab", "9997001"],
        "college": ["--kind", "POST_16", "--ukprn", "10000001"],
        "authority": ["--kind", "LOCAL_AUTHORITY", "--la-code", "999"],
        "new-authority": ["--kind", "LOCAL_AUTHORITY", "--la-code", "998"],
        # A service of an authority that takes part by itself: what an agency sends to itself is no exchange.
        "social-care": ["--kind", "LOCAL_AUTHORITY"],
        "hospital": ["--kind", "HEALTH_BODY", "--ods-code", "RXX01"],
        "care-board": ["--kind", "HEALTH_BODY", "--ods-code", "QXX"],
        "defence": ["--kind", "MINISTRY_OF_DEFENCE"],
        "service-school": ["--kind", "MOD_SCHOOL"],
    }

    def prepare(self):
        """The agencies, before the hub starts."""
        text = self.config.read_text(encoding="utf-8")
        self.today = self.folder / "today"
        self.config.write_text(text + '\n[rehearsal]\nclock_file = "today"\n', encoding="utf-8")
        for agency, options in self.cast.items():
            self.add(agency, *options)

    def move_to(self, day):
        """Moves the hub's day."""
        self.today.write_text(f"{day}\n", encoding="utf-8")

    def named_person(self, api, agency):
        """What a named person decides, as one who may: systems may not."""
        kind = self.cast[agency][1]
        roles = {"LOCAL_AUTHORITY": "la-case-officer", "HEALTH_BODY": "health-practitioner"}
        role = roles.get(kind, "mod-officer" if kind == "MINISTRY_OF_DEFENCE" else "senco")
        return self.stub(api, agency, "policy", "ReferralService", role=role, sub=f"{agency}-person-1")

    def stub(self, api, agency, area, service, **claims):
        """A service's stub as one agency."""
        access = self.access(agency)
        channel = access.channel(access.token(**claims)) if claims else access.channel()
        return getattr(getattr(api, f"{area}_grpc"), f"{service}Stub")(channel)


def date(api, text):
    """A civil date for the wire."""
    day = datetime.date.fromisoformat(text)
    return api.types.Date(year=day.year, month=day.month, day=day.day)


def fill(api, request, number, born, recipients=(), **more):
    """Fills an envelope: who it is about, to whom as what, and what else is given."""
    envelope = request.envelope
    envelope.request_id = more.pop("request_id", None) or str(uuid.uuid4())
    person(api, envelope.subject, number, born)
    for agency, role in recipients:
        one = envelope.recipients.add(role=getattr(api.types_disclosure, f"RECIPIENT_ROLE_{role}"))
        one.agency.agency_id = agency
    ground = more.pop("ground", None)
    if ground:
        envelope.ground.ground = getattr(api.types_disclosure, f"GROUND_{ground}")
        envelope.ground.reference = more.pop("reference", "")
    glass = more.pop("break_glass", None)
    if glass:
        envelope.break_glass.reason = glass
    for name, value in more.items():
        setattr(envelope, name, value)
    return request


def person(api, subject, number, born, nhs=None):
    """A person of the tests: a UPN made of a number, a name that shows itself invented."""
    subject.surname, subject.forename = f"Invented{number}", "Pupil"
    subject.date_of_birth.CopyFrom(date(api, born))
    subject.identifiers.add(system=api.types.IDENTIFIER_SYSTEM_UPN, value=upn(number))
    if nhs:
        subject.identifiers.add(system=api.types.IDENTIFIER_SYSTEM_NHS_NUMBER, value=nhs)
    return subject


def inbox(hub, api, agency):
    """All that waits for an agency: other tests may have left it a long list."""
    stub = hub.stub(api, agency, "mailbox", "MailboxService")
    request = api.mailbox.ListDeliveriesRequest(page_size=1000)
    waiting = []
    while True:
        listed = stub.ListDeliveries(request)
        waiting.extend(listed.deliveries)
        if not listed.next_page_token:
            return waiting
        request.page_token = listed.next_page_token


def collect(hub, api, agency, delivery_ids):
    """Collects; one result for each id."""
    stub = hub.stub(api, agency, "mailbox", "MailboxService")
    request = api.mailbox.CollectDeliveriesRequest(delivery_ids=delivery_ids)
    return list(stub.CollectDeliveries(request))


def notices(hub, api, agency, code=None):
    """The hub's own notices that wait for an agency, by their code."""
    found = [one for one in inbox(hub, api, agency) if one.kind == api.mailbox.EXCHANGE_KIND_HUB_NOTICE]
    wanted = code and getattr(api.mailbox, f"HUB_NOTICE_CODE_{code}")
    return [one for one in found if code is None or one.notice == wanted]


def refusal(call, request):
    """The reason and status with which a call is refused, and the provision it names."""
    from google.rpc import error_details_pb2
    from grpc_status import rpc_status

    try:
        call(request)
    except grpc.RpcError as error:
        provision = ""
        for detail in rpc_status.from_call(error).details:
            info = error_details_pb2.ErrorInfo()
            if detail.Unpack(info):
                provision = info.metadata.get("provision", "")
        return reason(error), error.code(), provision
    raise AssertionError("was not refused")
