//! The command line's definition: one place from which help, completions and man pages are made.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::message::Channel;

/// Tells whether a message is a scam, why, and what to do instead.
#[derive(Debug, Parser)]
#[command(name = "bypost", version, about, max_term_width = 110, propagate_version = true)]
pub(super) struct Cli {
    /// Directory that holds `data/` and `models/`; without it the files built into the program are used.
    #[arg(long, global = true, value_name = "DIR")]
    pub(super) data: Option<PathBuf>,
    /// What to do.
    #[command(subcommand)]
    pub(super) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Judge messages: mails, texts, voicemail transcripts.
    Judge(JudgeArgs),
    /// Pass one mail from standard input to standard output, with the verdict in its header.
    Filter(FilterArgs),
    /// Validate all data files; names file and line of what is wrong.
    Check {
        /// Check this configuration of `serve` too, with all that it names.
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
    },
    /// Answer messages that people forward: the inbox as a service.
    Serve(ServeArgs),
    /// Show what became of messages that the inbox took.
    Journal(JournalArgs),
    /// Erase messages that the inbox keeps.
    Erase(EraseArgs),
    /// List the markers that messages are searched for.
    Markers {
        /// How to print them.
        #[arg(long, value_enum, default_value_t = MarkerFormat::Text)]
        format: MarkerFormat,
    },
    /// Fit the model on labelled messages and write it.
    Train(TrainArgs),
    /// Measure how the score does on messages it has not seen; writes a report, plots and the model card.
    Eval(EvalArgs),
    /// Print a completion script for a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Print the man page, or write one page for every subcommand into DIR.
    Man {
        /// Where to write the pages.
        dir: Option<PathBuf>,
    },
}

/// Where the inbox's journal is.
#[derive(Debug, Args)]
pub(super) struct InboxArgs {
    /// Configuration file; without it the defaults of bypost.example.toml hold.
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// Directory of journal and outbox; wins over the file.
    #[arg(long, value_name = "DIR")]
    pub(super) data_dir: Option<PathBuf>,
}

/// Arguments of `serve`. Flags win over the file.
#[derive(Debug, Args)]
pub(super) struct ServeArgs {
    #[command(flatten)]
    pub(super) inbox: InboxArgs,
    /// Address of the SMTP door, or `off`.
    #[arg(long, value_name = "ADDR")]
    pub(super) smtp: Option<String>,
    /// Address of the LMTP door, or `off`.
    #[arg(long, value_name = "ADDR")]
    pub(super) lmtp: Option<String>,
    /// Address of the HTTP door, or `off`.
    #[arg(long, value_name = "ADDR")]
    pub(super) http: Option<String>,
}

/// Arguments of `journal`.
#[derive(Debug, Args)]
pub(super) struct JournalArgs {
    #[command(flatten)]
    pub(super) inbox: InboxArgs,
    /// Only messages in this state.
    #[arg(long, value_name = "STATE")]
    pub(super) state: Option<String>,
    /// How many of the latest messages are shown.
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub(super) last: u32,
    /// Show how many there are in each state instead.
    #[arg(long)]
    pub(super) counts: bool,
}

/// Arguments of `erase`.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("what").required(true).args(["sender", "older_than_days"]))]
pub(super) struct EraseArgs {
    #[command(flatten)]
    pub(super) inbox: InboxArgs,
    /// Everything that came from this address or number.
    #[arg(long, value_name = "ADDRESS")]
    pub(super) sender: Option<String>,
    /// Everything settled that is older than this.
    #[arg(long, value_name = "DAYS")]
    pub(super) older_than_days: Option<u32>,
}

/// Arguments of `judge`.
#[derive(Debug, Args)]
pub(super) struct JudgeArgs {
    /// Files, directories (walked in sorted order), or `-` for standard input. A `.jsonl` file holds one message a line.
    #[arg(required = true, value_name = "PATH")]
    pub(super) paths: Vec<String>,
    /// What to print.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(super) format: Format,
    /// How the messages came; `auto` decides by their bytes, and takes `*.voicemail.txt` for a transcript.
    #[arg(long, value_enum, default_value_t = ChannelArg::Auto)]
    pub(super) channel: ChannelArg,
    /// Include the reply in JSON.
    #[arg(long)]
    pub(super) reply: bool,
    /// Exit with 0 for no-signs, 1 for suspicious, 2 for scam (the highest of all messages); 3 or more is an error.
    #[arg(long)]
    pub(super) exit_code: bool,
    /// Print the full account of every message, also when there are several.
    #[arg(long, short)]
    pub(super) verbose: bool,
    /// Trust the Authentication-Results headers of this server (RFC 8601 authserv-id); may be repeated.
    #[arg(long, value_name = "ID")]
    pub(super) trust_authserv: Vec<String>,
}

/// Arguments of `filter`.
#[derive(Debug, Args)]
pub(super) struct FilterArgs {
    /// Exit with 0 for no-signs, 1 for suspicious, 2 for scam, 3 for unchecked; without this, with 0 for all of them.
    #[arg(long)]
    pub(super) exit_code: bool,
    /// Put TAG before the subject of a scam.
    #[arg(long, value_name = "TAG", default_value = "", value_parser = tag)]
    pub(super) subject_tag: String,
    /// What to do with a mail that cannot be checked: pass it on, or write nothing and exit with 75 (try again) or 77
    /// (refused).
    #[arg(long, value_enum, default_value_t = OnFailureArg::AcceptUnchecked)]
    pub(super) on_failure: OnFailureArg,
    /// Bytes of the mail that are judged; all of it is passed on.
    #[arg(long, value_name = "BYTES", default_value_t = 4 << 20, value_parser = clap::value_parser!(u32).range(1..=64 << 20))]
    pub(super) judged_bytes: u32,
    /// Name of this server in the X-Bypost-Trace field; without it the system's host name.
    #[arg(long, value_name = "NAME")]
    pub(super) host: Option<String>,
    /// Trust the Authentication-Results headers of this server (RFC 8601 authserv-id); may be repeated.
    #[arg(long, value_name = "ID")]
    pub(super) trust_authserv: Vec<String>,
}

/// What to do with a mail that cannot be checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum OnFailureArg {
    /// Pass it on, marked unchecked.
    AcceptUnchecked,
    /// Exit with 75.
    Tempfail,
    /// Exit with 77.
    Refuse,
}

/// A tag that can stand in a header.
fn tag(text: &str) -> Result<String, String> {
    match text.bytes().all(|b| (b' '..=b'~').contains(&b)) && text.len() <= 60 {
        true => Ok(text.to_owned()),
        false => Err("expected at most 60 printable ASCII characters".to_owned()),
    }
}

/// Arguments of `train`.
#[derive(Debug, Args)]
pub(super) struct TrainArgs {
    /// Directory of the public corpora; without it only the project's own messages train.
    #[arg(long, value_name = "DIR")]
    pub(super) corpora: Option<PathBuf>,
    /// Directory of the project's own labelled messages (`*.jsonl`).
    #[arg(long, value_name = "DIR", default_value = "data/train")]
    pub(super) own: PathBuf,
    /// Your own labelled messages, one JSON object a line (label `scam` or `genuine`; see data/README.md).
    #[arg(long, value_name = "FILE")]
    pub(super) extra: Option<PathBuf>,
    /// The model file to write.
    #[arg(long, value_name = "FILE", default_value = "models/scam.json")]
    pub(super) out: PathBuf,
    /// Write the model even if it is worse on the held-back messages than the one that is there.
    #[arg(long)]
    pub(super) force: bool,
}

/// Arguments of `eval`.
#[derive(Debug, Args)]
pub(super) struct EvalArgs {
    /// Directory of the public corpora; without it only the project's own messages are evaluated.
    #[arg(long, value_name = "DIR")]
    pub(super) corpora: Option<PathBuf>,
    /// Directory of the project's own labelled messages (`*.jsonl`).
    #[arg(long, value_name = "DIR", default_value = "data/train")]
    pub(super) own: PathBuf,
    /// Directory to write evaluation.md, evaluation.json and the plots into.
    #[arg(long, value_name = "DIR", default_value = "target/evaluation")]
    pub(super) out: PathBuf,
    /// Write the model card to this file.
    #[arg(long, value_name = "FILE")]
    pub(super) card: Option<PathBuf>,
}

/// What `judge` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people at a terminal.
    Text,
    /// One object a line.
    Json,
    /// The reply as plain text.
    Reply,
    /// The reply as HTML.
    Html,
}

/// How `markers` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum MarkerFormat {
    /// A line each.
    Text,
    /// One object a line.
    Json,
    /// A Markdown table.
    Markdown,
}

/// How the messages came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum ChannelArg {
    /// Decided by the bytes.
    Auto,
    /// Internet mail.
    Email,
    /// A text.
    Text,
    /// A voicemail's or call's transcript.
    Voicemail,
}

impl ChannelArg {
    /// The channel, when it is given.
    pub(super) fn channel(self) -> Option<Channel> {
        match self {
            Self::Auto => None,
            Self::Email => Some(Channel::Email),
            Self::Text => Some(Channel::Text),
            Self::Voicemail => Some(Channel::Voicemail),
        }
    }
}
