//! The program, started as a user starts it.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, ChildStderr, ChildStdout, Command, Output, Stdio};
use std::time::Duration;

use tidegate_tests::{Client, Request, Response};

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_tidegate-demo");
/// After this long without what is waited for a test fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
pub(crate) const FRAMEWORKS: [&str; 2] = ["axum", "actix"];

/// The program, killed when the test is over.
pub(crate) struct Demo {
    pub(crate) program: Child,
    pub(crate) address: SocketAddr,
    pub(crate) output: BufReader<ChildStdout>,
    pub(crate) errors: BufReader<ChildStderr>,
}

impl Demo {
    pub(crate) fn start(framework: &str, flags: &[&str]) -> Self {
        let mut command = Command::new(PROGRAM);
        command.args(["--listen", "127.0.0.1:0", "--framework", framework]);
        let piped = command.args(flags).stdout(Stdio::piped());
        let mut program = piped.stderr(Stdio::piped()).spawn().unwrap();
        let mut output = BufReader::new(program.stdout.take().unwrap());
        let errors = BufReader::new(program.stderr.take().unwrap());
        let first = line(&mut output);
        let address = first.strip_prefix("listening on http://").unwrap();
        let address = address.split(' ').next().unwrap().parse().unwrap();
        Self {
            program,
            address,
            output,
            errors,
        }
    }

    #[cfg(unix)]
    pub(crate) fn signal(&self, signal: &str) {
        let id = self.program.id().to_string();
        let sent = Command::new("kill").args([signal, &id]).status().unwrap();
        assert!(sent.success());
    }

    pub(crate) fn client(&self) -> Client {
        Client::connect(self.address).unwrap()
    }

    pub(crate) fn get(&self, path: &str) -> Response {
        self.client().send(&Request::get(path)).unwrap()
    }

    pub(crate) fn statuses(&self, request: &Request, times: usize) -> Vec<u16> {
        let mut client = self.client();
        let answers = (0..times).map(|_| client.send(request).unwrap().status);
        answers.collect()
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

/// The headers and the body, with the seconds masked: they depend on when the request came.
pub(crate) fn masked(response: &Response) -> (u16, Vec<(String, String)>, String) {
    let mut headers = response.sorted_headers();
    for (name, value) in &mut headers {
        match name.as_str() {
            "ratelimit" => value.truncate(value.find(";t=").unwrap()),
            "retry-after" => value.clear(),
            _ => {}
        }
    }
    (response.status, headers, response.body.clone())
}

pub(crate) fn line(output: &mut impl BufRead) -> String {
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    line
}

/// What the program says when it will not start; one that starts is stopped again.
pub(crate) fn refused(flags: &[&str]) -> String {
    let mut command = Command::new(PROGRAM);
    command
        .args(flags)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut program = command.spawn().unwrap();
    let mut first = String::new();
    let output = program.stdout.as_mut().unwrap();
    BufReader::new(output).read_line(&mut first).unwrap();
    if !first.is_empty() {
        program.kill().unwrap();
    }
    let output: Output = program.wait_with_output().unwrap();
    assert_eq!(first, "", "{flags:?} was accepted");
    assert!(!output.status.success());
    String::from_utf8(output.stderr).unwrap()
}
