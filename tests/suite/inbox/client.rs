//! A mail client that does as it is told.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

/// One connection.
pub(crate) struct Client {
    stream: BufReader<TcpStream>,
    /// What the server said first.
    pub(crate) greeting: String,
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        Self::try_connect(address).await.expect("connects")
    }

    pub(crate) async fn try_connect(address: SocketAddr) -> std::io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let mut client = Self { stream: BufReader::new(stream), greeting: String::new() };
        client.greeting = client.try_reply().await?;
        Ok(client)
    }

    /// Sends bytes as they are.
    pub(crate) async fn write(&mut self, bytes: &[u8]) {
        // The server may have hung up already; what it said is looked at, not whether it listened.
        let _ = self.stream.get_mut().write_all(bytes).await;
    }

    /// One reply of one or several lines; empty when the server hung up.
    pub(crate) async fn reply(&mut self) -> String {
        self.try_reply().await.unwrap_or_default()
    }

    async fn try_reply(&mut self) -> std::io::Result<String> {
        let mut reply = String::new();
        loop {
            let mut line = String::new();
            let reading = self.stream.read_line(&mut line);
            if tokio::time::timeout(Duration::from_secs(60), reading)
                .await
                .map_err(std::io::Error::other)??
                == 0
            {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            let last = line.as_bytes().get(3) != Some(&b'-');
            reply.push_str(&line);
            if last {
                return Ok(reply);
            }
        }
    }

    pub(crate) async fn command(&mut self, line: &str) -> String {
        self.write(format!("{line}\r\n").as_bytes()).await;
        self.reply().await
    }

    pub(crate) async fn hello(&mut self, verb: &str) -> String {
        self.command(&format!("{verb} client.example")).await
    }

    /// Sends a mail; the reply to its end, or to the first command that was refused.
    pub(crate) async fn mail(&mut self, sender: &str, recipient: &str, mail: &str) -> String {
        for line in [format!("MAIL FROM:<{sender}>"), format!("RCPT TO:<{recipient}>"), "DATA".to_owned()] {
            let reply = self.command(&line).await;
            if !reply.starts_with(['2', '3']) {
                return reply;
            }
        }
        let stuffed = mail.replace("\r\n.", "\r\n..");
        self.command(&format!("{stuffed}\r\n.")).await
    }

    /// Everything until the server hangs up.
    pub(crate) async fn rest(&mut self) -> String {
        let mut rest = Vec::new();
        // A reset is an end too.
        let _ = tokio::time::timeout(Duration::from_secs(60), self.stream.read_to_end(&mut rest)).await;
        String::from_utf8_lossy(&rest).into_owned()
    }

    pub(crate) fn into_stream(self) -> TcpStream {
        self.stream.into_inner()
    }
}
