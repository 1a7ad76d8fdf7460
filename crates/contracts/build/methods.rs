//! Turns the `sendhub.options.v1.method` annotations into a table: what each method requires. Read when the program is
//! built, because a pool of descriptors costs ten megabytes that a hub would hold on to for nothing.

use std::fmt::Write as _;

use prost_reflect::DescriptorPool;

/// The source of `methods.rs`: request paths and the scopes that they require, in the order of their names.
pub(crate) fn generate(pool: &DescriptorPool) -> Result<String, Box<dyn std::error::Error>> {
    let extension = pool
        .get_extension_by_name("sendhub.options.v1.method")
        .ok_or("sendhub.options.v1.method is not among the contracts")?;
    let mut rows = Vec::new();
    for service in pool.services() {
        for method in service.methods() {
            let options = method.options();
            let scope = options
                .get_extension(&extension)
                .as_message()
                .and_then(|rule| rule.get_field_by_name("required_scope"))
                .and_then(|scope| scope.as_str().map(str::to_owned))
                .unwrap_or_default();
            rows.push((format!("/{}/{}", service.full_name(), method.name()), scope));
        }
    }
    rows.sort();
    let mut out = String::from("// Made by build.rs from the annotations in proto/.\n[\n");
    for (path, scope) in rows {
        writeln!(out, "    ({path:?}, {scope:?}),")?;
    }
    out.push_str("]\n");
    Ok(out)
}
