// SPDX-License-Identifier: Apache-2.0

//! What src/ declares is what the headers say: it is written as C beside them, and the C compiler compares constants,
//! members of structs and types of functions.
use std::fmt::Write;
use std::process::Command;

/// A type of Rust in C, such that any of them may stand before a name.
fn c_type(rust: &str) -> String {
    let rust = rust.trim();
    if let Some(of) = rust.strip_prefix("*const ") {
        return format!("__typeof__(const {} *)", c_type(of));
    }
    if let Some(of) = rust.strip_prefix("*mut ") {
        return format!("__typeof__({} *)", c_type(of));
    }
    if let Some(function) = rust.strip_prefix("Option<") {
        let function = function.trim().strip_prefix("unsafe extern \"C\" fn(").expect(rust);
        let (parameters, returns) =
            signature(function.trim_end_matches(|c: char| ",>".contains(c) || c.is_whitespace()));
        return format!("__typeof__({returns} (*)({parameters}))");
    }
    if let Some(array) = rust.strip_prefix('[') {
        let (of, count) = array.trim_end_matches(']').split_once(';').unwrap();
        return format!("__typeof__({}[{}])", c_type(of), count.trim());
    }
    match rust {
        "c_int" => "int",
        "c_uint" => "unsigned",
        "c_short" => "short",
        "c_char" => "char",
        "c_void" | "" => "void",
        "usize" => "size_t",
        "i64" => "int64_t",
        "u64" => "uint64_t",
        "i32" => "int32_t",
        "u32" => "uint32_t",
        "f64" => "double",
        name if name.starts_with("df_") => name,
        other => panic!("no type of C is known for {other}"),
    }
    .to_string()
}

/// "a: A, b: B) -> R" as parameters and result in C.
fn signature(text: &str) -> (String, String) {
    let mut depth = 1;
    let end = text.find(|c| {
        depth += (c == '(') as i32 - (c == ')') as i32;
        depth == 0
    });
    let (inside, after) = text.split_at(end.unwrap());
    let parameters: Vec<_> = members(inside).map(|(_, kind)| c_type(kind)).collect();
    let returns = c_type(after[1..].trim().trim_start_matches("->"));
    (if parameters.is_empty() { "void".to_string() } else { parameters.join(", ") }, returns)
}

/// "a: A, b: B," in parts; commas inside of brackets do not count.
fn members(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let (mut depth, mut begin, mut parts) = (0, 0, Vec::new());
    for (at, c) in text.char_indices() {
        match c {
            '(' | '[' | '<' => depth += 1,
            '>' if text[..at].ends_with('-') => {}
            ')' | ']' | '>' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&text[begin..at]);
                begin = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[begin..]);
    parts.into_iter().filter_map(|part| part.split_once(':')).map(|(name, kind)| (name.trim(), kind.trim()))
}

fn plain(name: &str) -> &str {
    match name.trim_start_matches("pub ").trim_start_matches("r#") {
        "self_" => "self",
        name => name,
    }
}

/// What is between each `begin` and the next `end`.
fn between<'a>(text: &'a str, begin: &'a str, end: &'a str) -> impl Iterator<Item = &'a str> {
    text.split(begin).skip(1).map(move |rest| &rest[..rest.find(end).unwrap()])
}

fn as_c(rust: &str) -> (String, usize) {
    let mut c = String::from("#include <stddef.h>\n#include <dataflow_ext.h>\n");
    let mut count = 0;
    for row in between(rust, "\npub const ", ";") {
        let (name, value) = row.split_once(" = ").unwrap();
        let (name, value) =
            (name.split(':').next().unwrap(), value.replace("i32::MIN", "INT32_MIN").replace("i64::MIN", "INT64_MIN"));
        writeln!(c, "_Static_assert({name} == {value}, \"{name}\");").unwrap();
        count += 1;
    }
    for body in between(rust, "\npub struct ", "\n}") {
        let (name, fields) = body.split_once(" {").unwrap();
        let mut twin = String::new();
        for (field, kind) in members(fields) {
            let field = plain(field);
            if kind == "df_value_u" {
                twin += "union { int64_t i; double d; const void *node; } u;\n";
            } else {
                writeln!(twin, "{} {field};", c_type(kind)).unwrap();
                writeln!(c, "_Static_assert(__builtin_types_compatible_p(__typeof__((({name} *)0)->{field}), {}), \"type of {name}.{field}\");", c_type(kind)).unwrap();
            }
            writeln!(c, "_Static_assert(offsetof(struct rust_{name}, {field}) == offsetof({name}, {field}), \"place of {name}.{field}\");").unwrap();
            count += 1;
        }
        let at = c.find("_Static_assert").unwrap();
        c.insert_str(at, &format!("struct rust_{name} {{ {twin} }};\n"));
        writeln!(c, "_Static_assert(sizeof(struct rust_{name}) == sizeof({name}), \"size of {name}\");").unwrap();
    }
    for body in between(rust, "\npub type ", ";") {
        let (name, kind) = body.split_once(" =").unwrap();
        writeln!(c, "_Static_assert(__builtin_types_compatible_p({name}, {}), \"{name}\");", c_type(kind)).unwrap();
        count += 1;
    }
    for row in between(rust, "    pub fn ", ";") {
        let (name, rest) = row.split_once('(').unwrap();
        let (parameters, returns) = signature(rest);
        writeln!(c, "{returns} {name}({parameters});").unwrap(); // another type than the header's is an error
        count += 1;
    }
    (c, count)
}

fn compiles(name: &str, c: &str) -> Result<(), String> {
    let file = std::env::temp_dir().join(format!("dataflow-{name}-{}.c", std::process::id()));
    std::fs::write(&file, c).unwrap();
    let flags = Command::new("pkg-config").args(["--cflags", "libdataflow"]).output().unwrap();
    let flags = String::from_utf8(flags.stdout).unwrap();
    let cc = std::env::var("CC").unwrap_or_else(|_| "cc".into());
    let done = Command::new(cc)
        .args(["-std=gnu11", "-fsyntax-only", "-Wall", "-Werror"])
        .args(flags.split_whitespace())
        .arg(&file)
        .output();
    let _ = std::fs::remove_file(&file);
    let done = done.unwrap();
    if done.status.success() {
        Ok(())
    } else {
        Err(String::from_utf8_lossy(&done.stderr).into_owned())
    }
}

fn declared() -> String {
    // one declaration a line, so that what rustfmt broke is found like the rest
    let text = include_str!("../src/lib.rs").to_string() + include_str!("../src/constants.rs");
    text.lines().filter(|line| !line.trim_start().starts_with("//")).map(|line| format!("{line}\n")).collect()
}

#[test]
fn as_the_headers_say() {
    let (c, count) = as_c(&declared());
    assert!(count > 500, "only {count} declarations were found");
    compiles("header", &c).unwrap();
}

#[test]
fn a_difference_is_seen() {
    for (was, is) in [
        ("DF_EIO: c_int = -1", "DF_EIO: c_int = -2"),
        ("pub line: c_int", "pub line: i64"),
        ("fn df_pipeline_stop(p: *mut df_pipeline, how: c_int)", "fn df_pipeline_stop(p: *mut df_pipeline, how: u32)"),
        ("pub until_exhausted: c_int,", ""),
        ("fn df_version() -> c_int", "fn df_version()"),
    ] {
        let text = declared();
        assert!(text.contains(was), "{was}");
        assert!(compiles("differs", &as_c(&text.replace(was, is)).0).is_err(), "{is}");
    }
}

#[test]
fn all_of_dataflow_h() {
    let text = declared();
    let flags = Command::new("pkg-config").args(["--variable=includedir", "libdataflow"]).output().unwrap();
    let folder = String::from_utf8(flags.stdout).unwrap();
    let header = std::fs::read_to_string(format!("{}/dataflow.h", folder.trim())).unwrap();
    for row in between(&header, "\nDF_API ", ";").filter(|row| !row.contains("DF_PRINTF")) {
        let name = row.split('(').next().unwrap().rsplit(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap();
        assert!(text.contains(&format!("pub fn {name}(")), "{name} is not declared");
    }
}
