//! Plots as SVG: the ROC curve, the reliability diagram, the score histogram of every set.

use std::fmt::Write as _;

use super::Evaluation;

/// Side of a square plot, in pixels.
const SIDE: f64 = 320.0;
/// Room for axis labels.
const MARGIN: f64 = 48.0;
/// A blue that is told from the grey of the diagonal with any colour vision.
const INK: &str = "#0b5fa5";

/// File names and their drawings.
pub(super) fn all(e: &Evaluation) -> Vec<(&'static str, String)> {
    vec![
        ("roc.svg", roc(&e.curves.roc)),
        ("reliability.svg", reliability(&e.curves.reliability)),
        ("histograms.svg", histograms(&e.curves.histograms)),
    ]
}

fn x(share: f64) -> f64 {
    MARGIN + share * SIDE
}

fn y(share: f64) -> f64 {
    MARGIN / 2.0 + (1.0 - share) * SIDE
}

/// An empty square plot: frame, ticks, axis labels, diagonal.
fn square(title: &str, across: &str, up: &str) -> String {
    let (width, height) = (SIDE + 1.5 * MARGIN, SIDE + 1.7 * MARGIN);
    let mut svg = open(title, width, height);
    let _ = write!(
        svg,
        "<rect x='{}' y='{}' width='{SIDE}' height='{SIDE}' fill='none' stroke='#888'/>\
         <line x1='{}' y1='{}' x2='{}' y2='{}' stroke='#888' stroke-dasharray='4 4'/>",
        x(0.0),
        y(1.0),
        x(0.0),
        y(0.0),
        x(1.0),
        y(1.0)
    );
    for tick in [0.0, 0.25, 0.5, 0.75, 1.0] {
        let _ = write!(
            svg,
            "<text x='{:.1}' y='{:.1}' text-anchor='middle'>{tick}</text>\
             <text x='{:.1}' y='{:.1}' text-anchor='end'>{tick}</text>",
            x(tick),
            y(0.0) + 15.0,
            x(0.0) - 5.0,
            y(tick) + 4.0
        );
    }
    let _ = write!(
        svg,
        "<text x='{:.1}' y='{:.1}' text-anchor='middle'>{across}</text>\
         <text transform='translate(12 {:.1}) rotate(-90)' text-anchor='middle'>{up}</text>",
        x(0.5),
        y(0.0) + 34.0,
        y(0.5)
    );
    svg
}

fn open(title: &str, width: f64, height: f64) -> String {
    format!(
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width:.0} {height:.0}' width='{width:.0}' \
         height='{height:.0}' role='img' font-family='sans-serif' font-size='11' fill='#222'><title>{title}</title>\
         <rect width='100%' height='100%' fill='#fff'/>"
    )
}

fn roc(points: &[(f64, f64)]) -> String {
    let mut svg = square("ROC curve", "genuine messages flagged", "scams found");
    let line: Vec<String> = points.iter().map(|p| format!("{:.1},{:.1}", x(p.0), y(p.1))).collect();
    let _ = write!(
        svg,
        "<polyline points='{}' fill='none' stroke='{INK}' stroke-width='2'/></svg>",
        line.join(" ")
    );
    svg
}

fn reliability(bins: &[(f64, f64, usize)]) -> String {
    let mut svg = square("Reliability", "probability given", "share of scams");
    for (given, found, messages) in bins {
        let radius = 3.0 + (*messages as f64).log10().max(0.0);
        let _ = write!(
            svg,
            "<circle cx='{:.1}' cy='{:.1}' r='{radius:.1}' fill='{INK}'><title>{messages} messages: given {given:.2}, found \
             {found:.2}</title></circle>",
            x(*given),
            y(*found)
        );
    }
    svg.push_str("</svg>");
    svg
}

/// A row of ten bars for every set, each set scaled to its own fullest tenth.
fn histograms(sets: &[(String, [usize; 10])]) -> String {
    const ROW: f64 = 34.0;
    const LEFT: f64 = 190.0;
    const BAR: f64 = 26.0;
    let height = ROW * sets.len() as f64 + 40.0;
    let mut svg = open("Score by set, in tenths", LEFT + BAR * 10.0 + 20.0, height);
    for (row, (name, counts)) in sets.iter().enumerate() {
        let base = ROW * (row as f64 + 1.0);
        let most = counts.iter().copied().max().unwrap_or(1).max(1) as f64;
        let _ = write!(svg, "<text x='{}' y='{:.1}' text-anchor='end'>{name}</text>", LEFT - 8.0, base - 6.0);
        for (tenth, count) in counts.iter().enumerate() {
            let tall = (ROW - 8.0) * *count as f64 / most;
            let _ = write!(
                svg,
                "<rect x='{:.1}' y='{:.1}' width='{:.1}' height='{tall:.1}' fill='{INK}'><title>{count} from \
                 0.{tenth}</title></rect>",
                LEFT + BAR * tenth as f64,
                base - tall,
                BAR - 3.0
            );
        }
    }
    let _ = write!(
        svg,
        "<text x='{LEFT}' y='{0:.1}'>0</text><text x='{1:.1}' y='{0:.1}' text-anchor='end'>1</text></svg>",
        height - 14.0,
        LEFT + BAR * 10.0
    );
    svg
}
