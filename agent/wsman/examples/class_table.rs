//! Makes `schema/classes.txt` from a listing of class signatures: `cargo run --example class_table < signatures > schema/classes.txt`.
//!
//! The listing is a dump of a typed library's declarations. Only facts are taken: names, types, parameters, superclasses.

use std::fmt::Write as _;
use std::io::Read as _;

fn main() -> std::io::Result<()> {
    let mut listing = String::new();
    std::io::stdin().read_to_string(&mut listing)?;
    print!("{}", facts(&listing));
    Ok(())
}

/// The table's text; `wsman`'s tests compare it with what is compiled in.
#[must_use]
pub fn facts(listing: &str) -> String {
    let mut out =
        String::from("# Facts of class declarations, Windows Server 2019. Made by examples/class_table.rs; not edited by hand.\n");
    let mut namespace = String::new();
    for line in listing.lines() {
        if let Some(head) = line.strip_prefix("### ") {
            let (short, name) = head.split_once(" : ").unwrap_or(("", head));
            namespace = format!("root/{short}").replace("standardcimv2", "StandardCimv2");
            let _ = write!(out, "\nclass {namespace} {}", name.trim());
        } else if let Some(chain) = line.strip_prefix("  chain:") {
            let supers: Vec<&str> = chain.split('<').map(str::trim).skip(1).collect();
            let _ = writeln!(out, "{}", supers.iter().map(|s| format!(" < {s}")).collect::<String>());
        } else if let Some(properties) = line.strip_prefix("  props:") {
            write_properties(&mut out, &namespace, properties);
        } else if let Some(method) = line.strip_prefix("  method ") {
            write_method(&mut out, &namespace, method);
        }
    }
    out
}

/// One line for each type, in the order in which the types appear.
fn write_properties(out: &mut String, namespace: &str, properties: &str) {
    let mut by_type: Vec<(String, Vec<&str>)> = vec![];
    for (kind, name) in properties.split(',').filter_map(|p| p.trim().rsplit_once(' ')) {
        let kind = spell(namespace, kind);
        match by_type.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, names)) => names.push(name),
            None => by_type.push((kind, vec![name])),
        }
    }
    for (kind, names) in by_type {
        let _ = writeln!(out, "  {kind} {}", names.join(" "));
    }
}

fn write_method(out: &mut String, namespace: &str, method: &str) {
    let (name, rest) = method.split_once('(').unwrap_or((method, ""));
    let inside = rest.rsplit_once(')').map_or(rest, |(inside, _)| inside);
    let parameters: Vec<String> = inside
        .split(',')
        .map(str::trim)
        .filter(|p| !p.is_empty())
        .filter_map(|p| {
            let (direction, rest) = p.split_once(' ')?;
            let (kind, name) = rest.rsplit_once(' ')?;
            Some(format!("{direction} {} {name}", spell(namespace, kind)))
        })
        .collect();
    let _ = writeln!(out, "  method {name}({})", parameters.join(", "));
}

/// The listing's spelling of a type in CIM's words. A class is a reference among virtual machines and an object elsewhere.
fn spell(namespace: &str, kind: &str) -> String {
    let kind = kind.replace(' ', "");
    let (element, array) = kind.strip_suffix("[]").map_or((kind.as_str(), ""), |element| (element, "[]"));
    let spelled = match element {
        "bool" => "boolean".to_owned(),
        "int8" | "int16" | "int32" | "int64" => format!("s{element}"),
        "string" | "uint8" | "uint16" | "uint32" | "uint64" => element.to_owned(),
        class if ["CIM_", "Msvm_", "MSFT_", "Win32_", "__"].iter().any(|p| class.starts_with(p)) => {
            let relation = if namespace.contains("virtualization") { "ref" } else { "object" };
            format!("{relation}:{class}")
        }
        other => format!("enum:{other}"),
    };
    spelled + array
}
