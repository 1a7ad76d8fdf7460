"""Advice for an EHC needs assessment: asked for, answered, chased, returned with its document, taken or sent back."""

import concurrent.futures
import hashlib
import uuid

import grpc
import pytest
from casework import (
    PDF,
    Case,
    clock_days,
    codes,
    download,
    eventually,
    iso,
    nhs_number,
    refused,
    rest,
    upload,
)
from law import collect, date, refusal
from wire import reason, wrong_fields

DUE = "2026-10-19"
ADVISERS = [
    ("school", "EDUCATION", "ADVISER", "GUIDANCE"),
    ("hospital", "MEDICAL", "ADVISER", "HARD"),
    ("defence", "MOD_EDUCATION", "MINISTRY_OF_DEFENCE", "GUIDANCE"),
    ("new-authority", "PSYCHOLOGICAL", "ADVISER", "HARD"),
    ("social-care", "SOCIAL_CARE", "ADVISER", "HARD"),
]


@pytest.fixture
def case(law, api, request):
    """A case opened on 7 September 2026, with its own pupil for each test."""
    law.move_to("2026-09-07")
    number = 8100 + sum(map(ord, request.node.name)) % 800
    case = Case(law, api, number)
    case.open("2026-09-07", serving_parent=api.types_disclosure.ANSWER_YES)
    return case


@pytest.mark.parametrize(("adviser", "kind", "role", "basis"), ADVISERS)
def test_an_adviser_finds_the_request_with_its_day(law, api, case, adviser, kind, role, basis):
    receipt = case.ask(adviser, kind, role=role)
    assert clock_days(receipt) == {"ADVICE_RETURN_6W": DUE}
    [clock] = receipt.clocks_started
    assert api.types.ClockBasis.Name(clock.basis) == f"CLOCK_BASIS_{basis}" and "reg 8(1)" in clock.provision
    waits = case.waiting(adviser, receipt.exchange)
    assert (iso(waits.due_on), waits.case_reference) == (DUE, case.reference)
    delivery = case.collected(adviser, receipt.exchange)
    assert delivery.advice_request.family_views.text == "The family says what it says."
    found = {one.system: one.value for one in delivery.envelope.subject.identifiers}
    assert (api.types.IDENTIFIER_SYSTEM_UPN in found) == (adviser not in ("hospital", "defence"))
    assert (api.types.IDENTIFIER_SYSTEM_NHS_NUMBER in found) == (adviser != "school" and adviser != "defence")
    assert delivery.case == case.name and delivery.log.leaf_entry


def test_what_an_authority_asks_of_itself_is_no_exchange(law, api, case, law_events):
    request = case.asking("authority", "SOCIAL_CARE")
    assert refused(law_events, case.call("authority", "RequestAdvice"), request)[0] == "RECIPIENT_IS_SENDER"


def test_without_the_family_s_views_a_request_is_warned_of(law, api, case):
    receipt = case.ask("school", "EDUCATION", views=False)
    assert "REPRESENTATIONS_NOT_ENCLOSED" in codes(receipt.warnings)


def test_defence_is_asked_only_for_a_serving_parent_s_child_and_in_its_own_part(law, api, case, law_events):
    ask = case.call("authority", "RequestAdvice")
    for adviser, role in (("defence", "ADVISER"), ("school", "MINISTRY_OF_DEFENCE")):
        wrong = case.asking(adviser, "MOD_EDUCATION", role=role)
        assert refused(law_events, ask, wrong)[0] == "INVALID_REQUEST"
    civil = Case(law, api, case.number + 900)
    civil.open("2026-09-07")
    why, provision = refused(law_events, ask, civil.asking("defence", "MOD_EDUCATION", role="MINISTRY_OF_DEFENCE"))
    assert why == "RECIPIENT_NOT_PERMITTED" and "reg 6(1)(b)(iv)" in provision


def test_the_six_weeks_run_from_the_day_on_which_the_adviser_had_the_request(law, api, case, law_events):
    earlier = case.asking("school", "EDUCATION")
    earlier.content.received_by_adviser_on.CopyFrom(date(api, "2026-09-02"))
    ask = case.call("authority", "RequestAdvice")
    assert clock_days(ask(earlier).receipt) == {"ADVICE_RETURN_6W": "2026-10-14"}
    later = case.asking("hospital", "MEDICAL")
    later.content.received_by_adviser_on.CopyFrom(date(api, "2026-09-08"))
    assert refused(law_events, ask, later)[0] == "INVALID_REQUEST"
    # What is held already is no advice of reg 6: nobody's six weeks.
    held = case.asking("hospital", "MEDICAL")
    held.content.request_kind = api.assessment.ADVICE_REQUEST_KIND_EXISTING_INFORMATION
    assert clock_days(ask(held).receipt) == {}


def test_the_family_s_documents_go_to_each_adviser(law, api, case):
    document = upload(law, api, "authority")
    for adviser, kind in (("school", "EDUCATION"), ("hospital", "MEDICAL")):
        request = case.asking(adviser, kind)
        request.content.family_views.documents.add().CopyFrom(document)
        request.envelope.attachments.add().CopyFrom(document)
        receipt = case.call("authority", "RequestAdvice")(request).receipt
        waits = case.waiting(adviser, receipt.exchange)
        with pytest.raises(grpc.RpcError) as answer:
            download(law, api, adviser, document.attachment, waits.delivery_id)
        assert reason(answer.value) == "DELIVERY_ENDED"
        case.collected(adviser, receipt.exchange)
        assert download(law, api, adviser, document.attachment, waits.delivery_id)[1] == PDF


def test_advisers_answer_and_the_authority_clarifies(law, api, case, law_events):
    school = case.ask("school", "EDUCATION").exchange
    hospital = case.ask("hospital", "MEDICAL").exchange
    defence = case.ask("defence", "MOD_EDUCATION", role="MINISTRY_OF_DEFENCE").exchange
    case.answer("school", school, acknowledgement={"allocated_to_role": "SENCO"})
    question = case.answer("hospital", hospital, clarification_needed={"question": "Which service is meant?"})
    assert "CLOCK_RUNS_ON" in codes(question.warnings)
    assert case.collected("authority", question.exchange).advice_response.clarification_needed.question
    answer = case.answer("authority", hospital, clarification={"answer": "Invented therapy."})
    assert case.collected("hospital", answer.exchange).advice_response.clarification.answer == "Invented therapy."
    case.answer("defence", defence, clarification_needed={"question": "Which posting?"})
    answer = case.answer("authority", defence, clarification={"answer": "None."})
    assert case.collected("defence", answer.exchange).advice_response.clarification.answer == "None."
    unknown = case.answer("defence", defence, not_known_to_service={"note": "No record."})
    assert "NOT_KNOWN_IS_NOT_ADVICE" in codes(unknown.warnings)
    states = {one.agency_id: one.state for one in case.seen_by("authority").advisers if one.agency_id}
    assert states == {
        "school": api.assessment.ADVISER_STATE_ACKNOWLEDGED,
        "hospital": api.assessment.ADVISER_STATE_ACKNOWLEDGED,
        "defence": api.assessment.ADVISER_STATE_NOT_KNOWN,
    }
    again = case.answering("school", school, acknowledgement=True)
    assert refused(law_events, case.call("school", "RespondToAdviceRequest"), again)[0] == "CASE_STEP_REFUSED"
    stranger = case.answering("college", school, acknowledgement=True)
    assert refused(law_events, case.call("college", "RespondToAdviceRequest"), stranger)[0] == "EXCHANGE_NOT_FOUND"
    # Another adviser of the same case has not the request either.
    other = case.answering("hospital", school, acknowledgement=True)
    assert refused(law_events, case.call("hospital", "RespondToAdviceRequest"), other)[0] == "EXCHANGE_NOT_FOUND"


def test_an_adviser_s_exception_lifts_and_a_closure_is_none(law, api, case, law_events):
    hospital = case.ask("hospital", "MEDICAL").exchange
    call = case.call("hospital", "RespondToAdviceRequest")
    closed = case.answering("hospital", hospital, exception=case.exception("SCHOOL_CLOSED", "2026-09-10"))
    why, provision = refused(law_events, call, closed)
    assert why == "EXCEPTION_NOT_OPEN" and "reg 8(2)" in provision
    bare = case.answering("hospital", hospital, exception=case.exception("MISSED_APPOINTMENT", "2026-09-10", ""))
    why, provision = refused(law_events, call, bare)
    assert why == "CASE_STEP_REFUSED" and "reg 8(2)" in provision
    case.answer("hospital", hospital, exception=case.exception("MISSED_APPOINTMENT", "2026-09-10"))
    [clock] = case.clocks("hospital", hospital)
    [lifted] = clock.exceptions
    assert clock.state == api.clock.CLOCK_STATE_LIFTED and iso(clock.due_on) == DUE
    assert lifted.ground == api.assessment.EXCEPTION_GROUND_MISSED_APPOINTMENT
    assert (iso(getattr(lifted, "from")), lifted.recorded_by_agency_id) == ("2026-09-10", "hospital")
    [asked] = [one for one in case.seen_by("authority").advisers if one.agency_id == "hospital"]
    assert asked.state == api.assessment.ADVISER_STATE_EXCEPTION_CLAIMED


def test_a_late_adviser_is_chased_on_the_right_days_and_no_others(law, api, case):
    late = case.ask("school", "EDUCATION").exchange
    lifted = case.ask("hospital", "MEDICAL").exchange
    case.answer("hospital", lifted, exception=case.exception("MISSED_APPOINTMENT", "2026-09-10"))
    days = [
        ("2026-10-04", None),
        ("2026-10-05", "CLOCK_DUE_SOON"),
        ("2026-10-06", None),
        ("2026-10-12", "CLOCK_DUE_SOON"),
        ("2026-10-18", "CLOCK_DUE_SOON"),
        ("2026-10-19", "CLOCK_DUE_TODAY"),
        ("2026-10-20", "CLOCK_OVERDUE"),
        ("2026-10-21", None),
        ("2026-10-27", "CLOCK_OVERDUE"),
        ("2026-10-28", None),
    ]
    parties = [("school", late), ("authority", late), ("hospital", lifted), ("authority", lifted)]
    want = {party: [] for party in parties}
    for day, code in days:
        law.move_to(day)
        for agency, exchange in parties:
            # A lifted limit is not overdue: nobody is chased.
            if code and not (exchange == lifted and code == "CLOCK_OVERDUE"):
                want[agency, exchange].append((code, DUE))
        if code is None:
            # Two looks at the clocks: enough to see that nothing comes.
            rest()
        eventually(lambda: {party: case.told(*party) for party in parties}, want)
    [clock] = case.clocks("school", late)
    assert (clock.state, iso(clock.due_on)) == (api.clock.CLOCK_STATE_OVERDUE, DUE)
    [clock] = case.clocks("hospital", lifted)
    assert (clock.state, iso(clock.due_on)) == (api.clock.CLOCK_STATE_LIFTED, DUE)
    # Nothing personal in a notice: it is collected like any other delivery.
    [first, *_] = [one for one in case.notices("school", late)]
    [result] = collect(law, api, "school", [first.delivery_id])
    notice = result.delivery.hub_notice
    assert not result.delivery.HasField("envelope")
    assert (notice.case_reference, iso(notice.on), notice.exchange) == (case.reference, DUE, late)
    assert (notice.case, notice.rule) == (case.name, "ADVICE_RETURN_6W")
    assert notice.code == api.mailbox.HUB_NOTICE_CODE_CLOCK_DUE_SOON
    # Advice returned late is taken with a warning, and ends the chase.
    receipt = case.give("school", late)
    assert "ADVICE_LATE" in codes(receipt.warnings)
    [clock] = case.clocks("school", late)
    assert (clock.state, iso(clock.ended_on)) == (api.clock.CLOCK_STATE_MET_LATE, "2026-10-28")
    law.move_to("2026-11-03")
    rest()
    assert case.told("school", late) == want["school", late]


def test_an_exception_is_recorded_by_the_one_who_owes_and_only_on_an_open_ground(law, api, case, law_events):
    asked = case.ask("hospital", "MEDICAL").exchange
    [clock] = case.clocks("hospital", asked)
    assert [one.clock for one in case.clocks("authority", asked)] == [clock.clock]
    with pytest.raises(grpc.RpcError) as answer:
        case.clocks("school", asked)
    assert reason(answer.value) == "EXCHANGE_NOT_FOUND"

    def record(agency, ground):
        stub = case.stub(agency, "clock", "ClockService")
        request = api.clock.RecordExceptionRequest(request_id=str(uuid.uuid4()), clock=clock.clock)
        request.ground = getattr(api.assessment, f"EXCEPTION_GROUND_{ground}")
        getattr(request, "from").CopyFrom(date(api, "2026-09-10"))
        request.evidence = "Invented: a letter."
        return stub.RecordException, request

    why, _, provision = refusal(*record("hospital", "SCHOOL_CLOSED"))
    assert why == "EXCEPTION_NOT_OPEN" and "reg 8(1)" in provision
    assert law_events("CLOCK_EXCEPTION")[-1]["reason"] == "EXCEPTION_NOT_OPEN"
    assert refusal(*record("school", "MISSED_APPOINTMENT"))[0] == "CLOCK_NOT_FOUND"
    assert refusal(*record("authority", "MISSED_APPOINTMENT"))[0] == "CLOCK_NOT_FOUND"
    call, request = record("hospital", "MISSED_APPOINTMENT")
    done = call(request)
    assert (done.clock.state, iso(done.clock.due_on)) == (api.clock.CLOCK_STATE_LIFTED, DUE)
    written = law_events("CLOCK_EXCEPTION")
    assert written[-1]["due_on"] == DUE
    # Told again, it is the same exception.
    again = call(request)
    assert len(again.clock.exceptions) == 1 and not again.HasField("log")
    assert len(law_events("CLOCK_EXCEPTION")) == len(written)


def test_advice_comes_back_with_its_document_and_its_thread(law, api, case, law_events):
    asked = case.ask("hospital", "MEDICAL").exchange
    document = upload(law, api, "hospital")
    broken = case.advice("hospital", asked)
    broken.content.outcomes[0].need_ids.append("n9")
    broken.content.provisions[0].outcome_ids.append("o9")
    with pytest.raises(grpc.RpcError) as answer:
        case.call("hospital", "ReturnAdvice")(broken)
    assert wrong_fields(answer.value) == ["content.outcomes[0].need_ids[1]", "content.provisions[0].outcome_ids[1]"]
    advice = case.advice("hospital", asked)
    advice.content.provisions[0].what = "Regular access to invented therapy"
    advice.content.document.CopyFrom(document)
    advice.envelope.attachments.add().CopyFrom(document)
    receipt = case.call("hospital", "ReturnAdvice")(advice).receipt
    assert "VAGUE_PROVISION" in codes(receipt.warnings)
    waits = case.waiting("authority", receipt.exchange)
    delivery = case.collected("authority", receipt.exchange)
    assert delivery.advice.needs[0].need_id == "n1" and delivery.advice.document.attachment == document.attachment
    digest, data = download(law, api, "authority", document.attachment, waits.delivery_id)
    assert data == PDF and digest == hashlib.sha256(PDF).digest() == delivery.advice.document.sha256
    with pytest.raises(grpc.RpcError) as answer:
        download(law, api, "school", document.attachment, waits.delivery_id)
    assert reason(answer.value) == "DELIVERY_NOT_FOUND"
    [clock] = case.clocks("hospital", asked)
    assert clock.state == api.clock.CLOCK_STATE_MET
    # Sent back with reasons: the day does not move.
    back = case.decide(asked, send_back={"reasons": "The provision is not quantified."})
    assert clock_days(back) == {"ADVICE_RETURN_6W": DUE}
    assert case.collected("hospital", back.exchange).advice_decision.send_back.reasons
    again = case.give("hospital", asked)
    assert "VAGUE_PROVISION" not in codes(again.warnings)
    taken = case.decide(asked, accept=True)
    assert case.collected("hospital", taken.exchange).advice_decision.HasField("accept")
    [state] = {one.state for one in case.seen_by("authority").advisers if one.agency_id == "hospital"}
    assert state == api.assessment.ADVISER_STATE_ACCEPTED
    once_more = case.deciding(asked, send_back={"reasons": "Once more."})
    assert refused(law_events, case.call("authority", "DecideAdvice"), once_more)[0] == "CASE_STEP_REFUSED"


def test_a_document_that_content_names_must_stand_in_the_envelope(law, api, case):
    asked = case.ask("hospital", "MEDICAL").exchange
    advice = case.advice("hospital", asked)
    advice.content.document.CopyFrom(upload(law, api, "hospital"))
    with pytest.raises(grpc.RpcError) as answer:
        case.call("hospital", "ReturnAdvice")(advice)
    assert wrong_fields(answer.value) == ["content.document"]


def test_earlier_advice_is_used_when_all_three_agree_and_then_not_asked_for(law, api, case, law_events):
    call = case.call("authority", "DecideAdvice")
    open_request = case.ask("hospital", "MEDICAL").exchange
    for no in ("author_agrees", "authority_agrees", "family_agrees"):
        request = case.existing("MEDICAL", "hospital", "2026-06-01", no=no)
        why, provision = refused(law_events, call, request)
        assert why == "CASE_STEP_REFUSED" and "reg 6(4)" in provision
    receipt = call(case.existing("MEDICAL", "hospital", "2026-06-01")).receipt
    assert case.collected("hospital", receipt.exchange).advice_decision.HasField("use_existing")
    why, provision = refused(law_events, case.call("authority", "RequestAdvice"), case.asking("hospital", "MEDICAL"))
    assert why == "EXISTING_ADVICE_SUFFICES" and "reg 6(4)" in provision
    asked = [one for one in case.seen_by("authority").advisers if one.kind == api.assessment.ADVISER_KIND_MEDICAL]
    states = [api.assessment.ADVISER_STATE_SUPERSEDED, api.assessment.ADVISER_STATE_EXISTING_ADVICE]
    assert [one.state for one in asked] == states
    # Nobody waits for the request that was open.
    [clock] = case.clocks("hospital", open_request)
    assert clock.state == api.clock.CLOCK_STATE_STOPPED


def test_a_repetition_gets_the_same_receipt_and_another_body_is_refused(law, api, case):
    request = case.asking("school", "EDUCATION")
    call = case.call("authority", "RequestAdvice")
    first = call(request).receipt
    again = call(request).receipt
    assert (first.exchange, first.content_salt, first.clocks_started) == (
        again.exchange,
        again.content_salt,
        again.clocks_started,
    )
    assert first.log.inclusion.leaf_index == again.log.inclusion.leaf_index
    request.content.questions.append("And what else?")
    assert refusal(call, request)[0] == "REQUEST_ID_REUSED"
    assert len(case.clocks("authority", first.exchange)) == 1


def test_one_intent_sent_many_times_at_once_is_taken_once(law, api, case):
    request = case.asking("school", "EDUCATION")
    call = case.call("authority", "RequestAdvice")
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        exchanges = set(pool.map(lambda _: call(request).receipt.exchange, range(8)))
    assert len(exchanges) == 1
    assert len(case.clocks("authority", exchanges.pop())) == 1


def test_steps_at_the_same_time_both_hold_or_one_is_refused_cleanly(law, api, case):
    kinds = [("school", "EDUCATION"), ("hospital", "MEDICAL"), ("new-authority", "PSYCHOLOGICAL")]
    requests = [case.asking(*one) for one in kinds]
    call = case.call("authority", "RequestAdvice")
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        receipts = list(pool.map(lambda request: call(request).receipt, requests))
    assert len({receipt.exchange for receipt in receipts}) == 3
    asked = receipts[0].exchange
    answers = [case.answering("school", asked, acknowledgement=True) for _ in range(4)]
    respond = case.call("school", "RespondToAdviceRequest")

    def outcome(request):
        try:
            respond(request)
            return "OK"
        except grpc.RpcError as error:
            return reason(error)

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        outcomes = sorted(pool.map(outcome, answers))
    assert outcomes == ["CASE_STEP_REFUSED"] * 3 + ["OK"]
    assert len([one for one in case.seen_by("authority").advisers if one.agency_id]) == 3


def test_an_adviser_sees_its_own_part_only(law, api, case):
    case.ask("school", "EDUCATION")
    hospital = case.ask("hospital", "MEDICAL").exchange
    seen = case.seen_by("hospital")
    assert [one.agency_id for one in seen.advisers] == ["hospital"]
    assert [one.exchange for one in seen.exchanges] == [hospital]
    assert [clock.rule for clock in seen.clocks] == ["ADVICE_RETURN_6W"]
    assert not seen.warnings
    assert nhs_number(case.number) not in str(case.seen_by("authority"))
    with pytest.raises(grpc.RpcError) as answer:
        case.seen_by("college")
    assert reason(answer.value) == "CASE_NOT_FOUND"
