//! The program; what it does lives in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    crm_server::commands::main()
}
