"""The smaller exchanges, each as a row: who sends what to whom about whom, and what follows."""

import json

import grpc
import pytest
from law import collect, notices, refusal
from reviews import day, entries, in_log
from sharing import ADULT, CHILD, INFANT, YOUNG, agree, attach, consent, document, notice, on

DAY = "2026-11-03"
SAFE = "Invented: at once, a child's safety cannot wait for the ordinary route."


def align(api, one):
    """Dates of plans and reviews of a looked-after child."""
    one.care_authority.agency_id = "authority"
    on(api, one, pep_reviewed_on="2026-10-01", proposed_joint_review_on="2026-12-01")


def leaving(special="NO", placed="NO"):
    """A parent's notice of home education."""

    def build(api, one):
        one.school.agency_id = "special-school" if special == "YES" else "school"
        one.special_school = getattr(api.types_disclosure, f"ANSWER_{special}")
        one.placed_by_authority = getattr(api.types_disclosure, f"ANSWER_{placed}")
        on(api, one, parent_notice_on="2026-11-02")

    return build


def answered(api, one):
    """The authority's answer."""
    one.deregistration = "exchanges/00000000-0000-4000-8000-000000000001"
    one.outcome = api.notice.DEREGISTRATION_OUTCOME_CONSENT
    on(api, one, decided_on="2026-11-03")


def placed(api, one):
    """A placement in alternative provision."""
    one.placed_by.agency_id = "authority"
    on(api, one, starts_on="2026-11-09")


def pay(api, one):
    """A proposed direct payment."""
    one.school.agency_id = "school"
    one.provision = "Invented: a music therapist, an hour a week."


def pay_reply(api, one):
    """The head's answer."""
    one.notice = "exchanges/00000000-0000-4000-8000-000000000001"
    one.agrees = api.types_disclosure.ANSWER_YES


def mediated(step, reference="", health="NO"):
    """A mediation event."""

    def build(api, one):
        one.step = getattr(api.notice, f"MEDIATION_STEP_{step}")
        one.reference = reference
        one.health_in_issue = getattr(api.types_disclosure, f"ANSWER_{health}")
        on(api, one, occurred_on="2026-11-03")

    return build


def tribunal(kind, order=0):
    """A tribunal event."""

    def build(api, one):
        one.kind = getattr(api.notice, f"TRIBUNAL_STEP_{kind}")
        one.order = order
        one.reference = "EH999/26/00001"
        on(api, one, occurred_on="2026-11-03")

    return build


def post16(api, one):
    """SEN information for a college."""
    one.course = "Invented course"
    one.agreed_by = api.assessment.DECISION_MAKER_YOUNG_PERSON
    on(api, one, agreed_on="2026-10-01")


def early(**days):
    """A health body's early notice, with the steps taken on these days."""

    def build(api, one):
        one.opinion = "Invented: is likely to have special educational needs."
        on(api, one, **days)

    return build


STEPS = {"parent_informed_on": "2026-10-20", "discussion_offered_on": "2026-10-20"}


def moved(api, one):
    """A plan that passed to another authority."""
    one.step = api.notice.PLAN_TRANSFER_STEP_TRANSFERRED
    on(api, one, occurred_on="2026-11-03", moved_on="2026-11-02", aware_on="2026-10-15")


def welfare(api, one):
    """A welfare contact."""
    one.concern = "Invented: tired at school."


def concern(api, one):
    """A safeguarding concern."""
    one.urgency = api.notice.CONCERN_URGENCY_SAME_DAY
    one.concern = one.reason_for_sharing = "Invented concern."


def file(api, one):
    """A child-protection file."""
    one.summary = "Invented summary."
    on(api, one, left_on="2026-11-02")


LA, AUTHORITY, ATTENDED, NAMED = "authority", "RESPONSIBLE_AUTHORITY", "ATTENDED_INSTITUTION", "NAMED_INSTITUTION"
HEALTH, TALK = "early_health_notice", "The parent offered to settle"
LEAD, CP_FILE = "SAFEGUARDING_LEAD", "child_protection_file"
ROWS = [
    # sender, recipient, role, notice, content, born, reason (after "!": of a refusal), clocks
    (LA, "new-authority", "SOCIAL_SERVICES", "looked_after_alignment", align, CHILD, "TASK_LOOKED_AFTER"),
    (LA, "school", ATTENDED, "looked_after_alignment", align, CHILD, "!NO_SHARING_AGREEMENT"),
    (LA, "next-school", ATTENDED, "looked_after_alignment", align, CHILD, "TASK_LOOKED_AFTER"),
    # Home education (SI 2024/208 reg 9).
    ("school", LA, AUTHORITY, "deregistration", leaving(), CHILD, "MAINSTREAM_NO_CONSENT_NEEDED"),
    ("special-school", LA, AUTHORITY, "deregistration", leaving("YES"), CHILD, "MAINSTREAM_NO_CONSENT_NEEDED"),
    (LA, "special-school", ATTENDED, "deregistration_decision", answered, CHILD, "TASK_DEREGISTRATION_DECISION"),
    ("school", LA, ATTENDED, "deregistration_decision", answered, CHILD, "!RECIPIENT_NOT_PERMITTED"),
    # Alternative provision (EA 1996 s.19), direct payments (SI 2014/1652).
    (LA, "next-school", "PROVIDER", "alternative_provision", placed, CHILD, "DUTY_ALTERNATIVE_PROVISION"),
    ("school", "college", "PROVIDER", "alternative_provision", placed, CHILD, "!NO_SHARING_AGREEMENT"),
    (LA, "school", ATTENDED, "direct_payment_notice", pay, CHILD, "TASK_DIRECT_PAYMENT"),
    ("school", LA, AUTHORITY, "direct_payment_reply", pay_reply, CHILD, "TASK_DIRECT_PAYMENT"),
    # Mediation (CFA 2014 ss.52 to 56) and the tribunal (regs 44, 45).
    (
        *(LA, "care-board", "COMMISSIONING_BODY", "mediation_event", mediated("REQUESTED", "MED-1", "YES"), CHILD),
        "TASK_MEDIATION_EVENT",
        {"MEDIATION_ARRANGE_30D": "2026-12-03", "MEDIATION_HEALTH_TELL_3WD": "2026-11-06"},
    ),
    (LA, "school", ATTENDED, "mediation_event", mediated("HELD", TALK), CHILD, "!MEDIATION_CONTENT_REFUSED"),
    (LA, "school", ATTENDED, "tribunal_event", tribunal("APPEAL_LODGED"), CHILD, "TASK_TRIBUNAL_EVENT"),
    (
        LA, "school", NAMED, "tribunal_event", tribunal("ORDER", 2), CHILD, "TASK_TRIBUNAL_EVENT",
        {"TRIB_MAKE_PLAN_DRAFT_5W": "2026-12-08", "TRIB_MAKE_PLAN_FINAL_11W": "2027-01-19"},
    ),
    (
        LA, "school", NAMED, "tribunal_event", tribunal("CONCEDED", 4), CHILD, "TASK_TRIBUNAL_EVENT",
        {"UNOPPOSED_NAME_SCHOOL_2W": "2026-11-17"},
    ),
    # Post-16: agreed with the young person, under an agreement.
    ("school", "college", "NEXT_SCHOOL", "post16_file", post16, YOUNG, "!FAMILY_AGREEMENT_MISSING"),
    ("next-school", "college", "NEXT_SCHOOL", "post16_file", post16, YOUNG, "!NO_SHARING_AGREEMENT"),
    # Health: under compulsory school age only, and after the parent was told (CFA 2014 s.23).
    ("hospital", LA, AUTHORITY, HEALTH, early(**STEPS), INFANT, "DUTY_S23"),
    ("hospital", LA, AUTHORITY, HEALTH, early(), INFANT, "!S23_STEPS_MISSING"),
    ("hospital", LA, AUTHORITY, HEALTH, early(parent_informed_on="2026-10-20"), INFANT, "!S23_STEPS_MISSING"),
    ("hospital", LA, AUTHORITY, HEALTH, early(**STEPS), CHILD, "!S23_NOT_UNDER_CSA"),
    ("school", LA, AUTHORITY, HEALTH, early(**STEPS), INFANT, "!SENDER_NOT_PERMITTED"),
    # A plan that passes to another authority (reg 15).
    (
        LA, "new-authority", "NEW_LOCAL_AUTHORITY", "plan_transfer_notice", moved, CHILD, "DUTY_ASSESSMENT_NOTICE",
        {"LA_TRANSFER_INFORM_6W": "2026-12-15"},
    ),
    # Welfare (Code 8.17): to the parent by the school's own hand, under 18 only.
    ("school", "school", "PARENT", "welfare_contact", welfare, YOUNG, "UNDER_18_WELFARE"),
    ("college", "college", "PARENT", "welfare_contact", welfare, ADULT, "!WELFARE_NOT_UNDER_18"),
    ("school", "next-school", "PARENT", "welfare_contact", welfare, YOUNG, "!RECIPIENT_NOT_PERMITTED"),
    # Safeguarding: nobody's refusal stops it (KCSIE; DPA 2018 Sch 1 para 18).
    ("school", LA, "SOCIAL_SERVICES", "safeguarding_concern", concern, CHILD, "SAFEGUARDING_CONCERN"),
    ("school", "next-school", LEAD, CP_FILE, file, CHILD, "SAFEGUARDING_TRANSFER", {"CP_FILE_5SD": None}),
    ("school", "next-school", "NEXT_SCHOOL", "child_protection_file", file, CHILD, "!RECIPIENT_NOT_PERMITTED"),
]


def send(law, api, sender, request):
    """Sends a notice."""
    return law.stub(api, sender, "notice", "NoticeService").SendNotice(request).receipt


@pytest.fixture(scope="module")
def agreements(law, api):
    """The agreements of the table."""
    agree(law, api, "post16", ["school", "college"], ["POST16_FILE"])
    agree(law, api, "looked-after", ["authority", "next-school"], ["LOOKED_AFTER_ALIGNMENT"])


@pytest.mark.parametrize("row", range(len(ROWS)), ids=[f"{row[3]}-{row[6]}" for row in ROWS])
def test_each_notice_goes_where_the_law_lets_it(law, api, agreements, row):
    """Law file, section 6."""
    law.move_to(DAY)
    sender, recipient, role, name, build, born, expected, *rest = ROWS[row]
    clocks, number = rest[0] if rest else {}, 43_000 + row
    request = notice(api, number, born, [(recipient, role)], name, build)
    if "SAFEGUARDING" in expected:
        consent(law, api, "school", number, born, ["SAFEGUARDING_CONCERN", "CP_FILE"], decision="REFUSED")
    if name == "child_protection_file":
        attach(request, document(law, api, sender))
    if expected.startswith("!"):
        reason, code, provision = refusal(law.stub(api, sender, "notice", "NoticeService").SendNotice, request)
        assert reason == expected[1:] and provision and code != grpc.StatusCode.INTERNAL
        assert in_log(law, api, request, expected[1:])
        return
    receipt = send(law, api, sender, request)
    [decided] = receipt.recipient_decisions
    assert (decided.decision.effect, decided.decision.reason_code) == (api.types.EFFECT_PERMIT, expected)
    started = {one.rule: day(one.due_on) for one in receipt.clocks_started}
    assert set(started) == set(clocks) and all(started[rule] == due for rule, due in clocks.items() if due)
    assert "Invented" not in receipt.log.leaf_entry.decode()
    if recipient == sender:
        assert not decided.delivery_id
        return
    [got] = collect(law, api, recipient, [decided.delivery_id])
    assert getattr(got.delivery.notice, name) == getattr(request.content, name)
    assert got.delivery.decision.reason_code == expected


def test_what_was_agreed_with_the_young_person_reaches_the_college(law, api, agreements):
    """The right is the young person's: a parent's word does not do."""
    law.move_to(DAY)
    to = [("college", "NEXT_SCHOOL")]
    consent(law, api, "school", 43_200, YOUNG, ["POST16_FILE"], giver="PARENT")
    request = notice(api, 43_200, YOUNG, to, "post16_file", post16, purpose="SUPPORT")
    school = law.stub(api, "school", "notice", "NoticeService")
    assert refusal(school.SendNotice, request)[0] == "FAMILY_AGREEMENT_MISSING"
    consent(law, api, "school", 43_200, YOUNG, ["POST16_FILE"], giver="YOUNG_PERSON")
    receipt = send(law, api, "school", notice(api, 43_200, YOUNG, to, "post16_file", post16, purpose="SUPPORT"))
    assert receipt.decision.reason_code == "TASK_POST16_TRANSITION"


@pytest.mark.parametrize(
    ("number", "placed_by", "outcome"), [(43_210, "YES", "ALLOWED"), (43_211, "UNKNOWN", "REFUSED")]
)
def test_a_deletion_from_a_special_school_waits_for_the_authority(law, api, number, placed_by, outcome):
    """SI 2024/208 reg 9: held until the authority that placed the child consents."""
    law.move_to(DAY)
    to = [("authority", "RESPONSIBLE_AUTHORITY")]
    asked = notice(api, number, CHILD, to, "deregistration", leaving("YES", placed_by))
    receipt = send(law, api, "special-school", asked)
    [held] = receipt.recipient_decisions
    assert held.decision.effect == api.types.EFFECT_HOLD
    assert held.decision.reason_code == "DEREGISTRATION_CONSENT_NEEDED" and held.decision.provision
    assert [one for one in notices(law, api, "authority", "REFERRAL_WAITING") if one.exchange == receipt.exchange]
    [got] = collect(law, api, "authority", [held.delivery_id])
    assert got.delivery.notice.deregistration.special_school == api.types_disclosure.ANSWER_YES
    decide = api.policy.DecideReferralRequest(
        referral=held.referral,
        outcome=getattr(api.policy, f"REFERRAL_OUTCOME_{outcome}"),
        officer_name="Invented Officer",
        officer_role="SEN manager",
        reasons="Invented reasons.",
        statement="I have decided this and sign it.",
    )
    own = law.named_person(api, "special-school")
    assert refusal(own.DecideReferral, decide)[0] == "REFERRAL_NOT_FOUND"
    done = law.named_person(api, "authority").DecideReferral(decide)
    assert done.referral.outcome == decide.outcome and "Invented" not in done.log.leaf_entry.decode()
    assert [one for one in notices(law, api, "special-school", "REFERRAL_DECIDED") if one.exchange == receipt.exchange]


def test_the_glass_is_broken_for_a_child_at_risk_and_told_of(law, api):
    """It opens only safeguarding and court routes; sender, recipient and authority are told."""
    law.move_to(DAY)
    to = [("next-school", "NEXT_SCHOOL")]
    closed = notice(api, 43_220, CHILD, to, "child_protection_file", file)
    attach(closed, document(law, api, "school"))
    school = law.stub(api, "school", "notice", "NoticeService")
    assert refusal(school.SendNotice, closed)[0] == "RECIPIENT_NOT_PERMITTED"
    # Under pressure people write names: the log does not keep them.
    why = f"{SAFE} Call about Invented43220."
    opened = notice(api, 43_220, CHILD, to, "child_protection_file", file, ground="SAFEGUARDING", break_glass=why)
    receipt = send(law, api, "school", attach(opened, document(law, api, "school")))
    [decided] = receipt.recipient_decisions
    assert decided.decision.reason_code == "BREAK_GLASS_SAFEGUARDING"
    for agency in ("school", "next-school", "authority"):
        told = notices(law, api, agency, "BREAK_GLASS_USED")
        assert [one for one in told if one.exchange == receipt.exchange], agency
    leaf = json.loads(receipt.log.leaf_entry)
    assert leaf["break_glass_reason"] == f"{SAFE} Call about [...]."
    [got] = collect(law, api, "next-school", [decided.delivery_id])
    assert got.delivery.decision.reason_code == "BREAK_GLASS_SAFEGUARDING"

    # Elsewhere it opens nothing.
    welfare_to = notice(api, 43_221, ADULT, [("college", "PARENT")], "welfare_contact", welfare, break_glass=SAFE)
    before = len(notices(law, api, "college", "BREAK_GLASS_USED"))
    told = refusal(law.stub(api, "college", "notice", "NoticeService").SendNotice, welfare_to)
    assert told[0] == "BREAK_GLASS_NOT_OPEN" and told[2]
    assert in_log(law, api, welfare_to, "BREAK_GLASS_NOT_OPEN")
    assert len(notices(law, api, "college", "BREAK_GLASS_USED")) == before


def test_nothing_personal_stands_in_what_the_log_keeps_of_notices(law, api):
    """Leaves of this file's exchanges."""
    for kind in ("EXCHANGE_ACCEPTED", "EXCHANGE_REFUSED", "DISCLOSED", "REFERRAL_DECIDED"):
        found = [one for one in entries(law, api, kind) if one.get("exchange_kind") == "NOTICE"]
        text = json.dumps([{key: one[key] for key in one if key != "break_glass_reason"} for one in found])
        assert "Invented" not in text and CHILD not in text, kind
