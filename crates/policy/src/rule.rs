//! Rules: one Cedar policy with the marks that say what it rests on, how sure it is and when it applies.

use cedar_policy::{ActionConstraint, EntityUid, Policy};
use jiff::civil::Date;
use sendhub_domain::disclosure::Item;

use crate::decision::Effect;
use crate::error::Fault;
use crate::shelf;
use crate::sources::Source;
use crate::term::{Term, term};

term! {
    /// How sure a rule is.
    pub Confidence {
        /// The text was read and says so.
        A = "A",
        /// A reading, a secondary source or the hub's own policy: listed for review, never called settled.
        B = "B",
    }
}

term! {
    /// When a rule is asked, if not at once: only after others have spoken, or have not.
    pub Turn {
        /// When no other rule has spoken.
        Silence = "SILENCE",
        /// When the answer would be a refusal, also one by default.
        Deny = "DENY",
        /// When the answer would be a referral.
        Refer = "REFER",
    }
}

/// The annotations a rule may have. Any other is a fault: a misspelt one must not pass for an absent one.
const ANNOTATIONS: [&str; 11] = [
    "id",
    "provision",
    "confidence",
    "effective_from",
    "effective_to",
    "reviewed_by",
    "reason",
    "remedy",
    "effect",
    "priority",
    "after",
];
/// The mark of a rule that is written down but whose provision is not in force.
const NOT_COMMENCED: &str = "NOT_COMMENCED";
/// The place of a rule without a mark of its own.
const USUAL_PRIORITY: u16 = 100;

/// One rule and its marks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Its name in replies and in the log.
    pub id: String,
    /// The file it stands in.
    pub file: String,
    /// The line it begins on, from 1.
    pub line: usize,
    /// What follows when it matches.
    pub effect: Effect,
    /// The statute, guidance or policy it rests on.
    pub provision: String,
    /// How sure it is.
    pub confidence: Confidence,
    /// The first day on which it applies; `None` while its provision is not in force.
    pub effective_from: Option<Date>,
    /// The last day on which it applies, if there is one.
    pub effective_to: Option<Date>,
    /// The office that signed it, or `UNREVIEWED`.
    pub reviewed_by: String,
    /// The stable reason code.
    pub reason_code: String,
    /// In plain words, what would make it lawful. Always there unless the rule permits.
    pub remedy: Option<String>,
    /// Which rule is named first when several match: the lower number.
    pub priority: u16,
    /// When it is asked; empty for a rule that is asked at once.
    pub after: Vec<Turn>,
    /// The items that it is about, read from its conditions; `None` when it may match whatever is sent.
    pub items: Option<Vec<Item>>,
}

impl Rule {
    /// Whether it applies on a day.
    #[must_use]
    pub fn in_force_on(&self, day: Date) -> bool {
        let begun = self.effective_from.is_some_and(|from| from <= day);
        let ended = self.effective_to.is_some_and(|to| to < day);
        begun && !ended
    }

    /// Whether it may match what carries this item.
    #[must_use]
    pub fn is_about(&self, item: Item) -> bool {
        self.items.as_ref().is_none_or(|items| items.contains(&item))
    }

    /// What it does, in one sentence for people.
    #[must_use]
    pub fn words(&self) -> String {
        let verb = match self.effect {
            Effect::Permit => "Allows",
            Effect::Deny => "Refuses",
            Effect::Refer => "Puts before a named person",
            Effect::Hold => "Holds until another consents to",
        };
        let items = match &self.items {
            None => "whatever is sent".to_owned(),
            Some(items) if items.is_empty() => "transfer records".to_owned(),
            Some(items) => items
                .iter()
                .map(|item| plain(item.code()))
                .collect::<Vec<_>>()
                .join(", "),
        };
        let mut words = format!("{verb}: {items}. It rests on {}.", self.provision);
        if let Some(remedy) = &self.remedy {
            words.push(' ');
            words.push_str(remedy);
        }
        words
    }

    /// Whether it is asked at a turn; `None` is at once.
    pub(crate) fn asked_at(&self, turn: Option<Turn>) -> bool {
        match turn {
            None => self.after.is_empty(),
            Some(turn) => self.after.contains(&turn),
        }
    }

    /// The order in which matching rules decide: refusals, then referrals, then holds, then permissions;
    /// within each by priority, then by id.
    pub(crate) fn rank(&self) -> (u8, u16, &str) {
        let effect = match self.effect {
            Effect::Deny => 0,
            Effect::Refer => 1,
            Effect::Hold => 2,
            Effect::Permit => 3,
        };
        (effect, self.priority, &self.id)
    }
}

/// A code as words: what is an abbreviation stays in capitals.
fn plain(code: &str) -> String {
    let word = |word: &str| match word {
        "EHC" | "CTF" | "SEN" | "S23" | "LA" => word.to_owned(),
        _ => word.to_lowercase(),
    };
    code.split('_').map(word).collect::<Vec<_>>().join(" ")
}

/// A rule as read: its marks, and the policy that Cedar evaluates under an id of its own.
pub(crate) struct ReadRule {
    pub(crate) rule: Rule,
    pub(crate) policy: Policy,
}

impl ReadRule {
    /// Whether an action may make the rule match. An action group counts as matching: it costs time, and
    /// never a decision.
    pub(crate) fn concerns(&self, action: &EntityUid, known: &[EntityUid]) -> bool {
        match self.policy.action_constraint() {
            ActionConstraint::Any => true,
            ActionConstraint::Eq(only) => only == *action,
            ActionConstraint::In(list) => list
                .iter()
                .any(|listed| listed == action || !known.contains(listed)),
        }
    }
}

impl ReadRule {
    /// The policy without its list of actions, for where only questions of those actions come: the engine
    /// builds the list anew for every evaluation, which is most of a short rule's cost. A rule that names a
    /// group of actions, or that cannot be rewritten, stays as it is.
    pub(crate) fn for_its_actions(&self, known: &[EntityUid]) -> Policy {
        let listed = match self.policy.action_constraint() {
            ActionConstraint::Any => false,
            ActionConstraint::Eq(_) => true,
            ActionConstraint::In(list) => list.iter().all(|action| known.contains(action)),
        };
        let rewritten = if listed { self.without_actions() } else { None };
        rewritten.unwrap_or_else(|| self.policy.clone())
    }

    fn without_actions(&self) -> Option<Policy> {
        let mut json = self.policy.to_json().ok()?;
        *json.get_mut("action")? = r#"{"op":"All"}"#.parse().ok()?;
        Policy::from_json(Some(self.policy.id().clone()), json).ok()
    }
}

/// Reads one rule's marks, noting every fault. A faulty rule is given back as well, so that the faults in
/// its conditions can be found too.
pub(crate) fn read_rule(source: &Source, policy: Policy, faults: &mut Vec<Fault>) -> ReadRule {
    let text = policy.to_cedar().unwrap_or_default();
    let offset = source.text.find(&text).unwrap_or_default();
    let mut marks = Marks {
        source,
        offset,
        policy: &policy,
        faults: Vec::new(),
    };
    let rule = marks.rule();
    faults.append(&mut marks.faults);
    ReadRule { rule, policy }
}

/// The reading of one rule's annotations. Every reader notes its fault and gives something to go on with.
struct Marks<'a> {
    source: &'a Source,
    offset: usize,
    policy: &'a Policy,
    faults: Vec<Fault>,
}

impl Marks<'_> {
    fn rule(&mut self) -> Rule {
        let unknown: Vec<String> = self
            .policy
            .annotations()
            .filter(|(name, _)| !ANNOTATIONS.contains(name))
            .map(|(name, _)| format!("there is no annotation @{name}"))
            .collect();
        unknown.into_iter().for_each(|message| self.fault(message));
        let effect = self.effect();
        Rule {
            id: self.id(),
            file: self.source.name.clone(),
            line: self.source.line_at(self.offset),
            effect,
            provision: self.needed("provision"),
            confidence: self.confidence(),
            effective_from: self.effective_from(),
            effective_to: self.effective_to(),
            reviewed_by: self.needed("reviewed_by"),
            reason_code: self.reason(),
            remedy: self.remedy(effect),
            priority: self.priority(),
            after: self.after(),
            items: shelf::items(self.policy),
        }
    }

    fn fault(&mut self, message: impl Into<String>) {
        let id = self.policy.annotation("id");
        self.faults
            .push(self.source.fault(Some(self.offset), id, message));
    }

    fn given(&self, name: &str) -> Option<String> {
        self.policy.annotation(name).map(str::to_owned)
    }

    /// A mark that must be there and say something.
    fn needed(&mut self, name: &str) -> String {
        let text = self.given(name).unwrap_or_default();
        if text.trim().is_empty() {
            self.fault(format!("@{name} is missing or empty"));
        }
        text
    }

    fn id(&mut self) -> String {
        let id = self.needed("id");
        let plain = id
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if !plain {
            self.fault("@id is lower-case words joined by hyphens");
        }
        id
    }

    fn reason(&mut self) -> String {
        let reason = self.needed("reason");
        let plain = reason
            .bytes()
            .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
        if !plain {
            self.fault("@reason is upper-case words joined by underscores");
        }
        reason
    }

    fn confidence(&mut self) -> Confidence {
        let code = self.needed("confidence");
        Confidence::read(&code).unwrap_or_else(|| {
            if !code.is_empty() {
                self.fault("@confidence is A or B");
            }
            Confidence::B
        })
    }

    /// What Cedar's two effects and the mark together say. A referral is a `forbid`, so that a reader who
    /// does not know the mark errs on the safe side; a hold takes the record in, so it is a `permit`.
    fn effect(&mut self) -> Effect {
        let forbids = self.policy.effect() == cedar_policy::Effect::Forbid;
        let marked = self.given("effect");
        match (forbids, marked.as_deref()) {
            (true, None) => Effect::Deny,
            (false, None) => Effect::Permit,
            (true, Some("REFER")) => Effect::Refer,
            (false, Some("HOLD")) => Effect::Hold,
            _ => {
                self.fault("@effect is REFER on a forbid or HOLD on a permit");
                Effect::Deny
            }
        }
    }

    fn remedy(&mut self, effect: Effect) -> Option<String> {
        let given = self.given("remedy");
        let empty = given.as_ref().is_none_or(|text| text.trim().is_empty());
        if empty && (effect != Effect::Permit || given.is_some()) {
            self.fault("@remedy is missing or empty");
        }
        given
    }

    fn effective_from(&mut self) -> Option<Date> {
        let text = self.needed("effective_from");
        if text.is_empty() || text == NOT_COMMENCED {
            return None;
        }
        self.date("effective_from", &text)
    }

    fn effective_to(&mut self) -> Option<Date> {
        let text = self.given("effective_to")?;
        let to = self.date("effective_to", &text)?;
        let from = self
            .policy
            .annotation("effective_from")
            .and_then(|from| from.parse::<Date>().ok());
        if from.is_some_and(|from| to < from) {
            self.fault("@effective_to is before @effective_from");
        }
        Some(to)
    }

    fn date(&mut self, name: &str, text: &str) -> Option<Date> {
        let date = text
            .parse::<Date>()
            .ok()
            .filter(|_| text.len() == "2026-11-23".len());
        if date.is_none() {
            self.fault(format!("@{name} is a date such as 2026-09-01"));
        }
        date
    }

    fn priority(&mut self) -> u16 {
        let Some(text) = self.given("priority") else {
            return USUAL_PRIORITY;
        };
        text.parse().unwrap_or_else(|_| {
            self.fault("@priority is a number from 0 to 65535");
            USUAL_PRIORITY
        })
    }

    fn after(&mut self) -> Vec<Turn> {
        let Some(text) = self.given("after") else {
            return Vec::new();
        };
        let turns: Option<Vec<Turn>> = text.split(' ').map(Turn::read).collect();
        turns.unwrap_or_else(|| {
            self.fault("@after is one or more of SILENCE, DENY and REFER with a space between");
            Vec::new()
        })
    }
}
