//! Broken rules and tables are refused as a whole, with every fault named.
#![expect(clippy::panic, reason = "tests; what should be broken and is not fails them")]

use std::path::Path;

use jiff::civil::{Date, date};
use sendhub_domain::agency::{AgencyKind, AgencyStatus};
use sendhub_policy::{
    Effect, Facts, PolicyError, PolicySet, Question, Source, Sources, UnclaimedAct, UnclaimedFacts,
};
use sendhub_policy::{HeldRecord, SearchReason};

const SCHEMA: &str = include_str!("../../../config/policies/schema.cedarschema");
const TODAY: Date = date(2026, 11, 23);

const SOUND: &str = r#"
@id("search")
@provision("Some Act s.1")
@confidence("B")
@effective_from("2020-01-01")
@reviewed_by("UNREVIEWED")
@reason("MAY_SEARCH")
permit (principal, action == Action::"searchUnclaimed", resource)
when { context.searcher.kind == AgencyKind::"LOCAL_AUTHORITY" };
"#;

fn load(rules: &str) -> Result<PolicySet, PolicyError> {
    load_with(SCHEMA, rules)
}

fn load_with(schema: &str, rules: &str) -> Result<PolicySet, PolicyError> {
    PolicySet::from_sources(&Sources::new(
        Source::new("schema.cedarschema", schema),
        vec![Source::new("t.cedar", rules)],
    ))
}

fn faults(result: Result<PolicySet, PolicyError>) -> String {
    match result {
        Err(error @ PolicyError::Broken(_)) => error.to_string(),
        other => panic!("expected faults, got {other:?}"),
    }
}

fn search(set: &PolicySet, on: Date, act: UnclaimedAct) -> (Effect, String) {
    let facts = Facts::Unclaimed(UnclaimedFacts {
        act,
        searcher_kind: AgencyKind::LocalAuthority,
        searcher_status: AgencyStatus::Active,
        reason: SearchReason::Recorded,
    });
    let decision = set.decide(&Question { on, facts });
    (decision.effect, decision.rule_id.clone())
}

#[test]
fn the_sound_rule_is_sound() {
    let set = load(SOUND).unwrap();
    assert_eq!(
        search(&set, TODAY, UnclaimedAct::Search),
        (Effect::Permit, "search".into())
    );
    assert_eq!(
        search(&set, TODAY, UnclaimedAct::Claim(HeldRecord::Unclaimed)).0,
        Effect::Deny
    );
}

#[test]
fn each_broken_rule_is_refused_with_its_fault() {
    let refusing = r#"forbid (principal, action == Action::"searchUnclaimed", resource)"#;
    let permitting = r#"permit (principal, action == Action::"searchUnclaimed", resource)"#;
    let rows: &[(&str, &str, &str)] = &[
        ("@id(\"search\")", "", "@id is missing or empty"),
        (
            "@provision(\"Some Act s.1\")",
            "",
            "@provision is missing or empty",
        ),
        (
            "@provision(\"Some Act s.1\")",
            "@provision(\" \")",
            "@provision is missing or empty",
        ),
        ("@confidence(\"B\")", "", "@confidence is missing or empty"),
        (
            "@confidence(\"B\")",
            "@confidence(\"C\")",
            "@confidence is A or B",
        ),
        ("@reason(\"MAY_SEARCH\")", "", "@reason is missing or empty"),
        (
            "@reason(\"MAY_SEARCH\")",
            "@reason(\"may search\")",
            "@reason is upper-case",
        ),
        (
            "@reviewed_by(\"UNREVIEWED\")",
            "",
            "@reviewed_by is missing or empty",
        ),
        (
            "@effective_from(\"2020-01-01\")",
            "",
            "@effective_from is missing or empty",
        ),
        (
            "@effective_from(\"2020-01-01\")",
            "@effective_from(\"1.1.2020\")",
            "@effective_from is a date",
        ),
        (
            "@effective_from(\"2020-01-01\")",
            "@effective_from(\"2020-02-30\")",
            "@effective_from is a date",
        ),
        ("@id(\"search\")", "@id(\"Search It\")", "@id is lower-case words"),
        (
            "@id(\"search\")",
            "@id(\"search\") @efective_to(\"2021-01-01\")",
            "no annotation @efective_to",
        ),
        (
            "@id(\"search\")",
            "@id(\"search\") @effective_to(\"2019-12-31\")",
            "@effective_to is before",
        ),
        (
            "@id(\"search\")",
            "@id(\"search\") @priority(\"first\")",
            "@priority is a number",
        ),
        (
            "@id(\"search\")",
            "@id(\"search\") @after(\"SILENCE, DENY\")",
            "@after is one or more of SILENCE, DENY and REFER",
        ),
        (
            "@id(\"search\")",
            "@id(\"search\") @after(\"PERMIT\")",
            "@after is one or more of SILENCE, DENY and REFER",
        ),
        (
            "@id(\"search\")",
            "@id(\"search\") @effect(\"REFER\")",
            "@effect is REFER on a forbid or HOLD",
        ),
        (
            "@id(\"search\")",
            "@id(\"search\") @effect(\"HOLD\")",
            "@remedy is missing or empty",
        ),
        (permitting, refusing, "@remedy is missing or empty"),
        (
            "AgencyKind::\"LOCAL_AUTHORITY\"",
            "AgencyKind::\"LOCAL_AUTHORTIY\"",
            "LOCAL_AUTHORTIY",
        ),
        (
            "AgencyKind::\"LOCAL_AUTHORITY\"",
            "\"LOCAL_AUTHORITY\"",
            "`search`",
        ),
        ("context.searcher.kind", "context.searcher.knd", "knd"),
        ("context.searcher.kind", "context.sender.kind", "sender"),
        (
            "Action::\"searchUnclaimed\"",
            "Action::\"serchUnclaimed\"",
            "serchUnclaimed",
        ),
        ("when {", "wen {", "t.cedar:9"),
        (
            "context.searcher.kind == AgencyKind::\"LOCAL_AUTHORITY\"",
            "context.searcher.kind == AgencyKind::\"LOCAL_AUTHORITY\" && false",
            "`search`",
        ),
    ];
    for (from, to, fault) in rows {
        assert!(SOUND.contains(from), "{from}");
        let found = faults(load(&SOUND.replace(from, to)));
        assert!(found.contains(fault), "{from} -> {to}: {found}");
        assert!(found.contains("t.cedar:"), "{found}");
    }
}

#[test]
fn every_fault_is_named_at_once() {
    let bad = SOUND
        .replace("@provision(\"Some Act s.1\")", "")
        .replace("\"B\"", "\"Z\"")
        .replace("AgencyKind::\"LOCAL", "AgencyKind::\"LOCL");
    let set = PolicySet::from_sources(&Sources::new(
        Source::new("schema.cedarschema", SCHEMA),
        vec![
            Source::new("a.cedar", bad),
            Source::new("b.cedar", "permit (principal"),
            Source::new("c.cedar", SOUND),
        ],
    ));
    let Err(error) = set else { panic!("broken") };
    let text = error.to_string();
    for part in [
        "@provision",
        "@confidence",
        "LOCL_AUTHORITY",
        "b.cedar:1",
        "another rule has this @id",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(error.faults().len() >= 5, "{text}");
}

#[test]
fn an_id_is_given_once() {
    let found = faults(load(&format!("{SOUND}{SOUND}")));
    assert!(found.contains("`search`: another rule has this @id"), "{found}");
}

#[test]
fn a_template_is_no_rule() {
    let found = faults(load(r#"permit (principal == ?principal, action, resource);"#));
    assert!(found.contains("templates are not used"), "{found}");
}

#[test]
fn a_schema_that_does_not_fit_the_facts_is_refused() {
    for (from, to) in [
        ("entity HeldRecord enum", "entity HeldRecrd enum"),
        ("\"SUSPENDED\", ", ""),
        ("identity: IdentityMatch,", ""),
        ("action claimUnclaimed", "action claimIt"),
        ("entity TransferRecord;", "entity TransferRecord"),
    ] {
        assert!(SCHEMA.contains(from), "{from}");
        let found = faults(load_with(&SCHEMA.replace(from, to), SOUND));
        assert!(found.contains("schema.cedarschema"), "{found}");
    }
}

#[test]
fn rules_apply_from_their_first_day_to_their_last() {
    let text = SOUND.replace("@id(\"search\")", "@id(\"search\") @effective_to(\"2026-03-31\")");
    let next = SOUND
        .replace("@id(\"search\")", "@id(\"search-anew\")")
        .replace("2020-01-01", "2026-05-01");
    let asleep = SOUND
        .replace("@id(\"search\")", "@id(\"search-one-day\") @priority(\"1\")")
        .replace("2020-01-01", "NOT_COMMENCED");
    let set = load(&format!("{text}{next}{asleep}")).unwrap();
    let rows = [
        (date(2019, 12, 31), "default-deny"),
        (date(2020, 1, 1), "search"),
        (date(2026, 3, 31), "search"),
        (date(2026, 4, 1), "default-deny"),
        (date(2026, 4, 30), "default-deny"),
        (date(2026, 5, 1), "search-anew"),
        (Date::MAX, "search-anew"),
        (Date::MIN, "default-deny"),
    ];
    for (day, rule) in rows {
        assert_eq!(search(&set, day, UnclaimedAct::Search).1, rule, "{day}");
    }
}

#[test]
fn a_referral_waits_behind_a_refusal_and_before_a_permit() {
    let refer = SOUND.replace("permit (", "forbid (").replace(
        "@id(\"search\")",
        "@id(\"ask\") @effect(\"REFER\") @remedy(\"Ask.\") @priority(\"1\")",
    );
    let set = load(&format!("{SOUND}{refer}")).unwrap();
    assert_eq!(
        search(&set, TODAY, UnclaimedAct::Search),
        (Effect::Refer, "ask".into())
    );
    let deny = SOUND
        .replace("permit (", "forbid (")
        .replace("@id(\"search\")", "@id(\"never\") @remedy(\"None.\")");
    let set = load(&format!("{SOUND}{refer}{deny}")).unwrap();
    assert_eq!(
        search(&set, TODAY, UnclaimedAct::Search),
        (Effect::Deny, "never".into())
    );
}

#[test]
fn a_rule_may_wait_for_silence_or_change_another_answer() {
    let named = |id: &str, more: &str| SOUND.replace("@id(\"search\")", &format!("@id(\"{id}\") {more}"));
    let forbid = |id: &str, more: &str| {
        named(id, &format!("@remedy(\"Ask.\") {more}")).replace("permit (", "forbid (")
    };
    let rows: [(&[String], Effect, &str); 8] = [
        (&[named("late", "@after(\"SILENCE\")")], Effect::Permit, "late"),
        (
            &[named("first", ""), forbid("late", "@after(\"SILENCE\")")],
            Effect::Permit,
            "first",
        ),
        (&[named("lift", "@after(\"DENY\")")], Effect::Permit, "lift"),
        (
            &[named("lift", "@after(\"REFER\")")],
            Effect::Deny,
            "default-deny",
        ),
        (
            &[forbid("no", ""), named("lift", "@after(\"DENY REFER\")")],
            Effect::Permit,
            "lift",
        ),
        (
            &[
                forbid("no", "@after(\"SILENCE\")"),
                named("lift", "@after(\"DENY\")"),
            ],
            Effect::Permit,
            "lift",
        ),
        (
            &[
                forbid("ask", "@effect(\"REFER\")"),
                named("lift", "@after(\"DENY\")"),
            ],
            Effect::Refer,
            "ask",
        ),
        (
            &[
                forbid("ask", "@effect(\"REFER\")"),
                forbid("refused", "@after(\"REFER\")"),
            ],
            Effect::Deny,
            "refused",
        ),
    ];
    for (rules, effect, id) in rows {
        let set = load(&rules.concat()).unwrap();
        assert_eq!(
            search(&set, TODAY, UnclaimedAct::Search),
            (effect, id.into()),
            "{rules:?}"
        );
    }
}

#[test]
fn a_hold_stands_before_a_permit_and_equals_go_by_id() {
    let hold = SOUND.replace(
        "@id(\"search\")",
        "@id(\"wait\") @effect(\"HOLD\") @remedy(\"Wait.\")",
    );
    let twin = SOUND.replace("@id(\"search\")", "@id(\"again\")");
    let set = load(&format!("{SOUND}{twin}")).unwrap();
    assert_eq!(
        search(&set, TODAY, UnclaimedAct::Search),
        (Effect::Permit, "again".into())
    );
    let set = load(&format!("{SOUND}{twin}{hold}")).unwrap();
    assert_eq!(
        search(&set, TODAY, UnclaimedAct::Search),
        (Effect::Hold, "wait".into())
    );
}

#[test]
fn a_folder_is_loaded_whole_and_must_be_in_force() {
    let dir = tempfile::tempdir().unwrap();
    let missing = PolicySet::load(dir.path(), TODAY).unwrap_err();
    assert!(matches!(missing, PolicyError::Unreadable { .. }) && missing.faults().is_empty());
    std::fs::write(dir.path().join("schema.cedarschema"), SCHEMA).unwrap();
    let empty = PolicySet::load(dir.path(), TODAY).unwrap_err();
    assert!(
        empty.to_string().contains("no rule is in force on 2026-11-23"),
        "{empty}"
    );
    std::fs::write(dir.path().join("t.cedar"), SOUND).unwrap();
    assert_eq!(PolicySet::load(dir.path(), TODAY).unwrap().rules().count(), 1);
    assert!(PolicySet::load(dir.path(), date(2019, 1, 1)).is_err());
    std::fs::write(dir.path().join("u.cedar"), "nonsense").unwrap();
    assert!(PolicySet::load(dir.path(), TODAY).is_err());
}

#[test]
fn a_differing_row_and_an_untested_rule_are_reported() {
    let row = |name: &str, by: &str, rule: &str| {
        format!(
            "[[unclaimed]]\nname = \"{name}\"\nfacts = {{ by = \"{by}\" }}\n\
             expect = {{ effect = \"PERMIT\", rule = \"{rule}\", reason = \"MAY_SEARCH\" }}\n"
        )
    };
    let table = |rows: &str| Source::new("t.tests.toml", format!("on = \"2026-11-23\"\n{rows}"));
    let set = load(SOUND).unwrap();
    let good = set
        .run_tables(&[table(&row("one", "LOCAL_AUTHORITY", "search"))])
        .unwrap();
    assert!(good.passed() && good.held_b == 1 && good.held_a == 0, "{good:?}");
    let bad = set
        .run_tables(&[table(&row("two", "ACADEMY", "search"))])
        .unwrap();
    assert!(!bad.passed());
    assert_eq!(bad.untested_rules, ["search"]);
    assert_eq!(bad.differing[0].row, "two");
    assert_eq!(bad.differing[0].found, "DENY default-deny NO_RULE_PERMITS");
}

#[test]
fn a_broken_table_is_refused_with_its_place() {
    let set = load(SOUND).unwrap();
    let good = "on = \"2026-11-23\"\n[[unclaimed]]\nname = \"row\"\nfacts = { by = \"ACADEMY\" }\n\
                expect = { effect = \"DENY\", rule = \"default-deny\", reason = \"NO_RULE_PERMITS\" }\n";
    assert!(
        set.run_tables(&[Source::new("t.tests.toml", good)])
            .unwrap()
            .differing
            .is_empty()
    );
    for (from, to, fault) in [
        ("ACADEMY", "ACADMY", "`row`: by: there is no AgencyKind `ACADMY`"),
        ("DENY", "REFUSE", "`row`: effect"),
        ("2026-11-23", "soon", "`row`: on"),
        ("by =", "buy =", "t.tests.toml:4"),
        ("[[unclaimed]]", "[[unclamed]]", "t.tests.toml:2"),
    ] {
        let error = set
            .run_tables(&[Source::new("t.tests.toml", good.replace(from, to))])
            .unwrap_err();
        assert!(error.to_string().contains(fault), "{error}");
    }
    assert!(set.run_tests(Path::new("no/such/folder")).is_err());
}
