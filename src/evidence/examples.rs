//! The examples in the data files, run as tests by `bypost check` and by the test suite.

use super::Catalogue;
use super::catalogue::wrong_example;
use super::phrases::{self, Hit};
use super::polarity::{Frame, Framing, Sentences};
use crate::sources::DataError;
use crate::text::Folder;

/// Runs every example of every marker and frame; returns what does not behave as the data says.
pub(crate) fn check(catalogue: &Catalogue, folder: &Folder) -> Vec<DataError> {
    let mut wrong = Vec::new();
    for (ix, marker) in catalogue.markers().iter().enumerate() {
        if marker.coded {
            continue;
        }
        if marker.hits.len() < 2 || marker.misses.len() < 2 {
            let what = format!("marker `{}`: expected at least two `hits` and two `misses`", marker.id);
            wrong.push(wrong_example(&marker.at, what));
        }
        let fires = |text: &str| {
            let folded = folder.fold(text);
            let (hits, _) = phrases::hits(catalogue, &folded, &[]);
            hits.iter().any(|h: &Hit| h.marker.0 as usize == ix && h.mention.is_none())
        };
        for text in marker.hits.iter().filter(|text| !fires(text)) {
            wrong.push(wrong_example(
                &marker.at,
                format!("marker `{}` does not find its example {text:?}", marker.id),
            ));
        }
        for text in marker.misses.iter().filter(|text| fires(text)) {
            wrong.push(wrong_example(&marker.at, format!("marker `{}` must not find {text:?}", marker.id)));
        }
    }
    for (number, frame) in catalogue.frames().iter().enumerate() {
        check_frame(catalogue, folder, number, frame, &mut wrong);
    }
    wrong
}

fn check_frame(
    catalogue: &Catalogue,
    folder: &Folder,
    number: usize,
    frame: &Frame,
    wrong: &mut Vec<DataError>,
) {
    let frames_it = |text: &str| {
        let folded = folder.fold(text);
        let found: Vec<Framing> = catalogue
            .patterns
            .matches(&folded.text)
            .into_iter()
            .filter(|m| catalogue.roles[m.pattern] == super::catalogue::Role::Frame(number))
            .map(|m| Framing { frame: number, span: m.span })
            .collect();
        let _ = Sentences::new(&folded.text, catalogue.frames(), &found);
        !found.is_empty()
    };
    for text in frame.hits.iter().filter(|text| !frames_it(text)) {
        wrong.push(wrong_example(
            &frame.at,
            format!("{:?} frame does not find its example {text:?}", frame.kind),
        ));
    }
    for text in frame.misses.iter().filter(|text| frames_it(text)) {
        wrong.push(wrong_example(&frame.at, format!("{:?} frame must not find {text:?}", frame.kind)));
    }
}

impl super::Gatherer {
    /// Runs the examples of all markers and frames.
    pub fn check_examples(&self) -> Vec<DataError> {
        check(&self.catalogue, &self.folder)
    }
}

#[cfg(test)]
mod tests {
    use crate::evidence::Gatherer;
    use crate::sources::Sources;

    #[test]
    fn every_example_behaves() {
        let gatherer = Gatherer::load(&Sources::embedded()).unwrap_or_else(|e| panic!("{e}"));
        let wrong: Vec<String> = gatherer.check_examples().iter().map(ToString::to_string).collect();
        assert!(wrong.is_empty(), "{} examples misbehave:\n{}", wrong.len(), wrong.join("\n"));
        assert!(
            gatherer.catalogue.patterns.unfiltered().len() <= 12,
            "{:#?}",
            gatherer.catalogue.patterns.unfiltered()
        );
    }
}
