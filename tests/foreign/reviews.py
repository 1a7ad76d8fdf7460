"""A review of an EHC plan, step by step: what each of the tests' agencies sends."""

import json
import time

from law import date, fill, inbox, notices
from sharing import document

# Whom reg 20(2) names, for a child at school.
INVITEES = (
    ("PARENT", None),
    ("INSTITUTION", "school"),
    ("LA_SEN", "authority"),
    ("HEALTH", "hospital"),
    ("LA_SOCIAL_CARE", "authority"),
)


def reviews(law, api, agency):
    """The review service as one agency."""
    return law.stub(api, agency, "review", "ReviewService")


def instead(one, *others):
    """The invitees with one part taken out and others put in."""
    return tuple(invitee for invitee in INVITEES if invitee[0] != one) + others


def calling(api, number, born, meeting, invitees=INVITEES, **content):
    """The school calls a review for the authority."""
    request = fill(api, api.review.CallReviewRequest(), number, born, case_reference=f"REVIEW-{number}")
    asked = request.content
    asked.authority.agency_id = "authority"
    asked.acting_for_authority = True
    asked.is_at_school = api.types_disclosure.ANSWER_YES
    asked.review_type = api.review.REVIEW_TYPE_ANNUAL
    asked.meeting_on.CopyFrom(date(api, meeting))
    asked.plan_made_on.CopyFrom(date(api, content.pop("plan_made_on", "2025-12-20")))
    asked.year_group = content.pop("year_group", "6")
    for kind, agency in invitees:
        one = asked.invitees.add(kind=getattr(api.review, f"INVITEE_KIND_{kind}"))
        if agency:
            one.agency.agency_id = agency
    for name, value in content.items():
        if name.endswith(("_on", "_from")):
            getattr(asked, name).CopyFrom(date(api, value))
        else:
            setattr(asked, name, value)
    return request


class Review:
    """A review on its way, called by the school."""

    def __init__(self, law, api, number, born, meeting, invitees=INVITEES, **content):
        self.law, self.api, self.number, self.born, self.meeting = law, api, number, born, meeting
        request = calling(api, number, born, meeting, invitees, **content)
        self.called = reviews(law, api, "school").CallReview(request).receipt
        self.name = self.called.case

    def fill(self, kind):
        """A request of the review service about the same person, and its content."""
        request = getattr(self.api.review, f"{kind}Request")()
        fill(self.api, request, self.number, self.born, case_reference=f"REVIEW-{self.number}")
        if hasattr(request.content, "review"):
            request.content.review = self.name
        return request

    def respond(self, agency, answer):
        """An invitee answers."""
        request = self.fill("RespondToInvitation")
        request.content.invitation = self.called.exchange
        request.content.answer = getattr(self.api.review, f"ATTENDANCE_ANSWER_{answer}")
        return reviews(self.law, self.api, agency).RespondToInvitation(request).receipt

    def advise(self, agency):
        """An invitee gives advice."""
        request = self.fill("SubmitReviewAdvice")
        request.content.summary = "Invented: reads with larger print."
        progress = request.content.progress.add(outcome="Invented outcome.")
        progress.progress = self.api.review.OUTCOME_PROGRESS_PARTLY
        return reviews(self.law, self.api, agency).SubmitReviewAdvice(request).receipt

    def circulate(self, *advice):
        """The school circulates what it got."""
        request = self.fill("SubmitReviewAdvice")
        request.content.circulated = True
        request.content.circulates.extend(advice)
        return reviews(self.law, self.api, "school").SubmitReviewAdvice(request).receipt

    def report(self, recipients=(), **changes):
        """The report as a request; what is None is left out."""
        api, request = self.api, self.fill("SendReviewReport")
        for agency in recipients:
            one = request.envelope.recipients.add(role=api.types_disclosure.RECIPIENT_ROLE_REG20_INVITEE)
            one.agency.agency_id = agency
        content = request.content
        content.held_on.CopyFrom(date(api, changes.pop("held_on", self.meeting)))
        content.recommendation = api.review.REVIEW_RECOMMENDATION_CONTINUE
        content.attendance.add(kind=api.review.INVITEE_KIND_PARENT, attended=api.types_disclosure.ANSWER_YES)
        content.differences.add(kind=api.review.INVITEE_KIND_PARENT, view="Invented: more hours.")
        content.progress.add(outcome="Invented.", progress=api.review.OUTCOME_PROGRESS_ACHIEVED)
        content.adulthood.add(domain=1, steps="Invented: a visit to a college.")
        content.service_issues = "Considered: none."
        content.transition = "Invented exit plan."
        for name in changes:
            content.ClearField(name)
        return request

    def send_report(self, **changes):
        """The school sends the report."""
        return reviews(self.law, self.api, "school").SendReviewReport(self.report(**changes)).receipt

    def decision(self, outcome, on, amendments=True, evidence=True):
        """The authority's decision as a request."""
        api, request = self.api, self.fill("DecideReview")
        request.content.outcome = getattr(api.review, f"REVIEW_OUTCOME_{outcome}")
        request.content.decided_on.CopyFrom(date(api, on))
        request.content.appeal_rights_sent = True
        if outcome == "AMEND":
            notice = request.content.amendment_notice
            notice.stage = api.assessment.PLAN_STAGE_AMENDMENT_NOTICE
            if amendments:
                one = notice.amendments.add(section=6, proposed_text="Invented: an hour a week.")
                if evidence:
                    proof = document(self.law, api, "authority")
                    one.evidence.append(proof)
                    request.envelope.attachments.append(proof)
        return request

    def decide(self, outcome, on, **changes):
        """The authority decides."""
        return reviews(self.law, self.api, "authority").DecideReview(self.decision(outcome, on, **changes)).receipt

    def amended(self):
        """The amended plan as a request of the assessment service."""
        request = fill(
            self.api,
            self.api.assessment.SendPlanRequest(),
            self.number,
            self.born,
            [("school", "NAMED_INSTITUTION"), ("care-board", "COMMISSIONING_BODY")],
        )
        request.content.case = self.name
        request.content.stage = self.api.assessment.PLAN_STAGE_AMENDED_FINAL
        request.content.named_institution.agency_id = "school"
        return request

    def seen(self, agency):
        """The review as one agency sees it."""
        return reviews(self.law, self.api, agency).GetReview(self.api.review.GetReviewRequest(review=self.name)).review

    def clocks(self, agency="authority"):
        """Its clocks by rule, as one agency sees them: due day and state, the newest of each rule."""
        stub = self.law.stub(self.api, agency, "clock", "ClockService")
        listed = stub.ListClocks(self.api.clock.ListClocksRequest(case=self.name)).clocks
        state = self.api.clock.ClockState.Name
        return {
            one.rule: (day(one.due_on), state(one.state).removeprefix("CLOCK_STATE_"))
            for one in sorted(listed, key=lambda one: one.clock)
        }

    def copy(self, agency, receipt):
        """The id of an agency's copy of one exchange."""
        [found] = [one.delivery_id for one in inbox(self.law, self.api, agency) if one.exchange == receipt.exchange
                   and one.kind != self.api.mailbox.EXCHANGE_KIND_HUB_NOTICE]
        return found

    def told(self, agency, code, due, about=None):
        """Whether the hub tells an agency within a few seconds; the ticking runs twice a second."""
        exchange = (about or self.called).exchange
        for _ in range(40):
            found = notices(self.law, self.api, agency, code)
            if any(one.exchange == exchange and day(one.due_on) == due for one in found):
                return True
            time.sleep(0.1)
        return False


def day(wire):
    """A civil date of the wire as text."""
    return f"{wire.year:04}-{wire.month:02}-{wire.day:02}"


def entries(law, api, kind):
    """The log's entries of a kind, as the operator sees them."""
    audit = law.stub(api, "hub-operator", "audit", "AuditService")
    found, token = [], ""
    while True:
        page = audit.ListEvents(api.audit.ListEventsRequest(kind=kind, page_size=1000, page_token=token))
        found += [json.loads(event.leaf_entry) for event in page.events]
        token = page.next_page_token
        if not token:
            return found


def in_log(law, api, request, reason):
    """Whether the refusal of a request stands in the log with its reason and provision; none says anything personal."""
    found = entries(law, api, "EXCHANGE_REFUSED")
    assert "Invented" not in json.dumps(found)
    own = [one for one in found if one.get("request") == request.envelope.request_id]
    return own and all(one["reason"] == reason and one["provision"] for one in own)
