"""The rules as their users see them: explained, listed, and changed while the hub runs."""

import shutil
import time

import pytest
from law import LawHub, date, person, refusal
from reviews import entries
from running import ROOT
from sharing import CHILD, YOUNG, agree, consent, item, profile

DAY = "2026-11-03"


def question(api, name, sender, recipient, role, number=None, born=CHILD, **more):
    """What would be decided."""
    request = api.policy.ExplainDecisionRequest(item=item(api, name), purpose="SUPPORT")
    request.sender.agency_id, request.recipient.agency_id = sender, recipient
    request.role = getattr(api.types_disclosure, f"RECIPIENT_ROLE_{role}")
    if number:
        person(api, request.subject, number, born)
    if "ground" in more:
        request.ground = getattr(api.types_disclosure, f"GROUND_{more['ground']}")
        request.ground_reference = more.get("reference", "")
    if "on" in more:
        request.on.CopyFrom(date(api, more["on"]))
    return request


@pytest.mark.parametrize(
    ("name", "recipient", "role", "ground", "effect", "reason"),
    [
        ("SAFEGUARDING_CONCERN", "authority", "SOCIAL_SERVICES", "SAFEGUARDING", "PERMIT", "SAFEGUARDING_CONCERN"),
        ("PUPIL_RECORD", "next-school", "NEXT_SCHOOL", "STATUTORY_TRANSFER", "PERMIT", "DUTY_PUPIL_INFORMATION"),
        ("SERVICE_CHILD_PROFILE", "new-authority", "NEW_LOCAL_AUTHORITY", "NONE", "DENY", "NO_SHARING_AGREEMENT"),
        ("EHC_PLAN", "college", "THIRD_PARTY", "NONE", "DENY", "REG17_NO_CONSENT"),
        ("EHC_PLAN", "college", "THIRD_PARTY", "COURT_ORDER", "DENY", "REG17_1D_ORDER_MISSING"),
        ("REVIEW_INVITE", "college", "OTHER_INVITEE", "REG20", "REFER", "NOT_A_REG20_INVITEE"),
        ("REVIEW_REPORT", "school", "PARENT", "REG20", "PERMIT", "DUTY_SEND_REPORT"),
    ],
)
def test_a_decision_is_explained_before_anything_is_sent(law, api, name, recipient, role, ground, effect, reason):
    """Rule, provision, the facts used and words for people."""
    law.move_to(DAY)
    stub = law.stub(api, "school", "policy", "PolicyService")
    told = stub.ExplainDecision(question(api, name, "school", recipient, role, ground=ground))
    assert (told.decision.effect, told.decision.reason_code) == (getattr(api.types, f"EFFECT_{effect}"), reason)
    assert told.decision.rule_id in told.words and told.decision.provision and told.decision.policy_version
    assert told.decision.remedy or effect == "PERMIT"
    facts = {one.name: one.value for one in told.facts}
    assert (facts["item"], facts["role"], facts["status"]) == (name, role, "CHILD_OF_CSA")


def test_an_explanation_weighs_what_is_recorded_of_the_person_on_the_day(law, api):
    """The right-holder of that day; only an end of the exchange may ask about a person."""
    law.move_to(DAY)
    agree(law, api, "explained", ["school", "college"], ["PUPIL_INFORMATION"])
    stub = law.stub(api, "school", "policy", "PolicyService")
    asked = ("PUPIL_INFORMATION", "school", "college", "NEXT_SCHOOL", 44_001)
    born = "2011-05-01"
    consent(law, api, "school", 44_001, born, ["PUPIL_INFORMATION"])
    # A parent's word counts until rights pass, the day after the last Friday in June 2027.
    for day, reason in (("2027-06-25", "TASK_PUPIL_INFORMATION"), ("2027-06-26", "FAMILY_AGREEMENT_MISSING")):
        assert stub.ExplainDecision(question(api, *asked, born=born, on=day)).decision.reason_code == reason, day
    # What is recorded was read, and the log says so; a stranger is answered by age alone, and nothing is read.
    read = [one for one in entries(law, api, "RIGHTS_READ") if one["method"].endswith("PolicyService/ExplainDecision")]
    assert len(read) == 2 and read[0]["agency"] == "school" and read[0]["subject"] == read[1]["subject"]
    college = law.stub(api, "college", "policy", "PolicyService")
    told = college.ExplainDecision(question(api, *asked, born=born, on="2027-06-25"))
    assert told.decision.reason_code == "FAMILY_AGREEMENT_MISSING"
    again = [one for one in entries(law, api, "RIGHTS_READ") if one["method"].endswith("PolicyService/ExplainDecision")]
    assert again == read
    other = law.stub(api, "next-school", "policy", "PolicyService")
    assert refusal(other.ExplainDecision, question(api, *asked, born=born))[0] == "SENDER_NOT_PERMITTED"
    nobody = question(api, "EHC_PLAN", "school", "nobody-here", "THIRD_PARTY")
    assert refusal(stub.ExplainDecision, nobody)[0] == "AGENCY_NOT_FOUND"
    invited = question(api, "REVIEW_INVITE", "school", "school", "PARENT", 44_002, YOUNG, ground="REG20")
    young = stub.ExplainDecision(invited)
    assert young.decision.reason_code == "INVITE_THE_YOUNG_PERSON"


def rules(law, api, on=None, size=40, of=None):
    """All rules in force on a day, or those of one item, page by page, and their version."""
    stub = law.stub(api, "school", "policy", "PolicyService")
    found, request = {}, api.policy.ListRulesRequest(page_size=size)
    if on:
        request.on.CopyFrom(date(api, on))
    if of:
        request.item = item(api, of)
    while True:
        page = stub.ListRules(request)
        found.update({one.rule_id: one for one in page.rules})
        if not page.next_page_token:
            return found, page.policy_version
        request.page_token = page.next_page_token


def test_rules_are_listed_with_provision_and_confidence(law, api):
    """Those in force on the day; what has not commenced is asleep."""
    law.move_to(DAY)
    now, version = rules(law, api)
    assert version and len(now) > 100 and list(now) == sorted(now)
    assert all(one.provision and one.confidence in ("A", "B") and one.reason_code for one in now.values())
    assert all(one.remedy for one in now.values() if one.effect != api.types.EFFECT_PERMIT)
    assert "safeguarding-16la" not in now and "deregistration-mainstream" in now
    assert all(one.provision in one.words and one.remedy in one.words for one in now.values())
    plan = api.types_disclosure.ITEM_EHC_PLAN
    about, _ = rules(law, api, of="EHC_PLAN")
    assert {name for name, one in now.items() if plan in one.items} <= set(about)
    assert all(not one.items or plan in one.items for one in about.values())
    assert 0 < len(about) < len(now) and any(plan in one.items for one in about.values())
    assert plan in now["plan-duty-final"].items and "EHC plan" in now["plan-duty-final"].words
    before, _ = rules(law, api, "2024-08-18")
    assert "deregistration-mainstream" not in before


class PolicyHub(LawHub):
    """A hub whose rules come from a folder of its own."""

    cast = {name: LawHub.cast[name] for name in ("school", "authority", "service-school")}

    def prepare(self):
        """The folder beside the agencies."""
        super().prepare()
        self.policies = self.folder / "policies"
        shutil.copytree(ROOT / "config/policies", self.policies)
        text = self.config.read_text(encoding="utf-8")
        self.config.write_text(text.replace("[policy]\n", '[policy]\ndirectory = "policies"\n'), encoding="utf-8")


NEW_RULE = """
@id("profile-closed-for-a-test")
@provision("Invented for a test (hub policy)")
@confidence("B")
@effective_from("2026-01-01")
@reviewed_by("UNREVIEWED")
@reason("RECIPIENT_NOT_PERMITTED")
@remedy("Wait until the test is over.")
@priority("15")
forbid (
  principal,
  action in [Action::"submitServiceChild", Action::"collectServiceChild"],
  resource
)
when { context.item == Item::"SERVICE_CHILD_PROFILE" };
"""


def test_rules_change_while_the_hub_runs_and_a_broken_set_is_refused(api, tmp_path):
    """The new rules serve within seconds and the log says so; of a broken set nothing serves."""
    hub = PolicyHub(tmp_path)
    try:
        hub.move_to(DAY)
        children = hub.stub(api, "school", "servicechild", "ServiceChildService")
        to = [("service-school", "NEXT_SCHOOL_ABROAD")]

        def sent(number):
            return profile(api, number, CHILD, to, ground="STATUTORY_TRANSFER")

        def until(version_differs_from):
            for _ in range(60):
                found, version = rules(hub, api, size=500)
                if version != version_differs_from:
                    return found, version
                time.sleep(0.1)
            raise AssertionError("the rules did not change")

        waiting = children.SendProfile(sent(1)).receipt
        _, first = rules(hub, api, size=500)
        file = hub.policies / "servicechild.cedar"
        text = file.read_text(encoding="utf-8")
        file.write_text(text + NEW_RULE, encoding="utf-8")
        found, second = until(first)
        assert "profile-closed-for-a-test" in found
        reason, _, provision = refusal(children.SendProfile, sent(2))
        assert (reason, provision) == ("RECIPIENT_NOT_PERMITTED", "Invented for a test (hub policy)")
        # What was sent before is decided again by the rules of its collection.
        mailbox = hub.stub(api, "service-school", "mailbox", "MailboxService")
        ids = [waiting.recipient_decisions[0].delivery_id]
        [collected] = mailbox.CollectDeliveries(api.mailbox.CollectDeliveriesRequest(delivery_ids=ids))
        assert collected.refusal.rule == "profile-closed-for-a-test"
        [changed] = entries(hub, api, "POLICY_CHANGED")
        assert (changed["policy"], changed["replaces"]) == (second, first)

        for broken in (text + 'permit (principal, action', text.replace("@provision", "@provisoin", 1)):
            file.write_text(broken, encoding="utf-8")
            time.sleep(1.5)
            assert rules(hub, api, size=500)[1] == second
            assert refusal(children.SendProfile, sent(3))[0] == "RECIPIENT_NOT_PERMITTED"
        assert len(entries(hub, api, "POLICY_CHANGED")) == 1
        file.write_text(text, encoding="utf-8")
        assert until(second)[1] == first
        children.SendProfile(sent(4))
        assert len(entries(hub, api, "POLICY_CHANGED")) == 2
    finally:
        assert hub.stop() == 0
    assert hub.verified()["fault_count"] == 0
