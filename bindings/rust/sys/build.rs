// SPDX-License-Identifier: Apache-2.0

//! Links libdataflow as pkg-config finds it; docs are built without it.
use std::process::{exit, Command};

fn pkg_config(what: &str) -> Result<String, String> {
    let program = std::env::var("PKG_CONFIG").unwrap_or_else(|_| "pkg-config".into());
    let done = Command::new(&program)
        .args([what, "libdataflow >= 0.1"])
        .output()
        .map_err(|e| format!("{program} does not run: {e}"))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_string();
    if done.status.success() {
        Ok(text(&done.stdout))
    } else {
        Err(text(&done.stderr))
    }
}

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    for name in ["PKG_CONFIG", "PKG_CONFIG_PATH", "PKG_CONFIG_LIBDIR", "DOCS_RS"] {
        println!("cargo:rerun-if-env-changed={name}");
    }
    if std::env::var_os("DOCS_RS").is_some() {
        return;
    }
    let flags = pkg_config("--libs").unwrap_or_else(|why| {
        eprintln!("libdataflow is not installed: {why}\n  what to do: install libdataflow-dev (libdataflow-devel), or name the folder of libdataflow.pc in PKG_CONFIG_PATH");
        exit(1)
    });
    for flag in flags.split_whitespace() {
        match (flag.get(..2), flag.get(2..)) {
            (Some("-L"), Some(folder)) => println!("cargo:rustc-link-search=native={folder}"),
            (Some("-l"), Some(name)) => println!("cargo:rustc-link-lib=dylib={name}"),
            _ => println!("cargo:rustc-link-arg={flag}"),
        }
    }
}
