//! Reads TwiML as Twilio does: real XML, no guessing.

use std::collections::BTreeMap;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

/// Longest document read, in bytes. Twilio's limit for a TwiML answer.
pub(super) const MAX_DOCUMENT_BYTES: usize = 64 * 1024;
const MAX_DEPTH: usize = 8;
const MAX_ELEMENTS: usize = 1000;

/// An element with its attributes and what is in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Element {
    /// The name, case-sensitive.
    pub name: String,
    /// The attributes, unescaped.
    pub attributes: BTreeMap<String, String>,
    /// The text in it, pieces joined.
    pub text: String,
    /// The elements in it.
    pub children: Vec<Self>,
}

impl Element {
    /// An attribute's value.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.get(name).map(String::as_str)
    }

    /// The first child of this name.
    pub fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }
}

/// The document cannot be run; Twilio's error 12100.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the TwiML is not a well-formed <Response> document: {0}")]
pub struct DocumentError(pub String);

/// Reads a document; returns its `<Response>`.
///
/// # Errors
/// [`DocumentError`] when it is not well-formed, has another root, holds an unknown entity, or is too big.
pub fn parse_document(xml: &str) -> Result<Element, DocumentError> {
    let wrong = |what: &str| DocumentError(what.to_owned());
    if xml.len() > MAX_DOCUMENT_BYTES {
        return Err(wrong("it is longer than 64 KiB"));
    }
    let mut builder = Builder::default();
    let mut reader = Reader::from_str(xml);
    loop {
        let at_start = reader.buffer_position() == 0;
        match reader
            .read_event()
            .map_err(|error| DocumentError(error.to_string()))?
        {
            Event::Start(start) => builder.open(&start)?,
            Event::Empty(start) => {
                builder.open(&start)?;
                builder.close()?;
            }
            Event::End(_) => builder.close()?,
            Event::Text(text) => builder.text(&text.xml10_content())?,
            Event::CData(text) => builder.text(&text.xml10_content())?,
            Event::GeneralRef(reference) => {
                let resolved = match reference.resolve_char_ref() {
                    Ok(Some(c)) => c.to_string(),
                    Ok(None) => predefined(&reference)
                        .ok_or_else(|| wrong("it uses an entity that XML does not define"))?
                        .to_owned(),
                    Err(error) => return Err(DocumentError(error.to_string())),
                };
                builder.text(&resolved)?;
            }
            Event::Decl(_) if !at_start => {
                return Err(wrong("the XML declaration is not at the very beginning"));
            }
            Event::DocType(_) => return Err(wrong("it has a document type declaration")),
            Event::Decl(_) | Event::PI(_) | Event::Comment(_) => {}
            Event::Eof => break,
        }
    }
    builder.finish()
}

fn predefined(name: &str) -> Option<&'static str> {
    Some(match name {
        "lt" => "<",
        "gt" => ">",
        "amp" => "&",
        "apos" => "'",
        "quot" => "\"",
        _ => return None,
    })
}

#[derive(Default)]
struct Builder {
    open: Vec<Element>,
    root: Option<Element>,
    elements: usize,
}

impl Builder {
    fn open(&mut self, start: &BytesStart<'_>) -> Result<(), DocumentError> {
        self.elements += 1;
        if self.open.len() == MAX_DEPTH || self.elements > MAX_ELEMENTS {
            return Err(DocumentError(
                "it has too many elements or nests too deep".to_owned(),
            ));
        }
        if self.root.is_some() {
            return Err(DocumentError(
                "it has more than one root element".to_owned(),
            ));
        }
        let mut attributes = BTreeMap::new();
        for attribute in start.attributes() {
            let attribute = attribute.map_err(|error| DocumentError(error.to_string()))?;
            let value = attribute
                .normalized_value(quick_xml::XmlVersion::Implicit1_0)
                .map_err(|error| DocumentError(error.to_string()))?;
            attributes.insert(attribute.key.as_ref().to_owned(), value.into_owned());
        }
        let name = start.name().as_ref().to_owned();
        self.open.push(Element {
            name,
            attributes,
            ..Element::default()
        });
        Ok(())
    }

    fn close(&mut self) -> Result<(), DocumentError> {
        let element = self
            .open
            .pop()
            .ok_or_else(|| DocumentError("an element ends twice".to_owned()))?;
        match self.open.last_mut() {
            Some(parent) => parent.children.push(element),
            None => self.root = Some(element),
        }
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<(), DocumentError> {
        match self.open.last_mut() {
            Some(element) => element.text.push_str(text),
            None if text.trim().is_empty() => {}
            None => {
                return Err(DocumentError(
                    "there is text outside the root element".to_owned(),
                ));
            }
        }
        Ok(())
    }

    fn finish(self) -> Result<Element, DocumentError> {
        match self.root {
            Some(root) if self.open.is_empty() && root.name == "Response" => Ok(root),
            Some(_) if self.open.is_empty() => Err(DocumentError(
                "the root element is not <Response>".to_owned(),
            )),
            _ => Err(DocumentError(
                "it ends before its root element does".to_owned(),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_attributes_entities_and_cdata() {
        let root = parse_document(
            "<?xml version=\"1.0\"?>\n<Response><!-- c --><Say voice=\"a&amp;b\">x &lt;&#65;<![CDATA[<y>]]></Say><Hangup/></Response>\n",
        )
        .unwrap();
        assert_eq!(root.children[0].text, "x <A<y>");
        assert_eq!(root.children[0].attribute("voice"), Some("a&b"));
        assert_eq!(root.children[1].name, "Hangup");
    }

    #[test]
    fn what_is_not_twiml_is_refused() {
        for bad in [
            "",
            "hello",
            "<Response>",
            "<response/>",
            "<Response/><Response/>",
            "<Response><Say></Response>",
            " <?xml version=\"1.0\"?><Response/>",
            "<Response>&nope;</Response>",
            "<!DOCTYPE x><Response/>",
            "<Response/>tail",
        ] {
            assert!(parse_document(bad).is_err(), "{bad}");
        }
        assert!(parse_document(&"<Response>".repeat(10)).is_err());
    }
}
