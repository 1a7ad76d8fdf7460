"""Consent and young people's rights at the gateway: who may agree, from which day, and what stops when they do not.

Days and birthdays are those of the last Friday in June 2026, the 26th (Education Act 1996 s.8; SI 1997/1970).
"""

import json
import uuid

import pytest
from law import date, person, refusal
from rights import PARENT, SIXTEEN_IN_JULY, Pupil, delivery, rule
from wire import proven, upn

BEFORE, LAST, PASSED = "2026-06-20", "2026-06-26", "2026-06-27"


@pytest.fixture
def pupil(law, api):
    """Makes pupils by their birthday."""
    return lambda born=SIXTEEN_IN_JULY: Pupil(law, api, born)


@pytest.fixture
def child(law, pupil):
    """A child of whom it is recorded that they do not understand, with the parent's consent."""
    law.move_to(BEFORE)
    one = pupil()
    one.understands("NO", BEFORE)
    one.consent = one.consents("PARENT", BEFORE).consent
    return one


# ---- The day on which rights pass ------------------------------------------------------------------------


def test_a_parents_consent_counts_until_the_last_friday_in_june(law, api, child):
    """Reg 17(3) on the 26th; CFA 2014 s.83(2) from the 27th."""
    law.move_to(LAST)
    receipt = child.sends()
    assert rule(receipt) == "CONSENT_PARENT" and receipt.decision.provision
    handed = child.collects(delivery(receipt))
    assert handed.plan.section_b.text == f"Needs of {child.number}"
    assert handed.decision.reason_code == "CONSENT_PARENT"
    law.move_to(PASSED)
    code, _, provision = refusal(child.send_plan(), child.plan())
    assert code == "CONSENT_LAPSED" and "CFA 2014 s.83(2)" in provision
    law.move_to(LAST)


def test_what_was_sent_on_the_26th_is_refused_on_the_27th_and_all_are_told_once(law, api, child):
    """Decided at sending and again at collection, with that day's facts."""
    law.move_to(LAST)
    receipt = child.sends()
    law.move_to(PASSED)
    for _ in range(2):
        refused = child.collects(delivery(receipt))
        assert refused.reason == "CONSENT_LAPSED" and "s.83(2)" in refused.provision
    for agency in ("authority", "college"):
        (told,) = child.told(agency, "COLLECTION_REFUSED", receipt)
        notice = told.hub_notice
        assert notice.case_reference == child.reference
        assert (notice.on.year, notice.on.month, notice.on.day) == (2026, 6, 27)
        assert not told.HasField("envelope")
        text = str(told)
        assert "Invented" not in text and upn(child.number) not in text and "2010" not in text
        assert child.told(agency, "COLLECTION_REFUSED", receipt) == []
    kinds = [leaf["kind"] for _, leaf in child.leaves(receipt=receipt)]
    assert kinds.count("COLLECTION_REFUSED") == 2
    # Nobody but the hub's own notices is disclosed of it.
    assert all(leaf.get("exchange_kind") == "HUB_NOTICE" for _, leaf in child.leaves("DISCLOSED", receipt))


def test_the_young_persons_own_consent_counts_from_the_27th(law, child):
    """CFA 2014 s.83(2): the young person, although not yet 16."""
    law.move_to(LAST)
    receipt = child.sends()
    law.move_to(PASSED)
    assert child.collects(delivery(receipt)).reason == "CONSENT_LAPSED"
    child.consents("YOUNG_PERSON", PASSED)
    assert child.collects(delivery(receipt)).decision.reason_code == "CONSENT_YOUNG_PERSON"
    again = child.sends()
    assert rule(again) == "CONSENT_YOUNG_PERSON"
    assert child.collects(delivery(again)).plan.plan_reference == f"PLAN-{child.number}"


# ---- Children: understanding -----------------------------------------------------------------------------


def test_a_child_who_understands_consents_and_the_parent_does_not(law, pupil):
    """Reg 17(2): the child where they understand; reg 17(3): the parent only where they do not."""
    law.move_to(BEFORE)
    one = pupil()
    one.understands("YES", BEFORE)
    one.consents("PARENT", BEFORE)
    code, _, provision = refusal(one.send_plan(), one.plan())
    assert code == "CONSENT_WRONG_GIVER" and "reg 17" in provision
    one.consents("CHILD", BEFORE)
    receipt = one.sends()
    assert rule(receipt) == "CONSENT_CHILD"
    assert one.collects(delivery(receipt)).decision.reason_code == "CONSENT_CHILD"


def test_understanding_is_found_for_one_decision(law, pupil):
    """Reg 17(2): whether the child understands this; another decision's finding does not count."""
    law.move_to(BEFORE)
    one = pupil()
    one.understands("NO", BEFORE, decision="APPEAL")
    one.consents("PARENT", BEFORE)
    assert one.sends().recipient_decisions[0].decision.reason_code == "UNDERSTANDING_NOT_RECORDED"


def test_without_a_finding_a_named_person_decides_and_signs(law, api, pupil):
    """A referral waits at the sender's, is decided once, and only then does a copy exist."""
    law.move_to(BEFORE)
    one = pupil()
    consent = one.consents("PARENT", BEFORE).consent
    receipt = one.sends()
    (decision,) = receipt.recipient_decisions
    assert decision.decision.effect == api.types.EFFECT_REFER
    assert decision.decision.reason_code == "UNDERSTANDING_NOT_RECORDED"
    assert decision.referral and not decision.delivery_id
    assert one.waiting("college", receipt) == []
    (told,) = one.told("authority", "REFERRAL_WAITING", receipt)
    assert told.hub_notice.case_reference == one.reference
    listed = law.named_person(api, "authority").ListReferrals(
        api.policy.ListReferralsRequest(open_only=True, page_size=500)
    )
    (referral,) = [found for found in listed.referrals if found.referral == decision.referral]
    assert "understand" in referral.question and referral.recipient_agency_id == "college"
    request = api.policy.DecideReferralRequest(
        referral=decision.referral,
        outcome=api.policy.REFERRAL_OUTCOME_ALLOWED,
        officer_name="Somebody Else",
        officer_role="Head",
        reasons="Not theirs to decide at all.",
        statement="I have read what is referred.",
    )
    stranger = law.named_person(api, "school")
    assert refusal(stranger.DecideReferral, request)[0] == "REFERRAL_NOT_FOUND"
    # A system decides nothing, not even its own agency's: a named person does.
    for system in ("la-system", "mis-system"):
        machine = law.stub(api, "authority", "policy", "ReferralService", role=system)
        assert refusal(machine.DecideReferral, request)[0] == "SCOPE_MISSING"
    done = one.decides(decision.referral, "ALLOWED")
    assert done.delivery_id and proven(done.log, key_of(law, one))
    again = law.named_person(api, "authority")
    assert refusal(again.DecideReferral, request)[0] == "REFERRAL_DECIDED"
    handed = one.collects(done.delivery_id)
    assert handed.decision.reason_code == "REFERRAL_ALLOWED"
    # The leaf names the office, never the officer.
    (leaf,) = [leaf for _, leaf in one.leaves("REFERRAL_DECIDED", receipt) if leaf["outcome"] == "SUCCESS"]
    assert (leaf["actor"], leaf["role"]) == ("authority-person-1", "la-case-officer")
    assert "SEND case officer" in json.dumps(leaf) and "Invented Officer" not in json.dumps(leaf)
    # What was allowed on a consent falls with it.
    second = one.sends()
    granted = one.decides(second.recipient_decisions[0].referral, "ALLOWED").delivery_id
    ended = one.withdraws(consent, BEFORE)
    assert ended.stopped_deliveries == 1 and one.state(second) == ["STOPPED"] and one.state(receipt) == ["COLLECTED"]
    assert one.collects(granted).reason == "DELIVERY_ENDED"
    assert one.collects(done.delivery_id).reason == "CONSENT_WITHDRAWN"


def test_a_refused_referral_delivers_nothing(law, pupil):
    """A named person's no is a no, and both are told."""
    law.move_to(BEFORE)
    one = pupil()
    one.consents("PARENT", BEFORE)
    receipt = one.sends()
    done = one.decides(receipt.recipient_decisions[0].referral, "REFUSED")
    assert done.delivery_id == ""
    assert one.waiting("college", receipt) == []
    assert len(one.told("authority", "REFERRAL_DECIDED", receipt)) == 1
    assert one.state(receipt) == []


def test_what_a_named_person_allowed_does_not_answer_another_question(law, api, pupil):
    """Allowed for want of a finding; an exclusion recorded afterwards is another question."""
    law.move_to(BEFORE)
    one = pupil()
    one.consents("PARENT", BEFORE)
    receipt = one.sends()
    allowed = one.decides(receipt.recipient_decisions[0].referral, "ALLOWED").delivery_id
    opinion(one, api, BEFORE)
    one.records("exclusion", BEFORE, agency="college", asked_by=api.rights.GIVER_KIND_PARENT)
    assert one.collects(allowed).reason == "DELIVERY_ENDED"
    # Of a disclosure that the rules refer for two reasons, each is a question of its own.
    two = pupil()
    two.consents("PARENT", BEFORE)
    opinion(two, api, BEFORE)
    claimed = two.sends(ground="INTERESTS_OF_CHILD")
    waiting = delivery(claimed)
    two.records("exclusion", BEFORE, agency="college", asked_by=api.rights.GIVER_KIND_PARENT)
    assert two.collects(waiting).reason == "RECIPIENT_EXCLUDED"
    assert two.collects(waiting).reason == "RECIPIENT_EXCLUDED"
    assert len(two.told("authority", "REFERRAL_WAITING", claimed)) == 1


# ---- Young people ----------------------------------------------------------------------------------------

SEVENTEEN, DAY = "2009-01-10", "2026-07-01"


def test_a_young_person_may_authorise_a_parent_and_take_it_back(law, api, pupil):
    """Code 8.14: a parent speaks for a young person only with their authority."""
    law.move_to(DAY)
    one = pupil(SEVENTEEN)
    one.consents("PARENT", DAY)
    code, _, _ = refusal(one.send_plan(), one.plan())
    assert code == "CONSENT_WRONG_GIVER"
    authority = one.records(
        "authority_for_parent",
        DAY,
        parent_name=PARENT,
        decisions=["CONSENT_TO_DISCLOSURE"],
        given_on=DAY,
        method=api.rights.CONSENT_METHOD_WRITTEN,
    ).fact
    receipt = one.sends()
    assert rule(receipt) == "CONSENT_AUTHORISED_PARENT"
    ended = one.stub("authority", "rights", "RightHolderService").WithdrawFact(
        api.rights.WithdrawFactRequest(
            request_id=str(uuid.uuid4()),
            fact=authority,
            withdrawn_on=one.consent_request("PARENT", DAY).consent.given_on,
            reason="taken back",
        )
    )
    assert ended.stopped_deliveries == 1 and one.state(receipt) == ["STOPPED"]
    assert refusal(one.send_plan(), one.plan())[0] == code


def test_whom_the_young_person_keeps_out_does_not_get_it(law, api, pupil):
    """CFA 2014 s.19: consent to anyone, but not to the college; what waits for it stops."""
    law.move_to(DAY)
    one = pupil(SEVENTEEN)
    one.consents("YOUNG_PERSON", DAY, to=None)
    both = [("college", "THIRD_PARTY"), ("next-school", "THIRD_PARTY")]
    receipt = one.sends(recipients=both)
    kept_out = one.records("exclusion", DAY, agency="college", asked_by=api.rights.GIVER_KIND_YOUNG_PERSON)
    assert kept_out.stopped_deliveries == 1
    first, second = receipt.recipient_decisions
    assert one.collects(first.delivery_id).reason == "DELIVERY_ENDED"
    assert one.collects(second.delivery_id, "next-school").decision.reason_code == "CONSENT_YOUNG_PERSON"
    code, _, _ = refusal(one.send_plan(), one.plan())
    assert code == "RECIPIENT_EXCLUDED"
    # One refusal refuses the whole: nobody shall think that all have it.
    assert refusal(one.send_plan(), one.plan(recipients=both))[0] == code
    assert rule(one.sends(recipients=[("next-school", "THIRD_PARTY")])) == "CONSENT_YOUNG_PERSON"


def test_a_finding_for_this_decision_hands_it_to_the_parent_then_to_the_deputy(law, api, pupil):
    """CFA 2014 s.80(4); reg 64(2): representative first, the parent only without one."""
    law.move_to(DAY)
    one = pupil(SEVENTEEN)
    one.consents("PARENT", DAY)
    one.lacks_capacity(DAY, decision="ADVICE")
    assert refusal(one.send_plan(), one.plan())[0] == "CONSENT_WRONG_GIVER"
    own = one.consents("YOUNG_PERSON", DAY).consent
    assert rule(one.sends()) == "CONSENT_YOUNG_PERSON"
    found = one.lacks_capacity(DAY)
    # The young person's word no longer counts for this, the parent's does.
    assert rule(one.sends()) == "CONSENT_ALTERNATIVE_PERSON"
    assert found.stopped_deliveries == 0 and own
    deputy = one.records(
        "representative",
        DAY,
        kind=api.rights.REPRESENTATIVE_KIND_DEPUTY,
        name="Invented Deputy",
        reference="COP-1",
        decisions=["CONSENT_TO_DISCLOSURE"],
    )
    assert deputy.stopped_deliveries >= 1
    assert refusal(one.send_plan(), one.plan())[0] == "CONSENT_WRONG_GIVER"
    one.consents("REPRESENTATIVE", DAY, name="Invented Deputy")
    receipt = one.sends()
    assert rule(receipt) == "CONSENT_REPRESENTATIVE"
    assert one.holder(DAY).holder == api.rights.HOLDER_KIND_REPRESENTATIVE
    assert one.collects(delivery(receipt)).decision.reason_code == "CONSENT_REPRESENTATIVE"


def test_under_16_nobody_is_found_to_lack_capacity(law, child):
    """Mental Capacity Act 2005 s.2(5): the young person holds the rights; a named person decides."""
    law.move_to(PASSED)
    child.consents("YOUNG_PERSON", PASSED)
    child.lacks_capacity(PASSED)
    receipt = child.sends()
    (decision,) = receipt.recipient_decisions
    assert decision.decision.reason_code == "MCA_NOT_AVAILABLE_UNDER_16"
    assert decision.decision.provision == "Mental Capacity Act 2005 s.2(5)"
    assert decision.referral and not decision.delivery_id
    allowed = child.decides(decision.referral, "ALLOWED").delivery_id
    assert child.collects(allowed).decision.reason_code == "REFERRAL_ALLOWED"


# ---- Grounds of reg 17(1) --------------------------------------------------------------------------------


def opinion(one, api, on, recipient="college", by="authority"):
    """The authority's opinion under reg 17(1)(a)."""
    return one.records(
        "authority_opinion",
        on,
        by=by,
        officer_name="Invented Officer",
        officer_role="SEND manager",
        reason="Necessary so that support is there on the first day.",
        recipient=recipient,
        items=[api.types_disclosure.ITEM_EHC_PLAN],
        **{"from": on},
    )


def test_only_an_authority_can_hold_that_a_disclosure_is_necessary(law, api, pupil):
    """Reg 17(1)(a): the local authority's opinion, about this recipient."""
    law.move_to(DAY)
    one = pupil(SEVENTEEN)
    claimed = {"ground": "INTERESTS_OF_CHILD"}
    code, _, provision = refusal(one.send_plan(), one.plan(**claimed))
    assert code == "REG17_1A_OPINION_MISSING" and "17(1)(a)" in provision
    schools = one.stub("school", "rights", "RightHolderService")
    by_school = one.fact_request(
        "authority_opinion",
        DAY,
        officer_name="Invented Head",
        officer_role="Head",
        reason="The school thinks it necessary.",
        recipient="college",
        items=[api.types_disclosure.ITEM_EHC_PLAN],
        **{"from": DAY},
    )
    code, _, provision = refusal(schools.RecordFact, by_school)
    assert code == "RIGHTS_RECORDER_NOT_PERMITTED" and "17(1)(a)" in provision
    opinion(one, api, DAY, recipient="next-school")
    assert refusal(one.send_plan(), one.plan(**claimed))[0] == "REG17_1A_OPINION_MISSING"
    opinion(one, api, DAY)
    receipt = one.sends(**claimed)
    assert rule(receipt) == "REG17_1A_INTERESTS"
    assert one.collects(delivery(receipt)).decision.reason_code == "REG17_1A_INTERESTS"


def test_a_students_allowance_needs_the_young_persons_request(law, api, pupil):
    """Reg 17(1)(j), reg 47."""
    law.move_to(DAY)
    one = pupil("2007-05-05")
    claimed = {"ground": "DSA", "recipients": [("college", "DSA_ASSESSOR")]}
    code, _, provision = refusal(one.send_plan(), one.plan(**claimed))
    assert code == "REG17_1J_REQUEST_MISSING" and "17(1)(j)" in provision
    one.records(
        "request_on_file",
        DAY,
        kind=api.rights.REQUEST_KIND_DISABLED_STUDENTS_ALLOWANCE,
        recipient="college",
        made_on=DAY,
        method=api.rights.CONSENT_METHOD_WRITTEN,
    )
    receipt = one.sends(**claimed)
    assert rule(receipt) == "REG17_1J_DSA"
    assert one.collects(delivery(receipt)).decision.reason_code == "REG17_1J_DSA"


def test_a_courts_order_counts_with_its_reference(law, pupil):
    """Reg 17(1)(d)."""
    law.move_to(DAY)
    one = pupil(SEVENTEEN)
    on_order = {"ground": "COURT_ORDER", "recipients": [("college", "THIRD_PARTY")]}
    code, _, provision = refusal(one.send_plan(), one.plan(**on_order))
    assert code == "REG17_1D_ORDER_MISSING" and "17(1)(d)" in provision
    receipt = one.sends(**on_order, reference="FD26P00001")
    assert "17(1)(d)" in receipt.decision.provision
    assert one.collects(delivery(receipt)).plan.plan_reference


def test_after_25_only_while_the_authority_keeps_the_plan(law, api, pupil):
    """CFA 2014 ss.46, 83(2)."""
    law.move_to(DAY)
    one = pupil("2001-01-15")
    one.consents("YOUNG_PERSON", DAY)
    code, _, provision = refusal(one.send_plan(), one.plan())
    assert code == "OVER_25_NO_CONTINUATION" and "s.46" in provision.replace("ss.46", "s.46")
    kept = {
        "kind": api.rights.CONTINUATION_KIND_FURTHER_EDUCATION,
        "until": "2026-07-31",
        "decided_on": DAY,
    }
    school = one.stub("school", "rights", "RightHolderService")
    assert refusal(school.RecordFact, one.fact_request("plan_continuation", DAY, **kept))[0] == (
        "RIGHTS_RECORDER_NOT_PERMITTED"
    )
    one.records("plan_continuation", DAY, **kept)
    receipt = one.sends()
    assert rule(receipt) == "CONSENT_YOUNG_PERSON"
    law.move_to("2026-08-01")
    assert one.collects(delivery(receipt)).reason == "OVER_25_NO_CONTINUATION"
    law.move_to("2026-07-31")
    assert one.collects(delivery(receipt)).decision.reason_code == "CONSENT_YOUNG_PERSON"


# ---- Born on 1 September ---------------------------------------------------------------------------------


def test_on_the_first_of_september_both_agree_or_the_authority_rules(law, api, pupil):
    """Education Act 1996 ss.8, 579: the school's first day of term decides, and nobody has confirmed it."""
    law.move_to(DAY)
    one = pupil("2010-09-01")
    one.consents("PARENT", DAY)
    receipt = one.sends()
    (decision,) = receipt.recipient_decisions
    assert decision.decision.reason_code == "STATUS_NEEDS_DETERMINATION" and decision.referral
    assert one.holder(DAY).holder == api.rights.HOLDER_KIND_NEEDS_DETERMINATION
    one.consents("YOUNG_PERSON", DAY)
    agreed = one.sends()
    assert rule(agreed) == "CONSENT_BOTH"
    ruling = {
        "status": api.rights.AGE_STATUS_YOUNG_PERSON_UNDER_16,
        "from": PASSED,
        "ruled_on": DAY,
        "officer_role": "SEND manager",
    }
    school = one.stub("school", "rights", "RightHolderService")
    assert refusal(school.RecordFact, one.fact_request("age_determination", DAY, **ruling))[0] == (
        "RIGHTS_RECORDER_NOT_PERMITTED"
    )
    one.records("age_determination", DAY, **ruling)
    assert one.holder(DAY).holder == api.rights.HOLDER_KIND_YOUNG_PERSON
    assert rule(one.sends()) == "CONSENT_YOUNG_PERSON"
    assert one.collects(delivery(agreed)).decision.reason_code == "CONSENT_YOUNG_PERSON"


def test_ruled_a_child_the_parent_decides_for_another_year(law, api, pupil):
    """The other ruling: compulsory school age ends in June 2027."""
    law.move_to(DAY)
    one = pupil("2010-09-01")
    one.understands("NO", DAY)
    one.consents("PARENT", DAY)
    assert one.sends().recipient_decisions[0].referral
    one.records(
        "age_determination",
        DAY,
        status=api.rights.AGE_STATUS_CHILD_OF_CSA,
        ruled_on=DAY,
        **{"from": "2027-06-26"},
    )
    assert rule(one.sends()) == "CONSENT_PARENT"
    assert one.holder(DAY).holder == api.rights.HOLDER_KIND_CHILDS_PARENT


# ---- Reading ---------------------------------------------------------------------------------------------


def key_of(law, one):
    """The log's public key, as the operator reads it."""
    logs = one.stub("hub-operator", "audit", "AuditService").ListLogs(one.api.audit.ListLogsRequest())
    return next(log.verifier_key for log in logs.logs if log.verifier_key.split("+")[0] == log.origin)


def test_who_decides_is_said_in_words_with_the_day_on_which_it_changes(law, api, child):
    """An answer for people, and its reading in the log."""
    law.move_to(LAST)
    before = len(child.leaves("RIGHTS_READ"))
    answer = child.holder(LAST)
    assert answer.holder == api.rights.HOLDER_KIND_CHILDS_PARENT
    assert answer.basis == "The child's parent decides: the child is of compulsory school age."
    assert "Education Act 1996" in answer.provision
    assert (answer.changes_on.year, answer.changes_on.month, answer.changes_on.day) == (2026, 6, 27)
    after = child.holder(PASSED)
    assert after.holder == api.rights.HOLDER_KIND_YOUNG_PERSON
    assert "nobody takes their place" in after.basis and "Mental Capacity Act 2005 s.2(5)" in after.provision
    assert (after.changes_on.month, after.changes_on.day) == (7, 24)
    child.listed("consents")
    child.listed("facts")
    read = child.leaves("RIGHTS_READ")
    assert len(read) == before + 4
    assert {leaf["agency"] for _, leaf in read[before:]} == {"authority"}
    text = json.dumps([leaf for _, leaf in read])
    assert "Invented" not in text and upn(child.number) not in text


def test_rights_are_read_only_by_those_who_have_to_do_with_the_person(law, api, child):
    """Nobody looks people up by their number; asking stands in the log."""
    law.move_to(LAST)
    request = api.rights.ListFactsRequest()
    person(api, request.subject, child.number, child.born)
    asked = len([leaf for _, leaf in child.leaves("RIGHTS_RECORDED") if leaf["outcome"] == "REFUSED"])
    hospital = child.stub("hospital", "rights", "RightHolderService")
    assert refusal(hospital.ListFacts, request)[0] == "RIGHTS_RECORD_NOT_FOUND"
    refused = [leaf for _, leaf in child.leaves("RIGHTS_RECORDED") if leaf["outcome"] == "REFUSED"]
    assert len(refused) == asked + 1 and refused[-1]["agency"] == "hospital"
    # The college has received something, so it may ask.
    child.collects(delivery(child.sends()))
    assert len(child.listed("consents", by="college").consents) == 1


def test_what_only_an_authority_states_only_an_authority_takes_back(law, api, pupil):
    """A school ends neither ruling nor opinion, and replaces none with a fact of its own."""
    law.move_to(DAY)
    one = pupil(SEVENTEEN)
    stated = opinion(one, api, DAY).fact
    school = one.stub("school", "rights", "RightHolderService")
    ending = api.rights.WithdrawFactRequest(
        request_id=str(uuid.uuid4()), fact=stated, withdrawn_on=date(api, DAY), reason="not ours"
    )
    assert refusal(school.WithdrawFact, ending)[0] == "RIGHTS_RECORDER_NOT_PERMITTED"
    replacing = one.fact_request(
        "exclusion", DAY, supersedes=stated, agency="hospital", asked_by=api.rights.GIVER_KIND_YOUNG_PERSON
    )
    assert refusal(school.RecordFact, replacing)[0] == "RIGHTS_RECORD_NOT_FOUND"
    # A fact is not ended under a consent's name.
    as_consent = one.withdrawal(stated.replace("facts", "consents"), DAY)
    service = one.stub("authority", "rights", "ConsentService")
    assert refusal(service.WithdrawConsent, as_consent)[0] == "RIGHTS_RECORD_NOT_FOUND"
    assert rule(one.sends(ground="INTERESTS_OF_CHILD")) == "REG17_1A_INTERESTS"


def test_records_are_listed_with_their_state(law, api, child):
    """In force, not yet, expired, withdrawn, superseded, lapsed."""
    law.move_to(LAST)
    later = child.consents("PARENT", LAST, valid_from="2026-07-20").consent
    short = child.consents("PARENT", "2026-06-21", valid_until="2026-06-22").consent
    gone = child.consents("PARENT", LAST, to=["next-school"]).consent
    child.withdraws(gone, LAST)
    old = child.consents("PARENT", LAST, to=["hospital"]).consent
    new = child.consents("PARENT", LAST, to=["hospital"], supersedes=old).consent
    states = child.states("consents")
    assert states == {
        child.consent: "IN_FORCE",
        later: "NOT_YET",
        short: "EXPIRED",
        gone: "WITHDRAWN",
        old: "SUPERSEDED",
        new: "IN_FORCE",
    }
    names = [one.name for one in child.listed("consents").consents]
    assert names[0] == new and names[-1] == child.consent
    token, paged = "", []
    while True:
        page = child.listed("consents", page_size=4, page_token=token)
        paged += [one.name for one in page.consents]
        token = page.next_page_token
        if not token:
            break
    assert paged == names
    first = child.understands("NO", LAST).fact
    second = child.understands("NO", LAST, supersedes=first).fact
    states = child.states("facts")
    assert states[first] == "SUPERSEDED" and states[second] == "IN_FORCE"
    law.move_to(PASSED)
    assert child.states("consents")[child.consent] == "LAPSED"


def test_recording_twice_records_once(law, child):
    """The request id is the key; the same id with another content is refused."""
    law.move_to(LAST)
    request = child.consent_request("PARENT", LAST, to=["hospital"])
    service = child.stub("authority", "rights", "ConsentService")
    first, second = service.RecordConsent(request), service.RecordConsent(request)
    assert first.consent == second.consent and proven(first.log, key_of(law, child))
    assert len(child.listed("consents").consents) == 2
    request.consent.evidence = "another"
    assert refusal(service.RecordConsent, request)[0] == "REQUEST_ID_REUSED"
    waiting = child.sends()
    ending = child.withdrawal(child.consent, LAST)
    one, two = service.WithdrawConsent(ending), service.WithdrawConsent(ending)
    assert one.stopped_deliveries == 1 and two.consent == one.consent
    assert child.state(waiting) == ["STOPPED"]
    assert len(child.told("college", "CONSENT_WITHDRAWN", waiting)) == 1


# ---- Withdrawal ------------------------------------------------------------------------------------------


def test_a_withdrawal_stops_everything_not_yet_collected(law, api, child):
    """What was collected stays collected; it is not handed over again, and all concerned are told."""
    law.move_to(LAST)
    had, open_one, open_two = child.sends(), child.sends(), child.sends()
    child.collects(delivery(had))
    ended = child.withdraws(child.consent, LAST)
    assert ended.stopped_deliveries == 2 and proven(ended.log, key_of(law, child))
    leaf = json.loads(ended.log.leaf_entry)
    assert leaf["kind"] == "RIGHTS_RECORDED" and "CONSENT_WITHDRAWN" in json.dumps(leaf)
    assert [child.state(one) for one in (had, open_one, open_two)] == [["COLLECTED"], ["STOPPED"], ["STOPPED"]]
    for one in (open_one, open_two):
        refused = child.collects(delivery(one))
        assert refused.reason == "DELIVERY_ENDED"
        for agency in ("authority", "college"):
            (told,) = child.told(agency, "CONSENT_WITHDRAWN", one)
            assert told.hub_notice.case_reference == child.reference
            assert "Invented" not in str(told)
    # Who has it already is told as well, and does not get it again.
    assert len(child.told("college", "CONSENT_WITHDRAWN", had)) == 1
    assert child.collects(delivery(had)).reason == "CONSENT_WITHDRAWN"
    assert refusal(child.send_plan(), child.plan())[0] == "CONSENT_WITHDRAWN"


def test_a_refusal_stops_what_waits_too(law, api, child):
    """A later no ends an earlier yes."""
    law.move_to(LAST)
    receipt = child.sends()
    done = child.consents("PARENT", LAST, decision="REFUSED")
    assert done.stopped_deliveries == 1 and child.state(receipt) == ["STOPPED"]
    assert refusal(child.send_plan(), child.plan())[0] == "CONSENT_REFUSED"


def test_scope_is_item_recipient_and_purpose(law, child):
    """Reg 17(1): a consent covers what it names."""
    law.move_to(LAST)
    assert refusal(child.send_plan(), child.plan(purpose="OTHER"))[0] == "CONSENT_OUT_OF_SCOPE"
    to_other = child.plan(recipients=[("next-school", "THIRD_PARTY")])
    assert refusal(child.send_plan(), to_other)[0] == "CONSENT_OUT_OF_SCOPE"


def test_nothing_of_a_person_stands_in_the_log(law, child):
    """Leaves hold pseudonyms and codes."""
    law.move_to(LAST)
    child.sends()
    # Why a glass was broken is the sender's own words: test_notices shows that they name nobody.
    found = [{key: leaf[key] for key in leaf if key != "break_glass_reason"} for _, leaf in child.leaves()]
    text = json.dumps(found)
    for personal in ("Invented", upn(child.number), PARENT, child.born, "Needs of", "PLAN-"):
        assert personal not in text, personal
