//! Figures about scores and labels.

/// A score (any monotone number) and whether the message is a scam.
pub type Scored = (f64, bool);

/// Area under the ROC curve: the chance that a scam scores higher than a genuine message; ties count half.
pub fn auc(scored: &[Scored]) -> f64 {
    let mut sorted: Vec<Scored> = scored.to_vec();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut ranks, mut at) = (0.0, 0);
    while at < sorted.len() {
        let len = sorted[at..].iter().take_while(|s| s.0 == sorted[at].0).count();
        let rank = at as f64 + (len as f64 + 1.0) / 2.0;
        ranks += rank * sorted[at..at + len].iter().filter(|s| s.1).count() as f64;
        at += len;
    }
    let scams = scored.iter().filter(|s| s.1).count() as f64;
    let genuine = scored.len() as f64 - scams;
    (ranks - scams * (scams + 1.0) / 2.0) / (scams * genuine)
}

/// The lowest threshold that at most `budget` of the genuine messages reach, every source counting the same whatever its
/// size: a large old corpus must not decide for all.
pub fn threshold_for(sources: &[Vec<Scored>], budget: f64) -> f64 {
    let genuine: Vec<Vec<f64>> = sources
        .iter()
        .map(|rows| rows.iter().filter(|s| !s.1).map(|s| s.0).collect::<Vec<f64>>())
        .filter(|rows| !rows.is_empty())
        .collect();
    let mut candidates: Vec<f64> = genuine.iter().flatten().copied().collect();
    candidates.sort_by(f64::total_cmp);
    let share = |threshold: f64| {
        let of =
            |rows: &Vec<f64>| rows.iter().filter(|s| **s >= threshold).count() as f64 / rows.len() as f64;
        genuine.iter().map(of).sum::<f64>() / genuine.len() as f64
    };
    let over = candidates.partition_point(|score| share(score + 1e-9) > budget);
    candidates.get(over).map_or(0.5, |score| score + 1e-9)
}

/// Share of the messages of a class that reach `threshold`.
pub fn share_above(scored: &[Scored], scam: bool, threshold: f64) -> f64 {
    let of: Vec<f64> = scored.iter().filter(|s| s.1 == scam).map(|s| s.0).collect();
    if of.is_empty() { 0.0 } else { of.iter().filter(|s| **s >= threshold).count() as f64 / of.len() as f64 }
}

/// Expected calibration error over ten bins of equal width.
pub fn ece(scored: &[Scored]) -> f64 {
    let mut bins = [(0.0, 0.0, 0.0); 10];
    for (score, scam) in scored {
        let bin = &mut bins[((score * 10.0) as usize).min(9)];
        *bin = (bin.0 + score, bin.1 + f64::from(u8::from(*scam)), bin.2 + 1.0);
    }
    bins.iter().map(|(score, scams, _)| (score - scams).abs()).sum::<f64>() / scored.len() as f64
}

/// Brier score: the mean squared error of the probability.
pub fn brier(scored: &[Scored]) -> f64 {
    scored.iter().map(|(p, scam)| (p - f64::from(u8::from(*scam))).powi(2)).sum::<f64>() / scored.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_figures() {
        let scored = [(0.1, false), (0.4, false), (0.35, true), (0.8, true)];
        assert!((auc(&scored) - 0.75).abs() < 1e-12);
        assert!((auc(&[(0.5, true), (0.5, false)]) - 0.5).abs() < 1e-12);
        assert!((brier(&[(1.0, true), (0.0, true)]) - 0.5).abs() < 1e-12);
        assert!((ece(&[(0.25, false), (0.25, true)]) - 0.25).abs() < 1e-12);
        let genuine: Vec<Scored> = (0..100).map(|n| (f64::from(n) / 100.0, false)).collect();
        let threshold = threshold_for(std::slice::from_ref(&genuine), 0.02);
        assert!((share_above(&genuine, false, threshold) - 0.02).abs() < 1e-12);
    }
}
