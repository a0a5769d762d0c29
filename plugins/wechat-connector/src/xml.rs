//! The XML of callbacks: fields of one element, in character data.

use std::collections::BTreeMap;

use jackfield_plugin::channel_connector::Error;
use quick_xml::Reader;
use quick_xml::events::Event;

/// Fields by name.
pub(crate) struct Fields(BTreeMap<String, String>);

impl Fields {
    /// The field; empty when there is none.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.0.get(name).map(String::as_str).unwrap_or_default()
    }

    pub(crate) fn need(&self, name: &str) -> Result<&str, Error> {
        match self.get(name) {
            "" => Err(Error::new("bad-body", format!("{name}: expected in the XML"))),
            found => Ok(found),
        }
    }
}

/// Reads the fields of the outermost element; what lies deeper is passed over.
pub(crate) fn fields(body: &[u8]) -> Result<Fields, Error> {
    let bad = |problem: String| Error::new("bad-body", format!("the XML: {problem}"));
    let mut reader = Reader::from_reader(body);
    let mut fields = BTreeMap::new();
    let mut path: Vec<String> = Vec::new();
    let mut text = String::new();
    loop {
        match reader.read_event().map_err(|error| bad(error.to_string()))? {
            Event::Start(start) => {
                path.push(String::from_utf8_lossy(start.name().as_ref()).into_owned());
                text.clear();
            }
            Event::Text(part) => text.push_str(&part.decode().map_err(|error| bad(error.to_string()))?),
            Event::CData(part) => text.push_str(&part.decode().map_err(|error| bad(error.to_string()))?),
            Event::GeneralRef(reference) => {
                let name = reference.decode().map_err(|error| bad(error.to_string()))?;
                let plain = match &*name {
                    "amp" => Some('&'),
                    "lt" => Some('<'),
                    "gt" => Some('>'),
                    "quot" => Some('"'),
                    "apos" => Some('\''),
                    _ => reference.resolve_char_ref().ok().flatten(),
                };
                text.push(plain.ok_or_else(|| bad(format!("&{name}; is not known")))?);
            }
            Event::End(_) => {
                let name = path.pop().unwrap_or_default();
                if path.len() == 1 {
                    fields.insert(name, std::mem::take(&mut text));
                }
            }
            Event::DocType(_) => return Err(bad("a document type is not expected".into())),
            Event::Eof if path.is_empty() && !fields.is_empty() => return Ok(Fields(fields)),
            Event::Eof => return Err(bad("it ends early".into())),
            _ => {}
        }
    }
}
