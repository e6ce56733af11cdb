//! Writes SVG: elements, attributes and texts, none of which can end what it stands in.

use std::fmt::{Display, Write};

/// An element that is being written. What it holds is written while it is open.
#[derive(Debug, Default)]
pub(crate) struct Svg {
    text: String,
    open: Vec<&'static str>,
}

/// The attributes of an element.
pub(crate) type Attributes<'a> = &'a [(&'static str, &'a dyn Display)];

impl Svg {
    /// Begins an element that holds others.
    pub(crate) fn begin(&mut self, name: &'static str, attributes: Attributes<'_>) {
        self.tag(name, attributes);
        self.text.push_str(">\n");
        self.open.push(name);
    }

    /// Ends the element that was begun last.
    pub(crate) fn end(&mut self) {
        if let Some(name) = self.open.pop() {
            self.close(name);
        }
    }

    /// An element that holds nothing.
    pub(crate) fn empty(&mut self, name: &'static str, attributes: Attributes<'_>) {
        self.tag(name, attributes);
        self.text.push_str("/>\n");
    }

    /// An element that holds text.
    pub(crate) fn text(&mut self, name: &'static str, attributes: Attributes<'_>, text: &str) {
        self.tag(name, attributes);
        self.text.push('>');
        self.escape(text);
        self.close(name);
    }

    /// An element that says what it is when it is pointed at.
    pub(crate) fn titled(&mut self, name: &'static str, attributes: Attributes<'_>, title: &str) {
        self.begin(name, attributes);
        self.text("title", &[], title);
        self.end();
    }

    /// The text of everything.
    pub(crate) fn finish(mut self) -> String {
        while !self.open.is_empty() {
            self.end();
        }
        self.text
    }

    fn tag(&mut self, name: &str, attributes: Attributes<'_>) {
        self.text.push('<');
        self.text.push_str(name);
        for (name, value) in attributes {
            let _ = write!(self.text, " {name}=\"");
            self.escape(&value.to_string());
            self.text.push('"');
        }
    }

    fn close(&mut self, name: &str) {
        let _ = writeln!(self.text, "</{name}>");
    }

    fn escape(&mut self, text: &str) {
        for character in text.chars() {
            match character {
                '&' => self.text.push_str("&amp;"),
                '<' => self.text.push_str("&lt;"),
                '>' => self.text.push_str("&gt;"),
                '"' => self.text.push_str("&quot;"),
                '\'' | '\\' | '\n' => self.text.push(character),
                // What is not printed is shown as an escape: XML forbids some of it, and some of
                // it would turn the direction of what follows.
                _ => self.text.extend(character.escape_debug()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_leaves_its_place_and_no_character_is_one_that_xml_forbids() {
        let hostile = "]]></title><script>\u{0}\u{1b}\u{202e}\u{fffe}\u{feff}&quot;\"' \\ \u{e9}";
        let mut svg = Svg::default();
        svg.begin("svg", &[("xmlns", &"http://www.w3.org/2000/svg"), ("id", &hostile)]);
        svg.titled("g", &[], hostile);
        let text = svg.finish();
        let document = roxmltree::Document::parse(&text).unwrap();
        let title = document.descendants().find(|node| node.has_tag_name(("http://www.w3.org/2000/svg", "title")));
        let shown = r#"]]></title><script>\0\u{1b}\u{202e}\u{fffe}\u{feff}&quot;"' \ é"#;
        assert_eq!(title.and_then(|title| title.text()), Some(shown));
        assert_eq!(document.root_element().attribute("id"), Some(shown));
    }
}
