//! Signed deliveries as the bytes of HTTP requests, prepared before the measurement in a file for the sender.

use std::{
    fs::File,
    io::{BufWriter, Write},
    ops::Range,
    path::Path,
};

use provider_sandbox::Sandbox;

use super::provider::Provider;

/// Requests in one buffer, each after its length.
pub(super) struct Requests {
    bytes: Vec<u8>,
    ranges: Vec<Range<usize>>,
}

impl Requests {
    /// Reads a file that [`write`] wrote.
    pub(super) fn read(file: &Path) -> Self {
        let bytes = std::fs::read(file).unwrap();
        let (mut ranges, mut at) = (Vec::new(), 0);
        while let Some(length) = bytes.get(at..at + 4) {
            let begin = at + 4;
            at = begin + u32::from_le_bytes(length.try_into().unwrap()) as usize;
            ranges.push(begin..at);
        }
        Self { bytes, ranges }
    }

    /// Returns the number of requests.
    pub(super) fn count(&self) -> usize {
        self.ranges.len()
    }

    /// Returns the request at `index`.
    pub(super) fn get(&self, index: usize) -> &[u8] {
        &self.bytes[self.ranges[index].clone()]
    }
}

/// Writes `count` deliveries, each about a new entity.
pub(super) fn write(file: &Path, provider: Provider, sandbox: &Sandbox, count: usize) {
    let mut file = BufWriter::new(File::create(file).unwrap());
    for number in 0..count {
        let request = request(provider, sandbox, number);
        file.write_all(&u32::try_from(request.len()).unwrap().to_le_bytes()).unwrap();
        file.write_all(&request).unwrap();
    }
    file.flush().unwrap();
}

fn request(provider: Provider, sandbox: &Sandbox, number: usize) -> Vec<u8> {
    let (headers, body) = provider.delivery(sandbox, number);
    let (route, length) = (provider.route(), body.len());
    let mut request = format!("POST {route} HTTP/1.1\r\nhost: bench\r\ncontent-length: {length}\r\n").into_bytes();
    for (name, value) in &headers {
        request.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
    }
    request.extend(b"\r\n");
    request.extend(body);
    request
}
