"""Words for the tests of rights: recording consents and facts, sharing a plan, and reading what the log says."""

import collections
import itertools
import json
import uuid

from law import date, fill, person

NUMBERS = itertools.count(600_001)
PURPOSE = "POST16_SUPPORT"
PARENT = "Invented Parent"
# Compulsory school age ends on 26 June 2026, the last Friday in June of the year in which they turn 16.
SIXTEEN_IN_JULY = "2010-07-24"


Refused = collections.namedtuple("Refused", "reason provision")


class Pupil:
    """A person of a test, with everything that agencies do about them."""

    def __init__(self, law, api, born):
        self.law, self.api, self.born, self.number = law, api, born, next(NUMBERS)
        self.reference = f"REF-{self.number}"

    def stub(self, agency, area, service):
        """A service's stub, one channel for each agency."""
        channels = self.law.__dict__.setdefault("rights_channels", {})
        if agency not in channels:
            channels[agency] = self.law.access(agency).channel()
        return getattr(getattr(self.api, f"{area}_grpc"), f"{service}Stub")(channels[agency])

    def enum(self, prefix, name):
        """A value of the rights package by its short name."""
        return getattr(self.api.rights, f"{prefix}_{name}")

    def consent_request(self, giver, on, **more):
        """A consent, or with `decision="REFUSED"` its refusal."""
        api = self.api
        request = api.rights.RecordConsentRequest(request_id=more.get("request_id") or str(uuid.uuid4()))
        person(api, request.subject, self.number, self.born)
        consent = request.consent
        consent.giver = self.enum("GIVER_KIND", giver)
        consent.giver_name = more.get("name", "" if giver in ("CHILD", "YOUNG_PERSON") else PARENT)
        for item in more.get("items", ["EHC_PLAN"]):
            consent.items.append(getattr(api.types_disclosure, f"ITEM_{item}"))
        to = more.get("to", ["college"])
        consent.any_recipient = to is None
        for agency in to or ():
            consent.recipients.add().agency_id = agency
        consent.purposes.extend(more.get("purposes", [PURPOSE]))
        consent.valid_from.CopyFrom(date(api, more.get("valid_from", on)))
        consent.given_on.CopyFrom(date(api, on))
        if "valid_until" in more:
            consent.valid_until.CopyFrom(date(api, more["valid_until"]))
        consent.supersedes = more.get("supersedes", "")
        consent.decision = self.enum("CONSENT_DECISION", more.get("decision", "GRANTED"))
        consent.method = api.rights.CONSENT_METHOD_WRITTEN
        return request

    def consents(self, giver, on, by="authority", **more):
        """Records a consent."""
        return self.stub(by, "rights", "ConsentService").RecordConsent(self.consent_request(giver, on, **more))

    def withdrawal(self, consent, on, by="PARENT", request_id=None):
        """The request that withdraws a consent."""
        return self.api.rights.WithdrawConsentRequest(
            request_id=request_id or str(uuid.uuid4()),
            consent=consent,
            withdrawn_by=self.enum("GIVER_KIND", by),
            withdrawn_on=date(self.api, on),
        )

    def withdraws(self, consent, on, agency="authority", **more):
        """Withdraws a consent."""
        return self.stub(agency, "rights", "ConsentService").WithdrawConsent(self.withdrawal(consent, on, **more))

    def fact_request(self, what, on, request_id=None, supersedes="", **fields):
        """A fact: its name in the contract and its fields, dates as texts."""
        request = self.api.rights.RecordFactRequest(request_id=request_id or str(uuid.uuid4()))
        person(self.api, request.subject, self.number, self.born)
        request.fact.valid_from.CopyFrom(date(self.api, on))
        request.fact.supersedes = supersedes
        fact = getattr(request.fact, what)
        fact.SetInParent()
        for field, value in fields.items():
            known = fact.DESCRIPTOR.fields_by_name[field]
            if known.message_type and known.message_type.name == "Date":
                getattr(fact, field).CopyFrom(date(self.api, value))
            elif known.message_type and known.message_type.name == "AgencyReference":
                getattr(fact, field).agency_id = value
            elif isinstance(value, list):
                getattr(fact, field).extend(value)
            else:
                setattr(fact, field, value)
        return request

    def records(self, what, on, by="authority", **fields):
        """Records a fact."""
        return self.stub(by, "rights", "RightHolderService").RecordFact(self.fact_request(what, on, **fields))

    def understands(self, answer, on, **more):
        """Records whether the child understands enough to decide about the plan (reg 17(2))."""
        known = {"YES": self.api.types_disclosure.ANSWER_YES, "NO": self.api.types_disclosure.ANSWER_NO}
        fields = {"decision": "EHC_PLAN", "assessed_by_role": "SENCO", "assessed_on": on, **more}
        return self.records("understanding_finding", on, understands=known[answer], **fields)

    def lacks_capacity(self, on, decision="EHC_PLAN", review_by="2027-06-01"):
        """Records that capacity is lacking for one decision."""
        return self.records(
            "capacity_finding",
            on,
            decision=decision,
            outcome=self.api.rights.CAPACITY_OUTCOME_LACKS_CAPACITY,
            assessed_by_role="Psychologist",
            assessed_on=on,
            review_by=review_by,
        )

    def plan(self, recipients=(("college", "THIRD_PARTY"),), **more):
        """A plan in force, shared with further recipients (reg 17)."""
        request = self.api.assessment.SendPlanRequest()
        more.setdefault("purpose", PURPOSE)
        more.setdefault("case_reference", self.reference)
        fill(self.api, request, self.number, self.born, recipients, **more)
        request.content.stage = self.api.assessment.PLAN_STAGE_SHARED
        request.content.plan_reference = f"PLAN-{self.number}"
        request.content.section_b.text = f"Needs of {self.number}"
        return request

    def sends(self, by="authority", **more):
        """Sends the plan; the receipt."""
        return self.send_plan(by)(self.plan(**more)).receipt

    def send_plan(self, by="authority"):
        """The call that sends plans."""
        return self.stub(by, "assessment", "AssessmentService").SendPlan

    def collects(self, delivery, by="college"):
        """Collects: the delivery, or why not."""
        mailbox = self.stub(by, "mailbox", "MailboxService")
        request = self.api.mailbox.CollectDeliveriesRequest(delivery_ids=[delivery])
        (answer,) = mailbox.CollectDeliveries(request)
        if answer.HasField("delivery"):
            return answer.delivery
        name = self.api.reason.Reason.Name(answer.refusal.reason).removeprefix("REASON_")
        return Refused(name, answer.refusal.provision)

    def takes(self, delivery_id, by="college"):
        """Acknowledges a delivery."""
        request = self.api.mailbox.AcknowledgeDeliveriesRequest(
            delivery_ids=[delivery_id], outcome=self.api.mailbox.ACKNOWLEDGE_OUTCOME_TAKEN
        )
        return self.stub(by, "mailbox", "MailboxService").AcknowledgeDeliveries(request)

    def state(self, receipt, by="authority"):
        """The states of an exchange's deliveries."""
        request = self.api.mailbox.GetExchangeRequest(exchange=receipt.exchange)
        exchange = self.stub(by, "mailbox", "MailboxService").GetExchange(request).exchange
        names = self.api.transfer.DeliveryState.Name
        return [names(one.state).removeprefix("DELIVERY_STATE_") for one in exchange.deliveries]

    def told(self, agency, code, receipt):
        """The hub's notices to an agency about an exchange, collected and acknowledged."""
        mailbox = self.stub(agency, "mailbox", "MailboxService")
        wanted = getattr(self.api.mailbox, f"HUB_NOTICE_CODE_{code}")
        found = []
        for one in pages(
            lambda token: mailbox.ListDeliveries(
                self.api.mailbox.ListDeliveriesRequest(page_size=1000, page_token=token)
            ),
            "deliveries",
        ):
            if one.notice == wanted and one.exchange == receipt.exchange:
                found.append(self.collects(one.delivery_id, agency))
                self.takes(one.delivery_id, agency)
        return found

    def waiting(self, agency, receipt):
        """The copies of an exchange that an agency can see in its mailbox, notices left out."""
        mailbox = self.stub(agency, "mailbox", "MailboxService")
        kind = self.api.mailbox.EXCHANGE_KIND_HUB_NOTICE
        listed = pages(
            lambda token: mailbox.ListDeliveries(
                self.api.mailbox.ListDeliveriesRequest(page_size=1000, page_token=token)
            ),
            "deliveries",
        )
        return [one for one in listed if one.exchange == receipt.exchange and one.kind != kind]

    def decides(self, referral, outcome, by="authority"):
        """A named person decides a referral and signs."""
        request = self.api.policy.DecideReferralRequest(
            referral=referral,
            outcome=getattr(self.api.policy, f"REFERRAL_OUTCOME_{outcome}"),
            officer_name="Invented Officer",
            officer_role="SEND case officer",
            reasons="The child was asked and understood the question.",
            statement="I have read what is referred and decide for the authority.",
        )
        return self.law.named_person(self.api, by).DecideReferral(request)

    def holder(self, on, decision="EHC_PLAN", by="authority"):
        """Who decides on a day."""
        request = self.api.rights.GetRightHolderRequest(on=date(self.api, on), decision=decision)
        person(self.api, request.subject, self.number, self.born)
        return self.stub(by, "rights", "RightHolderService").GetRightHolder(request)

    def listed(self, what, by="authority", **paging):
        """The person's consents or facts, one page."""
        kind, service = {"consents": ("ListConsents", "ConsentService"), "facts": ("ListFacts", "RightHolderService")}[
            what
        ]
        request = getattr(self.api.rights, f"{kind}Request")(**paging)
        person(self.api, request.subject, self.number, self.born)
        return getattr(self.stub(by, "rights", service), kind)(request)

    def states(self, what):
        """The state of each record by name."""
        names = self.api.rights.RecordState.Name
        return {
            one.name: names(one.state).removeprefix("RECORD_STATE_") for one in getattr(self.listed(what), what)
        }

    def leaves(self, kind="", receipt=None):
        """The leaves of the log with their index, as the operator sees them."""
        audit = self.stub("hub-operator", "audit", "AuditService")
        exchange = receipt.exchange if receipt else ""
        events = pages(
            lambda token: audit.ListEvents(
                self.api.audit.ListEventsRequest(kind=kind, exchange=exchange, page_size=1000, page_token=token)
            ),
            "events",
        )
        return [(one.leaf_index, json.loads(one.leaf_entry)) for one in events]


def pages(ask, field):
    """All pages of a list."""
    token = ""
    while True:
        page = ask(token)
        yield from getattr(page, field)
        token = page.next_page_token
        if not token:
            return


def delivery(receipt):
    """The id of the one copy of an exchange."""
    (one,) = receipt.recipient_decisions
    return one.delivery_id


def rule(receipt):
    """The reason code with which an exchange was let through."""
    return receipt.decision.reason_code
