//! Fitting by linfa-logistic, with every weight oriented to "scam" and held to the way its feature may count.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use linfa::prelude::*;
use linfa_logistic::LogisticRegression;
use ndarray::{Array1, Array2, ShapeBuilder};

use crate::evidence::Catalogue;
use crate::features::{self, Features, Sign};

/// Weights by feature, and the intercept, of the logit of "scam".
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Linear {
    /// Weight by feature name.
    pub weights: BTreeMap<String, f64>,
    /// Logit of no features.
    pub intercept: f64,
}

impl Linear {
    /// The logit of a message's features.
    pub fn logit(&self, features: &Features) -> f64 {
        self.intercept
            + features.iter().filter_map(|(name, value)| Some(self.weights.get(name)? * value)).sum::<f64>()
    }
}

/// A row ready to fit: features and label.
pub type Example<'a> = (&'a Features, bool);

/// A feature seen in fewer rows is no basis for a weight.
const MIN_ROWS: usize = 3;

/// Refits after dropping features of the wrong sign; few rounds are ever needed.
const MAX_ROUNDS: usize = 12;

/// Fits `examples`, dropping every feature whose weight points the wrong way, until all point the right way.
///
/// # Errors
/// One of the classes is missing, or the fit fails.
pub fn fit(examples: &[Example<'_>], alpha: f64, catalogue: &Catalogue) -> Result<Linear> {
    let mut names = frequent(examples);
    for _ in 0..MAX_ROUNDS {
        let linear = fit_free(examples, &names, alpha)?;
        let wrong = wrong_way(&linear, catalogue);
        if wrong.is_empty() {
            return Ok(linear);
        }
        names.retain(|name| !wrong.contains(name));
    }
    let mut linear = fit_free(examples, &names, alpha)?;
    for name in wrong_way(&linear, catalogue) {
        linear.weights.remove(&name);
    }
    Ok(linear)
}

fn frequent(examples: &[Example<'_>]) -> Vec<String> {
    let mut rows: BTreeMap<&str, usize> = BTreeMap::new();
    for (features, _) in examples {
        for name in features.keys() {
            *rows.entry(name).or_default() += 1;
        }
    }
    rows.into_iter().filter(|(_, n)| *n >= MIN_ROWS).map(|(name, _)| name.to_owned()).collect()
}

fn wrong_way(linear: &Linear, catalogue: &Catalogue) -> Vec<String> {
    let wrong = |name: &str, weight: f64| match features::sign(name, catalogue) {
        Ok(Sign::Scam) => weight < 0.0,
        Ok(Sign::Genuine) => weight > 0.0,
        _ => false,
    };
    linear
        .weights
        .iter()
        .filter(|(name, weight)| wrong(name, **weight))
        .map(|(name, _)| name.clone())
        .collect()
}

/// The plain fit. linfa-logistic 0.8.1 takes the more frequent class as positive and later versions the greater one, so
/// the positive class is read from the fitted model: this is the one place where weights are oriented.
///
/// # Errors
/// One of the classes is missing, or the fit fails.
pub fn fit_free(examples: &[Example<'_>], names: &[String], alpha: f64) -> Result<Linear> {
    if examples.iter().all(|e| e.1) || examples.iter().all(|e| !e.1) {
        bail!("expected both scam and genuine messages to train on");
    }
    let fitted = fit_linfa(examples, names, alpha)?;
    let sign = if fitted.labels().pos.class { 1.0 } else { -1.0 };
    let weights =
        names.iter().zip(fitted.params()).map(|(name, weight)| (name.clone(), sign * weight)).collect();
    Ok(Linear { weights, intercept: sign * fitted.intercept() })
}

/// The model as linfa gives it.
pub(super) fn fit_linfa(
    examples: &[Example<'_>],
    names: &[String],
    alpha: f64,
) -> Result<linfa_logistic::FittedLogisticRegression<f64, bool>> {
    let dataset = Dataset::new(
        matrix(examples.iter().map(|e| e.0), names),
        examples.iter().map(|e| e.1).collect::<Array1<bool>>(),
    );
    LogisticRegression::default()
        .alpha(alpha)
        .max_iterations(400)
        .gradient_tolerance(1e-6)
        .fit(&dataset)
        .context("linfa could not fit the model")
}

/// Rows of features as a column-major matrix, which linfa fits several times faster than a row-major one.
pub(super) fn matrix<'a>(rows: impl ExactSizeIterator<Item = &'a Features>, names: &[String]) -> Array2<f64> {
    let mut matrix = Array2::zeros((rows.len(), names.len()).f());
    for (row, features) in rows.enumerate() {
        for (column, name) in names.iter().enumerate() {
            if let Some(value) = features.get(name) {
                matrix[(row, column)] = *value;
            }
        }
    }
    matrix
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(scams: usize, genuine: usize) -> Vec<(Features, bool)> {
        let row = |scam: bool, n: usize| {
            let mut features = Features::new();
            features.insert(if scam ^ n.is_multiple_of(7) { "a".into() } else { "b".into() }, 1.0);
            (features, scam)
        };
        (0..scams).map(|n| row(true, n)).chain((0..genuine).map(|n| row(false, n))).collect()
    }

    /// Whatever class is more frequent, a sign of a scam has a positive weight, and our probability is linfa's.
    #[test]
    fn weights_point_to_scam_in_both_balances() {
        for (scams, genuine) in [(30, 90), (90, 30), (60, 60)] {
            let rows = rows(scams, genuine);
            let examples: Vec<Example<'_>> = rows.iter().map(|(f, s)| (f, *s)).collect();
            let names = vec!["a".to_owned(), "b".to_owned()];
            let linear = fit_free(&examples, &names, 1.0).expect("fits");
            assert!(linear.weights["a"] > 0.1 && linear.weights["b"] < -0.1, "{scams}:{genuine} {linear:?}");
            let fitted = fit_linfa(&examples, &names, 1.0).expect("fits");
            let theirs = fitted.predict_probabilities(&matrix(examples.iter().map(|e| e.0), &names));
            for ((features, _), theirs) in examples.iter().zip(theirs) {
                let theirs = if fitted.labels().pos.class { theirs } else { 1.0 - theirs };
                let ours = crate::model::sigmoid(linear.logit(features));
                assert!((ours - theirs).abs() < 1e-6, "{ours} {theirs}");
            }
        }
    }

    #[test]
    fn one_class_is_refused() {
        let rows = rows(5, 0);
        let examples: Vec<Example<'_>> = rows.iter().map(|(f, s)| (f, *s)).collect();
        assert!(fit_free(&examples, &["a".into()], 1.0).is_err());
    }
}
