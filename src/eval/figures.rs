//! Figures about scores and labels: by set, pooled, by slice.

use std::collections::BTreeMap;

use serde::Serialize;

use super::unseen::{Case, LAST_YEAR};
use crate::train::{Scored, Truth, auc, brier, ece, share_above, threshold_for};
use crate::verdict::Label;

/// Shares of the labels in one class of one set.
#[derive(Clone, Debug, Serialize)]
pub(super) struct SetFigures {
    pub(super) set: String,
    pub(super) truth: String,
    pub(super) messages: usize,
    /// Shares of no-signs, suspicious, scam; by score and rules.
    pub(super) shares: [f64; 3],
}

/// Figures over many sets.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Pooled {
    pub(super) what: String,
    pub(super) scams: usize,
    pub(super) genuine: usize,
    pub(super) auc: f64,
    /// Share of scams found by score at a threshold that 1 % of the genuine messages reach, each source counting the same.
    pub(super) recall_at_1: f64,
    /// The same at 0.1 %.
    pub(super) recall_at_01: f64,
    pub(super) ece: f64,
    pub(super) brier: f64,
}

/// Labels in a slice of all messages.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Slice {
    pub(super) slice: String,
    pub(super) genuine: usize,
    /// Share of the genuine messages that are at least suspicious.
    pub(super) alarms: f64,
    pub(super) scams: usize,
    /// Share of the scams that are.
    pub(super) found: f64,
}

/// What the plots are drawn from.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Curves {
    /// Points (false-alarm share, found share).
    pub(super) roc: Vec<(f64, f64)>,
    /// Bins of predicted probability: mean prediction, share of scams, messages.
    pub(super) reliability: Vec<(f64, f64, usize)>,
    /// By set and class: messages in each tenth of the score.
    pub(super) histograms: Vec<(String, [usize; 10])>,
}

fn name(case: &Case) -> String {
    if case.held_back { "own, held back".to_owned() } else { case.source.clone() }
}

fn truth(truth: Truth) -> &'static str {
    match truth {
        Truth::Genuine => "genuine",
        Truth::Spam => "spam",
        Truth::Scam => "scam",
    }
}

pub(super) fn sets(cases: &[Case]) -> Vec<SetFigures> {
    let mut sets: BTreeMap<(String, Truth), [usize; 3]> = BTreeMap::new();
    for case in cases {
        sets.entry((name(case), case.truth)).or_default()[case.label as usize] += 1;
    }
    let figures = |((set, class), counts): ((String, Truth), [usize; 3])| {
        let messages: usize = counts.iter().sum();
        let shares = counts.map(|n| n as f64 / messages as f64);
        SetFigures { set, truth: truth(class).to_owned(), messages, shares }
    };
    sets.into_iter().map(figures).collect()
}

/// All sets; recent ones; those that never trained; newer than the split by time.
pub(super) fn pooled(cases: &[Case], late: Option<&[Case]>) -> Vec<Pooled> {
    const RECENT: &[&str] = &["own", "product_mail", "tax_help_notices", "delivery_notices", "phishing_pot"];
    let mut all = vec![
        pool("all sets, each scored without itself", cases.iter()),
        pool("recent sets (2019-26)", cases.iter().filter(|c| RECENT.contains(&c.source.as_str()))),
        pool("own messages, held back", cases.iter().filter(|c| c.held_back)),
    ];
    if let Some(late) = late {
        let what = format!("trained on mail up to {LAST_YEAR}, tried on newer");
        all.push(pool(&what, late.iter()));
    }
    all.retain(|p| p.scams > 0 && p.genuine > 0);
    all
}

fn pool<'a>(what: &str, cases: impl Iterator<Item = &'a Case>) -> Pooled {
    let cases: Vec<&Case> = cases.filter(|c| c.truth != Truth::Spam).collect();
    let scored: Vec<Scored> = cases.iter().map(|c| (c.score, c.scam())).collect();
    let mut sources: BTreeMap<&str, Vec<Scored>> = BTreeMap::new();
    for case in &cases {
        sources.entry(&case.source).or_default().push((case.score, case.scam()));
    }
    let sources: Vec<Vec<Scored>> = sources.into_values().collect();
    let recall = |budget| share_above(&scored, true, threshold_for(&sources, budget));
    let scams = scored.iter().filter(|s| s.1).count();
    Pooled {
        what: what.to_owned(),
        scams,
        genuine: scored.len() - scams,
        auc: auc(&scored),
        recall_at_1: recall(0.01),
        recall_at_01: recall(0.001),
        ece: ece(&scored),
        brier: brier(&scored),
    }
}

pub(super) fn slices(cases: &[Case], key: impl Fn(&Case) -> String) -> Vec<Slice> {
    let mut slices: BTreeMap<String, Vec<&Case>> = BTreeMap::new();
    for case in cases.iter().filter(|c| c.truth != Truth::Spam) {
        slices.entry(key(case)).or_default().push(case);
    }
    let slice = |(slice, cases): (String, Vec<&Case>)| {
        let share = |scam: bool| {
            let of: Vec<_> = cases.iter().filter(|c| c.scam() == scam).collect();
            let flagged = of.iter().filter(|c| c.label > Label::NoSigns).count();
            (of.len(), flagged as f64 / of.len().max(1) as f64)
        };
        let ((genuine, alarms), (scams, found)) = (share(false), share(true));
        Slice { slice, genuine, alarms, scams, found }
    };
    slices.into_iter().map(slice).collect()
}

pub(super) fn curves(cases: &[Case]) -> Curves {
    let scored: Vec<Scored> =
        cases.iter().filter(|c| c.truth != Truth::Spam).map(|c| (c.score, c.scam())).collect();
    let mut histograms: BTreeMap<String, [usize; 10]> = BTreeMap::new();
    for case in cases {
        let bin = ((case.score * 10.0) as usize).min(9);
        histograms.entry(format!("{} ({})", name(case), truth(case.truth))).or_default()[bin] += 1;
    }
    Curves {
        roc: roc(&scored),
        reliability: reliability(&scored),
        histograms: histograms.into_iter().collect(),
    }
}

/// At most two hundred points of the ROC curve.
fn roc(scored: &[Scored]) -> Vec<(f64, f64)> {
    let mut thresholds: Vec<f64> = scored.iter().map(|s| s.0).collect();
    thresholds.sort_by(|a, b| b.total_cmp(a));
    thresholds.dedup();
    let step = (thresholds.len() / 200).max(1);
    let point = |t: &f64| (share_above(scored, false, *t), share_above(scored, true, *t));
    let mut points = vec![(0.0, 0.0)];
    points.extend(thresholds.iter().step_by(step).map(point));
    points.push((1.0, 1.0));
    points
}

fn reliability(scored: &[Scored]) -> Vec<(f64, f64, usize)> {
    let mut bins = [(0.0, 0usize, 0usize); 10];
    for (score, scam) in scored {
        let bin = &mut bins[((score * 10.0) as usize).min(9)];
        *bin = (bin.0 + score, bin.1 + usize::from(*scam), bin.2 + 1);
    }
    let mean = |(sum, scams, n): (f64, usize, usize)| (sum / n as f64, scams as f64 / n as f64, n);
    bins.into_iter().filter(|bin| bin.2 > 0).map(mean).collect()
}
