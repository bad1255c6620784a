//! The `poolgate` program.

fn main() {}
