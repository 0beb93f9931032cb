//! Documents read back by an XML reader hold what was put in, as text and never as markup.

use proptest::prelude::*;
use prosaas_twilio::testkit::carrier::{Element, parse_document};
use prosaas_twilio::twiml::{
    Gather, GatherInput, MAX_SAY_CHARS, RecordVerb, Response, Say, Stream, legal_text,
};

use crate::support::number;

/// Text as people and attackers write it.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "(</Say><Dial>|]]>|<!\\[CDATA\\[|&amp;|&#x0;|<!--|-->|\"|'|\r\n|\t|\u{0}|\u{ffff}|\u{5d0}|[a-z ]){0,30}",
    ]
}

/// What a reader gives back for an attribute.
fn attribute(text: &str) -> String {
    legal_text(text).replace(['\t', '\n'], " ")
}

fn names(element: &Element) -> Vec<&str> {
    element
        .children
        .iter()
        .map(|child| child.name.as_str())
        .collect()
}

proptest! {
    #[test]
    fn no_text_becomes_markup(say in text(), voice in text(), url in text(), name in text(), value in text()) {
        let mut gather = Gather::new(GatherInput::Speech);
        gather.prompt = Some(Say::new(say.clone()));
        let xml = Response::new()
            .say(Say::new(say.clone()).voice(voice.clone()))
            .gather(gather)
            .record(RecordVerb { action: Some(url.clone()), ..RecordVerb::default() })
            .connect_stream(Stream::new(url.clone()).parameter(name.clone(), value.clone()))
            .redirect(url.clone())
            .hangup()
            .to_xml();
        prop_assert!(xml.starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response>"));

        let root = parse_document(&xml).unwrap();
        prop_assert_eq!(names(&root), ["Say", "Gather", "Record", "Connect", "Redirect", "Hangup"]);
        prop_assert_eq!(&root.children[0].text, &*legal_text(&say));
        prop_assert_eq!(root.children[0].attribute("voice"), Some(&*attribute(&voice)));
        prop_assert_eq!(&root.children[1].children[0].text, &*legal_text(&say));
        prop_assert_eq!(root.children[2].attribute("action"), Some(&*attribute(&url)));
        let stream = &root.children[3].children[0];
        prop_assert_eq!(stream.attribute("url"), Some(&*attribute(&url)));
        prop_assert_eq!(stream.children[0].attribute("name"), Some(&*attribute(&name)));
        prop_assert_eq!(stream.children[0].attribute("value"), Some(&*attribute(&value)));
        prop_assert_eq!(&root.children[4].text, &*legal_text(&url));
    }

    #[test]
    fn any_text_is_a_document_or_refused(text in "(<[/!?]?|Response|Say|>|/>|&|;|#|x|\"|=| |\\PC){0,60}") {
        let _ = parse_document(&text);
    }
}

#[test]
fn a_long_text_is_cut_after_what_is_illegal_was_dropped() {
    let text = format!("\u{1}{}", "\u{5d0}".repeat(MAX_SAY_CHARS));
    let root = parse_document(&Response::new().say(Say::new(text)).to_xml()).unwrap();
    assert_eq!(root.children[0].text.chars().count(), MAX_SAY_CHARS);
}

#[test]
fn a_number_is_written_whole() {
    let transfer = prosaas_twilio::twiml::blind_transfer(number("+97231234567"), None);
    let root = parse_document(&transfer.to_xml()).unwrap();
    assert_eq!(
        root.children[0].child("Number").unwrap().text,
        "+97231234567"
    );
    assert_eq!(names(&root), ["Dial", "Hangup"]);
}
