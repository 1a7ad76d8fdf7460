"""Whose records are whose: who may end or replace one, what is refused at recording, and whose word opens nothing."""

import uuid

import grpc
import pytest
from law import collect, date, person, refusal
from rights import PARENT, Pupil, delivery, rule
from sharing import CHILD, agree, consent, information
from wire import wrong_fields

SEVENTEEN, TENYEARS, DAY, NEXT = "2009-01-10", "2016-01-10", "2026-07-01", "2026-07-02"
NOT_YOURS = "RIGHTS_RECORDER_NOT_PERMITTED"


@pytest.fixture
def pupil(law, api):
    """Makes pupils by their birthday, on one day."""
    law.move_to(DAY)
    return lambda born=SEVENTEEN: Pupil(law, api, born)


def ends(one, fact, on=DAY):
    """The request that ends a fact."""
    return one.api.rights.WithdrawFactRequest(
        request_id=str(uuid.uuid4()), fact=fact, withdrawn_on=date(one.api, on), reason="test"
    )


def fields(call, request):
    """The fields that a refusal names."""
    with pytest.raises(grpc.RpcError) as error:
        call(request)
    return set(wrong_fields(error.value))


def recorder(one, agency="authority"):
    """The call that records a fact."""
    return one.stub(agency, "rights", "RightHolderService").RecordFact


def consenting(one, agency="authority"):
    """The call that records a consent."""
    return one.stub(agency, "rights", "ConsentService").RecordConsent


# ---- Ending ----------------------------------------------------------------------------------------------


def test_what_protects_is_ended_only_by_its_recorder_or_an_authority(api, pupil):
    """Ending an exclusion or a refusal opens what it kept shut."""
    one = pupil()
    young = api.rights.GIVER_KIND_YOUNG_PERSON
    kept_out = one.records("exclusion", DAY, by="school", agency="college", asked_by=young).fact
    no = one.consents("YOUNG_PERSON", DAY, by="school", decision="REFUSED", to=["hospital"]).consent
    one.consents("YOUNG_PERSON", DAY, to=["next-school"])
    one.collects(delivery(one.sends(recipients=[("next-school", "THIRD_PARTY")])), "next-school")
    for stranger in ("college", "next-school"):
        facts = one.stub(stranger, "rights", "RightHolderService")
        assert refusal(facts.WithdrawFact, ends(one, kept_out))[0] == NOT_YOURS
        consents = one.stub(stranger, "rights", "ConsentService")
        assert refusal(consents.WithdrawConsent, one.withdrawal(no, DAY))[0] == NOT_YOURS
    one.stub("school", "rights", "RightHolderService").WithdrawFact(ends(one, kept_out))
    one.withdraws(no, DAY, by="YOUNG_PERSON")
    assert set(one.states("facts").values()) == {"WITHDRAWN"}


def test_a_family_may_tell_any_agency_that_knows_the_person_of_its_withdrawal(pupil):
    """What only takes disclosure away must not be lost; an agency without an exchange has no part in it."""
    one = pupil()
    given = one.consents("YOUNG_PERSON", DAY, to=["college", "next-school"]).consent
    one.collects(delivery(one.sends()))
    waiting = one.sends(recipients=[("next-school", "THIRD_PARTY")])
    hospital = one.stub("hospital", "rights", "ConsentService")
    assert refusal(hospital.WithdrawConsent, one.withdrawal(given, DAY))[0] == NOT_YOURS
    ended = one.withdraws(given, DAY, agency="college", by="YOUNG_PERSON")
    assert ended.stopped_deliveries == 1 and one.state(waiting) == ["STOPPED"]


def test_a_record_is_not_ended_before_it_began(law, pupil):
    """Neither is a consent withdrawn under a fact's method."""
    one = pupil()
    given = one.consents("YOUNG_PERSON", DAY).consent
    law.move_to(NEXT)
    service = one.stub("authority", "rights", "ConsentService")
    assert fields(service.WithdrawConsent, one.withdrawal(given, "2026-06-30")) == {"withdrawn_on"}
    facts = one.stub("authority", "rights", "RightHolderService")
    as_fact = ends(one, given.replace("consents", "facts"), NEXT)
    assert refusal(facts.WithdrawFact, as_fact)[0] == "RIGHTS_RECORD_NOT_FOUND"
    service.WithdrawConsent(one.withdrawal(given, DAY))
    law.move_to(DAY)


def test_a_withdrawal_beats_what_was_granted_before_it_on_the_same_day(pupil):
    """The order of recording counts; a consent given anew afterwards stands."""
    one = pupil()
    first = one.consents("YOUNG_PERSON", DAY).consent
    one.consents("YOUNG_PERSON", DAY)
    waiting = one.sends()
    assert one.withdraws(first, DAY, by="YOUNG_PERSON").stopped_deliveries == 1
    assert one.state(waiting) == ["STOPPED"]
    assert refusal(one.send_plan(), one.plan())[0] == "CONSENT_WITHDRAWN"
    one.consents("YOUNG_PERSON", DAY)
    assert rule(one.sends()) == "CONSENT_YOUNG_PERSON"


# ---- Replacing -------------------------------------------------------------------------------------------


def test_a_record_is_replaced_only_by_its_recorder_or_an_authority(api, pupil):
    """As with ending; and a name of another form is a wrong field."""
    one = pupil()
    young = api.rights.GIVER_KIND_YOUNG_PERSON
    kept_out = one.records("exclusion", DAY, by="school", agency="college", asked_by=young).fact
    other = one.fact_request("exclusion", DAY, supersedes=kept_out, agency="hospital", asked_by=young)
    assert refusal(recorder(one, "college"), other)[0] == NOT_YOURS
    recorder(one, "school")(other)
    malformed = one.fact_request("exclusion", DAY, supersedes="facts/1", agency="college", asked_by=young)
    assert fields(recorder(one), malformed) == {"fact.supersedes"}
    replacing = one.consent_request("YOUNG_PERSON", DAY, supersedes=kept_out)
    assert fields(consenting(one), replacing) == {"consent.supersedes"}


def test_what_a_replaced_record_carried_stops(api, pupil):
    """A consent replaced by a narrower one, an authority for a parent by one for another decision."""
    one = pupil()
    old = one.consents("YOUNG_PERSON", DAY).consent
    waiting = one.sends()
    done = one.consents("YOUNG_PERSON", DAY, to=["hospital"], supersedes=old)
    assert done.stopped_deliveries == 1 and one.state(waiting) == ["STOPPED"]
    two = pupil()
    given = {"parent_name": PARENT, "given_on": DAY, "method": api.rights.CONSENT_METHOD_WRITTEN}
    authority = two.records("authority_for_parent", DAY, decisions=["EHC_PLAN"], **given).fact
    two.consents("PARENT", DAY)
    waiting = two.sends()
    done = two.records("authority_for_parent", DAY, supersedes=authority, decisions=["APPEAL"], **given)
    assert done.stopped_deliveries == 1 and two.state(waiting) == ["STOPPED"]


# ---- What is refused at recording ------------------------------------------------------------------------


def test_an_agency_that_the_directory_does_not_know_is_a_wrong_field(api, pupil):
    """An exclusion of a misspelt agency would protect nobody, silently."""
    one = pupil()
    young = api.rights.GIVER_KIND_YOUNG_PERSON
    misspelt = one.fact_request("exclusion", DAY, agency="colege", asked_by=young)
    assert fields(recorder(one), misspelt) == {"fact.exclusion.agency"}
    request = one.fact_request(
        "request_on_file",
        DAY,
        kind=api.rights.REQUEST_KIND_HIGHER_EDUCATION,
        recipient="colege",
        made_on=DAY,
        method=api.rights.CONSENT_METHOD_WRITTEN,
    )
    assert fields(recorder(one), request) == {"fact.request_on_file.recipient"}
    said = one.consent_request("YOUNG_PERSON", DAY, to=["college", "colege"])
    said.consent.excluded_recipients.add().agency_id = "hospitel"
    assert fields(consenting(one), said) == {"consent.recipients[1]", "consent.excluded_recipients[0]"}


def test_only_a_definite_answer_is_a_finding(api, pupil):
    """Reg 17(2), (3): "not known" gives the parent nothing."""
    one = pupil(TENYEARS)
    unknown = one.fact_request(
        "understanding_finding",
        DAY,
        understands=api.types_disclosure.ANSWER_UNKNOWN,
        assessed_by_role="SENCO",
        assessed_on=DAY,
    )
    assert fields(recorder(one), unknown) == {"fact.understanding_finding.understands"}


# ---- What covers whom ------------------------------------------------------------------------------------


def test_a_students_request_without_a_recipient_covers_nobody(api, pupil):
    """Reg 17(1)(j), reg 47: for whom it was not asked, it is not on file."""
    one = pupil("2007-05-05")
    one.records(
        "request_on_file",
        DAY,
        kind=api.rights.REQUEST_KIND_DISABLED_STUDENTS_ALLOWANCE,
        recipient_name="Invented Assessment Centre",
        made_on=DAY,
        method=api.rights.CONSENT_METHOD_WRITTEN,
    )
    claimed = one.plan(ground="DSA", recipients=[("college", "DSA_ASSESSOR")])
    assert refusal(one.send_plan(), claimed)[0] == "REG17_1J_REQUEST_MISSING"


def test_an_authority_for_one_item_is_none_for_another(api, pupil):
    """Code 8.14: scoped."""
    one = pupil()
    given = {"parent_name": PARENT, "given_on": DAY, "method": api.rights.CONSENT_METHOD_WRITTEN}
    one.records("authority_for_parent", DAY, decisions=["ADVICE"], **given)
    one.consents("PARENT", DAY)
    assert refusal(one.send_plan(), one.plan())[0] == "CONSENT_WRONG_GIVER"
    one.records("authority_for_parent", DAY, decisions=["EHC_PLAN"], **given)
    assert rule(one.sends()) == "CONSENT_AUTHORISED_PARENT"


def test_nobody_writes_themselves_a_consent(pupil):
    """A third party's own record of a consent to it opens nothing; another's does; its refusal counts."""
    one = pupil()
    one.consents("YOUNG_PERSON", DAY, by="college")
    assert refusal(one.send_plan(), one.plan())[0] == "REG17_NO_CONSENT"
    one.consents("YOUNG_PERSON", DAY)
    assert rule(one.sends()) == "CONSENT_YOUNG_PERSON"
    one.consents("YOUNG_PERSON", DAY, by="college", decision="REFUSED")
    assert refusal(one.send_plan(), one.plan())[0] == "CONSENT_REFUSED"


def test_an_opinion_is_the_sending_authoritys_own(api, pupil):
    """Reg 17(1)(a): in the opinion of the authority that maintains the plan, not of another."""
    one = pupil()
    stated = {
        "officer_name": "Invented Officer",
        "officer_role": "SEND manager",
        "reason": "Necessary so that support is there.",
        "recipient": "college",
        "items": [api.types_disclosure.ITEM_EHC_PLAN],
        "from": DAY,
    }
    claimed = {"ground": "INTERESTS_OF_CHILD"}
    one.records("authority_opinion", DAY, by="new-authority", **stated)
    assert refusal(one.send_plan(), one.plan(**claimed))[0] == "REG17_1A_OPINION_MISSING"
    one.records("authority_opinion", DAY, **stated)
    assert rule(one.sends(**claimed)) == "REG17_1A_INTERESTS"


def test_a_parent_who_lacks_capacity_is_read_as_their_representative(api, pupil):
    """SEND Regulations 2014 reg 63: the finding and the appointment name the parent."""
    one = pupil(TENYEARS)
    one.understands("NO", DAY)
    one.consents("PARENT", DAY)
    waiting = one.sends()
    found = {
        "of": api.rights.CAPACITY_OF_PARENT,
        "decision": "EHC_PLAN",
        "outcome": api.rights.CAPACITY_OUTCOME_LACKS_CAPACITY,
        "assessed_by_role": "Psychologist",
        "assessed_on": DAY,
        "review_by": "2027-06-01",
    }
    nameless = one.fact_request("capacity_finding", DAY, **found)
    assert fields(recorder(one), nameless) == {"fact.capacity_finding.parent_name"}
    done = one.records("capacity_finding", DAY, parent_name=PARENT, **found)
    assert done.stopped_deliveries == 1 and one.state(waiting) == ["STOPPED"]
    assert one.holder(DAY).holder == api.rights.HOLDER_KIND_PARENTS_REPRESENTATIVE
    one.records(
        "representative",
        DAY,
        kind=api.rights.REPRESENTATIVE_KIND_LASTING_POWER,
        name="Invented Attorney",
        decisions=["EHC_PLAN"],
        of=api.rights.CAPACITY_OF_PARENT,
        parent_name=PARENT,
    )
    one.consents("PARENTS_REPRESENTATIVE", DAY, name="Invented Attorney")
    assert rule(one.sends()) == "CONSENT_PARENT"


def test_what_the_family_leaves_out_is_not_handed_over(law, api, pupil):
    """Groups that a consent excludes are taken out at collection, and named."""
    law.move_to("2026-11-03")
    agree(law, api, "pupil-next-school", ["school", "next-school"], ["PUPIL_INFORMATION"])
    number = 42_900
    request = consent_request(law, api, number)
    request.consent.excluded_groups.append("medical")
    law.stub(api, "school", "rights", "ConsentService").RecordConsent(request)
    pupils = law.stub(api, "school", "pupil", "PupilInformationService")
    sent = information(api, number, CHILD, [("next-school", "NEXT_SCHOOL")])
    [decided] = pupils.SharePupilInformation(sent).receipt.recipient_decisions
    [got] = collect(law, api, "next-school", [decided.delivery_id])
    assert not got.delivery.pupil_information.HasField("medical")
    assert got.delivery.pupil_information.HasField("sen") and "medical" in got.delivery.withheld_groups
    service = law.stub(api, "school", "rights", "ConsentService")
    request.request_id = str(uuid.uuid4())
    request.consent.excluded_groups[:] = ["medicall"]
    assert fields(service.RecordConsent, request) == {"consent.excluded_groups[0]"}
    # A plan has no such groups: a consent that asks for it is not half kept.
    request.consent.excluded_groups[:] = ["medical"]
    request.consent.items.append(api.types_disclosure.ITEM_EHC_PLAN)
    assert fields(service.RecordConsent, request) == {"consent.excluded_groups"}


def consent_request(law, api, number):
    """The request that `consent` of the sharing tests records, caught before it is sent."""

    class Caught:
        def stub(self, *_):
            return self

        def RecordConsent(self, request):
            return request

    return consent(Caught(), api, "school", number, CHILD, ["PUPIL_INFORMATION"])


# ---- Strangers -------------------------------------------------------------------------------------------


def test_a_stranger_is_answered_by_age_alone(api, pupil):
    """Who decides follows from the date of birth that the caller brings; what is recorded is not used."""
    one = pupil()
    one.lacks_capacity(DAY)
    assert one.holder(DAY).holder == api.rights.HOLDER_KIND_ALTERNATIVE_PERSON
    for someone in (one, pupil()):
        answer = someone.holder(DAY, by="hospital")
        assert answer.holder == api.rights.HOLDER_KIND_YOUNG_PERSON and not answer.relied_on
    request = api.rights.ListFactsRequest()
    person(api, request.subject, one.number, one.born)
    facts = one.stub("hospital", "rights", "RightHolderService")
    assert refusal(facts.ListFacts, request)[0] == "RIGHTS_RECORD_NOT_FOUND"
