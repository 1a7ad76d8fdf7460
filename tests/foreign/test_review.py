"""A review of an EHC plan from its call to its end, as stock Python clients see it (SEND Regs 2014 regs 18 to 22)."""

import json

import grpc
import pytest
from law import collect, date, inbox, notices, person, refusal
from reviews import INVITEES, Review, calling, day, entries, in_log, instead, reviews
from sharing import consent

CHILD = "2015-10-01"
# Sixteen since May 2026: rights passed on the day after the last Friday in June, 27 June 2026 (EA 1996 s.8).
PASSED = "2010-05-01"
REG_20_2, REG_20_3 = "SEND Regulations 2014 reg 20(2)", "SEND Regulations 2014 reg 20(3)"


@pytest.mark.parametrize(
    ("number", "meeting", "reason", "warned"),
    [
        (40_001, "2026-11-15", "REVIEW_NOTICE_TOO_SHORT", None),  # 13 days: a breach on every reading
        (40_002, "2026-11-16", None, True),  # 14 days: enough, but for the clear-days reading
        (40_003, "2026-11-17", None, False),  # 15 days: safe
    ],
)
def test_two_weeks_notice_of_the_meeting(law, api, number, meeting, reason, warned):
    """Reg 20(3)."""
    law.move_to("2026-11-02")
    if reason:
        request = calling(api, number, CHILD, meeting)
        told = refusal(reviews(law, api, "school").CallReview, request)
        assert told == (reason, grpc.StatusCode.FAILED_PRECONDITION, REG_20_3)
        assert in_log(law, api, request, reason)
        return
    review = Review(law, api, number, CHILD, meeting)
    assert any(one.startswith("REVIEW_NOTICE_NOT_CLEAR_DAYS") for one in review.called.warnings) == warned
    assert {one.agency_id for one in review.called.recipient_decisions} == {"authority", "hospital"}
    assert review.called.decision.reason_code == "DUTY_INVITE"


@pytest.mark.parametrize("left_out", [kind for kind, _ in INVITEES])
def test_whom_reg_20_names_must_be_invited(law, api, left_out):
    """Reg 20(2): the refusal names who is missing."""
    law.move_to("2026-11-02")
    request = calling(api, 40_010, CHILD, "2026-12-01", instead(left_out))
    codes = {"LA_SEN": "LA_SEN_OFFICER", "HEALTH": "HEALTH_PROFESSIONAL"}
    with pytest.raises(grpc.RpcError) as error:
        reviews(law, api, "school").CallReview(request)
    assert codes.get(left_out, left_out) in error.value.details()
    told = refusal(reviews(law, api, "school").CallReview, request)
    assert told == ("CASE_STEP_REFUSED", grpc.StatusCode.FAILED_PRECONDITION, REG_20_2)
    assert in_log(law, api, request, "CASE_STEP_REFUSED")


@pytest.mark.parametrize(
    ("agency", "changes", "reason"),
    [
        ("school", {"acting_for_authority": False}, "CASE_STEP_REFUSED"),  # reg 20(1), (12): for the authority
        ("next-school", {}, "CASE_STEP_REFUSED"),  # reg 20(12): the institution attended is another
        ("hospital", {}, "SCOPE_MISSING"),
        ("school", {"authority": "school"}, "INVALID_REQUEST"),
        ("school", {"invitee": "nobody-here"}, "INVALID_REQUEST"),
    ],
)
def test_who_may_call_a_review(law, api, agency, changes, reason):
    """CFA 2014 s.44; reg 20(1)."""
    law.move_to("2026-11-02")
    request = calling(api, 40_011, CHILD, "2026-12-01")
    if "acting_for_authority" in changes:
        request.content.acting_for_authority = False
    if "authority" in changes:
        request.content.authority.agency_id = changes["authority"]
    if "invitee" in changes:
        request.content.invitees[3].agency.agency_id = changes["invitee"]
    assert refusal(reviews(law, api, agency).CallReview, request)[0] == reason


def test_once_rights_have_passed_the_young_person_is_invited(law, api):
    """Reg 20(2)(a); EA 1996 s.8: parent or young person, as it stands on the day of the meeting."""
    young = instead("PARENT", ("YOUNG_PERSON", None))
    law.move_to("2026-06-01")
    school = reviews(law, api, "school")
    # The meeting lies before the rights pass, then after.
    Review(law, api, 40_020, PASSED, "2026-06-26", year_group="11", plan_made_on="2026-01-05")
    after = calling(api, 40_021, PASSED, "2026-06-29", year_group="11", plan_made_on="2026-01-05")
    told = refusal(school.CallReview, after)
    assert told == ("INVITE_THE_YOUNG_PERSON", grpc.StatusCode.FAILED_PRECONDITION, REG_20_2)

    law.move_to("2026-09-07")
    late = calling(api, 40_022, PASSED, "2026-10-01", year_group="12")
    told = refusal(school.CallReview, late)
    assert told == ("INVITE_THE_YOUNG_PERSON", grpc.StatusCode.FAILED_PRECONDITION, REG_20_2)
    assert in_log(law, api, late, "INVITE_THE_YOUNG_PERSON")
    alone = Review(law, api, 40_022, PASSED, "2026-10-01", young, year_group="12")
    assert not [one for one in alone.called.warnings if one.startswith("PARENT")]
    both = Review(law, api, 40_023, PASSED, "2026-10-01", (*young, ("PARENT", None)), year_group="12")
    assert any(one.startswith("PARENT_NOT_ASKED_FOR") for one in both.called.warnings)

    rights = law.stub(api, "school", "rights", "RightHolderService")
    fact = api.rights.RecordFactRequest(request_id="6a1c8c1e-0000-4000-8000-000000040023")
    person(api, fact.subject, 40_023, PASSED)
    authority = fact.fact.authority_for_parent
    authority.parent_name, authority.method = "Invented Parent", api.rights.CONSENT_METHOD_WRITTEN
    authority.decisions.append("TAKE_PART_IN_REVIEW")
    authority.given_on.CopyFrom(date(api, "2026-09-07"))
    fact.fact.valid_from.CopyFrom(date(api, "2026-09-07"))
    rights.RecordFact(fact)
    # Asked for by the young person: with them, or instead (Code 8.14).
    for invitees in ((*young, ("PARENT", None)), INVITEES):
        asked = Review(law, api, 40_023, PASSED, "2026-10-01", invitees, year_group="12")
        assert not [one for one in asked.called.warnings if one.startswith("PARENT")]

    child = calling(api, 40_024, CHILD, "2026-10-01", young)
    told = refusal(school.CallReview, child)
    assert told == ("INVITE_THE_PARENT", grpc.StatusCode.FAILED_PRECONDITION, REG_20_2)


def test_a_review_from_its_call_to_the_decision_to_keep(law, api):
    """Regs 20 and 21; CFA 2014 s.44."""
    law.move_to("2026-11-02")
    review = Review(law, api, 40_030, CHILD, "2026-12-01")
    assert review.clocks() == {
        "ANNUAL_REVIEW_12M": ("2026-12-19", "RUNNING"),
        "REVIEW_ADVICE_CIRCULATE_2W": ("2026-11-17", "RUNNING"),
        "REVIEW_REPORT_2W": ("2026-12-15", "RUNNING"),
        # Within the twelve months, which end before the four weeks do.
        "REVIEW_DECISION_4W": ("2026-12-19", "RUNNING"),
    }
    [invited] = collect(law, api, "hospital", [review.copy("hospital", review.called)])
    assert invited.delivery.review.meeting_on.day == 1 and invited.delivery.case == review.name
    # A UPN is for education only.
    assert not invited.delivery.envelope.subject.identifiers
    answer = review.respond("hospital", "WRITTEN_ADVICE_ONLY")
    [answered] = collect(law, api, "school", [review.copy("school", answer)])
    assert answered.delivery.review_response.answer == api.review.ATTENDANCE_ANSWER_WRITTEN_ADVICE_ONLY
    advice = review.advise("hospital")
    [advised] = collect(law, api, "school", [review.copy("school", advice)])
    assert advised.delivery.review_advice.progress[0].progress == api.review.OUTCOME_PROGRESS_PARTLY

    law.move_to("2026-11-17")
    circulated = review.circulate(advice.exchange)
    assert not any("LATE" in one for one in circulated.warnings)
    assert any(one.startswith("REVIEW_ADVICE_NOT_OBTAINED") for one in circulated.warnings)
    for agency in ("authority", "hospital"):
        assert collect(law, api, agency, [review.copy(agency, circulated)])[0].delivery.review_advice.circulated
    law.move_to("2026-11-18")
    assert any(one.startswith("REVIEW_ADVICE_LATE") for one in review.advise("authority").warnings)

    law.move_to("2026-12-15")
    report = review.send_report()
    assert not any("LATE" in one for one in report.warnings)
    for agency in ("authority", "hospital"):
        [got] = collect(law, api, agency, [review.copy(agency, report)])
        assert got.delivery.review_report.differences[0].kind == api.review.INVITEE_KIND_PARENT
    again = refusal(reviews(law, api, "school").SendReviewReport, review.report())
    assert again[0] == "CASE_STEP_REFUSED"

    law.move_to("2026-12-19")
    told = refusal(reviews(law, api, "school").DecideReview, review.decision("MAINTAIN", "2026-12-19"))
    assert told[0] == "SCOPE_MISSING"
    decided = review.decide("MAINTAIN", "2026-12-19")
    assert not any("LATE" in one for one in decided.warnings)
    assert [one.agency_id for one in decided.recipient_decisions] == ["school"]
    [got] = collect(law, api, "school", [review.copy("school", decided)])
    assert got.delivery.review_decision.outcome == api.review.REVIEW_OUTCOME_MAINTAIN
    clocks = review.clocks()
    for rule in ("REVIEW_ADVICE_CIRCULATE_2W", "REVIEW_REPORT_2W", "REVIEW_DECISION_4W"):
        assert clocks[rule][1] == "MET"
    # The next year runs from the notice (Code 9.169); a decision to keep can be appealed.
    assert clocks["ANNUAL_REVIEW_12M"] == ("2027-12-18", "RUNNING")
    assert "APPEAL_LIMIT" in clocks

    for agency, kinds in (("school", 5), ("authority", 5), ("hospital", 1)):
        seen = review.seen(agency)
        assert (seen.state, seen.runner_agency_id, seen.authority_agency_id) == ("KEPT", "school", "authority")
        assert seen.review_type == api.review.REVIEW_TYPE_ANNUAL and day(seen.ended_on) == "2026-12-19"
        assert len(seen.invitees) == kinds
        assert {one.kind for one in seen.exchanges} >= {"REVIEW_INVITATION", "REVIEW_REPORT"}
    health = [one for one in review.seen("school").invitees if one.kind == api.review.INVITEE_KIND_HEALTH]
    assert health[0].advice_received and health[0].attendance == api.review.ATTENDANCE_ANSWER_WRITTEN_ADVICE_ONLY
    for stranger in ("new-authority", "care-board", "next-school"):
        asked = api.review.GetReviewRequest(review=review.name)
        assert refusal(reviews(law, api, stranger).GetReview, asked)[0] == "CASE_NOT_FOUND"
        left = entries(law, api, "ACCESS_REFUSED")[-1]
        assert (left["agency"], left["reason"]) == (stranger, "CASE_NOT_FOUND")
        assert left["method"].endswith("ReviewService/GetReview")
        clocks = law.stub(api, stranger, "clock", "ClockService")
        assert refusal(clocks.ListClocks, api.clock.ListClocksRequest(case=review.name))[0] == "CASE_NOT_FOUND"
        called = api.clock.ListClocksRequest(exchange=review.called.exchange)
        assert refusal(clocks.ListClocks, called)[0] == "EXCHANGE_NOT_FOUND"
    # Who runs it, the authority and whoever is invited find it in their lists; nobody else does.
    for agency, there in (("school", 1), ("authority", 1), ("hospital", 1), ("care-board", 0), ("college", 0)):
        listed = reviews(law, api, agency).ListReviews(api.review.ListReviewsRequest(page_size=500)).reviews
        assert [one.review for one in listed].count(review.name) == there, agency
        assert not any(one.invitees for one in listed)
    leaves = json.dumps(entries(law, api, "EXCHANGE_ACCEPTED")[-12:]) + json.dumps(entries(law, api, "DISCLOSED")[-12:])
    assert "Invented" not in leaves and "2015-10-01" not in leaves


@pytest.mark.parametrize(
    ("number", "called", "changes", "code", "provision"),
    [
        (40_040, {}, {"recipients": ["authority"]}, "REPORT_TO_ALL_INVITEES", "reg 20(7) to (9)"),
        (40_041, {}, {"progress": None}, "PROGRESS_MISSING", "reg 20(5)"),
        (40_042, {"year_group": "9"}, {"adulthood": None}, "ADULTHOOD_MISSING", "reg 20(6)"),
        (40_043, {"service_child": 1}, {"service_issues": None}, "SERVICE_ISSUES_MISSING", "Code of Practice 10.53"),
        (40_044, {"review_type": 6}, {"transition": None}, "EXIT_PLAN_MISSING", "chapter 9"),
    ],
)
def test_what_a_report_must_hold_and_whom_it_must_reach(law, api, number, called, changes, code, provision):
    """Reg 20(5) to (9); Code 10.53 to 10.57."""
    law.move_to("2026-11-02")
    review = Review(law, api, number, CHILD, "2026-12-01", **called)
    school = reviews(law, api, "school")
    early = review.report()
    assert refusal(school.SendReviewReport, early)[0] == "CASE_STEP_REFUSED"
    law.move_to("2026-12-16")
    lacking = review.report(**changes)
    with pytest.raises(grpc.RpcError) as error:
        school.SendReviewReport(lacking)
    assert code in error.value.details()
    reason, _, rests_on = refusal(school.SendReviewReport, lacking)
    assert reason == "CASE_STEP_REFUSED" and provision in rests_on
    assert in_log(law, api, lacking, "CASE_STEP_REFUSED")
    # Complete, and a day late: sent and warned of.
    assert any(one.startswith("REPORT_LATE") for one in school.SendReviewReport(review.report()).receipt.warnings)
    assert review.clocks()["REVIEW_REPORT_2W"][1] == "MET_LATE"


def test_an_extra_invitee_waits_for_a_named_person(law, api):
    """Reg 20(2): the list is a minimum; beyond it the family agrees, or a named person decides and signs."""
    law.move_to("2026-11-02")
    review = Review(law, api, 40_050, CHILD, "2026-12-01", (*INVITEES, ("POST_16", "college")))
    [extra] = [one for one in review.called.recipient_decisions if one.agency_id == "college"]
    assert extra.decision.effect == api.types.EFFECT_REFER and not extra.delivery_id
    assert (extra.decision.reason_code, extra.role) == (
        "NOT_A_REG20_INVITEE",
        api.types_disclosure.RECIPIENT_ROLE_OTHER_INVITEE,
    )
    assert review.called.exchange not in [one.exchange for one in inbox(law, api, "college")]
    asked = api.review.GetReviewRequest(review=review.name)
    assert refusal(reviews(law, api, "college").GetReview, asked)[0] == "CASE_NOT_FOUND"
    told = [one for one in notices(law, api, "school", "REFERRAL_WAITING") if one.exchange == review.called.exchange]
    [notice] = collect(law, api, "school", [told[0].delivery_id])
    said = notice.delivery.hub_notice
    assert (said.referral, said.case, said.case_reference) == (extra.referral, review.name, "REVIEW-40050")

    decide = api.policy.DecideReferralRequest(
        referral=extra.referral,
        outcome=api.policy.REFERRAL_OUTCOME_ALLOWED,
        officer_name="Invented Officer",
        officer_role="SENCO",
        reasons="Invented: the family asked for it.",
        statement="I have decided this and sign it.",
    )
    stranger = law.named_person(api, "college")
    assert refusal(stranger.DecideReferral, decide)[0] == "REFERRAL_NOT_FOUND"
    service = law.named_person(api, "school")
    waiting = service.ListReferrals(api.policy.ListReferralsRequest(open_only=True)).referrals
    [own] = [one for one in waiting if one.referral == extra.referral]
    assert own.question and own.recipient_agency_id == "college"
    done = service.DecideReferral(decide)
    assert done.delivery_id and refusal(service.DecideReferral, decide)[0] == "REFERRAL_DECIDED"
    assert [one for one in notices(law, api, "college", "REFERRAL_DECIDED") if one.exchange == review.called.exchange]
    [got] = collect(law, api, "college", [done.delivery_id])
    assert got.delivery.decision.reason_code == "REFERRAL_ALLOWED" and got.delivery.review.meeting_on.day == 1
    assert len(review.seen("college").invitees) == 1
    leaves = [one for one in entries(law, api, "REFERRAL_DECIDED") if one.get("referral", "-") in extra.referral]
    assert leaves and "Invented" not in json.dumps(leaves)


def test_advice_is_circulated_to_all_two_weeks_before_or_late_with_a_warning(law, api):
    """Reg 20(4): to everybody invited, by the one who runs the review."""
    law.move_to("2026-11-02")
    review = Review(law, api, 40_060, CHILD, "2026-12-01")
    lacking = review.fill("SubmitReviewAdvice")
    lacking.content.circulated = True
    one = lacking.envelope.recipients.add(role=api.types_disclosure.RECIPIENT_ROLE_REG20_INVITEE)
    one.agency.agency_id = "authority"
    told = refusal(reviews(law, api, "school").SubmitReviewAdvice, lacking)
    assert told == ("CASE_STEP_REFUSED", grpc.StatusCode.FAILED_PRECONDITION, "SEND Regulations 2014 reg 20(4)")
    assert in_log(law, api, lacking, "CASE_STEP_REFUSED")
    one.agency.agency_id = "college"
    lacking.envelope.request_id = "0b6f2a52-0000-4000-8000-000000040060"
    assert refusal(reviews(law, api, "school").SubmitReviewAdvice, lacking)[0] == "INVALID_REQUEST"
    # Only who runs it circulates; a stranger knows of neither invitation nor review.
    again = review.fill("SubmitReviewAdvice")
    again.content.circulated = True
    assert refusal(reviews(law, api, "hospital").SubmitReviewAdvice, again)[0] == "CASE_STEP_REFUSED"
    assert refusal(reviews(law, api, "care-board").SubmitReviewAdvice, again)[0] == "CASE_NOT_FOUND"
    answer = review.fill("RespondToInvitation")
    answer.content.invitation = review.called.exchange
    answer.content.answer = api.review.ATTENDANCE_ANSWER_ACCEPT
    assert refusal(reviews(law, api, "care-board").RespondToInvitation, answer)[0] == "EXCHANGE_NOT_FOUND"
    law.move_to("2026-11-18")
    assert any(one.startswith("CIRCULATED_LATE") for one in review.circulate().warnings)
    assert review.clocks()["REVIEW_ADVICE_CIRCULATE_2W"] == ("2026-11-17", "MET_LATE")


def test_an_extra_invitee_whom_nobody_lets_in_stays_out_and_one_the_family_wants_comes(law, api):
    """Reg 20(2): a named person refuses; the family agrees."""
    law.move_to("2026-11-02")
    extra = (*INVITEES, ("POST_16", "college"))
    review = Review(law, api, 40_051, CHILD, "2026-12-01", extra)
    [waits] = [one for one in review.called.recipient_decisions if one.agency_id == "college"]
    decide = api.policy.DecideReferralRequest(
        referral=waits.referral,
        outcome=api.policy.REFERRAL_OUTCOME_REFUSED,
        officer_name="Invented Officer",
        officer_role="SENCO",
        reasons="Invented: not needed.",
        statement="I have decided this and sign it.",
    )
    assert not law.named_person(api, "school").DecideReferral(decide).delivery_id
    seen = [one for one in inbox(law, api, "college") if one.exchange == review.called.exchange]
    assert all(one.kind == api.mailbox.EXCHANGE_KIND_HUB_NOTICE for one in seen)
    asked = api.review.GetReviewRequest(review=review.name)
    assert refusal(reviews(law, api, "college").GetReview, asked)[0] == "CASE_NOT_FOUND"
    # Nor does it hold up the others.
    law.move_to("2026-12-01")
    assert {one.agency_id for one in review.send_report().recipient_decisions} == {"authority", "hospital", "college"}

    law.move_to("2026-11-02")
    consent(law, api, "school", 40_052, CHILD, ["REVIEW_INVITE"])
    request = calling(api, 40_052, CHILD, "2026-12-01", extra)
    request.envelope.purpose = "SUPPORT"
    receipt = reviews(law, api, "school").CallReview(request).receipt
    [agreed] = [one for one in receipt.recipient_decisions if one.agency_id == "college"]
    assert agreed.decision.reason_code == "REVIEW_EXTRA_AGREED" and agreed.delivery_id
