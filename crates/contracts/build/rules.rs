//! Turns the `buf.validate` annotations into code. A rule that is not known here stops the build: a rule that
//! partners see and the hub ignores would be worse than none.

use std::fmt::Write as _;

use prost_reflect::{
    DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, OneofDescriptor, Value,
};

type Fault = Box<dyn std::error::Error>;

/// The source of `validate.rs`.
pub(crate) fn generate(pool: &DescriptorPool) -> Result<String, Fault> {
    let mut out = String::from("// Made by build.rs from the annotations in proto/.\n");
    for message in pool.all_messages() {
        if message.full_name().starts_with("sendhub.") && !message.is_map_entry() {
            validate_impl(&mut out, pool, &message)?;
            inbound_impl(&mut out, pool, &message)?;
        }
    }
    Ok(out)
}

/// `crate::types::v1::Date` for `sendhub.types.v1.Date`.
fn path(message: &MessageDescriptor) -> String {
    rust_path(message.package_name(), message.name())
}

fn rust_path(package: &str, name: &str) -> String {
    let module = package.trim_start_matches("sendhub.").replace('.', "::");
    format!("crate::{module}::{name}")
}

fn validate_impl(out: &mut String, pool: &DescriptorPool, message: &MessageDescriptor) -> Result<(), Fault> {
    let mut body = String::new();
    for field in message.fields().filter(|field| real_oneof(field).is_none()) {
        field_checks(&mut body, pool, &field)?;
    }
    for oneof in message.oneofs().filter(|oneof| !oneof.is_synthetic()) {
        oneof_checks(&mut body, pool, message, &oneof)?;
    }
    let (at, list) = if body.is_empty() {
        ("_at", "_out")
    } else {
        ("at", "out")
    };
    writeln!(
        out,
        "impl crate::validate::Validate for {} {{\n    fn validate(&self, {at}: &crate::validate::At<'_>, \
         {list}: &mut Vec<crate::validate::Violation>) {{\n{body}    }}\n}}",
        path(message)
    )?;
    Ok(())
}

/// The choice that a field belongs to; `optional` alone makes none.
fn real_oneof(field: &FieldDescriptor) -> Option<OneofDescriptor> {
    field.containing_oneof().filter(|oneof| !oneof.is_synthetic())
}

/// Requests are checked as they come in; a service that validates its stream itself, and every reply that a
/// client reads, are left alone by the codec.
fn inbound_impl(out: &mut String, pool: &DescriptorPool, message: &MessageDescriptor) -> Result<(), Fault> {
    let methods = pool
        .services()
        .flat_map(|service| service.methods().collect::<Vec<_>>());
    let own = methods
        .filter(|method| method.input() == *message)
        .collect::<Vec<_>>();
    let by_service = own
        .iter()
        .any(|method| option_bool(pool, &method.options(), "validated_by_service"));
    let checked = !own.is_empty() && !by_service;
    writeln!(
        out,
        "impl crate::validate::Inbound for {} {{ const CHECKED: bool = {checked}; }}",
        path(message)
    )?;
    Ok(())
}

fn option_bool(pool: &DescriptorPool, options: &DynamicMessage, name: &str) -> bool {
    let Some(extension) = pool.get_extension_by_name("sendhub.options.v1.method") else {
        return false;
    };
    let rule = options.get_extension(&extension);
    rule.as_message()
        .and_then(|rule| rule.get_field_by_name(name).and_then(|value| value.as_bool()))
        .unwrap_or(false)
}

/// The rules of a field, if it has any.
fn rules(pool: &DescriptorPool, field: &FieldDescriptor) -> Option<DynamicMessage> {
    let extension = pool.get_extension_by_name("buf.validate.field")?;
    let options = field.options();
    options
        .has_extension(&extension)
        .then(|| options.get_extension(&extension).as_message().cloned())
        .flatten()
}

fn field_checks(out: &mut String, pool: &DescriptorPool, field: &FieldDescriptor) -> Result<(), Fault> {
    let name = field.name();
    let rules = rules(pool, field);
    let at = format!("&crate::validate::At::Field(at, {name:?})");
    if field.is_list() {
        if let Some(rules) = &rules {
            for (rule, value) in typed(rules, "repeated", field)? {
                if rule == "items" {
                    item_checks(out, field, &value, &at)?;
                    continue;
                }
                let limit = number(&value)?;
                match rule.as_str() {
                    "min_items" => check(
                        out,
                        &format!("self.{name}.len() < {limit}"),
                        &at,
                        &format!("needs at least {limit}"),
                    ),
                    "max_items" => check(
                        out,
                        &format!("self.{name}.len() > {limit}"),
                        &at,
                        &format!("takes at most {limit}"),
                    ),
                    other => return Err(unknown(field, other)),
                }
            }
        }
        if let Kind::Message(inner) = field.kind()
            && inner.full_name().starts_with("sendhub.")
        {
            writeln!(
                out,
                "        for (index, one) in self.{name}.iter().enumerate() {{ crate::validate::Validate::validate(one, \
                 &crate::validate::At::Index({at}, index), out); }}"
            )?;
        }
        return Ok(());
    }
    let required = rules.as_ref().is_some_and(is_required);
    if let Kind::Message(inner) = field.kind() {
        if required {
            check(out, &format!("self.{name}.is_none()"), &at, "is required");
        }
        if inner.full_name().starts_with("sendhub.") {
            writeln!(
                out,
                "        if let Some(one) = &self.{name} {{ crate::validate::Validate::validate(one, {at}, out); }}"
            )?;
        }
        return Ok(());
    }
    if let Some(rules) = &rules {
        if field.containing_oneof().is_some() {
            // `optional`: absent is no fault, and what is there must fit.
            let mut body = String::new();
            scalar_checks(&mut body, field, rules, one(field), &at)?;
            writeln!(
                out,
                "        if let Some(one) = &self.{name} {{\n{body}        }}"
            )?;
        } else {
            scalar_checks(out, field, rules, &format!("self.{name}"), &at)?;
        }
    }
    Ok(())
}

/// The rules of a list's elements.
fn item_checks(out: &mut String, field: &FieldDescriptor, value: &Value, at: &str) -> Result<(), Fault> {
    let rules = value.as_message().ok_or("items holds rules")?;
    let mut body = String::new();
    let place = format!("&crate::validate::At::Index({at}, index)");
    scalar_checks(&mut body, field, rules, one(field), &place)?;
    writeln!(
        out,
        "        for (index, one) in self.{}.iter().enumerate() {{\n{body}        }}",
        field.name()
    )?;
    Ok(())
}

/// How a value is written that was bound by reference as `one`.
fn one(field: &FieldDescriptor) -> &'static str {
    match field.kind() {
        Kind::String | Kind::Bytes => "one",
        _ => "*one",
    }
}

fn oneof_checks(
    out: &mut String,
    pool: &DescriptorPool,
    message: &MessageDescriptor,
    oneof: &OneofDescriptor,
) -> Result<(), Fault> {
    let kind = format!("{}::{}", snake(message.name()), camel(oneof.name()));
    let path = rust_path(message.package_name(), &kind);
    for field in oneof.fields() {
        let at = format!("&crate::validate::At::Field(at, {:?})", field.name());
        let mut body = String::new();
        if let Some(rules) = rules(pool, &field) {
            scalar_checks(&mut body, &field, &rules, one(&field), &at)?;
        }
        if let Kind::Message(inner) = field.kind()
            && inner.full_name().starts_with("sendhub.")
        {
            writeln!(
                body,
                "            crate::validate::Validate::validate(one, {at}, out);"
            )?;
        }
        if !body.is_empty() {
            writeln!(
                out,
                "        if let Some({path}::{}(one)) = &self.{} {{\n{body}        }}",
                camel(field.name()),
                oneof.name()
            )?;
        }
    }
    Ok(())
}

fn scalar_checks(
    out: &mut String,
    field: &FieldDescriptor,
    rules: &DynamicMessage,
    value: &str,
    at: &str,
) -> Result<(), Fault> {
    let required = is_required(rules);
    match field.kind() {
        Kind::String => {
            if required {
                check(out, &format!("{value}.is_empty()"), at, "is required");
            }
            for (rule, limit) in typed(rules, "string", field)? {
                match rule.as_str() {
                    "uuid" => check(
                        out,
                        &format!("!{value}.is_empty() && !crate::validate::is_uuid(&{value})"),
                        at,
                        "must be a UUID",
                    ),
                    "min_len" | "max_len" | "len" => {
                        let limit = number(&limit)?;
                        let (test, says) = length(&rule, limit, "characters");
                        check(out, &format!("{value}.chars().count() {test}"), at, &says);
                    }
                    other => return Err(unknown(field, other)),
                }
            }
        }
        Kind::Bytes => {
            for (rule, limit) in typed(rules, "bytes", field)? {
                let limit = number(&limit)?;
                let (test, says) = match rule.as_str() {
                    "min_len" | "max_len" | "len" => length(&rule, limit, "bytes"),
                    other => return Err(unknown(field, other)),
                };
                check(out, &format!("{value}.len() {test}"), at, &says);
            }
        }
        Kind::Enum(kind) => {
            let path = rust_path(kind.package_name(), kind.name());
            for (rule, limit) in typed(rules, "enum", field)? {
                match rule.as_str() {
                    "defined_only" => {
                        check(
                            out,
                            &format!("{path}::try_from({value}).is_err()"),
                            at,
                            "is not a value of the contract",
                        );
                    }
                    "not_in" => {
                        for banned in limit.as_list().ok_or("not_in is a list")? {
                            let banned = banned.as_i32().ok_or("not_in holds numbers")?;
                            check(out, &format!("{value} == {banned}"), at, "must be given");
                        }
                    }
                    other => return Err(unknown(field, other)),
                }
            }
        }
        Kind::Int32 => ranges(out, field, rules, "int32", value, at)?,
        Kind::Uint32 => ranges(out, field, rules, "uint32", value, at)?,
        _ => return Err(unknown(field, "rules on this type")),
    }
    Ok(())
}

fn ranges(
    out: &mut String,
    field: &FieldDescriptor,
    rules: &DynamicMessage,
    kind: &str,
    value: &str,
    at: &str,
) -> Result<(), Fault> {
    for (rule, limit) in typed(rules, kind, field)? {
        let limit = limit
            .as_i32()
            .map(i64::from)
            .or(limit.as_u32().map(i64::from))
            .ok_or("a limit is a number")?;
        match rule.as_str() {
            "gte" => check(
                out,
                &format!("{value} < {limit}"),
                at,
                &format!("must be at least {limit}"),
            ),
            "lte" => check(
                out,
                &format!("{value} > {limit}"),
                at,
                &format!("must be at most {limit}"),
            ),
            other => return Err(unknown(field, other)),
        }
    }
    Ok(())
}

fn length(rule: &str, limit: u64, unit: &str) -> (String, String) {
    match rule {
        "min_len" => (format!("< {limit}"), format!("needs at least {limit} {unit}")),
        "max_len" => (format!("> {limit}"), format!("takes at most {limit} {unit}")),
        _ => (format!("!= {limit}"), format!("must have exactly {limit} {unit}")),
    }
}

fn check(out: &mut String, fails: &str, at: &str, says: &str) {
    out.push_str(&format!(
        "        if {fails} {{ out.push(crate::validate::Violation::new({at}, {says:?})); }}\n"
    ));
}

fn is_required(rules: &DynamicMessage) -> bool {
    rules
        .get_field_by_name("required")
        .and_then(|value| value.as_bool())
        .unwrap_or(false)
}

/// The rules set within `FieldRules.<kind>`, after making sure that no other kind of rule is set.
fn typed(rules: &DynamicMessage, kind: &str, field: &FieldDescriptor) -> Result<Vec<(String, Value)>, Fault> {
    let mut found = Vec::new();
    for (rule, value) in rules.fields() {
        match (rule.name(), value) {
            ("required", _) => {}
            (name, Value::Message(inner)) if name == kind => {
                found.extend(
                    inner
                        .fields()
                        .map(|(rule, value)| (rule.name().to_owned(), value.clone())),
                );
            }
            (other, _) => return Err(unknown(field, other)),
        }
    }
    if rules.unknown_fields().count() > 0 {
        return Err(unknown(field, "rules that the subset does not name"));
    }
    Ok(found)
}

fn number(value: &Value) -> Result<u64, Fault> {
    value.as_u64().ok_or_else(|| "a limit is a number".into())
}

fn unknown(field: &FieldDescriptor, rule: &str) -> Fault {
    format!("{}: the generator does not know {rule}", field.full_name()).into()
}

fn snake(name: &str) -> String {
    let mut out = String::new();
    for (index, letter) in name.chars().enumerate() {
        if letter.is_uppercase() && index > 0 {
            out.push('_');
        }
        out.extend(letter.to_lowercase());
    }
    out
}

fn camel(name: &str) -> String {
    name.split('_')
        .map(|word| {
            let mut letters = word.chars();
            letters
                .next()
                .map(|first| first.to_uppercase().collect::<String>() + letters.as_str())
                .unwrap_or_default()
        })
        .collect()
}
