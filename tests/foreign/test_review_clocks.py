"""What follows a review: amendment, ceasing, and every clock with its due day, its end and its chasing."""

import grpc
import pytest
from law import collect, notices, refusal
from reviews import Review, reviews

CHILD = "2015-10-01"
MEETING = "2026-12-01"


def reported(law, api, number, **content):
    """A review whose report went out on the day of the meeting."""
    law.move_to("2026-11-02")
    review = Review(law, api, number, CHILD, MEETING, **content)
    law.move_to(MEETING)
    review.send_report()
    return review


@pytest.mark.parametrize(
    ("number", "made", "last", "due", "late"),
    [
        (41_001, "2026-01-12", None, "2026-12-29", False),  # four weeks after the meeting
        (41_002, "2025-12-20", None, "2026-12-19", False),  # the twelve months end before
        (41_003, "2024-12-20", "2025-12-10", "2026-12-09", False),  # counted from the last review
        (41_004, "2026-01-12", None, "2026-12-29", True),
    ],
)
def test_a_decision_is_due_at_the_earlier_of_two_limits(law, api, number, made, last, due, late):
    """Reg 20(10); CFA 2014 s.44(1): the review ends with the notice, not with the meeting."""
    content = {"plan_made_on": made, **({"last_review_on": last} if last else {})}
    review = reported(law, api, number, **content)
    assert review.clocks()["REVIEW_DECISION_4W"] == (due, "RUNNING")
    law.move_to("2026-12-30" if late else due)
    decided = review.decide("MAINTAIN", due)
    assert any(one.startswith("REVIEW_DECISION_LATE") for one in decided.warnings) == late
    assert review.clocks()["REVIEW_DECISION_4W"] == (due, "MET_LATE" if late else "MET")


def test_an_amendment_goes_with_changes_and_evidence_and_waits_for_representations(law, api):
    """Reg 22; R (L, M and P) v Devon County Council [2022] EWHC 493 (Admin)."""
    review = reported(law, api, 41_010, plan_made_on="2026-01-12")
    authority = reviews(law, api, "authority")
    law.move_to("2026-12-14")
    for lacking in ({"amendments": False}, {"evidence": False}):
        request = review.decision("AMEND", "2026-12-14", **lacking)
        told = refusal(authority.DecideReview, request)
        assert told == ("CASE_STEP_REFUSED", grpc.StatusCode.FAILED_PRECONDITION, "SEND Regulations 2014 reg 22(2)")
    plans = law.stub(api, "authority", "assessment", "AssessmentService")
    assert refusal(plans.SendPlan, review.amended())[2] == "SEND Regulations 2014 reg 22(2)"
    review.decide("AMEND", "2026-12-14")
    clocks = review.clocks()
    assert clocks["REVIEW_DECISION_4W"][1] == "MET"
    assert clocks["AMEND_REPS_LAST_DAY_15D"] == ("2026-12-28", "RUNNING")
    assert clocks["AMEND_FINAL_8W"] == clocks["NOT_AMEND_NOTICE_8W"] == ("2027-02-08", "RUNNING")
    assert clocks["AMEND_FINAL_LONGSTOP_12W"] == ("2027-02-23", "RUNNING")
    stub = law.stub(api, "authority", "clock", "ClockService")
    listed = stub.ListClocks(api.clock.ListClocksRequest(case=review.name)).clocks
    [court] = [one for one in listed if one.rule == "AMEND_FINAL_LONGSTOP_12W"]
    assert court.basis == api.types.CLOCK_BASIS_COURT and "Devon" in court.provision

    # Fifteen days beginning with the day of service: the last is 28 December.
    law.move_to("2026-12-28")
    reason, _, provision = refusal(plans.SendPlan, review.amended())
    assert (reason, provision) == ("CASE_STEP_REFUSED", "SEND Regulations 2014 reg 22(2)(c)")
    law.move_to("2026-12-29")
    receipt = plans.SendPlan(review.amended()).receipt
    assert receipt.case == review.name and not receipt.warnings
    assert review.seen("authority").state == "AMENDED"
    clocks = review.clocks()
    for rule in ("AMEND_REPS_LAST_DAY_15D", "AMEND_FINAL_8W", "AMEND_FINAL_LONGSTOP_12W", "NOT_AMEND_NOTICE_8W"):
        assert clocks[rule][1].startswith("MET"), rule
    assert refusal(plans.SendPlan, review.amended())[0] == "CASE_STEP_REFUSED"


def test_after_the_notice_the_authority_may_still_decide_not_to_amend(law, api):
    """Reg 22(4): within the same eight weeks."""
    review = reported(law, api, 41_012, plan_made_on="2026-01-12")
    review.decide("AMEND", MEETING)
    law.move_to("2027-01-26")
    kept = review.decide("MAINTAIN", "2027-01-26")
    assert not kept.warnings and review.seen("school").state == "KEPT"
    clocks = review.clocks()
    for rule in ("AMEND_FINAL_8W", "NOT_AMEND_NOTICE_8W", "AMEND_FINAL_LONGSTOP_12W"):
        assert clocks[rule][1] == "MET", rule
    told = refusal(reviews(law, api, "authority").DecideReview, review.decision("MAINTAIN", "2027-01-26"))
    assert told[0] == "CASE_STEP_REFUSED"


def test_an_amended_plan_that_is_late_on_both_counts_says_so(law, api):
    """Reg 22(3), (4), eight weeks; Devon, twelve from the meeting."""
    review = reported(law, api, 41_011, plan_made_on="2026-01-12")
    law.move_to("2026-12-29")
    review.decide("AMEND", "2026-12-29")
    law.move_to("2027-02-24")
    plans = law.stub(api, "authority", "assessment", "AssessmentService")
    warned = plans.SendPlan(review.amended()).receipt.warnings
    assert [one.split(":")[0] for one in warned] == ["AMENDMENT_LATE", "AMENDMENT_PAST_LONG_STOP"]
    assert review.clocks()["AMEND_FINAL_LONGSTOP_12W"] == ("2027-02-23", "MET_LATE")


def test_a_plan_ceases_only_after_family_and_institution_were_heard(law, api):
    """Reg 31: the report shows it; without one nothing does."""
    review = reported(law, api, 41_020, plan_made_on="2026-01-12", phase_transfer=4, phase_transfer_year=2027)
    law.move_to("2026-12-15")
    review.decide("CEASE", "2026-12-15")
    clocks = review.clocks()
    assert review.seen("school").state == "CEASE_NOTIFIED"
    assert clocks["PHASE_TRANSFER"][1] == "MET" and clocks["ANNUAL_REVIEW_12M"][1] == "MET"
    assert clocks["APPEAL_LIMIT"][1] == "RUNNING"
    early = Review(law, api, 41_021, CHILD, "2027-01-10", plan_made_on="2026-03-12")
    told = refusal(reviews(law, api, "authority").DecideReview, early.decision("CEASE", "2026-12-15"))
    assert told[0] == "CASE_STEP_REFUSED"


@pytest.mark.parametrize(
    ("number", "phase", "due"),
    [
        (41_030, "PRIMARY_TO_SECONDARY", "2027-02-14"),  # before 15 February
        (41_031, "INFANT_TO_JUNIOR", "2027-02-14"),
        (41_032, "SECONDARY_TO_POST_16", "2027-03-30"),  # before 31 March
    ],
)
def test_a_phase_transfer_names_the_place_in_time(law, api, number, phase, due):
    """Reg 18(1)."""
    law.move_to("2026-11-02")
    kind = getattr(api.review, f"PHASE_TRANSFER_KIND_{phase}")
    review = Review(law, api, number, CHILD, MEETING, phase_transfer=kind, phase_transfer_year=2027)
    assert review.clocks()["PHASE_TRANSFER"] == (due, "RUNNING")


def test_a_move_between_post_16_institutions_has_five_months(law, api):
    """Reg 18(2)."""
    law.move_to("2026-11-02")
    kind = api.review.PHASE_TRANSFER_KIND_POST_16_TO_POST_16
    review = Review(law, api, 41_033, CHILD, MEETING, phase_transfer=kind, next_institution_from="2027-09-06")
    assert review.clocks()["POST16_TO_POST16_5M"] == ("2027-04-06", "RUNNING")


def test_who_is_late_is_warned_told_and_chased_on_the_right_days(law, api):
    """A clock warns 14, 7 and 1 days before, tells on the day, and chases 1 day after and then weekly."""
    law.move_to("2026-11-02")
    facts = {"plan_made_on": "2026-03-12", "phase_transfer": 4, "phase_transfer_year": 2027}
    review = Review(law, api, 41_040, CHILD, MEETING, **facts)
    for today, agency, code, due in [
        # Two weeks before the meeting, counted back from it: warned of before its event.
        ("2026-11-10", "school", "CLOCK_DUE_SOON", "2026-11-17"),
        ("2026-11-17", "school", "CLOCK_DUE_TODAY", "2026-11-17"),
        ("2026-11-18", "school", "CLOCK_OVERDUE", "2026-11-17"),
        # No report came: the school owes it, the authority is told.
        ("2026-12-08", "school", "CLOCK_DUE_SOON", "2026-12-15"),
        ("2026-12-15", "authority", "CLOCK_DUE_TODAY", "2026-12-15"),
        ("2026-12-16", "school", "CLOCK_OVERDUE", "2026-12-15"),
        ("2026-12-16", "authority", "CLOCK_OVERDUE", "2026-12-15"),
        ("2026-12-28", "authority", "CLOCK_DUE_SOON", "2026-12-29"),
        ("2026-12-30", "authority", "CLOCK_OVERDUE", "2026-12-29"),
        ("2027-02-07", "authority", "CLOCK_DUE_SOON", "2027-02-14"),
        ("2027-02-15", "authority", "CLOCK_OVERDUE", "2027-02-14"),
        ("2027-03-12", "authority", "CLOCK_OVERDUE", "2027-03-11"),
    ]:
        law.move_to(today)
        assert review.told(agency, code, due), (today, code)
    chased = [one for one in notices(law, api, "school", "CLOCK_OVERDUE") if one.exchange == review.called.exchange]
    said = [one.delivery.hub_notice for one in collect(law, api, "school", [one.delivery_id for one in chased])]
    assert {one.rule for one in said} >= {"REVIEW_ADVICE_CIRCULATE_2W", "REVIEW_REPORT_2W"}
    assert {one.case for one in said} == {review.name}
    state = review.clocks()
    assert state["REVIEW_REPORT_2W"] == ("2026-12-15", "OVERDUE")
    # Sent at last: nothing more is chased.
    late = review.send_report()
    assert any(one.startswith("REPORT_LATE") for one in late.warnings)
    decided = review.decide("MAINTAIN", "2027-03-12")
    assert any(one.startswith("REVIEW_DECISION_LATE") for one in decided.warnings)
    assert not [rule for rule, (_, state) in review.clocks().items() if state == "OVERDUE"]


def test_the_next_review_ends_the_year_that_the_last_one_started(law, api):
    """CFA 2014 s.44(1): one year runs at a time; nobody is chased for a review that was held."""
    first = reported(law, api, 41_050, plan_made_on="2026-01-12")
    first.decide("MAINTAIN", MEETING)
    assert first.clocks()["ANNUAL_REVIEW_12M"] == ("2027-11-30", "RUNNING")
    law.move_to("2027-09-06")
    again = {"plan_made_on": "2026-01-12", "last_review_on": MEETING}
    second = Review(law, api, 41_050, CHILD, "2027-10-04", **again)
    law.move_to("2027-10-04")
    second.send_report()
    second.decide("MAINTAIN", "2027-10-04")
    assert first.clocks()["ANNUAL_REVIEW_12M"] == ("2027-11-30", "MET")
    assert second.clocks()["ANNUAL_REVIEW_12M"] == ("2028-10-03", "RUNNING")
