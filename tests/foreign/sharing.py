"""What the tests of sharing send: pupil information, profiles of Service children, the smaller notices."""

import hashlib
import uuid

from law import date, fill, person

CHILD, INFANT = "2015-10-01", "2023-05-01"
YOUNG, ADULT = "2009-05-01", "2007-05-01"


def item(api, name):
    """An item of the contract."""
    return getattr(api.types_disclosure, f"ITEM_{name}")


def agree(law, api, name, parties, items):
    """The operator puts a sharing agreement into the directory, once."""
    directory = law.stub(api, "hub-operator", "directory", "DirectoryService")
    known = directory.ListAgreements(api.directory.ListAgreementsRequest(page_size=1000)).agreements
    if any(one.agreement_id == name for one in known):
        return
    agreement = api.directory.Agreement(agreement_id=name, parties=parties, purposes=["support"])
    agreement.items.extend(item(api, one) for one in items)
    agreement.valid_from.CopyFrom(date(api, "2026-01-01"))
    for party in parties:
        one = agreement.signed_by.add(agency_id=party, signed_by="Head of service")
        one.signed_on.CopyFrom(date(api, "2025-12-01"))
    directory.PutAgreement(api.directory.PutAgreementRequest(agreement=agreement))


def consent(law, api, agency, number, born, items, giver="PARENT", decision="GRANTED", on="2026-10-01"):
    """The family's word on record, for any recipient and these purposes."""
    request = api.rights.RecordConsentRequest(request_id=str(uuid.uuid4()))
    person(api, request.subject, number, born)
    said = request.consent
    said.giver = getattr(api.rights, f"GIVER_KIND_{giver}")
    said.giver_name = "Invented Giver"
    said.items.extend(item(api, one) for one in items)
    said.any_recipient = True
    said.purposes.append("SUPPORT")
    said.valid_from.CopyFrom(date(api, on))
    said.given_on.CopyFrom(date(api, on))
    said.decision = getattr(api.rights, f"CONSENT_DECISION_{decision}")
    said.method = api.rights.CONSENT_METHOD_WRITTEN
    return law.stub(api, agency, "rights", "ConsentService").RecordConsent(request)


def nhs(number):
    """An NHS number of the test range, made of a number."""
    for tail in range(10):
        digits = f"999{number % 100_000:05d}{tail}"
        check = -sum(int(digit) * weight for digit, weight in zip(digits, range(10, 1, -1))) % 11
        if check < 10:
            return f"{digits}{check}"
    raise ValueError(number)


def document(law, api, agency):
    """A document that an agency has uploaded."""
    data = b"%PDF-1.7\n" + b"Invented document.\n" * 8 + b"%%EOF\n"
    header = api.attachment.AttachmentHeader(file_name="invented.pdf", media_type="application/pdf")
    header.size_bytes, header.sha256 = len(data), hashlib.sha256(data).digest()
    parts = [api.attachment.UploadAttachmentRequest(header=header), api.attachment.UploadAttachmentRequest(chunk=data)]
    return law.stub(api, agency, "attachment", "AttachmentService").UploadAttachment(iter(parts)).attachment


def attach(request, reference):
    """Names an uploaded document in the envelope and in a child-protection file."""
    request.envelope.attachments.append(reference)
    request.content.child_protection_file.documents.append(reference)
    return request


def information(api, number, born, recipients, **more):
    """Everything that a school holds of a pupil."""
    request = fill(api, api.pupil.SharePupilInformationRequest(), number, born, recipients, purpose="SUPPORT", **more)
    request.envelope.subject.identifiers.add(system=api.types.IDENTIFIER_SYSTEM_NHS_NUMBER, value=nhs(number))
    content, yes = request.content, api.types_disclosure.ANSWER_YES
    content.enrolment.year_group = "6"
    content.ethnicity_and_language.english_as_additional_language = yes
    content.sen.in_sen_unit = yes
    content.support_cycles.cycles.add().started_on.CopyFrom(date(api, "2026-09-07"))
    content.contacts.contacts.add(surname="Invented", forename="Contact")
    content.looked_after.looked_after = api.types_disclosure.ANSWER_NO
    content.medical.has_medical_conditions = yes
    content.service_child.service_child = yes
    content.attendance.summaries.add(sessions_possible=100, sessions_attended=90)
    content.free_school_meals.pupil_premium = yes
    content.assessments.results.add(result="105")
    content.school_history.schools.add()
    return request


def profile(api, number, born, recipients, **more):
    """A Service child's profile, without a word of postings."""
    request = fill(api, api.servicechild.SendProfileRequest(), number, born, recipients, purpose="SUPPORT", **more)
    content = request.content
    content.service_child = api.types_disclosure.ANSWER_YES
    one = content.concerns.add(impact="Invented: misses a parent who is away.")
    one.assessed_on.CopyFrom(date(api, "2026-09-14"))
    content.education.interventions.add(what="Reading, with exercise breaks")
    content.mobility.next_school_name = "Invented School"
    return request


def notice(api, number, born, recipients, name, build, **more):
    """One of the smaller exchanges; `build` fills it."""
    request = fill(api, api.notice.SendNoticeRequest(), number, born, recipients, **more)
    found = getattr(request.content, name)
    found.SetInParent()
    build(api, found)
    return request


def on(api, message, **days):
    """Sets days of a message."""
    for name, text in days.items():
        getattr(message, name).CopyFrom(date(api, text))
    return message
