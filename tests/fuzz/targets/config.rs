//! The configuration: settings, or problems that each have a place in the file.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use poolgate::config::{load_text, policy_folders};

fuzz_target!(|text: &str| {
    // What it names isn't read from this machine.
    if text.contains("file") || text.contains("env") {
        return;
    }
    let path = Path::new("/nowhere/poolgate.yaml");
    let _ = policy_folders(path, text);
    if let Err(problems) = load_text(path, text, &|_| None) {
        assert!(!problems.is_empty() && problems.len() <= 101);
        // YAML ends a line at either.
        let lines = text.split(['\n', '\r']).count();
        for problem in problems {
            assert!(problem.line <= lines + 1, "{problem}");
        }
    }
});
