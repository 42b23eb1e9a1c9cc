//! Paths in what serde writes: as they are shown. One that is no text would be an error otherwise.

use std::path::{Path, PathBuf};

use serde::{Serialize, Serializer};

struct Text<'a>(&'a Path);

impl Serialize for Text<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0.display())
    }
}

pub(crate) fn path<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    Text(path).serialize(serializer)
}

#[expect(clippy::ref_option, reason = "serde gives it so")]
pub(crate) fn maybe<S: Serializer>(path: &Option<PathBuf>, serializer: S) -> Result<S::Ok, S::Error> {
    path.as_deref().map(Text).serialize(serializer)
}

/// Paths, each with a text.
pub(crate) fn pairs<S: Serializer>(pairs: &[(PathBuf, String)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(pairs.iter().map(|(path, text)| (Text(path), text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize)]
    struct Paths {
        #[serde(serialize_with = "path")]
        one: PathBuf,
        #[serde(serialize_with = "maybe")]
        none: Option<PathBuf>,
        #[serde(serialize_with = "pairs")]
        many: Vec<(PathBuf, String)>,
    }

    fn written(path: PathBuf) -> String {
        let paths = Paths { one: path.clone(), none: None, many: vec![(path, "why".to_owned())] };
        serde_json::to_string(&paths).unwrap()
    }

    #[test]
    fn a_path_is_written_as_it_is_shown() {
        assert_eq!(written("a/b".into()), r#"{"one":"a/b","none":null,"many":[["a/b","why"]]}"#);
    }

    #[cfg(unix)]
    #[test]
    fn a_path_that_is_no_text_is_no_error() {
        use std::os::unix::ffi::OsStringExt;
        let path = PathBuf::from(std::ffi::OsString::from_vec(b"caf\xe9".to_vec()));
        let text = "\"caf\u{fffd}\"";
        assert_eq!(written(path), format!(r#"{{"one":{text},"none":null,"many":[[{text},"why"]]}}"#));
    }
}
