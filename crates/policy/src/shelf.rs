//! A shelf of rules that are asked together, and the few of them that can match what is asked.
//!
//! The engine evaluates every rule it is given. Most rules say first which item or which ground they are about, so a
//! question can be spared all the others. What a rule needs is read from the rule itself: only what must hold for it
//! to match, never a guess, so that the answer is the same with the whole shelf.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, PoisonError, RwLock};

use cedar_policy::{ActionConstraint, EntityUid, Policy, PolicyId};
use sendhub_domain::disclosure::Item;
use serde_json::Value;

use crate::facts::action_of;

/// The facts by which rules are put apart: item and ground, as the rules' context names them.
const APART: [&str; 2] = ["item", "ground"];

/// The codes of a question's facts, in the order of [`APART`]; `None` when its exchange has no such fact.
pub(crate) type Codes = [Option<&'static str>; APART.len()];

/// What a rule needs of each fact in [`APART`]; `None` when it may match whatever it is.
type Needs = [Option<BTreeSet<String>>; APART.len()];

/// Rules that are asked together.
pub(crate) struct Shelf {
    whole: cedar_policy::PolicySet,
    needs: Vec<(PolicyId, Needs)>,
    /// Made when a question first asks for it: there are few kinds of questions.
    parts: RwLock<HashMap<Codes, Arc<cedar_policy::PolicySet>>>,
}

impl Shelf {
    /// A shelf of these rules.
    ///
    /// # Errors
    /// The engine's account of why it does not take them.
    pub(crate) fn new(policies: Vec<Policy>) -> Result<Self, String> {
        let needs = policies
            .iter()
            .map(|policy| (policy.id().clone(), needs(policy)))
            .collect();
        let whole = set(policies.into_iter())?;
        Ok(Self {
            whole,
            needs,
            parts: RwLock::default(),
        })
    }

    /// Every rule.
    pub(crate) const fn whole(&self) -> &cedar_policy::PolicySet {
        &self.whole
    }

    /// The rules that can match facts with these codes.
    pub(crate) fn part(&self, codes: Codes) -> Result<Arc<cedar_policy::PolicySet>, String> {
        let known = self
            .parts
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&codes)
            .cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let fitting = self.needs.iter().filter(|(_, needs)| {
            needs
                .iter()
                .zip(codes)
                .all(|(needed, code)| match (needed, code) {
                    (Some(needed), Some(code)) => needed.contains(code),
                    _ => true,
                })
        });
        let fitting: Option<Vec<Policy>> = fitting.map(|(id, _)| self.whole.policy(id).cloned()).collect();
        let fitting = fitting.ok_or("a rule of the shelf is not in its set")?;
        let made = Arc::new(set(fitting.into_iter())?);
        self.parts
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(codes, Arc::clone(&made));
        Ok(made)
    }
}

fn set(policies: impl Iterator<Item = Policy>) -> Result<cedar_policy::PolicySet, String> {
    cedar_policy::PolicySet::from_policies(policies).map_err(|error| error.to_string())
}

/// The items that a rule is about; `None` when it may match whatever is sent.
pub(crate) fn items(policy: &Policy) -> Option<Vec<Item>> {
    let [named, _] = needs(policy);
    // Rules of one kind of item are told apart by their actions first.
    let acts = |item: Item| match policy.action_constraint() {
        ActionConstraint::Any => true,
        ActionConstraint::Eq(only) => is_action_of(&only, item),
        ActionConstraint::In(list) => list.iter().any(|one| is_action_of(one, item)),
    };
    let may_match = |item: Item| named.as_ref().is_none_or(|named| named.contains(item.code())) && acts(item);
    let found: Vec<Item> = Item::ALL
        .iter()
        .copied()
        .filter(|item| may_match(*item))
        .collect();
    (found.len() < Item::ALL.len()).then_some(found)
}

fn is_action_of(action: &EntityUid, item: Item) -> bool {
    let id: &str = action.id().as_ref();
    [false, true]
        .iter()
        .any(|collected| action_of(item, *collected).code() == id)
}

/// What a rule needs, from its `when` clauses. A rule that cannot be read so needs nothing: it is always asked.
fn needs(policy: &Policy) -> Needs {
    let mut needs: Needs = [const { None }; APART.len()];
    let Ok(json) = policy.to_json() else { return needs };
    let clauses = json["conditions"].as_array().cloned().unwrap_or_default();
    for clause in clauses.iter().filter(|clause| clause["kind"] == "when") {
        for (need, fact) in needs.iter_mut().zip(APART) {
            *need = both(need.take(), needed(&clause["body"], fact));
        }
    }
    needs
}

/// The values of a fact without which an expression cannot be true; `None` when it does not depend on it so.
fn needed(expression: &Value, fact: &str) -> Option<BTreeSet<String>> {
    let sides = |operator: &str| {
        let found = &expression[operator];
        (!found.is_null()).then(|| (needed(&found["left"], fact), needed(&found["right"], fact)))
    };
    if let Some((left, right)) = sides("&&") {
        return both(left, right);
    }
    if let Some((left, right)) = sides("||") {
        return left.zip(right).map(|(left, right)| &left | &right);
    }
    let equal = &expression["=="];
    if !equal.is_null() {
        let value = match (is_fact(&equal["left"], fact), is_fact(&equal["right"], fact)) {
            (true, _) => code(&equal["right"]),
            (_, true) => code(&equal["left"]),
            _ => None,
        };
        return value.map(|value| BTreeSet::from([value]));
    }
    let contains = &expression["contains"];
    if !contains.is_null() && is_fact(&contains["right"], fact) {
        let listed = contains["left"]["Set"].as_array()?;
        return listed.iter().map(code).collect();
    }
    None
}

/// What two conditions that must both hold need together.
fn both(one: Option<BTreeSet<String>>, other: Option<BTreeSet<String>>) -> Option<BTreeSet<String>> {
    match (one, other) {
        (Some(one), Some(other)) => Some(&one & &other),
        (one, other) => one.or(other),
    }
}

fn is_fact(expression: &Value, fact: &str) -> bool {
    expression["."]["attr"] == fact && expression["."]["left"]["Var"] == "context"
}

fn code(expression: &Value) -> Option<String> {
    expression["Value"]["__entity"]["id"].as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::str::FromStr as _;

    fn of(condition: &str) -> Needs {
        let text = format!("permit (principal, action, resource) when {{ {condition} }};");
        needs(&Policy::from_str(&text).unwrap())
    }

    fn codes(listed: &[&str]) -> Option<BTreeSet<String>> {
        Some(listed.iter().map(|&code| code.to_owned()).collect())
    }

    #[test]
    fn only_what_must_hold_is_needed() {
        let plan = r#"context.item == Item::"EHC_PLAN""#;
        let reg6 = r#"context.ground == Ground::"REG6""#;
        for (condition, item, ground) in [
            (plan.to_owned(), codes(&["EHC_PLAN"]), None),
            (
                format!("{plan} && {reg6}"),
                codes(&["EHC_PLAN"]),
                codes(&["REG6"]),
            ),
            (format!("{plan} || {reg6}"), None, None),
            (
                format!(r#"{plan} || context.item == Item::"ADVICE""#),
                codes(&["ADVICE", "EHC_PLAN"]),
                None,
            ),
            (
                r#"[Item::"EHC_PLAN", Item::"ADVICE"].contains(context.item)"#.to_owned(),
                codes(&["ADVICE", "EHC_PLAN"]),
                None,
            ),
            (format!("!({plan})"), None, None),
            (format!("if {plan} then true else false"), None, None),
            (
                format!(r#"{plan} && context.item == Item::"ADVICE""#),
                codes(&[]),
                None,
            ),
        ] {
            assert_eq!(of(&condition), [item, ground], "{condition}");
        }
    }

    #[test]
    fn an_unless_clause_says_nothing_of_what_must_hold() {
        let text = r#"permit (principal, action, resource) unless { context.item == Item::"EHC_PLAN" };"#;
        assert_eq!(needs(&Policy::from_str(text).unwrap()), [None, None]);
    }
}
