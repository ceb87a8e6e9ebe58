//! Answers to a relay, through lettre, or to a sendmail program.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use futures_util::future::BoxFuture;
use lettre::address::Envelope;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::{self, PoolConfig};
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use secrecy::ExposeSecret;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use super::{Carrier, Outgoing, Trouble};
use crate::config::{OutboxConfig, RelayTls};

/// Longest reason that is kept.
const MAX_REASON: usize = 200;

/// A relay with a pool of connections.
pub(super) struct Relay {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    timeout: Duration,
}

impl Relay {
    pub(super) fn new(
        relay: &crate::config::Relay,
        config: &OutboxConfig,
        hostname: &str,
    ) -> Result<Self, String> {
        let parameters = || TlsParameters::new(relay.host.clone()).map_err(|e| format!("outbox.host: {e}"));
        let tls = match relay.tls {
            RelayTls::None => Tls::None,
            RelayTls::Starttls => Tls::Required(parameters()?),
            RelayTls::Implicit => Tls::Wrapper(parameters()?),
        };
        let pool =
            PoolConfig::new().max_size(config.connections as u32).idle_timeout(Duration::from_secs(30));
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&relay.host)
            .port(relay.port)
            .tls(tls)
            .hello_name(ClientId::Domain(hostname.to_owned()))
            .timeout(Some(config.timeout))
            .pool_config(pool);
        if let Some((user, password)) = &relay.login {
            builder =
                builder.credentials(Credentials::new(user.clone(), password.expose_secret().to_owned()));
        }
        Ok(Self { transport: builder.build(), timeout: config.timeout })
    }
}

impl Carrier for Relay {
    fn carry(&self, answer: Outgoing) -> BoxFuture<'_, Result<(), Trouble>> {
        Box::pin(async move {
            let envelope = envelope(&answer.to)?;
            let sent =
                tokio::time::timeout(self.timeout, self.transport.send_raw(&envelope, &answer.bytes)).await;
            match sent {
                Ok(Ok(_)) => Ok(()),
                Ok(Err(error)) => Err(trouble(&error)),
                Err(_) => Err(Trouble::Later("the relay did not answer in time".into())),
            }
        })
    }
}

/// A permanent answer of the server ends it; all else may pass.
fn trouble(error: &smtp::Error) -> Trouble {
    let reason = short(&format!("relay: {}", chain(error)));
    if error.is_permanent() { Trouble::Never(reason) } else { Trouble::Later(reason) }
}

/// An error and what caused it, on one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        cause = error.source();
    }
    text
}

/// One line, without control characters, bounded.
fn short(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_REASON).collect()
}

fn envelope(to: &str) -> Result<Envelope, Trouble> {
    let to = to.parse().map_err(|e| Trouble::Never(format!("no address to answer to: {e}")))?;
    Envelope::new(None, vec![to]).map_err(|e| Trouble::Never(e.to_string()))
}

/// A program that takes a message like sendmail.
///
/// Design note: lettre's own sendmail transport leaves out `-f` for the null sender, so that the program would put in its
/// user's address and bounces would come back to us.
pub(super) struct Program {
    path: PathBuf,
    timeout: Duration,
}

impl Program {
    pub(super) fn new(path: &Path, timeout: Duration) -> Self {
        Self { path: path.to_owned(), timeout }
    }

    async fn run(&self, answer: &Outgoing) -> std::io::Result<Output> {
        let mut child = Command::new(&self.path)
            .args(["-i", "-f", "<>", "--", &answer.to])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        if let Some(mut input) = child.stdin.take() {
            input.write_all(&answer.bytes).await?;
        }
        child.wait_with_output().await
    }
}

impl Carrier for Program {
    fn carry(&self, answer: Outgoing) -> BoxFuture<'_, Result<(), Trouble>> {
        Box::pin(async move {
            envelope(&answer.to)?;
            match tokio::time::timeout(self.timeout, self.run(&answer)).await {
                Ok(Ok(output)) if output.status.success() => Ok(()),
                Ok(Ok(output)) => Err(refused(&output)),
                Ok(Err(error)) => Err(Trouble::Later(short(&format!("sendmail: {error}")))),
                Err(_) => Err(Trouble::Later("sendmail did not end in time".into())),
            }
        })
    }
}

/// Exit codes of sysexits.h: no such user, no such host and bad usage will never work.
fn refused(output: &Output) -> Trouble {
    let words = String::from_utf8_lossy(&output.stderr);
    let reason = short(&format!("sendmail: {}: {}", output.status, words.trim()));
    match output.status.code() {
        Some(64..=68) => Trouble::Never(reason),
        _ => Trouble::Later(reason),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_program_gets_the_null_sender_and_the_message() {
        let dir = tempfile::tempdir().expect("directory");
        let (program, out) = (dir.path().join("sendmail"), dir.path().join("out"));
        let script = format!("#!/bin/sh\necho \"$@\" >{0}\ncat >>{0}\n", out.display());
        std::fs::write(&program, script).expect("program");
        std::fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755))
            .expect("mode");
        let carrier = Program::new(&program, Duration::from_secs(20));
        let answer = Outgoing {
            id: "1".into(),
            to: "ana@person.example".into(),
            bytes: b"Subject: x\r\n\r\ny".to_vec(),
        };
        carrier.carry(answer.clone()).await.expect("carried");
        let written = std::fs::read_to_string(out).expect("out");
        assert_eq!(written.lines().next(), Some("-i -f <> -- ana@person.example"));
        assert!(written.contains("Subject: x"), "{written}");
        let none = Program::new(Path::new("/no/such/program"), Duration::from_secs(20));
        assert!(matches!(none.carry(answer).await, Err(Trouble::Later(_))));
    }
}
