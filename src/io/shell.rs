//! Words of commands that a shell is to read: those that hints print, and those of job scripts.

use std::path::Path;

/// A word as the shell reads it: in quotes where it has blanks or signs that mean something there.
pub fn word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./,=:+@%".contains(c);
    match !text.is_empty() && text.chars().all(plain) {
        true => text.to_string(),
        false => format!("'{}'", text.replace('\'', "'\\''")),
    }
}

/// The name of a file as such a word.
pub fn path(path: &Path) -> String {
    word(&path.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_where_they_have_to_be() {
        for (text, quoted) in [
            ("datasets/p3-large.h5", "datasets/p3-large.h5"),
            ("my data.h5", "'my data.h5'"),
            ("it's.h5", "'it'\\''s.h5'"),
            ("a;b$c", "'a;b$c'"),
            ("größe.h5", "'größe.h5'"),
            ("", "''"),
        ] {
            assert_eq!(word(text), quoted);
            assert_eq!(path(Path::new(text)), quoted);
        }
    }
}
