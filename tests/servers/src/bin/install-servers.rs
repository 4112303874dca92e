//! Installs the servers that tests need, and says where they are.

use std::process::ExitCode;

fn main() -> ExitCode {
    match tidegate_test_servers::install() {
        Ok(installed) => {
            println!("{installed}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
