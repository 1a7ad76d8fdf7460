"""An EHC needs assessment from its opening to the final plan, and what comes after."""

import json

import grpc
import pytest
from casework import BORN, Case, clock_days, codes, fresh, iso, nhs_number, refused
from law import date, refusal
from wire import proven, upn


def numbered(number, born=BORN):
    """A fixture that gives a case not yet opened, its pupil by number."""

    @pytest.fixture
    def made(law, api):
        law.move_to("2026-09-07")
        return Case(law, api, number, born)

    return made


case = numbered(8001)
moved = numbered(8002)
appealed = numbered(8003)
young = numbered(8004, born="2008-10-03")
untouched = numbered(8005)
unwanted = numbered(8006)
ended = numbered(8008)


def test_a_case_opens_with_its_clocks_and_says_whose_advice_is_needed(law, api, case):
    answers = api.types_disclosure
    told = [("school", "ATTENDED_INSTITUTION"), ("care-board", "COMMISSIONING_BODY")]
    opened = case.open("2026-09-07", told, serving_parent=answers.ANSWER_YES, year_9=answers.ANSWER_YES)
    receipt = opened.receipt
    logs = case.stub("authority", "audit", "AuditService").ListLogs(api.audit.ListLogsRequest()).logs
    [vkey] = [log.verifier_key for log in logs if log.origin == receipt.log.origin]
    assert proven(receipt.log, vkey)
    leaf = json.loads(receipt.log.leaf_entry)
    assert (leaf["kind"], leaf["agency"]) == ("EXCHANGE_ACCEPTED", "authority")
    assert clock_days(receipt) == {
        "EHCNA_DECIDE_6W": "2026-10-19",
        "NO_PLAN_NOTICE_16W": "2026-12-28",
        "FINAL_PLAN_20W": "2027-01-25",
    }
    needed = {(one.kind, one.provision.split("reg ")[-1]) for one in opened.advisers if one.kind}
    kinds = api.assessment
    assert needed == {
        (kinds.ADVISER_KIND_EDUCATION, "6(1)(b)(i)"),
        (kinds.ADVISER_KIND_MOD_EDUCATION, "6(1)(b)(iv)"),
        (kinds.ADVISER_KIND_MEDICAL, "6(1)(c)"),
        (kinds.ADVISER_KIND_PSYCHOLOGICAL, "6(1)(d)"),
        (kinds.ADVISER_KIND_SOCIAL_CARE, "6(1)(e)"),
        (kinds.ADVISER_KIND_PREPARATION_FOR_ADULTHOOD, "6(1)(g)"),
    }
    for agency, _ in told:
        assert case.collected(agency, receipt.exchange).case_opening.received_on.day == 7


def test_one_who_is_left_out_is_warned_of(law, api, untouched):
    case = untouched
    case.open("2026-09-07", serving_parent=api.types_disclosure.ANSWER_YES)
    case.ask("school", "EDUCATION")
    decided = case.event("2026-09-14", decided_to_assess={"reasons": "Invented."})
    assert "REQUIRED_ADVISER_NOT_ASKED" in codes(decided.warnings)
    left_out = [one for one in case.seen_by("authority").warnings if one.startswith("REQUIRED_ADVISER_NOT_ASKED")]
    assert any("SECRETARY_OF_STATE_FOR_DEFENCE" in one for one in left_out)
    case.ask("defence", "MOD_EDUCATION", role="MINISTRY_OF_DEFENCE")
    left_out = [one for one in case.seen_by("authority").warnings if one.startswith("REQUIRED_ADVISER_NOT_ASKED")]
    assert not any("DEFENCE" in one or "EDUCATION was" in one for one in left_out)
    unasked = Case(law, api, 8007)
    opened = unasked.open("2026-09-07", serving_parent=api.types_disclosure.ANSWER_UNKNOWN)
    assert "SERVING_PARENT_NOT_ASKED" in codes(opened.receipt.warnings)


def test_a_case_is_the_authority_s(law, api, unwanted, law_events):
    case = unwanted
    case.authority = "school"
    assert refusal(case.call("school", "OpenCase"), case.opening("2026-09-07"))[0] == "SCOPE_MISSING"
    turned_away = law_events("ACCESS_REFUSED")[-1]
    assert (turned_away["agency"], turned_away["reason"]) == ("school", "SCOPE_MISSING")
    assert turned_away["method"].endswith("/OpenCase")
    case.authority = "authority"
    case.open("2026-09-07", [("school", "ATTENDED_INSTITUTION")])
    for request, method in (
        (case.asking("hospital", "MEDICAL", agency="new-authority"), "RequestAdvice"),
        (case.happening("2026-09-07", agency="new-authority", decided_to_assess=True), "RecordCaseEvent"),
        (case.plan("DRAFT", agency="new-authority"), "SendPlan"),
    ):
        assert refused(law_events, case.call("new-authority", method), request)[0] == "CASE_NOT_FOUND"
    # Even one who has a part takes no step of the authority's.
    case.ask("new-authority", "PSYCHOLOGICAL")
    for event in ({"decided_to_assess": True}, {"representations_received": {"text": "Invented."}}):
        request = case.happening("2026-09-07", agency="new-authority", **event)
        why, provision = refused(law_events, case.call("new-authority", "RecordCaseEvent"), request)
        assert why == "CASE_STEP_REFUSED" and "s.24" in provision
    assert case.seen_by("authority").state == "REQUESTED"
    another = case.asking("hospital", "MEDICAL")
    another.envelope.subject.CopyFrom(Case(law, api, 8099).opening("2026-09-07").envelope.subject)
    assert refused(law_events, case.call("authority", "RequestAdvice"), another)[0] == "IDENTITY_CONFLICT"


def test_from_the_decision_to_the_final_plan(law, api, young, law_events):
    case = young
    case.open("2026-09-07")
    school = case.ask("school", "EDUCATION").exchange
    early = case.plan("DRAFT", served_on="2026-09-08")
    why, provision = refused(law_events, case.call("authority", "SendPlan"), early)
    assert why == "CASE_STEP_REFUSED" and "reg 5(1)" in provision
    law.move_to("2026-10-12")
    told = [("school", "ATTENDED_INSTITUTION"), ("care-board", "COMMISSIONING_BODY")]
    decided = case.event("2026-10-12", told, decided_to_assess={"reasons": "Invented."})
    assert case.collected("care-board", decided.exchange).case_event.decided_to_assess.reasons
    assert case.seen_by("authority").state == "ASSESSING"
    case.give("school", school)
    case.decide(school, accept=True)
    law.move_to("2026-11-02")
    served = case.send_plan("DRAFT", served_on="2026-11-02")
    assert clock_days(served) == {"DRAFT_REPS_LAST_DAY_15D": "2026-11-16"}
    consulted = case.consult("special-school")
    assert clock_days(consulted) == {"SCHOOL_CONSULT_REPLY_15D": "2026-11-17"}
    [clock] = consulted.clocks_started
    assert clock.basis == api.types.CLOCK_BASIS_GUIDANCE
    assert iso(case.waiting("special-school", consulted.exchange).due_on) == "2026-11-17"
    final = case.plan("FINAL", [("special-school", "NAMED_INSTITUTION")], names="special-school")
    for day in ("2026-11-03", "2026-11-16"):
        law.move_to(day)
        why, provision = refused(law_events, case.call("authority", "SendPlan"), fresh(final))
        assert why == "CASE_STEP_REFUSED" and "reg 13(1)" in provision
    with pytest.raises(grpc.RpcError) as answer:
        case.call("authority", "SendPlan")(fresh(final))
    assert "2026-11-17" in answer.value.details()
    law.move_to("2026-11-12")
    why = refusal(lambda text: case.reply("special-school", consulted.exchange, answer=text), "UNSUITABLE")
    assert why[0] == "CASE_STEP_REFUSED" and "s.39(4)" in why[2]
    answer = case.reply("special-school", consulted.exchange)
    assert case.collected("authority", answer.exchange).consultation_reply.answer == 1
    # Everything in time: the final plan goes out by duty, without consent.
    law.move_to("2026-11-17")
    not_named = case.plan("FINAL", [("next-school", "NAMED_INSTITUTION")], names="special-school")
    why, provision = refused(law_events, case.call("authority", "SendPlan"), not_named)
    assert why == "RECIPIENT_NOT_PERMITTED" and "reg 13(2)" in provision
    to = [("special-school", "NAMED_INSTITUTION"), ("care-board", "COMMISSIONING_BODY")]
    sent = case.send_plan("FINAL", to, names="special-school", made_on="2026-11-17")
    reasons = {one.agency_id: one.decision.reason_code for one in sent.recipient_decisions}
    assert reasons == {"special-school": "DUTY_SEND_FINAL_PLAN", "care-board": "DUTY_SEND_FINAL_PLAN"}
    assert clock_days(sent)["ANNUAL_REVIEW_12M"] == "2027-11-16"
    assert case.collected("special-school", sent.exchange).plan.section_b.text == "Invented needs."
    states = {clock.rule: clock.state for clock in case.clocks("authority")}
    clocks = api.clock
    assert states["FINAL_PLAN_20W"] == states["EHCNA_DECIDE_6W"] == clocks.CLOCK_STATE_MET
    assert states["ANNUAL_REVIEW_12M"] == clocks.CLOCK_STATE_RUNNING
    whole = case.seen_by("authority")
    assert whole.state == "PLAN_FINAL" and iso(whole.ended_on) == "2026-11-17"
    assert {one.kind for one in whole.exchanges} >= {"ADVICE_REQUEST", "CONSULTATION", "PLAN", "ADVICE_RETURN"}
    part = case.seen_by("special-school")
    assert {one.kind for one in part.exchanges} == {"CONSULTATION", "CONSULTATION_REPLY", "PLAN"}
    assert not part.advisers and not part.warnings
    listed = case.stub("authority").ListCases(api.assessment.ListCasesRequest(page_size=500)).cases
    assert case.name in {one.case for one in listed}
    # A young person's plan goes to no further recipient without consent.
    shared = case.plan("SHARED", [("college", "THIRD_PARTY")])
    why, provision = refused(law_events, case.call("authority", "SendPlan"), shared)
    assert why == "REG17_NO_CONSENT" and "reg 17(1)" in provision


def finalised(case, named="special-school"):
    """Brings a case to its final plan: the family has replied in full."""
    case.open("2026-09-07")
    case.event("2026-09-07", decided_to_assess={"reasons": "Invented."})
    case.send_plan("DRAFT", served_on="2026-09-07")
    case.event("2026-09-07", representations_complete=True)
    return case.send_plan("FINAL", [(named, "NAMED_INSTITUTION")], names=named, made_on="2026-09-07")


def test_a_plan_moves_to_another_authority(law, api, moved, law_events):
    case = moved
    sent = finalised(case)
    assert codes(sent.warnings) >= {"NAMED_WITHOUT_CONSULTATION", "COMMISSIONER_NOT_SENT"}
    days = {"moved_on": "2026-10-05", "aware_on": "2026-09-28", "last_reviewed_on": "2026-09-07"}
    to = [("new-authority", "NEW_LOCAL_AUTHORITY")]
    nobody = case.plan("TRANSFERRED", [("care-board", "COMMISSIONING_BODY")], **days)
    assert refused(law_events, case.call("authority", "SendPlan"), nobody)[0] == "INVALID_REQUEST"
    early = case.plan("TRANSFERRED", to, **days)
    why, provision = refused(law_events, case.call("authority", "SendPlan"), early)
    assert why == "CASE_STEP_REFUSED" and "reg 15(2)" in provision
    law.move_to("2026-10-05")
    receipt = case.send_plan("TRANSFERRED", to, **days)
    assert receipt.decision.reason_code == "DUTY_TRANSFER_PLAN"
    started = clock_days(receipt)
    assert (started["LA_TRANSFER_INFORM_6W"], started["LA_TRANSFER_REVIEW"]) == ("2026-11-16", "2027-09-06")
    assert case.waiting("new-authority", receipt.exchange).case == case.name
    asked = api.assessment.ListCasesRequest(page_size=500)
    for agency, there in (("authority", 1), ("new-authority", 1), ("special-school", 1), ("next-school", 0)):
        listed = case.stub(agency).ListCases(asked).cases
        assert [one.case for one in listed].count(case.name) == there, agency
    assert case.collected("new-authority", receipt.exchange).plan.stage == api.assessment.PLAN_STAGE_TRANSFERRED
    owed = {clock.rule: clock for clock in case.clocks("new-authority")}
    assert owed["LA_TRANSFER_INFORM_6W"].owed_by_agency_id == "new-authority"
    # The new authority is responsible now, and sees what it inherits; the former one takes no further step.
    seen = case.seen_by("new-authority")
    assert seen.authority_agency_id == "new-authority" and {one.kind for one in seen.exchanges} >= {"PLAN"}
    event = case.happening("2026-10-05", plan_ceased={"reason": api.assessment.PLAN_CEASED_REASON_MOVED})
    why, provision = refused(law_events, case.call("authority", "RecordCaseEvent"), event)
    assert why == "CASE_STEP_REFUSED" and "s.24" in provision
    told = case.happening("2026-10-12", agency="new-authority", transfer_told=True)
    law.move_to("2026-10-12")
    case.call("new-authority", "RecordCaseEvent")(told)
    owed = {clock.rule: clock.state for clock in case.clocks("new-authority")}
    assert owed["LA_TRANSFER_INFORM_6W"] == api.clock.CLOCK_STATE_MET
    # Nothing runs against the former authority.
    running = [clock for clock in case.clocks("authority") if clock.state == api.clock.CLOCK_STATE_RUNNING]
    assert not [clock.rule for clock in running if clock.owed_by_agency_id == "authority"]


def test_a_plan_ceases_after_consulting_and_after_the_time_to_appeal(law, api, ended, law_events):
    case, record = ended, ended.call("authority", "RecordCaseEvent")
    finalised(case)
    ceased = api.assessment.PlanCeased(reason=api.assessment.PLAN_CEASED_REASON_NO_LONGER_NECESSARY)
    why, provision = refused(law_events, record, case.happening("2026-09-07", plan_ceased=ceased))
    assert why == "CASE_STEP_REFUSED" and "reg 31" in provision
    ceased.consulted_on.CopyFrom(date(api, "2026-09-07"))
    assert clock_days(case.event("2026-09-07", plan_ceased=ceased)) == {"APPEAL_LIMIT": "2026-11-07"}
    assert case.seen_by("authority").state == "CEASE_NOTIFIED"
    law.move_to("2026-11-07")
    why, provision = refused(law_events, record, case.happening("2026-11-07", plan_ceased=ceased))
    assert why == "CASE_STEP_REFUSED" and "s.45(4)" in provision
    law.move_to("2026-11-08")
    case.event("2026-11-08", plan_ceased=ceased)
    assert case.seen_by("authority").state == "CEASED"
    assert not [clock for clock in case.clocks("authority") if clock.state == api.clock.CLOCK_STATE_RUNNING]


def test_orders_concessions_and_mediation_start_their_clocks(law, api, appealed, law_events):
    case, kinds, answers = appealed, api.assessment, api.types_disclosure
    case.open("2026-09-07")
    no = case.event("2026-09-14", decided_not_to_assess={"reasons": "Invented."})
    assert clock_days(no) == {"APPEAL_LIMIT": "2026-11-07"}
    states = {clock.rule: clock.state for clock in case.clocks("authority")}
    assert states["EHCNA_DECIDE_6W"] == api.clock.CLOCK_STATE_MET
    assert states["FINAL_PLAN_20W"] == states["NO_PLAN_NOTICE_16W"] == api.clock.CLOCK_STATE_STOPPED
    draft = case.plan("DRAFT", served_on="2026-09-07")
    why, provision = refused(law_events, case.call("authority", "SendPlan"), draft)
    assert why == "CASE_STEP_REFUSED" and "reg 5(3)" in provision
    law.move_to("2026-09-14")
    asked = case.event("2026-09-14", mediation_requested={"health_in_issue": answers.ANSWER_YES})
    assert clock_days(asked) == {"MEDIATION_ARRANGE_30D": "2026-10-14", "MEDIATION_HEALTH_TELL_3WD": "2026-09-17"}
    # Who tells the commissioning body by the same event has told it.
    board = [("care-board", "COMMISSIONING_BODY")]
    asked = case.event("2026-09-14", board, mediation_requested={"health_in_issue": answers.ANSWER_YES})
    assert clock_days(asked) == {"MEDIATION_ARRANGE_30D": "2026-10-14"}
    assert case.collected("care-board", asked.exchange).case_event.HasField("mediation_requested")
    certificate = kinds.MediationCertificate(reference="M-1")
    certificate.issued_on.CopyFrom(date(api, "2026-10-20"))
    law.move_to("2026-10-20")
    case.event("2026-10-20", mediation_certificate=certificate)
    assert not [one.rule for one in case.clocks("authority") if one.rule.startswith("MEDIATION") and one.state == 1]
    limits = [iso(one.due_on) for one in case.clocks("authority") if one.rule == "APPEAL_LIMIT" and one.state == 1]
    assert limits == ["2026-11-20"]
    order = kinds.TribunalOrderReceived(order=kinds.TRIBUNAL_ORDER_ASSESS, reference="A-1")
    order.ordered_on.CopyFrom(date(api, "2026-11-02"))
    law.move_to("2026-11-03")
    ordered = case.event("2026-11-03", tribunal_order=order)
    assert clock_days(ordered) == {
        "TRIB_ASSESS_NOTIFY_2W": "2026-11-16",
        "TRIB_ASSESS_NO_PLAN_10W": "2027-01-11",
        "TRIB_ASSESS_FINAL_14W": "2027-02-08",
    }
    assert case.seen_by("authority").state == "ASSESSING"
    case.event("2026-11-04", decided_to_assess=True)
    states = {clock.rule: clock.state for clock in case.clocks("authority")}
    assert states["TRIB_ASSESS_NOTIFY_2W"] == api.clock.CLOCK_STATE_MET
    law.move_to("2026-12-01")
    case.event("2026-12-01", no_plan_needed={"reasons": "Invented."})
    concession = kinds.TribunalOrderReceived(order=kinds.TRIBUNAL_ORDER_MAKE_PLAN, reference="A-2")
    conceded = case.event("2026-12-01", unopposed=concession)
    assert clock_days(conceded) == {
        "UNOPPOSED_MAKE_PLAN_DRAFT_5W": "2027-01-05",
        "UNOPPOSED_MAKE_PLAN_FINAL_11W": "2027-02-16",
    }
    assert case.seen_by("authority").state == "PLAN_ORDERED"


def test_nothing_personal_stands_in_leaves_or_lines(law, api, law_events):
    """After all that went before: no name, no number, no word of a content."""
    text = json.dumps(law_events()) + (law.folder / "hub.log").read_text(encoding="utf-8")
    assert "DUTY_SEND_FINAL_PLAN" in text
    for number in range(8000, 9000):
        assert upn(number) not in text and nhs_number(number) not in text and f"LA{number}" not in text
    for word in ("Invented", "invented", "family says", BORN, "SENCO", "What helps"):
        assert word not in text, word
