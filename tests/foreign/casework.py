"""One EHC needs assessment as its agencies work on it: every message of a case in one line of a test."""

import hashlib
import time
import uuid

from law import collect, date, fill, inbox, notices, refusal

PDF = b"%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n" + b"% invented\n" * 40_000
BORN = "2012-10-03"


def nhs_number(number):
    """An NHS number of the range for tests, with its check digit."""
    while True:
        body = f"999{number:06d}"
        check = 11 - sum(int(digit) * place for digit, place in zip(body, range(10, 1, -1))) % 11
        if check != 10:
            return body + str(check % 11)
        number += 500_000


class Case:
    """A case of the authority about one invented pupil."""

    def __init__(self, law, api, number, born=BORN, authority="authority"):
        self.law, self.api, self.number, self.born, self.authority = law, api, number, born, authority
        self.reference = f"EHC-{number}"
        self.name = ""
        self.stubs = {}

    def stub(self, agency, area="assessment", service="AssessmentService"):
        """An agency's stub, one channel for each."""
        key = (agency, area)
        if key not in self.stubs:
            self.stubs[key] = self.law.stub(self.api, agency, area, service)
        return self.stubs[key]

    def call(self, agency, method):
        """A method as an agency calls it."""
        return getattr(self.stub(agency), method)

    def fill(self, request, agency, recipients=(), **more):
        """Fills the envelope as an agency knows the pupil: each by the numbers that it may have."""
        more.setdefault("case_reference", self.reference)
        fill(self.api, request, self.number, self.born, recipients, **more)
        numbers = request.envelope.subject.identifiers
        systems = self.api.types
        if agency in ("authority", "new-authority"):
            numbers.add(system=systems.IDENTIFIER_SYSTEM_NHS_NUMBER, value=nhs_number(self.number))
            numbers.add(system=systems.IDENTIFIER_SYSTEM_LA_CASE, value=f"LA{self.number}")
        elif agency in ("hospital", "care-board"):
            del numbers[:]
            numbers.add(system=systems.IDENTIFIER_SYSTEM_NHS_NUMBER, value=nhs_number(self.number))
        elif agency == "defence":
            del numbers[:]
            numbers.add(system=systems.IDENTIFIER_SYSTEM_LA_CASE, value=f"LA{self.number}")
        return request

    # What the authority sends.

    def opening(self, received_on, recipients=(), **facts):
        """A request to open the case."""
        api = self.api
        request = api.assessment.OpenCaseRequest()
        content = request.content
        content.trigger = api.assessment.CASE_TRIGGER_PARENT_REQUEST
        content.received_on.CopyFrom(date(api, received_on))
        content.serving_parent = facts.pop("serving_parent", api.types_disclosure.ANSWER_NO)
        content.in_or_beyond_year_9 = facts.pop("year_9", api.types_disclosure.ANSWER_NO)
        content.attends_institution.agency_id = "school"
        return self.fill(request, self.authority, recipients, **facts)

    def open(self, received_on, recipients=(), **facts):
        """Opens the case; its response."""
        response = self.call(self.authority, "OpenCase")(self.opening(received_on, recipients, **facts))
        self.name = response.receipt.case
        return response

    def asking(self, adviser, kind, views=True, role="ADVISER", agency=None, **more):
        """A request for advice."""
        api = self.api
        request = api.assessment.RequestAdviceRequest()
        content = request.content
        content.case = self.name
        content.adviser_kind = getattr(api.assessment, f"ADVISER_KIND_{kind}")
        content.request_kind = api.assessment.ADVICE_REQUEST_KIND_STATUTORY_ADVICE
        content.questions.append("What helps?")
        if views:
            content.family_views.text = "The family says what it says."
        return self.fill(request, agency or self.authority, [(adviser, role)], **more)

    def ask(self, adviser, kind, **more):
        """Asks for advice; the receipt."""
        return self.call(self.authority, "RequestAdvice")(self.asking(adviser, kind, **more)).receipt

    def deciding(self, asked="", agency=None, **decision):
        """What the authority makes of advice."""
        request = self.api.assessment.DecideAdviceRequest()
        request.content.advice_request = asked
        set_one(request.content, decision)
        return self.fill(request, agency or self.authority)

    def decide(self, asked, **decision):
        """Decides on advice; the receipt."""
        return self.call(self.authority, "DecideAdvice")(self.deciding(asked, **decision)).receipt

    def existing(self, kind, author, dated_on, no=None):
        """Existing advice is used: all three agree but, if named, one."""
        api, answers = self.api, self.api.types_disclosure
        request = api.assessment.DecideAdviceRequest()
        existing = request.content.use_existing
        existing.case, existing.kind = self.name, getattr(api.assessment, f"ADVISER_KIND_{kind}")
        existing.dated_on.CopyFrom(date(api, dated_on))
        for who in ("author_agrees", "authority_agrees", "family_agrees"):
            setattr(existing, who, answers.ANSWER_NO if who == no else answers.ANSWER_YES)
        return self.fill(request, self.authority, [(author, "ADVISER")])

    def happening(self, occurred_on, recipients=(), agency=None, **event):
        """A decision or event of the case."""
        request = self.api.assessment.RecordCaseEventRequest()
        request.content.case = self.name
        request.content.occurred_on.CopyFrom(date(self.api, occurred_on))
        set_one(request.content, event)
        return self.fill(request, agency or self.authority, recipients)

    def event(self, occurred_on, recipients=(), **event):
        """Records a decision or event; the receipt."""
        return self.call(self.authority, "RecordCaseEvent")(self.happening(occurred_on, recipients, **event)).receipt

    def plan(self, stage, recipients=(), names=None, agency=None, within=True, **more):
        """A plan at one of its stages."""
        api = self.api
        request = api.assessment.SendPlanRequest()
        content = request.content
        content.case = self.name if within else ""
        content.stage = getattr(api.assessment, f"PLAN_STAGE_{stage}")
        content.section_b.text = "Invented needs."
        for field in ("served_on", "made_on", "moved_on", "aware_on", "last_reviewed_on"):
            if field in more:
                getattr(content, field).CopyFrom(date(api, more.pop(field)))
        if names:
            content.named_institution.agency_id = names
            content.section_i.institution.agency_id = names
        return self.fill(request, agency or self.authority, recipients, **more)

    def send_plan(self, stage, recipients=(), **more):
        """Sends a plan; the receipt."""
        return self.call(self.authority, "SendPlan")(self.plan(stage, recipients, **more)).receipt

    def consult(self, institution):
        """Consults an institution; the receipt."""
        request = self.api.assessment.ConsultInstitutionRequest()
        request.content.case = self.name
        self.fill(request, self.authority, [(institution, "CONSULTED_INSTITUTION")])
        return self.call(self.authority, "ConsultInstitution")(request).receipt

    # What the others answer.

    def answering(self, agency, asked, **answer):
        """An answer to a request for advice that is not yet advice."""
        request = self.api.assessment.RespondToAdviceRequestRequest()
        request.content.advice_request = asked
        set_one(request.content, answer)
        return self.fill(request, agency)

    def answer(self, agency, asked, **answer):
        """Answers a request for advice; the receipt."""
        return self.call(agency, "RespondToAdviceRequest")(self.answering(agency, asked, **answer)).receipt

    def exception(self, ground, since, evidence="Invented: an appointment letter."):
        """A claim of an exception."""
        claim = self.api.assessment.ExceptionClaim(evidence=evidence)
        claim.ground = getattr(self.api.assessment, f"EXCEPTION_GROUND_{ground}")
        getattr(claim, "from").CopyFrom(date(self.api, since))
        return claim

    def advice(self, agency, asked, **more):
        """Advice with a need, an outcome and a provision that are linked."""
        api = self.api
        request = api.assessment.ReturnAdviceRequest()
        content = request.content
        content.advice_request = asked
        content.author.name, content.author.profession = "Invented Author", "Occupational therapist"
        content.basis.last_seen_on.CopyFrom(date(api, "2026-09-01"))
        content.needs.add(need_id="n1", section=api.assessment.NEED_SECTION_C, description="An invented need")
        content.outcomes.add(outcome_id="o1", need_ids=["n1"], text="An invented outcome")
        provision = content.provisions.add(provision_id="p1", need_ids=["n1"], outcome_ids=["o1"])
        provision.section, provision.what = api.assessment.PROVISION_SECTION_G, "Direct work on invented needs"
        provision.by_whom.role, provision.frequency.times = "Occupational therapist", 2
        return self.fill(request, agency, **more)

    def give(self, agency, asked, **more):
        """Returns advice; the receipt."""
        return self.call(agency, "ReturnAdvice")(self.advice(agency, asked, **more)).receipt

    def reply(self, agency, consultation, answer="YES", reasons=""):
        """Replies to a consultation; the receipt."""
        request = self.api.assessment.ReplyToConsultationRequest()
        request.content.consultation, request.content.reasons = consultation, reasons
        request.content.answer = getattr(self.api.assessment, f"CONSULTATION_ANSWER_{answer}")
        return self.call(agency, "ReplyToConsultation")(self.fill(request, agency)).receipt

    # What can be seen.

    def seen_by(self, agency):
        """The case as an agency sees it."""
        return self.call(agency, "GetCase")(self.api.assessment.GetCaseRequest(case=self.name)).case

    def clocks(self, agency, exchange=None):
        """The case's clocks, or an exchange's, as an agency sees them."""
        about = {"exchange": exchange} if exchange else {"case": self.name}
        stub = self.stub(agency, "clock", "ClockService")
        return list(stub.ListClocks(self.api.clock.ListClocksRequest(**about)).clocks)

    def waiting(self, agency, exchange):
        """The notice of an exchange that waits for an agency."""
        [found] = [one for one in inbox(self.law, self.api, agency) if one.exchange == exchange and not one.notice]
        return found

    def collected(self, agency, exchange):
        """What an agency collects of an exchange."""
        [result] = collect(self.law, self.api, agency, [self.waiting(agency, exchange).delivery_id])
        assert result.WhichOneof("result") == "delivery", result.refusal
        return result.delivery

    def notices(self, agency, exchange):
        """The hub's notices to an agency about an exchange of this case."""
        found = notices(self.law, self.api, agency)
        return [one for one in found if (one.case_reference, one.exchange) == (self.reference, exchange)]

    def told(self, agency, exchange):
        """What the hub told an agency about an exchange: code and day."""
        names = self.api.mailbox.HubNoticeCode
        told = self.notices(agency, exchange)
        return [(names.Name(one.notice).removeprefix("HUB_NOTICE_CODE_"), iso(one.due_on)) for one in told]


def set_one(content, said):
    """Sets the one field of a oneof that is given; `True` for a message without fields."""
    [(field, value)] = said.items()
    part = getattr(content, field)
    part.SetInParent()
    if isinstance(value, dict):
        for name, text in value.items():
            setattr(part, name, text)
    elif value is not True:
        part.CopyFrom(value)


def iso(day):
    """A wire date as text."""
    return f"{day.year:04d}-{day.month:02d}-{day.day:02d}"


def clock_days(receipt):
    """The clocks that a receipt says were started, with their days."""
    return {clock.rule: iso(clock.due_on) for clock in receipt.clocks_started}


def codes(warnings):
    """The codes of warnings."""
    return {warning.split(":")[0] for warning in warnings}


def fresh(request):
    """The same request as another intent."""
    again = type(request)()
    again.CopyFrom(request)
    again.envelope.request_id = str(uuid.uuid4())
    return again


def refused(law_events, call, request):
    """The reason and the provision of a refusal, which the log shows too."""
    why, _, provision = refusal(call, request)
    [event] = [one for one in law_events("EXCHANGE_REFUSED") if one.get("request") == request.envelope.request_id]
    assert (event["reason"], event.get("provision", "")) == (why, provision)
    return why, provision


def eventually(found, wanted, seconds=6.0):
    """Waits until something is as wanted: the hub looks at its clocks twice a second."""
    until = time.monotonic() + seconds
    while (last := found()) != wanted and time.monotonic() < until:
        time.sleep(0.1)
    assert last == wanted


def upload(law, api, agency, data=PDF, chunk=100_000):
    """Uploads a document in pieces; its reference."""
    header = api.attachment.AttachmentHeader(
        file_name="invented.pdf",
        media_type="application/pdf",
        size_bytes=len(data),
        sha256=hashlib.sha256(data).digest(),
    )

    def pieces():
        yield api.attachment.UploadAttachmentRequest(header=header)
        for at in range(0, len(data), chunk):
            yield api.attachment.UploadAttachmentRequest(chunk=data[at : at + chunk])

    stub = law.stub(api, agency, "attachment", "AttachmentService")
    return stub.UploadAttachment(pieces()).attachment


def download(law, api, agency, attachment, delivery_id):
    """Downloads a document that came with a delivery: the declared digest, and its bytes."""
    stub = law.stub(api, agency, "attachment", "AttachmentService")
    request = api.attachment.DownloadAttachmentRequest(attachment=attachment, delivery_id=delivery_id)
    first, *rest = list(stub.DownloadAttachment(request))
    return first.header.sha256, b"".join(piece.chunk for piece in rest)


def rest():
    """Long enough for the hub to look at its clocks twice."""
    time.sleep(1.2)
