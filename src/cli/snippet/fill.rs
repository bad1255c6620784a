//! Templates: text with `@NAME@` where something is filled in.

/// `template` with each name's value in its place; a value of several lines is indented as the line
/// it stands on, and a line whose only content is an empty value is left out.
pub(super) fn fill(template: &str, values: &[(&str, &str)]) -> String {
    let mut text = String::new();
    for line in template.lines() {
        let indent: String = line.chars().take_while(|c| c.is_whitespace()).collect();
        let mut filled = line.to_owned();
        let mut had_name = false;
        for (name, value) in values {
            let mark = format!("@{name}@");
            if filled.contains(&mark) {
                had_name = true;
                let value = value.trim_end_matches('\n').replace('\n', &format!("\n{indent}"));
                filled = filled.replace(&mark, &value);
            }
        }
        if had_name && filled.trim().is_empty() {
            continue;
        }
        for line in filled.lines() {
            text.push_str(line.trim_end());
            text.push('\n');
        }
        if filled.is_empty() {
            text.push('\n');
        }
    }
    text
}
