"""Pupil information and Service children's profiles: agreements, the family's word, minimisation, postings."""

import json

import grpc
import pytest
from law import collect, date, inbox, refusal
from reviews import entries, in_log
from sharing import CHILD, agree, consent, information, nhs, profile
from wire import wrong_fields

EVERYTHING = {
    "enrolment",
    "ethnicity_and_language",
    "sen",
    "support_cycles",
    "contacts",
    "looked_after",
    "medical",
    "service_child",
    "attendance",
    "free_school_meals",
    "assessments",
    "school_history",
}
DAY = "2026-11-03"


@pytest.mark.parametrize(
    ("number", "recipient", "role", "kept", "upn", "health"),
    [
        (42_001, "next-school", "NEXT_SCHOOL", EVERYTHING, True, False),
        (42_002, "authority", "RESPONSIBLE_AUTHORITY", EVERYTHING, True, True),
        (
            42_003,
            "hospital",
            "COMMISSIONING_BODY",
            {"enrolment", "sen", "support_cycles", "contacts", "looked_after", "medical"},
            False,
            True,
        ),
        (
            42_004,
            "defence",
            "MINISTRY_OF_DEFENCE",
            {"enrolment", "sen", "service_child", "school_history"},
            False,
            False,
        ),
        (
            42_005,
            "college",
            "NEXT_SCHOOL",
            EVERYTHING - {"ethnicity_and_language", "service_child", "free_school_meals"},
            True,
            False,
        ),
    ],
)
def test_each_kind_of_recipient_gets_what_it_needs(law, api, number, recipient, role, kept, upn, health):
    """UK GDPR Art 5(1)(c): what is withheld is named in the reply and in the leaf."""
    law.move_to(DAY)
    agree(law, api, f"pupil-{recipient}", ["school", recipient], ["PUPIL_INFORMATION"])
    consent(law, api, "school", number, CHILD, ["PUPIL_INFORMATION"])
    request = information(api, number, CHILD, [(recipient, role)])
    pupils = law.stub(api, "school", "pupil", "PupilInformationService")
    receipt = pupils.SharePupilInformation(request).receipt
    [decided] = receipt.recipient_decisions
    [got] = collect(law, api, recipient, [decided.delivery_id])
    content = got.delivery.pupil_information
    assert {name for name in EVERYTHING if content.HasField(name)} == kept
    assert set(got.delivery.withheld_groups) == EVERYTHING - kept
    leaf = json.loads(got.delivery.log.leaf_entry)
    assert set(leaf.get("withheld", "").split()) == EVERYTHING - kept
    systems = {one.system for one in got.delivery.envelope.subject.identifiers}
    assert (api.types.IDENTIFIER_SYSTEM_UPN in systems) == upn
    assert (api.types.IDENTIFIER_SYSTEM_NHS_NUMBER in systems) == health
    assert "Invented" not in str(receipt.log.leaf_entry) + str(got.delivery.log.leaf_entry)
    assert nhs(number) not in str(receipt.log.leaf_entry)


def test_sharing_needs_an_agreement_and_the_familys_word(law, api):
    """UK GDPR Art 6(1)(e); Code 6.57."""
    law.move_to(DAY)
    pupils = law.stub(api, "school", "pupil", "PupilInformationService")
    request = information(api, 42_010, CHILD, [("special-school", "NEXT_SCHOOL")])
    reason, code, provision = refusal(pupils.SharePupilInformation, request)
    assert (reason, code) == ("NO_SHARING_AGREEMENT", grpc.StatusCode.PERMISSION_DENIED) and "UK GDPR" in provision
    assert in_log(law, api, request, "NO_SHARING_AGREEMENT")
    agree(law, api, "pupil-special", ["school", "special-school"], ["PUPIL_INFORMATION"])
    request = information(api, 42_010, CHILD, [("special-school", "NEXT_SCHOOL")])
    reason, _, provision = refusal(pupils.SharePupilInformation, request)
    assert reason == "FAMILY_AGREEMENT_MISSING" and "6.57" in provision
    assert in_log(law, api, request, "FAMILY_AGREEMENT_MISSING")
    consent(law, api, "school", 42_010, CHILD, ["PUPIL_INFORMATION"])
    receipt = pupils.SharePupilInformation(information(api, 42_010, CHILD, [("special-school", "NEXT_SCHOOL")])).receipt
    assert receipt.decision.reason_code == "TASK_PUPIL_INFORMATION"
    consent(law, api, "school", 42_010, CHILD, ["PUPIL_INFORMATION"], decision="REFUSED", on="2026-11-02")
    request = information(api, 42_010, CHILD, [("special-school", "NEXT_SCHOOL")])
    assert refusal(pupils.SharePupilInformation, request)[0] == "FAMILY_AGREEMENT_MISSING"


def test_an_agreement_that_ended_stops_what_waits(law, api):
    """Decided again at collection, with that day's facts."""
    law.move_to(DAY)
    agree(law, api, "pupil-new", ["school", "new-authority"], ["PUPIL_INFORMATION"])
    consent(law, api, "school", 42_020, CHILD, ["PUPIL_INFORMATION"])
    pupils = law.stub(api, "school", "pupil", "PupilInformationService")
    request = information(api, 42_020, CHILD, [("new-authority", "NEW_LOCAL_AUTHORITY")])
    [decided] = pupils.SharePupilInformation(request).receipt.recipient_decisions
    ending = api.directory.EndAgreementRequest(agreement_id="pupil-new", reason="Over")
    ending.ended_on.CopyFrom(date(api, DAY))
    assert refusal(law.stub(api, "school", "directory", "DirectoryService").EndAgreement, ending)[0] == "SCOPE_MISSING"
    directory = law.stub(api, "hub-operator", "directory", "DirectoryService")
    assert directory.EndAgreement(ending).agreement.ended_on.day == 3
    [refused] = collect(law, api, "new-authority", [decided.delivery_id])
    assert refused.refusal.reason == 130 and "UK GDPR" in refused.refusal.provision and refused.refusal.rule
    last = [one for one in entries(law, api, "COLLECTION_REFUSED") if one.get("delivery") == decided.delivery_id]
    assert last and last[0]["reason"] == "NO_SHARING_AGREEMENT"
    again = information(api, 42_020, CHILD, [("new-authority", "NEW_LOCAL_AUTHORITY")])
    assert refusal(pupils.SharePupilInformation, again)[0] == "NO_SHARING_AGREEMENT"


def test_a_service_childs_profile_goes_ahead_of_the_child(law, api):
    """Code 10.53 to 10.57; to the Ministry as agreed with the family."""
    law.move_to(DAY)
    children = law.stub(api, "school", "servicechild", "ServiceChildService")
    abroad = profile(api, 42_030, CHILD, [("service-school", "NEXT_SCHOOL_ABROAD")], ground="STATUTORY_TRANSFER")
    receipt = children.SendProfile(abroad).receipt
    assert receipt.decision.reason_code == "SERVICE_CHILD_TRANSFER"
    [got] = collect(law, api, "service-school", [receipt.recipient_decisions[0].delivery_id])
    assert got.delivery.service_child_profile.concerns[0].impact.startswith("Invented")

    before = profile(api, 42_031, CHILD, [("defence", "MINISTRY_OF_DEFENCE")])
    assert refusal(children.SendProfile, before)[0] == "NO_SHARING_AGREEMENT"
    agree(law, api, "service", ["school", "defence"], ["SERVICE_CHILD_PROFILE"])
    before = profile(api, 42_031, CHILD, [("defence", "MINISTRY_OF_DEFENCE")])
    assert refusal(children.SendProfile, before)[0] == "FAMILY_AGREEMENT_MISSING"
    assert in_log(law, api, before, "FAMILY_AGREEMENT_MISSING")
    consent(law, api, "school", 42_031, CHILD, ["SERVICE_CHILD_PROFILE"])
    receipt = children.SendProfile(profile(api, 42_031, CHILD, [("defence", "MINISTRY_OF_DEFENCE")])).receipt
    assert receipt.decision.reason_code == "TASK_SERVICE_CHILD"
    [got] = collect(law, api, "defence", [receipt.recipient_decisions[0].delivery_id])
    assert not got.delivery.envelope.subject.identifiers


@pytest.mark.parametrize(
    ("words", "refused"),
    [
        ("Father is posted to Cyprus", True),
        ("BFPO 57", True),
        ("2nd Battalion", True),
        ("Mother serves on HMS Example", True),
        ("Away on exercise until June", True),
        ("An operation on her hip; exercise twice a day", False),
    ],
)
def test_postings_and_units_are_refused_wherever_they_stand(law, api, words, refused):
    """The impact on the child, not unit or location: every field is named, nothing is stored."""
    law.move_to(DAY)
    children = law.stub(api, "school", "servicechild", "ServiceChildService")
    request = profile(api, 42_040, CHILD, [("service-school", "NEXT_SCHOOL_ABROAD")], ground="STATUTORY_TRANSFER")
    content = request.content
    content.concerns[0].impact = content.education.interventions[0].what = words
    content.education.gaps = content.sen.provision_to_continue = words
    content.supportability.step = api.servicechild.SUPPORTABILITY_STEP_REQUEST
    content.supportability.school_view = words
    content.agencies_involved.add(name="Invented", role=words)
    content.contacts_at_next_school.add(role=words)
    if not refused:
        children.SendProfile(request)
        return
    with pytest.raises(grpc.RpcError) as error:
        children.SendProfile(request)
    assert wrong_fields(error.value) == [
        "content.agencies_involved[0].role",
        "content.concerns[0].impact",
        "content.contacts_at_next_school[0].role",
        "content.education.gaps",
        "content.education.interventions[0].what",
        "content.sen.provision_to_continue",
        "content.supportability.school_view",
    ]
    assert words not in error.value.details()
    reason, _, provision = refusal(children.SendProfile, request)
    assert reason == "SERVICE_DETAIL_REFUSED" and provision
    assert in_log(law, api, request, "SERVICE_DETAIL_REFUSED")
    waiting = [one.exchange for one in inbox(law, api, "service-school")]
    assert len(waiting) == len(set(waiting))
