//! The command line: one file per command.

#[cfg_attr(not(test), expect(dead_code, reason = "for the demo command"))]
mod demo_files;
#[cfg_attr(not(test), expect(dead_code, reason = "for the command line's parser"))]
mod token;

/// The answer is no.
const NO: u8 = 1;
