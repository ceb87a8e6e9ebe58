//! Any bytes as a whole conversation over a Unix socket: the door answers or closes, and serves the next client.
#![no_main]

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bypost::engine::Engine;
use bypost::front::listen::Address;
use bypost::front::milter;
use bypost::service::{Service, ServiceLimits};
use bypost::sources::Sources;
use tokio_util::sync::CancellationToken;

static DOOR: OnceLock<String> = OnceLock::new();

fn open() -> String {
    let path = std::env::temp_dir().join(format!("bypost-fuzz-{}", std::process::id()));
    let address = Address::Unix(path.clone());
    let (ready, opened) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
        runtime.block_on(async {
            let engine = Engine::new(&Sources::embedded()).expect("engine");
            let service = Arc::new(Service::new(engine, ServiceLimits::default()));
            let listener = address.bind().await.expect("binds");
            ready.send(()).expect("waited for");
            let config = milter::MilterConfig::default();
            milter::run(listener, service, config, CancellationToken::new()).await.expect("runs");
        });
    });
    opened.recv().expect("opens");
    path.display().to_string()
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let mut stream = UnixStream::connect(DOOR.get_or_init(open)).expect("the door is open");
    stream.set_read_timeout(Some(Duration::from_secs(10))).expect("time-out");
    let _ = stream.write_all(data);
    let _ = stream.shutdown(std::net::Shutdown::Write);
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("the door closes");
});
