//! The model: named weights, read from `models/scam.json`, and the exact account of every score.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::evidence::Catalogue;
use crate::features::{self, Features};
use crate::sources::DataError;
use crate::wording::{self, Vocabulary};

/// Version of the file's layout.
pub const FORMAT: u32 = 3;

/// The model as written to its file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelFile {
    /// Must be [`FORMAT`].
    pub format: u32,
    /// Weights by feature name, sorted by name; the schema of the model.
    pub weights: Vec<NamedWeight>,
    /// Logit of a message that shows nothing.
    pub intercept: f64,
    /// What words say; the feature `wording` is its logit.
    pub wording: Wording,
    /// Platt scaling of the raw logit: `slope * raw + offset`.
    pub calibration: Calibration,
    /// Scores from which a label is given.
    pub thresholds: Thresholds,
    /// Where the thresholds come from.
    pub budgets: Budgets,
    /// Thresholds for other budgets, the laxest first.
    pub operating: Vec<OperatingPoint>,
    /// What it was trained on.
    pub training: Training,
    /// What was measured, by name.
    pub metrics: serde_json::Map<String, serde_json::Value>,
}

/// One weight.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NamedWeight {
    /// Feature name.
    pub feature: String,
    /// Weight of the raw logit, before calibration.
    pub weight: f64,
}

/// A model of words and pairs of words. How far it is trusted is the weight of the feature `wording`, fitted on messages of
/// sources that the words were not learnt from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wording {
    /// Logit of a message without a known word.
    pub intercept: f64,
    /// Weights by word or pair of words, sorted by word. A word counts once, divided by the root of the number of known ones.
    pub words: Vec<WordWeight>,
}

/// The weight of a word or pair of words.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WordWeight(pub String, pub f64);

/// Platt scaling.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// Factor.
    pub slope: f64,
    /// Summand.
    pub offset: f64,
}

/// Scores from which a label is given.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Thresholds {
    /// At least this: `suspicious`.
    pub suspicious: f64,
    /// At least this: `scam`.
    pub scam: f64,
}

/// Share of genuine messages that may reach a label by score alone.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Budgets {
    /// For `suspicious`.
    pub suspicious: f64,
    /// For `scam`.
    pub scam: f64,
}

/// The score that a share of the genuine messages reaches, each source counting the same.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OperatingPoint {
    /// Share of genuine messages.
    pub budget: f64,
    /// Score from which at most that share is.
    pub threshold: f64,
}

/// The thresholds for budgets: of the stored ones the nearest that are not laxer.
///
/// # Errors
/// A budget is stricter than the strictest that was measured, or the budget of `scam` is laxer than that of `suspicious`.
pub fn thresholds_for(operating: &[OperatingPoint], budgets: Budgets) -> Result<Thresholds, String> {
    let of = |budget: f64| {
        let fits = operating.iter().filter(|p| p.budget <= budget * (1.0 + 1e-9));
        let strictest = operating.last().map_or(1.0, |p| p.budget);
        fits.map(|p| p.threshold)
            .reduce(f64::min)
            .ok_or_else(|| format!("budget {budget}: the strictest that was measured is {strictest}"))
    };
    if budgets.scam > budgets.suspicious {
        return Err(format!(
            "budgets {} for suspicious and {} for scam: expected the latter to be stricter",
            budgets.suspicious, budgets.scam
        ));
    }
    Ok(Thresholds { suspicious: of(budgets.suspicious)?, scam: of(budgets.scam)? })
}

/// What the model was trained on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Training {
    /// One entry a source.
    pub sources: Vec<TrainingSource>,
    /// BLAKE3 digest (16 hexadecimal digits) over all rows and labels.
    pub digest: String,
    /// Digest of the data files that made the features.
    pub data: String,
    /// Strength of the L2 penalty, chosen on held-out sources.
    pub penalty: f64,
}

/// One source of training messages.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainingSource {
    /// Name.
    pub name: String,
    /// Genuine messages used.
    pub genuine: usize,
    /// Scam messages used.
    pub scam: usize,
}

/// The model, ready to score.
#[derive(Clone, Debug)]
pub struct Model {
    file: ModelFile,
    weights: HashMap<String, f64>,
    vocabulary: Vocabulary,
    digest: String,
}

/// A score with its account.
#[derive(Clone, Debug, PartialEq)]
pub struct Score {
    /// Calibrated probability that the message is a scam.
    pub probability: f64,
    /// Calibrated logit when nothing is shown.
    pub intercept: f64,
    /// What each feature adds to the calibrated logit, largest first; with the intercept they sum to it.
    pub contributions: Vec<Contribution>,
}

/// What one feature adds to the logit.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Contribution {
    /// Feature name.
    pub feature: String,
    /// Its value.
    pub value: f64,
    /// Its calibrated weight.
    pub weight: f64,
    /// `value * weight`.
    pub contribution: f64,
}

impl Model {
    /// Reads the file.
    ///
    /// # Errors
    /// The file is no model of this format, has a weight for a feature this version does not make, or a number that is
    /// not finite or out of range.
    pub fn load(name: &str, text: &str, catalogue: &Catalogue) -> Result<Self, DataError> {
        let file: ModelFile = serde_json::from_str(text).map_err(|e| DataError {
            file: name.into(),
            line: Some(e.line()),
            what: e.to_string(),
        })?;
        Self::check(&file, catalogue).map_err(|what| DataError::file(name, what))?;
        let weights = file.weights.iter().map(|w| (w.feature.clone(), w.weight)).collect();
        let words = file.wording.words.iter().map(|w| w.0.as_str());
        let vocabulary = Vocabulary::new(words).map_err(|what| DataError::file(name, what))?;
        let digest = blake3::hash(text.as_bytes()).to_hex()[..16].to_string();
        Ok(Self { file, weights, vocabulary, digest })
    }

    fn check(file: &ModelFile, catalogue: &Catalogue) -> Result<(), String> {
        if file.format != FORMAT {
            return Err(format!("format {}: expected {FORMAT}; run `bypost train`", file.format));
        }
        if file.weights.is_empty() {
            return Err("the model has no weights; run `bypost train`".into());
        }
        for weight in &file.weights {
            features::sign(&weight.feature, catalogue).map_err(|e| format!("{e}; run `bypost train`"))?;
        }
        let words = file.wording.words.iter().map(|w| w.1);
        let numbers = file.weights.iter().map(|w| w.weight).chain(words);
        let numbers = numbers.chain([file.intercept, file.calibration.offset, file.wording.intercept]);
        if !numbers.into_iter().all(f64::is_finite)
            || file.calibration.slope <= 0.0
            || !file.calibration.slope.is_finite()
        {
            return Err("a weight is not finite, or the calibration's slope is not positive".into());
        }
        let Thresholds { suspicious, scam } = file.thresholds;
        if !(0.0 < suspicious && suspicious <= scam && scam < 1.0) {
            return Err(format!("thresholds {suspicious} and {scam}: expected 0 < suspicious <= scam < 1"));
        }
        Ok(())
    }

    /// The score of a message: its features, and its folded subject and text for what the wording says.
    pub fn score(&self, features: &Features, subject: &str, body: &str) -> Score {
        let Calibration { slope, offset } = self.file.calibration;
        let contribution = |feature: &str, value: f64, weight: f64| Contribution {
            feature: feature.to_owned(),
            value,
            weight: weight * slope,
            contribution: value * weight * slope,
        };
        let mut contributions: Vec<Contribution> = features
            .iter()
            .filter_map(|(feature, &value)| Some(contribution(feature, value, *self.weights.get(feature)?)))
            .collect();
        let trust = self.weights.get(features::WORDING).copied().unwrap_or(0.0);
        let known = if trust > 0.0 { self.vocabulary.find(subject, body) } else { Vec::new() };
        let value = wording::value(known.len());
        contributions.extend(known.iter().map(|&number| {
            let WordWeight(word, weight) = &self.file.wording.words[number as usize];
            contribution(&format!("word:{word}"), value, trust * weight)
        }));
        contributions.sort_by(|a, b| {
            b.contribution.abs().total_cmp(&a.contribution.abs()).then_with(|| a.feature.cmp(&b.feature))
        });
        let intercept = (self.file.intercept + trust * self.file.wording.intercept) * slope + offset;
        let logit = intercept + contributions.iter().map(|c| c.contribution).sum::<f64>();
        Score { probability: sigmoid(logit), intercept, contributions }
    }

    /// Gives labels by other budgets.
    ///
    /// # Errors
    /// As [`thresholds_for`].
    pub fn set_budgets(&mut self, budgets: Budgets) -> Result<(), String> {
        self.file.thresholds = thresholds_for(&self.file.operating, budgets)?;
        self.file.budgets = budgets;
        Ok(())
    }

    /// Scores from which a label is given.
    pub fn thresholds(&self) -> Thresholds {
        self.file.thresholds
    }

    /// BLAKE3 digest of the file, 16 hexadecimal digits.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The file.
    pub fn file(&self) -> &ModelFile {
        &self.file
    }
}

/// The logistic function, kept strictly between 0 and 1.
pub fn sigmoid(logit: f64) -> f64 {
    (1.0 / (1.0 + (-logit).exp())).clamp(f64::MIN_POSITIVE, 1.0 - f64::EPSILON)
}
