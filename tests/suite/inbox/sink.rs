//! A relay that takes, refuses or ignores what it is given, as the test says.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// What the relay does with messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    /// It takes them.
    Takes,
    /// 451.
    Later,
    /// 550.
    Never,
    /// It says nothing.
    Silent,
    /// It hangs up after the data, before its reply.
    HangsUp,
}

/// A relay on loopback.
#[derive(Clone)]
pub(crate) struct Sink {
    pub(crate) address: SocketAddr,
    mood: Arc<AtomicU8>,
    taken: Arc<Mutex<Vec<Taken>>>,
}

/// What came.
#[derive(Clone, Debug)]
pub(crate) struct Taken {
    pub(crate) sender: String,
    pub(crate) recipient: String,
    pub(crate) message: String,
}

const MOODS: [Mood; 5] = [Mood::Takes, Mood::Later, Mood::Never, Mood::Silent, Mood::HangsUp];

impl Sink {
    pub(crate) async fn start(mood: Mood) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
        let address = listener.local_addr().expect("address");
        let sink = Self { address, mood: Arc::default(), taken: Arc::default() };
        sink.be(mood);
        let serving = sink.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let sink = serving.clone();
                // The other side may go at any time.
                tokio::spawn(async move { drop(sink.speak(stream).await) });
            }
        });
        sink
    }

    pub(crate) fn be(&self, mood: Mood) {
        self.mood.store(mood as u8, Ordering::SeqCst);
    }

    fn mood(&self) -> Mood {
        MOODS[usize::from(self.mood.load(Ordering::SeqCst))]
    }

    pub(crate) fn taken(&self) -> Vec<Taken> {
        self.taken.lock().expect("lock").clone()
    }

    async fn speak(&self, stream: TcpStream) -> std::io::Result<()> {
        let mut stream = BufReader::new(stream);
        stream.get_mut().write_all(b"220 sink.example\r\n").await?;
        let mut taken = Taken { sender: String::new(), recipient: String::new(), message: String::new() };
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await? == 0 {
                return Ok(());
            }
            let address =
                || line.split_once('<').and_then(|(_, a)| a.split_once('>')).map(|(a, _)| a.to_owned());
            let reply = match line.get(..4).unwrap_or_default().to_uppercase().as_str() {
                "EHLO" => "250-sink.example\r\n250 8BITMIME\r\n",
                "MAIL" => {
                    taken.sender = address().unwrap_or_else(|| line.clone());
                    "250 fine\r\n"
                }
                "RCPT" => {
                    taken.recipient = address().unwrap_or_default();
                    "250 fine\r\n"
                }
                "DATA" => {
                    stream.get_mut().write_all(b"354 go\r\n").await?;
                    taken.message = message(&mut stream).await?;
                    let Some(reply) = self.judge(&taken).await else { return Ok(()) };
                    reply
                }
                "QUIT" => "221 bye\r\n",
                _ => "250 fine\r\n",
            };
            stream.get_mut().write_all(reply.as_bytes()).await?;
        }
    }

    async fn judge(&self, taken: &Taken) -> Option<&'static str> {
        match self.mood() {
            Mood::Takes => {
                self.taken.lock().expect("lock").push(taken.clone());
                Some("250 taken\r\n")
            }
            Mood::Later => Some("451 4.3.0 later\r\n"),
            Mood::Never => Some("550 5.1.1 no such person\r\n"),
            Mood::Silent => std::future::pending().await,
            Mood::HangsUp => {
                self.taken.lock().expect("lock").push(taken.clone());
                None
            }
        }
    }
}

async fn message(stream: &mut BufReader<TcpStream>) -> std::io::Result<String> {
    let mut message = String::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        if line == ".\r\n" {
            return Ok(message);
        }
        message.push_str(&line);
    }
}
