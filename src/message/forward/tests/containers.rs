//! HTML containers, and what moves with the body.

use super::super::super::rendered::{Container, Rendered};
use super::super::super::{Hidden, HiddenWhy, Link, LinkOrigin};
use super::{BODY, TABLE, address, plain};

/// A container around the part of `text` from `from` to the end of `to`.
fn container(text: &str, names: &[&str], from: &str, to: &str) -> Container {
    let start = text.find(from).unwrap();
    let end = start + text[start..].find(to).unwrap() + to.len();
    Container { names: names.iter().map(|&name| name.to_owned()).collect(), range: start..end }
}

/// A header block as HTML renders it, without a separator.
const BLOCK: &str =
    "From: Dana Crane <dana@crane.example>\nSent: 6 May 2026 09:31\nTo: Pat\nSubject: Parcel held";

#[test]
fn container_confirms_and_ends_the_forward() {
    let block = BLOCK.replace("Sent", "Date");
    let text = format!("Look\n---------- Forwarded message ---------\n{block}\n\n{BODY}\n--\nPat Doe");
    let quote = container(&text, &["div", "div.gmail_quote"], "-----", "The parcel desk");
    let split = TABLE.split("Fwd: x", &Rendered { containers: vec![quote], ..plain(&text) }).unwrap();
    assert_eq!((split.style.as_str(), split.confidence), ("gmail", 0.99));
    assert_eq!(split.body.text, BODY);
    assert_eq!(split.note, "Look\n\n--\nPat Doe");
}

#[test]
fn header_container_confirms_outlook() {
    let text = format!("Look\n\n{BLOCK}\n{BODY}");
    let head = container(&text, &["div#divrplyfwdmsg"], "From:", "Parcel held");
    let split = TABLE.split("", &Rendered { containers: vec![head], ..plain(&text) }).unwrap();
    assert_eq!((split.style.as_str(), split.confidence), ("outlook", 0.99));
    assert_eq!((split.body.text.as_str(), split.note.as_str()), (BODY, "Look"));
}

#[test]
fn empty_container_before_the_block_counts() {
    let text = format!("Look\n\n{BLOCK}\n{BODY}");
    let empty = Container { names: vec!["div#appendonsend".to_owned()], range: 5..5 };
    let split = TABLE.split("", &Rendered { containers: vec![empty], ..plain(&text) }).unwrap();
    assert_eq!(split.confidence, 0.99);
}

#[test]
fn containers_around_replies_change_nothing() {
    let text = format!("Yes, that is right.\n\n{BLOCK}\n{BODY}");
    let head = container(&text, &["div#divrplyfwdmsg"], "From:", "Parcel held");
    assert!(TABLE.split("Re: Parcel held", &Rendered { containers: vec![head], ..plain(&text) }).is_none());
    let text = "Yes.\n\nOn Wed, 6 May 2026 at 9:31, Dana <dana@crane.example> wrote:\nDear customer";
    let quote = container(text, &["div.gmail_quote"], "On Wed", "customer");
    assert!(TABLE.split("Re: Parcel held", &Rendered { containers: vec![quote], ..plain(text) }).is_none());
}

#[test]
fn apple_block_inside_a_quotation_element() {
    let block = BLOCK.replace("Sent", "Date");
    let text = format!("Begin forwarded message:\n\n{block}\n\n{BODY}\n\nmy own words");
    let quote = container(&text, &["blockquote", "blockquote[type=cite]"], "From:", "The parcel desk");
    let split = TABLE.split("Fwd: x", &Rendered { containers: vec![quote], ..plain(&text) }).unwrap();
    assert_eq!((split.style.as_str(), split.confidence), ("apple-mail", 0.99));
    assert_eq!((split.body.text.as_str(), split.note.as_str()), (BODY, "my own words"));
}

#[test]
fn a_container_closed_early_hides_nothing() {
    let rest = "Pay the fee now. ".repeat(100);
    let text = format!("---------- Forwarded message ---------\n{BLOCK}\n\nDear customer,\n{rest}");
    let quote = container(&text, &["div.gmail_quote"], "-----", "Dear customer,");
    let split = TABLE.split("Fwd: x", &Rendered { containers: vec![quote], ..plain(&text) }).unwrap();
    assert!(split.body.text.ends_with("now.") && split.note.is_empty());
}

#[test]
fn slice_moves_links_hidden_text_and_containers() {
    let text = "note\n> one\n> \n> > two link\n> three\nend";
    let at = |what: &str| text.find(what).unwrap();
    let link = |shown: &str| Link {
        shown: shown.to_owned(),
        target: "http://a.test".to_owned(),
        origin: LinkOrigin::Anchor,
    };
    let hidden = Hidden { text: "h".to_owned(), why: HiddenWhy::ZeroSize, leads: false };
    let rendered = Rendered {
        text: text.to_owned(),
        links: vec![(0, link("note")), (at("link"), link("link")), (at("end"), link("end"))],
        hidden: vec![(at("three"), hidden)],
        containers: vec![
            Container { names: vec!["div".to_owned()], range: 0..text.len() },
            Container { names: vec!["b".to_owned()], range: at("two")..at("link") + 4 },
        ],
    };
    let part = rendered.slice(5..at("\nend"), 1);
    assert_eq!(part.text, "one\n\n> two link\nthree");
    assert_eq!(part.links, vec![(part.text.find("link").unwrap(), link("link"))]);
    assert_eq!(part.hidden[0].0, part.text.find("three").unwrap());
    assert_eq!(part.containers.len(), 1);
    assert_eq!(&part.text[part.containers[0].range.clone()], "two link");
}

#[test]
fn links_of_the_header_stay_behind_and_those_of_the_body_fit() {
    let text = format!("---------- Forwarded message ---------\n{BLOCK}\n\n{BODY}\n");
    let link =
        |target: &str| Link { shown: String::new(), target: target.to_owned(), origin: LinkOrigin::Image };
    let links = vec![
        (text.find("dana@").unwrap(), link("mailto:dana@crane.example")),
        (text.find("http").unwrap(), link("http://parcel-fee.test/pay")),
        (text.len(), link("http://last-image.test")),
    ];
    let split = TABLE.split("Fwd: x", &Rendered { links, ..plain(&text) }).unwrap();
    let places: Vec<usize> = split.body.links.iter().map(|(at, _)| *at).collect();
    assert_eq!(places, [BODY.find("http").unwrap(), BODY.len()]);
    assert_eq!(split.header.from, Some(address("Dana Crane", "dana@crane.example")));
}

#[test]
fn forward_of_a_forward_one_hop_at_a_time() {
    let inner = format!("my note\n\n---------- Forwarded message ---------\n{BLOCK}\n\n{BODY}");
    let quoted: String = inner.lines().map(|line| format!("> {line}\n")).collect();
    let text = format!(
        "> Begin forwarded message:\n>\n> From: Lee <lee@home.example>\n> Subject: Fwd: Parcel held\n> Date: 7 May 2026\n>\n{quoted}"
    );
    let outer = TABLE.split("Fwd: Fwd: Parcel held", &plain(&text)).unwrap();
    assert_eq!(outer.header.from, Some(address("Lee", "lee@home.example")));
    let split = TABLE.split(outer.header.subject.as_deref().unwrap(), &outer.body).unwrap();
    assert_eq!(split.header.from, Some(address("Dana Crane", "dana@crane.example")));
    assert_eq!((split.body.text.as_str(), split.note.as_str()), (BODY, "my note"));
}
