//! What requests and answers look like, for the OpenAPI document. The judgement itself is made by `Engine::json`; a test
//! compares the two.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::message::Channel;
use crate::service::{Corrected, Truth};

/// A message to judge, as JSON: exactly one of `text` and `raw`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct JudgeRequest {
    /// The words of a text, or of a voicemail's transcript.
    pub(super) text: Option<String>,
    /// A whole mail, header and body.
    pub(super) raw: Option<String>,
    /// How it came; without it, `text` is taken for a text and `raw` for a mail.
    #[schema(value_type = Option<ChannelName>)]
    pub(super) channel: Option<Channel>,
}

/// How a message came.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "only described")]
pub(super) enum ChannelName {
    /// Internet mail.
    Email,
    /// A text message.
    Text,
    /// The transcript of a voicemail or call.
    Voicemail,
}

/// A label.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
#[expect(dead_code, reason = "only described")]
pub(super) enum LabelName {
    /// No signs of a scam were found; that does not make the message safe.
    NoSigns,
    /// Some signs.
    Suspicious,
    /// Strong signs.
    Scam,
}

/// A judgement.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only described")]
pub(super) struct JudgementBody {
    /// The door: `http`.
    source: String,
    /// Id of the message: 16 hexadecimal digits.
    #[schema(pattern = "^[0-9a-f]{16}$")]
    id: String,
    label: LabelName,
    /// Calibrated probability of a scam.
    #[schema(minimum = 0.0, maximum = 1.0)]
    score: f64,
    thresholds: ThresholdsBody,
    /// Who the message says it is.
    claims: Vec<serde_json::Value>,
    /// What counts, with its place.
    markers: Vec<MarkerBody>,
    /// What is only mentioned.
    mentions: Vec<MarkerBody>,
    /// Hard rules that fired.
    rules: Vec<RuleBody>,
    /// Why, in brief, the most telling first.
    reasons: Vec<ReasonBody>,
    /// What every feature added to the logit of the score.
    contributions: Vec<serde_json::Value>,
    intercept: f64,
    /// The sign without which the verdict would change most, and the score and label then; null without one.
    counterfactual: serde_json::Value,
    channel: ChannelName,
    /// The suspect message.
    suspect: serde_json::Value,
    /// How it was forwarded.
    forward: serde_json::Value,
    /// The answer for the person, if it was asked for.
    #[schema(required = false)]
    reply: ReplyBody,
    /// What was broken, cut or refused.
    defects: Vec<serde_json::Value>,
    /// Ids of the facts cited.
    facts: Vec<String>,
    language: String,
    /// Digest of the model.
    model: String,
    /// Digest of the data.
    data: String,
    extent: ExtentBody,
}

/// The scores from which a message is suspicious, and a scam.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only described")]
pub(super) struct ThresholdsBody {
    suspicious: f64,
    scam: f64,
}

/// A marker and its place.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only described")]
pub(super) struct MarkerBody {
    id: String,
    title: String,
    quote: String,
    part: String,
    /// Why it is only a mention.
    #[schema(required = false)]
    mention: String,
}

/// A rule that fired.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only described")]
pub(super) struct RuleBody {
    id: String,
    title: String,
    floor: LabelName,
    cites: Vec<String>,
}

/// A reason.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only described")]
pub(super) struct ReasonBody {
    id: String,
    title: String,
    /// What it added to the logit of the score.
    weight: f64,
}

/// An answer for the person.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only described")]
pub(super) struct ReplyBody {
    subject: String,
    text: String,
}

/// How much of the message was judged, in bytes.
#[derive(Serialize, ToSchema)]
pub(super) struct ExtentBody {
    /// The beginning that was judged.
    pub(super) judged: usize,
    /// The whole message.
    pub(super) total: usize,
}

/// What a message truly is: by its id, or with the message itself.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LabelRequest {
    /// Id of a message that was judged here.
    #[schema(pattern = "^[0-9a-f]{16}$")]
    pub(super) id: Option<String>,
    /// The message itself.
    pub(super) raw: Option<String>,
    /// What it is.
    #[schema(value_type = TruthName)]
    pub(super) label: Truth,
    /// Who says so.
    #[schema(max_length = 100)]
    pub(super) by: Option<String>,
}

/// What a message truly is.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
#[expect(dead_code, reason = "only described")]
pub(super) enum TruthName {
    /// A scam.
    Scam,
    /// Genuine.
    Genuine,
    /// What was said before is taken back.
    Forget,
}

/// What became of a label.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct LabelResult {
    /// Id of the message.
    #[schema(pattern = "^[0-9a-f]{16}$")]
    pub(super) id: String,
    /// `changed`, or `unchanged` when it was known already.
    #[schema(value_type = String)]
    pub(super) result: Corrected,
}
