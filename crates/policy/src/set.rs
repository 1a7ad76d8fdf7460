//! The policy set: a folder of rules, checked as a whole, that answers questions about any day.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

use cedar_policy::ffi::DetailedError;
use cedar_policy::{
    Authorizer, Entities, EntityUid, Policy, PolicyId, Request, Schema, ValidationMode, Validator,
};
use jiff::civil::Date;

use crate::cache::DecisionCache;
use crate::decision::{Decision, Effect};
use crate::error::{Fault, PolicyError};
use crate::facts::{Action, Facts, Question};
use crate::rule::{ReadRule, Rule, Turn, read_rule};
use crate::shelf::Shelf;
use crate::sources::{Source, Sources};
use crate::term::Term;
use crate::vocabulary::Vocabulary;

/// A checked set of rules. It answers from any thread, and never changes: to change the rules, load another
/// set and put it in this one's place.
pub struct PolicySet {
    version: String,
    rules: BTreeMap<PolicyId, Rule>,
    editions: Vec<Edition>,
    words: Vocabulary,
    authorizer: Authorizer,
    entities: Entities,
    cache: DecisionCache,
}

/// The rules in force from a day until the next edition's, apart by action and turn so that a question meets
/// only the rules that can match it and may speak.
struct Edition {
    from: Date,
    by_action: HashMap<(Action, Option<Turn>), Arc<Shelf>>,
}

/// When rules are asked.
const TURNS: [Option<Turn>; 4] = [None, Some(Turn::Silence), Some(Turn::Deny), Some(Turn::Refer)];

/// A question in the engine's own words ([`PolicySet::bare_request`]).
pub struct BareRequest {
    edition: usize,
    action: Action,
    request: Request,
}

impl PolicySet {
    /// The rules that the program was built with.
    ///
    /// # Errors
    /// [`PolicyError::Broken`] if they were built in broken; the tests of this crate see that they are not.
    pub fn built_in() -> Result<Self, PolicyError> {
        Self::from_sources(&Sources::built_in())
    }

    /// Reads and checks a folder of rules. `on` is the day from which they are meant to serve: a set
    /// without any rule in force that day would refuse everything, and is itself refused.
    ///
    /// # Errors
    /// [`PolicyError::Unreadable`] or, with every fault named, [`PolicyError::Broken`].
    pub fn load(dir: &Path, on: Date) -> Result<Self, PolicyError> {
        let set = Self::from_sources(&Sources::read(dir)?)?;
        if !set.rules().any(|rule| rule.in_force_on(on)) {
            return Err(PolicyError::Broken(vec![Fault {
                file: dir.display().to_string(),
                line: None,
                subject: None,
                message: format!("no rule is in force on {on}"),
            }]));
        }
        Ok(set)
    }

    /// Checks rules: their syntax, their marks, and strictly against their schema, which in turn must fit
    /// the facts that the hub establishes. A rule that can never match is a fault like any other.
    ///
    /// # Errors
    /// [`PolicyError::Broken`] with every fault that could be found.
    pub fn from_sources(sources: &Sources) -> Result<Self, PolicyError> {
        let broken = |faults: Vec<Fault>| PolicyError::Broken(sorted(faults));
        let words =
            Vocabulary::new().map_err(|message| broken(vec![sources.schema.fault(None, None, message)]))?;

        let mut faults = Vec::new();
        let schema = read_schema(&sources.schema, &words, &mut faults);
        let mut rules = read_rules(&sources.rules, &mut faults);
        name_once(&mut rules, &mut faults);
        if let Some(schema) = schema {
            validate(&schema, &rules, &sources.rules, &mut faults);
        }
        if !faults.is_empty() {
            return Err(broken(faults));
        }

        let editions = editions(&rules, &words)
            .map_err(|message| broken(vec![sources.schema.fault(None, None, message)]))?;
        Ok(Self {
            version: sources.version(),
            rules: rules
                .into_iter()
                .map(|read| (read.policy.id().clone(), read.rule))
                .collect(),
            editions,
            words,
            authorizer: Authorizer::new(),
            entities: Entities::empty(),
            cache: DecisionCache::new(),
        })
    }

    /// What identifies the whole set: 16 hexadecimal digits of the SHA-256 over its texts.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Every rule, by id, in force or not.
    pub fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.rules.values()
    }

    /// Answers a question. The same question always has the same answer.
    #[must_use]
    pub fn decide(&self, question: &Question) -> Arc<Decision> {
        let edition = self.edition(question.on);
        self.cache.get_or_decide((edition, question.facts), || {
            self.evaluate(edition, &question.facts)
        })
    }

    /// Answers a question without remembering it: what [`PolicySet::decide`] costs the first time.
    #[must_use]
    pub fn decide_afresh(&self, question: &Question) -> Decision {
        self.evaluate(self.edition(question.on), &question.facts)
    }

    /// A question as the bare engine takes it, to measure by: what it costs to put facts into the engine's
    /// words is not in it. `None` when the engine cannot be asked.
    #[must_use]
    pub fn bare_request(&self, question: &Question) -> Option<BareRequest> {
        Some(BareRequest {
            edition: self.edition(question.on),
            action: question.facts.action(),
            request: self.words.request(&question.facts, None).ok()?,
        })
    }

    /// What the engine alone says to the rules that are asked at once: without turns, reasons or memory, to
    /// measure by and never to decide by.
    #[must_use]
    pub fn evaluate_bare(&self, asked: &BareRequest) -> bool {
        let policies = self
            .editions
            .get(asked.edition)
            .and_then(|edition| edition.by_action.get(&(asked.action, None)));
        policies.is_some_and(|shelf| {
            let response = self
                .authorizer
                .is_authorized(&asked.request, shelf.whole(), &self.entities);
            response.decision() == cedar_policy::Decision::Allow
        })
    }

    /// The edition in force on a day; the first one begins with time itself.
    fn edition(&self, on: Date) -> usize {
        self.editions
            .partition_point(|edition| edition.from <= on)
            .saturating_sub(1)
    }

    fn evaluate(&self, edition: usize, facts: &Facts) -> Decision {
        let matched = self
            .editions
            .get(edition)
            .and_then(|edition| self.matched(edition, facts));
        Decision::of(&matched.unwrap_or_default(), &self.version)
    }

    /// The rules that matched, the deciding one first: those that are asked at once or, when none of them
    /// speaks, those that wait for silence; before them whichever rule changes such an answer. `None`
    /// should Cedar fail: what cannot be decided is refused.
    fn matched(&self, edition: &Edition, facts: &Facts) -> Option<Vec<&Rule>> {
        let request = self.words.request(facts, None).ok()?;
        let ask = |turn| self.ask(edition, facts, turn, &request);
        let mut matched = ask(None)?;
        if matched.is_empty() {
            matched = ask(Some(Turn::Silence))?;
        }
        let answer = matched.first().map_or(Effect::Deny, |rule| rule.effect);
        let mut changed = match answer {
            Effect::Deny => ask(Some(Turn::Deny))?,
            Effect::Refer => ask(Some(Turn::Refer))?,
            Effect::Hold | Effect::Permit => Vec::new(),
        };
        changed.append(&mut matched);
        Some(changed)
    }

    /// The rules of one turn that matched, in the order of decision.
    fn ask(
        &self,
        edition: &Edition,
        facts: &Facts,
        turn: Option<Turn>,
        request: &Request,
    ) -> Option<Vec<&Rule>> {
        let Some(shelf) = edition.by_action.get(&(facts.action(), turn)) else {
            return Some(Vec::new());
        };
        let policies = shelf.part(facts.codes()).ok()?;
        if policies.is_empty() {
            return Some(Vec::new());
        }
        let response = self.authorizer.is_authorized(request, &policies, &self.entities);
        let diagnostics = response.diagnostics();
        // Cedar passes over a rule that fails to evaluate, even one that forbids. Here that refuses.
        if diagnostics.errors().next().is_some() {
            return None;
        }
        let mut matched: Vec<&Rule> = diagnostics.reason().filter_map(|id| self.rules.get(id)).collect();
        matched.sort_by_key(|rule| rule.rank());
        Some(matched)
    }
}

impl fmt::Debug for PolicySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PolicySet({}, {} rules)", self.version, self.rules.len())
    }
}

fn sorted(mut faults: Vec<Fault>) -> Vec<Fault> {
    faults.sort();
    faults.dedup();
    faults
}

/// Reads the schema and tries it on facts of every kind.
fn read_schema(source: &Source, words: &Vocabulary, faults: &mut Vec<Fault>) -> Option<Schema> {
    let (schema, warnings) = match Schema::from_cedarschema_str(&source.text) {
        Ok(read) => read,
        Err(error) => {
            faults.extend(cedar_faults(source, None, &DetailedError::from(&error)));
            return None;
        }
    };
    let before = faults.len();
    for warning in warnings {
        faults.extend(cedar_faults(source, None, &DetailedError::from(&warning)));
    }
    for facts in Facts::samples() {
        if let Err(message) = words.request(&facts, Some(&schema)) {
            let message = format!("does not fit the facts that the hub establishes: {message}");
            faults.push(source.fault(None, None, message));
        }
    }
    (faults.len() == before).then_some(schema)
}

fn read_rules(sources: &[Source], faults: &mut Vec<Fault>) -> Vec<ReadRule> {
    let mut rules = Vec::new();
    for source in sources {
        let policies = match cedar_policy::PolicySet::from_str(&source.text) {
            Ok(policies) => policies,
            Err(errors) => {
                for error in errors.iter() {
                    faults.extend(cedar_faults(source, None, &DetailedError::from(error)));
                }
                continue;
            }
        };
        // A file that an editor has just emptied is no set of rules without them.
        if policies.policies().next().is_none() {
            faults.push(source.fault(None, None, "holds no rule"));
        }
        if policies.num_of_templates() > 0 {
            faults.push(source.fault(None, None, "templates are not used here"));
        }
        let read = policies
            .policies()
            .map(|policy| read_rule(source, policy.clone(), faults));
        rules.extend(read);
    }
    rules
}

/// Gives each policy its rule's id, in Cedar too. An id that was there before is a fault; its policy gets
/// its place in the order beside the id, so that its conditions are checked as well.
fn name_once(rules: &mut [ReadRule], faults: &mut Vec<Fault>) {
    let mut seen = BTreeSet::new();
    rules.sort_by(|a, b| (&a.rule.file, a.rule.line).cmp(&(&b.rule.file, b.rule.line)));
    for (n, read) in rules.iter_mut().enumerate() {
        let id = &read.rule.id;
        if seen.insert(id.clone()) && !id.is_empty() {
            read.policy = read.policy.new_id(PolicyId::new(id));
            continue;
        }
        read.policy = read.policy.new_id(PolicyId::new(format!("{id}#{n}")));
        if !id.is_empty() {
            faults.push(Fault {
                file: read.rule.file.clone(),
                line: Some(read.rule.line),
                subject: Some(id.clone()),
                message: "another rule has this @id".to_owned(),
            });
        }
    }
}

/// Checks the rules strictly against the schema. Cedar's warnings count: they tell of rules that can never
/// match and of look-alike letters.
fn validate(schema: &Schema, rules: &[ReadRule], sources: &[Source], faults: &mut Vec<Fault>) {
    let all = rules.iter().map(|read| read.policy.clone());
    let set = match cedar_policy::PolicySet::from_policies(all) {
        Ok(set) => set,
        Err(error) => {
            let file = sources
                .first()
                .map(|source| source.fault(None, None, error.to_string()));
            faults.extend(file);
            return;
        }
    };
    let result = Validator::new(schema.clone()).validate(&set, ValidationMode::Strict);
    let errors = result
        .validation_errors()
        .map(|error| (error.policy_id(), DetailedError::from(error)));
    let warnings = result
        .validation_warnings()
        .map(|warning| (warning.policy_id(), DetailedError::from(warning)));
    for (id, error) in errors.chain(warnings) {
        let rule = rules
            .iter()
            .find(|read| read.policy.id() == id)
            .map(|read| &read.rule);
        let Some(rule) = rule else { continue };
        if let Some(source) = sources.iter().find(|source| source.name == rule.file) {
            faults.extend(cedar_faults(source, Some(&rule.id), &error));
        }
    }
}

/// Cedar's own account of what is wrong, with its place and its advice.
fn cedar_faults(source: &Source, subject: Option<&str>, error: &DetailedError) -> Vec<Fault> {
    let offset = error.source_locations.first().map(|label| label.loc.start);
    let message = match &error.help {
        Some(help) => format!("{} ({help})", error.message),
        None => error.message.clone(),
    };
    let mut faults = vec![source.fault(offset, subject, message)];
    for related in &error.related {
        faults.extend(cedar_faults(source, subject, related));
    }
    faults
}

/// One edition for every stretch of time in which the same rules are in force.
fn editions(rules: &[ReadRule], words: &Vocabulary) -> Result<Vec<Edition>, String> {
    let mut starts = BTreeSet::from([Date::MIN]);
    for read in rules {
        starts.extend(read.rule.effective_from);
        starts.extend(read.rule.effective_to.and_then(|to| to.tomorrow().ok()));
    }
    let actions: Vec<(Action, EntityUid)> = Action::ALL
        .iter()
        .filter_map(|action| Some((*action, words.action(*action)?.clone())))
        .collect();
    let known: Vec<EntityUid> = actions.iter().map(|(_, uid)| uid.clone()).collect();
    let rules: Vec<(&ReadRule, Policy)> = rules
        .iter()
        .map(|read| (read, read.for_its_actions(&known)))
        .collect();
    let mut editions = Vec::with_capacity(starts.len());
    // Most shelves are the same from one edition to the next: kept once.
    let mut made: HashMap<Vec<PolicyId>, Arc<Shelf>> = HashMap::new();
    for from in starts {
        let mut by_action = HashMap::new();
        let in_force: Vec<&(&ReadRule, Policy)> = rules
            .iter()
            .filter(|(read, _)| read.rule.in_force_on(from))
            .collect();
        for (action, uid) in &actions {
            for turn in TURNS {
                let policies: Vec<_> = in_force
                    .iter()
                    .filter(|(read, _)| read.rule.asked_at(turn) && read.concerns(uid, &known))
                    .map(|(_, policy)| policy.clone())
                    .collect();
                if policies.is_empty() {
                    continue;
                }
                let ids = policies.iter().map(|policy| policy.id().clone()).collect();
                let shelf = match made.entry(ids) {
                    Entry::Occupied(known) => Arc::clone(known.get()),
                    Entry::Vacant(place) => Arc::clone(place.insert(Arc::new(Shelf::new(policies)?))),
                };
                by_action.insert((*action, turn), shelf);
            }
        }
        editions.push(Edition { from, by_action });
    }
    Ok(editions)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sparing a question the rules that cannot match must never change what matches.
    #[test]
    fn the_part_of_a_shelf_says_what_the_whole_says() {
        let set = PolicySet::built_in().unwrap();
        let edition = &set.editions[set.edition(jiff::civil::date(2026, 11, 24))];
        let mut compared = 0;
        for facts in Facts::samples() {
            let request = set.words.request(&facts, None).unwrap();
            for turn in TURNS {
                let Some(shelf) = edition.by_action.get(&(facts.action(), turn)) else {
                    continue;
                };
                let matched = |policies: &cedar_policy::PolicySet| {
                    let response = set.authorizer.is_authorized(&request, policies, &set.entities);
                    response
                        .diagnostics()
                        .reason()
                        .cloned()
                        .collect::<BTreeSet<PolicyId>>()
                };
                let part = shelf.part(facts.codes()).unwrap();
                assert_eq!(matched(&part), matched(shelf.whole()), "{facts:?}");
                compared += usize::from(part.policies().count() < shelf.whole().policies().count());
            }
        }
        assert!(compared > 1_000, "{compared} questions were spared rules");
    }
}
