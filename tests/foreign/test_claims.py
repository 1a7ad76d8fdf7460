"""A duty that is claimed must be shown; a recipient sees its own part of the envelope and no more."""

import pytest
from law import collect, date, notices, refusal
from reviews import calling, in_log
from rights import Pupil
from sharing import information, notice, on

DAY, CHILD = "2026-11-03", "2015-05-01"


def pupils(law, api):
    """The school's way to share pupil information."""
    return law.stub(api, "school", "pupil", "PupilInformationService")


@pytest.mark.parametrize("ground", ["REG6", "STATUTORY_SEND_FINAL", "STATUTORY_CONSULTATION", "STATUTORY_TRANSFER"])
@pytest.mark.parametrize("stage", ["SHARED", "EXTRACT"])
def test_a_plan_that_is_merely_shared_claims_no_duty(law, api, ground, stage):
    """Reg 17: beside its own message a duty opens nothing; the family has agreed to nothing here."""
    law.move_to(DAY)
    child = Pupil(law, api, CHILD)
    part = {"REG6": "ADVISER", "STATUTORY_SEND_FINAL": "NAMED_INSTITUTION"}.get(ground, "CONSULTED_INSTITUTION")
    part = "NEW_LOCAL_AUTHORITY" if ground == "STATUTORY_TRANSFER" else part
    to = "new-authority" if ground == "STATUTORY_TRANSFER" else "college"
    request = child.plan(recipients=[(to, part)], ground=ground)
    request.content.stage = getattr(api.assessment, f"PLAN_STAGE_{stage}")
    reason, _, provision = refusal(child.send_plan(), request)
    assert reason == "RECIPIENT_NOT_PERMITTED" and provision
    assert in_log(law, api, request, "RECIPIENT_NOT_PERMITTED")


@pytest.mark.parametrize("left_on", [None, "2026-11-04"])
def test_the_record_of_a_pupil_who_has_not_left_is_no_duty(law, api, left_on):
    """SI 2005/1437 reg 9: the duty begins when the pupil leaves; without it consent and agreement are asked for."""
    law.move_to(DAY)
    request = information(api, 47_001, CHILD, [("next-school", "NEXT_SCHOOL")], ground="STATUTORY_TRANSFER")
    if left_on:
        request.content.enrolment.left_on.CopyFrom(date(api, left_on))
    assert refusal(pupils(law, api).SharePupilInformation, request)[0] == "NO_SHARING_AGREEMENT"


def test_the_record_of_one_who_left_goes_to_the_next_school(law, api):
    """SI 2005/1437 reg 9."""
    law.move_to(DAY)
    request = information(api, 47_002, CHILD, [("next-school", "NEXT_SCHOOL")], ground="STATUTORY_TRANSFER")
    request.content.enrolment.left_on.CopyFrom(date(api, DAY))
    receipt = pupils(law, api).SharePupilInformation(request).receipt
    assert receipt.decision.reason_code == "DUTY_PUPIL_INFORMATION"


def test_each_recipient_sees_its_own_part_of_the_envelope(law, api):
    """UK GDPR Art 5(1)(c): who else has it, and on what order or consent, is not theirs to read."""
    law.move_to(DAY)
    child = Pupil(law, api, CHILD)
    child.understands("NO", DAY)
    to = [("college", "THIRD_PARTY"), ("next-school", "THIRD_PARTY")]
    agreed = child.consents("PARENT", DAY, to=[one for one, _ in to]).consent
    request = child.plan(recipients=to)
    request.envelope.consents.append(agreed)
    receipt = child.send_plan()(request).receipt
    assert len(receipt.recipient_decisions) == 2
    for decided in receipt.recipient_decisions:
        [got] = collect(law, api, decided.agency_id, [decided.delivery_id])
        seen = got.delivery.envelope
        assert [one.agency.agency_id for one in seen.recipients] == [decided.agency_id]
        assert not seen.consents and not seen.HasField("ground") and not seen.HasField("break_glass")
        assert seen.request_id == request.envelope.request_id and seen.purpose == request.envelope.purpose
        assert got.delivery.decision.provision


def test_a_court_order_is_told_to_the_data_protection_officers(law, api):
    """The hub cannot look behind an order's reference (reg 17(1), hub policy)."""
    law.move_to(DAY)
    child = Pupil(law, api, CHILD)
    request = child.plan(recipients=[("college", "THIRD_PARTY")], ground="COURT_ORDER")
    request.envelope.ground.reference = "ORDER-1"
    receipt = child.send_plan()(request).receipt
    assert receipt.decision.effect == api.types.EFFECT_PERMIT
    for agency in ("authority", "college"):
        told = notices(law, api, agency, "BREAK_GLASS_USED")
        assert [one for one in told if one.exchange == receipt.exchange], agency


def changed(step):
    """A notice about who commissions for a plan."""

    def build(api, one):
        one.step = getattr(api.notice, f"PLAN_TRANSFER_STEP_{step}")
        on(api, one, occurred_on=DAY)

    return build


def test_one_commissioning_body_tells_the_next(law, api):
    """Reg 16; the move of the plan itself is the authorities' to tell (reg 15)."""
    law.move_to(DAY)
    board = law.stub(api, "care-board", "notice", "NoticeService")
    to, name = [("hospital", "COMMISSIONING_BODY")], "plan_transfer_notice"
    told = notice(api, 47_010, CHILD, to, name, changed("RESPONSIBLE_BODY_CHANGED"))
    assert board.SendNotice(told).receipt.decision.reason_code == "DUTY_ASSESSMENT_NOTICE"
    moved = notice(api, 47_011, CHILD, to, name, changed("TRANSFERRED"))
    assert refusal(board.SendNotice, moved)[0] == "INVALID_REQUEST"
    school = notice(api, 47_012, CHILD, [("school", "ATTENDED_INSTITUTION")], name, changed("RESPONSIBLE_BODY_CHANGED"))
    assert refusal(board.SendNotice, school)[0] == "SENDER_NOT_PERMITTED"


def test_a_special_school_is_one_whatever_it_says(law, api):
    """SI 2024/208 reg 9: where the authority placed the child its consent comes first."""
    law.move_to(DAY)

    def build(api, one):
        one.school.agency_id = "special-school"
        one.special_school = api.types_disclosure.ANSWER_NO
        one.placed_by_authority = api.types_disclosure.ANSWER_YES
        on(api, one, parent_notice_on="2026-11-02")

    request = notice(api, 47_020, CHILD, [("authority", "RESPONSIBLE_AUTHORITY")], "deregistration", build)
    receipt = law.stub(api, "special-school", "notice", "NoticeService").SendNotice(request).receipt
    assert receipt.decision.effect == api.types.EFFECT_HOLD


def test_invitees_take_the_parts_of_their_kind(law, api):
    """Reg 20(2): nobody becomes a required invitee by being called one."""
    law.move_to(DAY)
    request = calling(api, 47_030, CHILD, "2026-12-01")
    wrong = 0
    for one in request.content.invitees:
        if one.kind == api.review.INVITEE_KIND_HEALTH:
            one.agency.agency_id = "college"
            wrong += 1
    assert wrong == 1
    reason, _, _ = refusal(law.stub(api, "school", "review", "ReviewService").CallReview, request)
    assert reason == "INVALID_REQUEST"
